"""Which recognised texts are believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.hearing.hallucination import Decoding, Limits, believed_text, better, is_loop

LIMITS = Limits()


def decoding(
    text: str, score: float = -0.4, no_speech: float = 0.03, peak: float = 0.9, seconds: float = 3.0
) -> Decoding:
    return Decoding(text, score, no_speech, peak, seconds)


@pytest.mark.parametrize(
    "text",
    [
        "Ja.",
        "Nee, dank u wel.",
        "Bedankt",
        "You",
        "53821",
        "nul zes nul nul nul nul",
        "0 0 0 0 0 0 0 0 0 0",
        "Ik wil iemand spreken.",
    ],
)
def test_good_speech_is_believed(text):
    assert believed_text(decoding(text), LIMITS) == text


@pytest.mark.parametrize("peak", [0.13, 0.24, 0.45])
def test_speech_over_a_telephone_that_silero_doubts_is_believed(peak):
    assert believed_text(decoding("Ik ontken niks.", -0.57, 0.03, peak), LIMITS)


@pytest.mark.parametrize(
    ("score", "no_speech", "peak"),
    [
        (-1.17, 0.92, 0.06),
        (-0.94, 0.89, 0.09),
        (-0.87, 0.35, 0.14),
        (-1.42, 0.25, 0.06),
        (-1.45, 0.18, 0.07),
        (-2, 0.1, 0.9),
    ],
)
def test_measured_noise_is_not_believed(score, no_speech, peak):
    assert believed_text(decoding("Welcome to our channel.", score, no_speech, peak), LIMITS) == ""


def test_a_known_hallucination_needs_a_poor_score_as_well():
    credit = "Ondertitels ingediend door de Amara.org gemeenschap"
    assert believed_text(decoding(credit, -0.7), LIMITS) == ""
    assert believed_text(decoding("Bedankt voor het kijken", -0.2, 0.01), LIMITS) == "Bedankt voor het kijken"
    assert believed_text(decoding("Thank you.", -0.5, 0.15, 0.3), LIMITS) == ""
    assert believed_text(decoding("Thank you.", -0.5, 0.15, 0.9), LIMITS) == "Thank you."


@pytest.mark.parametrize("text", ["de ene de ene " * 12, "ja ja ja ja ja ja ja ja ja ja ja", "blub" * 40])
def test_loops_are_not_believed(text):
    assert is_loop(text, LIMITS)
    assert believed_text(decoding(text, seconds=20), LIMITS) == ""


def test_more_words_than_anyone_can_say():
    text = "dit zijn er echt veel te veel voor zo kort"
    assert believed_text(decoding(text, seconds=0.6), LIMITS) == ""
    assert believed_text(decoding(text, seconds=3.0), LIMITS) == text


def test_better_prefers_no_loop_then_the_likelier():
    loop, plain, likely = (
        decoding("ja " * 20, -0.1),
        decoding("ik wil dat", -0.9),
        decoding("ik wil dit", -0.5),
    )
    assert better(loop, plain, LIMITS) is plain
    assert better(plain, likely, LIMITS) is likely


@given(st.text(max_size=80), st.floats(-5, 0), st.floats(0, 1), st.floats(0, 1), st.floats(0, 30))
def test_gives_the_text_or_nothing(text, score, no_speech, peak, seconds):
    assert believed_text(Decoding(text, score, no_speech, peak, seconds), LIMITS) in {"", text.strip()}
