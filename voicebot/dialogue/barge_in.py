"""Shall the bot stop talking? Pause at speech, stop for words, go on after a backchannel or a cough."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from voicebot.audio import FRAME_MS
from voicebot.understanding.yes_no import is_backchannel

__all__ = ["BargeInConfig", "BargeInDecision", "BargeInState", "is_backchannel"]


class SpeechActivity(Protocol):
    """What is needed of a voice activity decision; see `VadDecision`."""

    @property
    def is_speech(self) -> bool:
        """Speech in this frame."""

    @property
    def speech_ms(self) -> int:
        """Length of the stretch so far."""

    @property
    def silence_ms(self) -> int:
        """Since the last speech frame."""


class BargeInDecision(enum.Enum):
    """What to do with playout."""

    NONE = "none"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class BargeInConfig:
    """Thresholds in milliseconds.

    `pause_after_ms`: stretch of speech before playout pauses, its last `confirmed_ms` without doubt.
    `stop_after_ms`: speech too long to be a backchannel. `backchannel_max_ms`: the longest backchannel.
    `give_up_ms`: silence without any transcript after which the bot goes on.
    """

    pause_after_ms: int = 180
    confirmed_ms: int = 60
    stop_after_ms: int = 1_600
    backchannel_max_ms: int = 1_400
    give_up_ms: int = 2_500


class BargeInState:
    """State of one call's barge-in. Decisions are to be carried out at once."""

    def __init__(self, config: BargeInConfig | None = None) -> None:
        self._config = config or BargeInConfig()
        self._is_paused = False
        self._longest_ms = 0
        self._can_pause = True
        self._confirmed_ms = 0

    @property
    def is_paused(self) -> bool:
        """Playout is paused until it is known what was said."""
        return self._is_paused

    def step(
        self, activity: SpeechActivity, *, bot_is_speaking: bool, can_be_interrupted: bool = True
    ) -> BargeInDecision:
        """Take the next 20 ms. `bot_is_speaking`: playing or paused. The words count in any case."""
        if not bot_is_speaking:
            self._forget()
            return BargeInDecision.NONE
        if not activity.is_speech and not self._is_paused:
            self._can_pause = True
        if self._is_paused:
            return self._paused(activity)
        self._confirmed_ms = self._confirmed_ms + FRAME_MS if activity.is_speech else 0
        is_long = activity.speech_ms >= self._config.pause_after_ms
        if (
            is_long
            and self._confirmed_ms >= self._config.confirmed_ms
            and can_be_interrupted
            and self._can_pause
        ):
            self._is_paused = True
            self._longest_ms = activity.speech_ms
            return BargeInDecision.PAUSE
        return BargeInDecision.NONE

    def _paused(self, activity: SpeechActivity) -> BargeInDecision:
        self._longest_ms = max(self._longest_ms, activity.speech_ms)
        if self._longest_ms >= self._config.stop_after_ms:
            return self._stop()
        if activity.silence_ms >= self._config.give_up_ms:
            return self._resume()
        return BargeInDecision.NONE

    def heard(self, text: str, *, may_be_answer: bool = False) -> BargeInDecision:
        """Take the transcript of what was said meanwhile.

        `may_be_answer`: the prompt being played is a yes/no question, so 'ja' answers it.
        """
        if not self._is_paused:
            return BargeInDecision.NONE
        if not text.strip():
            return self._resume()
        is_short = self._longest_ms <= self._config.backchannel_max_ms
        if is_short and is_backchannel(text) and not may_be_answer:
            return self._resume()
        return self._stop()

    def nothing_said(self) -> BargeInDecision:
        """Take note that it was a cough or noise."""
        return self._resume() if self._is_paused else BargeInDecision.NONE

    def _resume(self) -> BargeInDecision:
        self._forget()
        self._can_pause = False  # the same stretch of sound must not pause it again
        return BargeInDecision.RESUME

    def _stop(self) -> BargeInDecision:
        self._forget()
        return BargeInDecision.STOP

    def _forget(self) -> None:
        self._is_paused, self._longest_ms, self._confirmed_ms, self._can_pause = False, 0, 0, True
