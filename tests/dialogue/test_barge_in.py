from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.dialogue.barge_in import BargeInDecision, BargeInState, is_backchannel

NONE, PAUSE, RESUME, STOP = BargeInDecision


@dataclass(frozen=True)
class Activity:
    is_speech: bool
    speech_ms: int
    silence_ms: int


def speak(state: BargeInState, ms: int, start_ms: int = 0, **options) -> list:
    return [
        state.step(Activity(True, start_ms + at, 0), bot_is_speaking=True, **options)
        for at in range(20, ms + 1, 20)
    ]


def quiet(state: BargeInState, ms: int) -> list:
    return [state.step(Activity(False, 0, at), bot_is_speaking=True) for at in range(20, ms + 1, 20)]


def test_confirmed_speech_pauses_within_200_ms():
    decisions = speak(BargeInState(), 400)
    assert decisions.index(PAUSE) * 20 + 20 <= 200
    assert decisions.count(PAUSE) == 1


def test_short_sounds_do_not_pause():
    state = BargeInState()
    assert set(speak(state, 120)) | set(quiet(state, 500)) == {NONE}


def test_a_stretch_that_was_mostly_dated_back_must_be_confirmed():
    state = BargeInState()
    assert state.step(Activity(True, 200, 0), bot_is_speaking=True) is NONE
    assert state.step(Activity(True, 220, 0), bot_is_speaking=True) is NONE
    assert state.step(Activity(True, 240, 0), bot_is_speaking=True) is PAUSE


@pytest.mark.parametrize(
    "text", ["ja", "Mm-hm.", "oké", "ja ja", "uh-huh", "Ja, precies", "okay", "ik snap het"]
)
def test_a_backchannel_lets_the_bot_go_on(text):
    state = BargeInState()
    speak(state, 400)
    assert state.heard(text) is RESUME
    assert not state.is_paused


@pytest.mark.parametrize(
    "text", ["nee", "stop", "medewerker", "ja maar wacht", "no", "wat zegt u", "een mens graag"]
)
def test_words_stop_the_bot(text):
    state = BargeInState()
    speak(state, 400)
    assert state.heard(text) is STOP


def test_yes_to_a_yes_no_question_is_an_answer():
    state = BargeInState()
    speak(state, 400)
    assert state.heard("ja", may_be_answer=True) is STOP


def test_a_cough_lets_the_bot_go_on_and_does_not_pause_twice():
    state = BargeInState()
    speak(state, 260)
    assert state.nothing_said() is RESUME
    assert set(speak(state, 200, start_ms=260)) == {NONE}
    quiet(state, 200)
    assert PAUSE in speak(state, 300)


def test_long_speech_stops_before_its_words_are_known():
    assert STOP in speak(BargeInState(), 2_000)


def test_a_lost_transcript_does_not_silence_the_bot_for_ever():
    state = BargeInState()
    speak(state, 400)
    assert quiet(state, 3_000).count(RESUME) == 1


def test_the_disclosure_is_never_paused():
    state = BargeInState()
    assert set(speak(state, 3_000, can_be_interrupted=False)) == {NONE}


def test_nothing_is_decided_while_the_bot_is_silent():
    state = BargeInState()
    assert state.step(Activity(True, 500, 0), bot_is_speaking=False) is NONE
    assert (state.heard("medewerker"), state.nothing_said()) == (NONE, NONE)


@pytest.mark.parametrize(
    ("text", "expected"), [("", False), ("ja", True), ("nee", False), ("ja ja ja ja ja", False)]
)
def test_backchannels(text, expected):
    assert is_backchannel(text) is expected


@given(
    st.lists(
        st.tuples(st.sampled_from(["speak", "quiet", "words", "backchannel", "noise"]), st.integers(1, 150))
    )
)
def test_each_pause_is_followed_by_exactly_one_resume_or_stop(steps):
    state = BargeInState()
    decisions = []
    for kind, frames in steps:
        if kind == "speak":
            decisions += speak(state, frames * 20)
        elif kind == "quiet":
            decisions += quiet(state, frames * 20)
        elif kind == "noise":
            decisions.append(state.nothing_said())
        else:
            decisions.append(state.heard("nee" if kind == "words" else "ja"))
    decisions += quiet(state, 2_600)
    marked = [d for d in decisions if d is not NONE]
    assert [d is PAUSE for d in marked] == [place % 2 == 0 for place in range(len(marked))]
    assert len(marked) % 2 == 0
