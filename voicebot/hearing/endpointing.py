"""When has the caller finished? A state machine without a clock, fed every 20 ms.

At a short pause the utterance so far is sent for speculative recognition. What was understood then decides
how long to wait after the last word: little after a complete answer, over a second in the middle of a number
or after 'ehm' (speech-notes: Smart Turn calls 80% of Dutch mid-sentence pauses complete, so it is one vote).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal

from voicebot.audio import FRAME_MS
from voicebot.hearing.vad_decision import VadDecision
from voicebot.understanding.interpretation import Expectation

Completeness = Literal["complete", "likely_complete", "incomplete", "filler", "empty"]
"""The values of understanding's completeness enum."""


class EndReason(enum.StrEnum):
    """Why a turn ended."""

    UNDERSTOOD = "understood"  # the wait that fits what was understood has passed
    MAX_WAIT = "max_wait"  # recognition had not answered within the longest wait
    MAX_UTTERANCE = "max_utterance"  # the caller talks longer than the recogniser's window


@dataclass(frozen=True, slots=True)
class EndpointingConfig:
    """Thresholds in milliseconds; probabilities 0-1.

    `start_speech_ms`: speech before an utterance begins. `speculate_after_ms`: pause before recognition.
    `*_wait_ms`: silence after the last word that ends the turn, by completeness. `number_wait_ms`: instead of
    `likely_wait_ms` where digits, a postcode, a date or a time were asked. `max_wait_ms`: in any case.
    `min_speech_ms`: frames that were speech; less is noise, dropped after `noise_after_ms` of silence.
    `empty_is_noise_below_ms`: speech shorter than this without words is noise. `smart_turn_doubt`: below this
    the turn gets `doubt_extra_ms` more; above `smart_turn_sure` a likely complete one gets `sure_less_ms`
    less.
    """

    start_speech_ms: int = 60
    speculate_after_ms: int = 80
    complete_wait_ms: int = 300
    likely_wait_ms: int = 540
    incomplete_wait_ms: int = 1_200
    filler_wait_ms: int = 1_400
    empty_wait_ms: int = 600
    number_wait_ms: int = 800
    max_wait_ms: int = 2_000
    max_utterance_ms: int = 30_000
    min_speech_ms: int = 80
    noise_after_ms: int = 240
    empty_is_noise_below_ms: int = 500
    smart_turn_doubt: float = 0.25
    doubt_extra_ms: int = 260
    smart_turn_sure: float = 0.9
    sure_less_ms: int = 120


@dataclass(frozen=True, slots=True)
class UtteranceStarted:
    """Keep audio from now on. `start_ms`: media time of the first speech frame, without a pre-roll."""

    start_ms: int


@dataclass(frozen=True, slots=True)
class Speculate:
    """Recognise the utterance so far. `number`: hand it back to `understood`."""

    number: int


@dataclass(frozen=True, slots=True)
class DropSpeculation:
    """The caller went on: the last speculation is void."""

    number: int


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The caller's turn is over. `speech_ms`: first to last speech frame. `silence_ms`: waited since."""

    reason: EndReason
    speech_ms: int
    silence_ms: int


@dataclass(frozen=True, slots=True)
class NoiseIgnored:
    """What had begun was no speech worth answering; nothing of it counts."""

    speech_ms: int


EndpointingAction = UtteranceStarted | Speculate | DropSpeculation | TurnEnded | NoiseIgnored
PATIENT = frozenset({Expectation.DIGITS, Expectation.POSTCODE, Expectation.DATE, Expectation.TIME})


class Endpointing:
    """State of one call."""

    def __init__(self, config: EndpointingConfig | None = None) -> None:
        self._config = config or EndpointingConfig()
        self._expectation = Expectation.ANYTHING
        self._number = 0
        self._taken_until_ms = 0
        self._reset()

    def _reset(self) -> None:
        self._start_ms: int | None = None
        self._end_ms = 0
        self._voiced_ms = 0
        self._is_speculating = False
        self._completeness: Completeness | None = None
        self._turn_probability: float | None = None
        self._silence_ms = 0

    @property
    def is_in_utterance(self) -> bool:
        """An utterance has started and not ended."""
        return self._start_ms is not None

    @property
    def speech_ms(self) -> int:
        """First to last speech frame of the utterance so far; 0 when none is under way."""
        return self._end_ms - self._start_ms if self._start_ms is not None else 0

    def expect(self, expectation: Expectation) -> None:
        """Note what the bot has asked for."""
        self._expectation = expectation

    def step(self, decision: VadDecision) -> tuple[EndpointingAction, ...]:
        """Take the decision about the next frame."""
        if self._start_ms is None:
            return self._idle(decision)
        if decision.is_speech:
            return self._speaking(decision)
        self._silence_ms = decision.silence_ms
        return self._pausing()

    def understood(
        self, number: int, completeness: Completeness, turn_probability: float | None = None
    ) -> tuple[EndpointingAction, ...]:
        """Take the result of speculation `number`; a void one is ignored.

        `turn_probability`: Smart Turn's. When it comes later than the wait it allows, the turn ends at once.
        """
        if self._start_ms is None or not self._is_speculating or number != self._number:
            return ()
        self._completeness, self._turn_probability = completeness, turn_probability
        return self._pausing()

    def _idle(self, decision: VadDecision) -> tuple[EndpointingAction, ...]:
        if not decision.is_speech or decision.speech_ms < self._config.start_speech_ms:
            return ()
        self._reset()
        onset = decision.onset_at_ms if decision.onset_at_ms is not None else decision.at_ms
        self._start_ms = max(onset, self._taken_until_ms)  # a stretch may go on after the longest utterance
        self._voiced_ms = FRAME_MS
        self._end_ms = decision.at_ms + FRAME_MS
        return (UtteranceStarted(self._start_ms),)

    def _speaking(self, decision: VadDecision) -> tuple[EndpointingAction, ...]:
        self._voiced_ms += FRAME_MS
        self._end_ms = decision.at_ms + FRAME_MS
        self._silence_ms = 0
        dropped: tuple[EndpointingAction, ...] = ()
        if self._is_speculating:
            self._is_speculating, self._completeness = False, None
            dropped = (DropSpeculation(self._number),)
        if self.speech_ms >= self._config.max_utterance_ms:
            return (*dropped, self._ended(EndReason.MAX_UTTERANCE))
        return dropped

    def _pausing(self) -> tuple[EndpointingAction, ...]:
        config = self._config
        if self._voiced_ms < config.min_speech_ms:
            return (self._noise(),) if self._silence_ms >= config.noise_after_ms else ()
        actions: tuple[EndpointingAction, ...] = ()
        if not self._is_speculating and self._silence_ms >= config.speculate_after_ms:
            self._is_speculating = True
            self._number += 1
            actions = (Speculate(self._number),)
        if self._completeness is not None and self._silence_ms >= self.wait_ms:
            if self._completeness == "empty" and self._voiced_ms < config.empty_is_noise_below_ms:
                return (*actions, self._noise())
            return (*actions, self._ended(EndReason.UNDERSTOOD))
        if self._silence_ms >= config.max_wait_ms:
            return (*actions, self._ended(EndReason.MAX_WAIT))
        return actions

    @property
    def wait_ms(self) -> int:
        """Silence that ends the turn, by what is known now."""
        config = self._config
        if self._completeness is None:
            return config.max_wait_ms
        likely = config.number_wait_ms if self._expectation in PATIENT else config.likely_wait_ms
        wait = {
            "complete": config.complete_wait_ms,
            "likely_complete": likely,
            "incomplete": config.incomplete_wait_ms,
            "filler": config.filler_wait_ms,
            "empty": config.empty_wait_ms,
        }[self._completeness]
        probability = self._turn_probability
        if probability is not None and self._completeness != "empty":
            if probability < config.smart_turn_doubt:
                wait += config.doubt_extra_ms
            elif probability > config.smart_turn_sure and self._completeness == "likely_complete":
                wait -= config.sure_less_ms
        return min(wait, config.max_wait_ms)

    def _ended(self, reason: EndReason) -> TurnEnded:
        ended = TurnEnded(reason, self.speech_ms, self._silence_ms)
        self._taken_until_ms = self._end_ms
        self._reset()
        return ended

    def _noise(self) -> NoiseIgnored:
        noise = NoiseIgnored(self._voiced_ms)
        self._reset()
        return noise
