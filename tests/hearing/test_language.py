"""Language per turn: figures in, decision out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.events import LANGUAGES
from voicebot.hearing.language import (
    CallLanguage,
    LanguageRules,
    after_turn,
    is_telling,
    prior_for,
)
from voicebot.hearing.text_language import text_vote

RULES = LanguageRules()
DUTCH = CallLanguage("nl", is_heard=True)
SURE_ENGLISH = {"nl": 0.03, "en": 0.97}
SURE_DUTCH = {"nl": 0.97, "en": 0.03}


@pytest.mark.parametrize(
    "text",
    [
        "oké",
        "Ja.",
        "yes",
        "oké thanks",
        "53821",
        "06 12 34 56 78",
        "Jan",
        "Jan Peeters",
        "",
        "...",
        "Hallo, ja",
        "hm",
    ],
)
def test_short_acknowledgements_names_and_numbers_never_switch(text):
    assert after_turn(DUTCH, text, SURE_ENGLISH, RULES) == DUTCH
    english = CallLanguage("en", is_heard=True)
    assert after_turn(english, text, SURE_DUTCH, RULES) == english


@pytest.mark.parametrize(
    "text",
    ["What are your opening hours?", "I would like to talk to someone", "Can I speak to a human please"],
)
def test_clear_english_switches(text):
    assert after_turn(DUTCH, text, SURE_ENGLISH, RULES) == CallLanguage("en", is_heard=True)


@pytest.mark.parametrize(
    "text", ["Ik wil een medewerker spreken", "Wat zijn de openingstijden?", "Waar is mijn fiets"]
)
def test_clear_dutch_switches_back(text):
    english = CallLanguage("en", is_heard=True)
    assert after_turn(english, text, SURE_DUTCH, RULES) == CallLanguage("nl", is_heard=True)


def test_one_doubtful_turn_does_not_switch():
    assert after_turn(DUTCH, "Mijn fiets staat daar", {"nl": 0.3, "en": 0.7}, RULES) == DUTCH


def test_text_vote_can_hold_back_a_switch_that_the_sound_suggests():
    heard = {"nl": 0.18, "en": 0.82}
    text = "Ik wil een medewerker spreken"
    assert after_turn(DUTCH, text, heard, RULES, text_vote(text)) == DUTCH
    without_text = LanguageRules(text_weight=0.0)
    assert after_turn(DUTCH, text, heard, without_text, text_vote(text)).language == "en"


def test_first_telling_turn_confirms_the_language_of_the_line():
    start = CallLanguage("nl")
    assert after_turn(start, "oké", SURE_DUTCH, RULES) == start
    assert after_turn(start, "waar is mijn fiets", SURE_DUTCH, RULES) == DUTCH


def test_prior_grows_once_the_language_is_heard():
    assert prior_for(CallLanguage("nl"), RULES)["nl"] == RULES.first_prior
    assert prior_for(DUTCH, RULES)["nl"] == RULES.stickiness
    assert prior_for(CallLanguage("en", is_heard=True), RULES)["en"] == RULES.english_stickiness


def test_text_vote_knows_dutch_and_english_only_and_is_never_sure():
    dutch, english = text_vote("Ik wil een medewerker spreken"), text_vote("Can I talk to a human please")
    assert dutch is not None
    assert english is not None
    assert 0.9 < dutch["nl"] < 1
    assert 0.9 < english["en"] < 1
    assert text_vote("oké thanks") is None
    assert text_vote("123 456 789") is None


def test_text_vote_is_the_same_every_time():
    assert len({str(text_vote("I would like to speak to someone")) for _ in range(20)}) == 1


@given(st.text(max_size=60), st.floats(0, 1), st.sampled_from(LANGUAGES))
def test_never_raises_and_never_leaves_the_two_languages(text, dutch, language):
    state = after_turn(CallLanguage(language), text, {"nl": dutch, "en": 1 - dutch}, RULES)
    assert state.language in LANGUAGES
    if not is_telling(text):
        assert state == CallLanguage(language)
