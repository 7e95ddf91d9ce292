import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.hearing.endpointing import (
    DropSpeculation,
    Endpointing,
    EndpointingConfig,
    EndReason,
    NoiseIgnored,
    Speculate,
    TurnEnded,
    UtteranceStarted,
)
from voicebot.hearing.vad_decision import VadDecision
from voicebot.understanding.interpretation import Expectation


class Caller:
    """Speaks and is silent for so many milliseconds; keeps each action with its time."""

    def __init__(self, config: EndpointingConfig | None = None) -> None:
        self.endpointing = Endpointing(config)
        self.now = 0
        self.onset = None
        self.last_end = 0
        self.actions = []

    def _step(self, is_speech: bool) -> None:
        if is_speech:
            if self.onset is None or self.now - self.last_end > 140:
                self.onset = self.now
            self.last_end = self.now + 20
        silence = self.now + 20 - self.last_end
        speech_ms = self.last_end - self.onset if self.onset is not None and silence <= 140 else 0
        decision = VadDecision(self.now, is_speech, 0.9 * is_speech, speech_ms, silence, self.onset)
        self.now += 20
        self.actions += [(self.now, action) for action in self.endpointing.step(decision)]

    def speak(self, ms: int) -> "Caller":
        for _ in range(ms // 20):
            self._step(True)
        return self

    def pause(self, ms: int) -> "Caller":
        for _ in range(ms // 20):
            self._step(False)
        return self

    def understood(
        self, completeness: str, probability: float | None = None, number: int | None = None
    ) -> "Caller":
        number = number or max((a.number for _, a in self.actions if isinstance(a, Speculate)), default=0)
        self.actions += [
            (self.now, a) for a in self.endpointing.understood(number, completeness, probability)
        ]
        return self

    def of(self, kind: type) -> list:
        return [(at, action) for at, action in self.actions if isinstance(action, kind)]

    @property
    def waited_ms(self) -> int:
        """Silence after which the turn ended."""
        ((_, ended),) = self.of(TurnEnded)
        return ended.silence_ms


def test_an_utterance_starts_back_dated_and_is_recognised_at_a_short_pause():
    caller = Caller().pause(400).speak(1_000).pause(160)
    assert [type(a) for _, a in caller.actions] == [UtteranceStarted, Speculate]
    assert caller.actions[0][1].start_ms == 400
    assert caller.actions[1][0] == 400 + 1_000 + 80


@pytest.mark.parametrize(
    ("completeness", "low", "high"),
    [
        ("complete", 280, 320),
        ("likely_complete", 500, 600),
        ("incomplete", 1_001, 1_500),
        ("filler", 1_001, 2_000),
    ],
)
def test_the_wait_depends_on_what_was_understood(completeness, low, high):
    caller = Caller().speak(800).pause(200).understood(completeness).pause(2_500)
    assert low <= caller.waited_ms <= high
    assert caller.of(TurnEnded)[0][1].reason is EndReason.UNDERSTOOD


def test_numbers_and_dates_are_given_more_time_when_not_surely_complete():
    caller = Caller()
    caller.endpointing.expect(Expectation.DIGITS)
    assert caller.speak(800).pause(200).understood("likely_complete").pause(2_000).waited_ms == 800


def test_a_caller_who_goes_on_makes_the_speculation_void():
    caller = Caller().speak(800).pause(240).understood("complete").speak(400).pause(2_500)
    kinds = [type(a) for _, a in caller.actions]
    assert kinds == [UtteranceStarted, Speculate, DropSpeculation, Speculate, TurnEnded]
    assert caller.of(TurnEnded)[0][1].speech_ms == 800 + 240 + 400


def test_a_void_result_is_ignored():
    caller = Caller().speak(800).pause(200).speak(200).pause(200)
    caller.understood("complete", number=1).pause(400)
    assert not caller.of(TurnEnded)
    assert caller.understood("complete", number=2).of(TurnEnded)


def test_a_late_result_ends_the_turn_when_it_comes():
    caller = Caller().speak(800).pause(700)
    assert not caller.of(TurnEnded)
    caller.understood("complete")
    ((at, ended),) = caller.of(TurnEnded)
    assert (at, ended.silence_ms, ended.reason) == (caller.now, 700, EndReason.UNDERSTOOD)


def test_without_any_result_the_longest_wait_ends_the_turn():
    caller = Caller().speak(800).pause(3_000)
    assert (caller.waited_ms, caller.of(TurnEnded)[0][1].reason) == (2_000, EndReason.MAX_WAIT)


def test_an_utterance_is_bounded():
    caller = Caller().speak(31_000)
    ((_, ended),) = caller.of(TurnEnded)
    assert (ended.reason, ended.speech_ms) == (EndReason.MAX_UTTERANCE, 30_000)
    assert len(caller.of(UtteranceStarted)) == 2  # what follows is heard too


def test_a_cough_is_noise():
    caller = Caller().speak(60).pause(400)
    assert [type(a) for _, a in caller.actions] == [UtteranceStarted, NoiseIgnored]


def test_a_short_sound_without_words_is_noise_but_long_speech_without_words_is_a_turn():
    short = Caller().speak(300).pause(200).understood("empty").pause(1_500)
    assert short.of(NoiseIgnored)
    assert not short.of(TurnEnded)
    long = Caller().speak(1_500).pause(200).understood("empty").pause(1_500)
    assert long.of(TurnEnded)


def test_a_short_yes_is_a_turn():
    assert Caller().speak(200).pause(200).understood("complete").pause(500).waited_ms == 300


@pytest.mark.parametrize(
    ("completeness", "probability", "expected"),
    [
        ("complete", 0.1, 560),
        ("complete", 0.5, 300),
        ("complete", 0.99, 300),
        ("likely_complete", 0.99, 420),
        ("likely_complete", 0.1, 800),
        ("incomplete", 0.99, 1_200),  # Smart Turn alone must not end a turn
    ],
)
def test_smart_turn_is_one_vote(completeness, probability, expected):
    caller = Caller().speak(800).pause(200).understood(completeness, probability).pause(2_500)
    assert caller.waited_ms == expected


def test_turns_follow_one_another():
    caller = Caller()
    for _ in range(3):
        caller.speak(600).pause(200).understood("complete").pause(600)
    assert len(caller.of(TurnEnded)) == 3
    assert not caller.endpointing.is_in_utterance


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("speak"), st.integers(1, 60)),
        st.tuples(st.just("pause"), st.integers(1, 120)),
        st.tuples(
            st.just("result"),
            st.sampled_from(["complete", "likely_complete", "incomplete", "filler", "empty"]),
        ),
    ),
    max_size=30,
)


@given(STEPS)
def test_every_utterance_ends_exactly_once_and_none_outlasts_the_longest_wait(steps):
    caller = Caller()
    for kind, value in steps:
        if kind == "result":
            caller.understood(value)
        elif kind == "speak":
            caller.speak(value * 20)
        else:
            caller.pause(value * 20)
    caller.pause(2_100)
    assert not caller.endpointing.is_in_utterance
    is_in = False
    for _, action in caller.actions:
        if isinstance(action, UtteranceStarted):
            assert not is_in
            is_in = True
        else:
            assert is_in
            is_in = not isinstance(action, TurnEnded | NoiseIgnored)
