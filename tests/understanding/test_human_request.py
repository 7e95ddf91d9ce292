"""Requests for a person: the rules alone, on phrases written before the rules (see data/README.md)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.understanding.phrases import labelled
from voicebot.understanding.human_request import find_request

REQUEST_SETS = ["human_request_dev.tsv", "human_request_held_out.tsv"]
QUESTION_SETS = ["asks_if_robot_dev.tsv", "asks_if_robot_held_out.tsv"]


@pytest.mark.parametrize("name", REQUEST_SETS)
def test_rules_alone_find_98_percent_of_requests(name: str) -> None:
    requests, _ = labelled(name, "human")
    missed = [text for text in requests if not find_request(text).wants_human]
    assert len(requests) > 200
    assert len(missed) <= 0.02 * len(requests), missed


@pytest.mark.parametrize("name", REQUEST_SETS)
def test_rules_alone_raise_at_most_2_percent_false_alarms(name: str) -> None:
    _, others = labelled(name, "human")
    alarms = [text for text in others if find_request(text).wants_human]
    assert len(others) > 200
    assert len(alarms) <= 0.02 * len(others), alarms


@pytest.mark.parametrize("name", QUESTION_SETS)
def test_questions_about_the_robot_are_found_and_nothing_else(name: str) -> None:
    asking, others = labelled(name, "asks")
    missed = [text for text in asking if not find_request(text).asks_if_robot]
    alarms = [text for text in others if find_request(text).asks_if_robot]
    assert len(missed) <= 0.03 * len(asking), missed
    assert len(alarms) <= 0.02 * len(others), alarms


@pytest.mark.parametrize(
    ("text", "wants", "asks"),
    [
        ("ben je een robot? ik wil een mens", True, True),
        ("are you a robot, I want to talk to a person", True, True),
        ("is this a real person", False, True),
        ("I want a real person", True, False),
        ("spreek ik met een medewerker", False, True),
        ("kan ik met een medewerker spreken", True, False),
        ("kan iemand mij terugbellen", False, False),  # the intent callback_request
        ("bel me niet terug maar verbind me door", True, False),
        ("nee, een medewerker", True, False),
        ("nee geen medewerker", False, False),
        ("geen bot een mens", True, False),
        ("ik heb gisteren een medewerker gesproken en nu wil ik weer iemand spreken", True, False),
        ("my order is late and I already talked to an agent yesterday", False, False),
        ("", False, False),
        ("...", False, False),
    ],
)
def test_both_findings_are_separate(text: str, wants: bool, asks: bool) -> None:
    found = find_request(text)
    assert (found.wants_human, found.asks_if_robot) == (wants, asks)


def test_recognisers_slips_do_not_matter() -> None:
    for text in (
        "IK WIL EEN MEDEWERKER SPREKEN",
        "ik wil een mede werker spreken",
        "ik wil ik wil een medewerker spreken",
        "ik wil een medwerker spreken",
        "kunt u mij door verbinden",
        "Eh, ik wil, eh, een medewerker.",
        "géén robot, één mens",
        "i dont want to talk to a robot",
        "I’d like to speak to someone",
        "klanten service graag",
    ):
        assert find_request(text).wants_human, text


def test_sentences_around_a_request_do_not_hide_it() -> None:
    for before in ("mijn fiets is kapot en", "het pakket kwam gisteren niet.", "the bike broke yesterday."):
        for after in ("", ". alvast bedankt", " because this is taking too long"):
            assert find_request(f"{before} ik wil een medewerker spreken{after}").wants_human


_WANTS = st.sampled_from(
    ["ik wil", "ik wil graag", "ik zou graag", "mag ik", "kan ik", "ik moet", "nu wil ik"]
)
_FILLERS = st.sampled_from(["", "eh", "gewoon", "even", "nu", "toch", "alsjeblieft"])
_ARTICLES = st.sampled_from(["een", "een echte", "ne", "nen", "een andere", "uw"])
_PERSONS = st.sampled_from(
    ["medewerker", "collega", "bediende", "leidinggevende", "adviseur", "operator", "chef"]
)
_ENDS = st.sampled_from(["spreken", "aan de lijn", "hebben", "spreken alstublieft", "aan de telefoon"])


@given(_WANTS, _FILLERS, _ARTICLES, _PERSONS, _ENDS)
def test_generated_requests_are_found(want: str, filler: str, article: str, person: str, end: str) -> None:
    assert find_request(f"{want} {filler} {article} {person} {end}").wants_human


_PAST = st.sampled_from(["ik heb", "ik heb gisteren", "wij hebben vorige week", "mijn man heeft"])


@given(_PAST, st.sampled_from(["een", "jullie", "de"]), _PERSONS)
def test_generated_narration_is_no_request(past: str, article: str, person: str) -> None:
    assert not find_request(f"{past} {article} {person} gesproken").wants_human


@given(_WANTS, _PERSONS)
def test_generated_refusals_are_no_request(want: str, person: str) -> None:
    assert not find_request(f"{want} geen {person} spreken").wants_human


@given(st.text(max_size=200))
def test_any_text_is_judged_without_an_error(text: str) -> None:
    find_request(text)


def test_a_long_text_is_judged_in_time_linear_enough() -> None:
    # The frames nest optional groups; a text of a minute's speech must not explode.
    words = "ik wil een medewerker of een collega of iemand van de klantenservice maar niet met een robot "
    assert find_request(words * 12).wants_human
    assert not find_request(
        "de fiets van mijn broer is een mooie rode fiets met een bel en een mand " * 12
    ).wants_human


@pytest.mark.parametrize(
    "heard",
    [
        "I went to talk to a person.",
        "ik wil een medewerker straken",
        "Maak ik een medewerker spreken",
        "Een, meidemerker graag",
    ],
)
def test_as_the_recogniser_writes_it_over_the_phone(heard):
    assert find_request(heard).wants_human


def test_going_to_talk_in_the_past_is_no_request():
    assert not find_request("I went to talk to him yesterday").wants_human
