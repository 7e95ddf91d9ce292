"""How finished a text is, for endpointing."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.events import Language
from voicebot.understanding.completeness import Completeness, completeness
from voicebot.understanding.interpretation import Expectation
from voicebot.understanding.slots import find_slots


def judge(
    text: str, expectation: Expectation = Expectation.ANYTHING, language: Language = "nl"
) -> Completeness:
    return completeness(
        text, language, expectation, find_slots(text, language, expectation, date(2026, 11, 22))
    )


@pytest.mark.parametrize(
    "text",
    ["ik wil mijn afspraak verzetten en", "mijn nummer is", "ik wil graag een", "hoe laat is de",
     "ik ga naar",
     "I want to", "my order number is", "can you tell me the", "ik wil op", "de fiets van mijn", "maar"],
)  # fmt: skip
def test_open_ends_are_incomplete(text: str) -> None:
    assert judge(text) is Completeness.INCOMPLETE


@pytest.mark.parametrize("text", ["ehm", "eh", "uhm", "even kijken", "let me see", "nou", "Ehm..."])
def test_fillers(text: str) -> None:
    assert judge(text) is Completeness.FILLER


@pytest.mark.parametrize("text", ["", "   ", "..."])
def test_no_words_are_empty(text: str) -> None:
    assert judge(text) is Completeness.EMPTY


@pytest.mark.parametrize(
    "text",
    ["Hoe laat zijn jullie open?", "Ik wil mijn afspraak graag verzetten.", "ik wil een medewerker spreken"],
)
def test_whole_requests_are_complete(text: str) -> None:
    assert judge(text) is Completeness.COMPLETE


def test_a_sentence_without_punctuation_is_likely_complete() -> None:
    assert judge("waar is mijn bestelling") is Completeness.LIKELY_COMPLETE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vijf drie acht", Completeness.INCOMPLETE),
        ("5 3 8 2", Completeness.INCOMPLETE),
        ("vijf drie acht twee een", Completeness.LIKELY_COMPLETE),  # a sixth may follow
        ("53821 en", Completeness.INCOMPLETE),
        ("zes een twee drie vier vijf", Completeness.COMPLETE),
        ("mijn nummer is", Completeness.INCOMPLETE),
        ("dat weet ik niet meer", Completeness.COMPLETE),
    ],
)
def test_numbers_by_their_length(text: str, expected: Completeness) -> None:
    assert judge(text, Expectation.DIGITS) is expected


def test_answers_to_what_was_asked_are_complete() -> None:
    assert judge("ja", Expectation.YES_NO) is Completeness.COMPLETE
    assert judge("nope", Expectation.YES_NO, "en") is Completeness.COMPLETE
    assert judge("volgende week dinsdag", Expectation.DATE) is Completeness.COMPLETE
    assert judge("half drie", Expectation.TIME) is Completeness.COMPLETE
    assert judge("3511 AB 12", Expectation.POSTCODE) is Completeness.COMPLETE
    assert judge("3511 AB", Expectation.POSTCODE) is Completeness.LIKELY_COMPLETE


@given(st.text(max_size=80), st.sampled_from(list(Expectation)))
def test_any_text_is_judged(text: str, expectation: Expectation) -> None:
    assert judge(text, expectation) in Completeness


@given(st.sampled_from(["en", "maar", "of", "ehm", "mijn", "een"]))
def test_a_connective_at_the_end_keeps_the_turn_open(last: str) -> None:
    assert judge(f"ik wil de fiets morgen {last}") is Completeness.INCOMPLETE
