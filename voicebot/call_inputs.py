"""What a conversation thinks about, one after another, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from voicebot.call_understanding import TurnHeard
from voicebot.dialogue.actions import HangUp, TaskOutcome
from voicebot.media.leg import DigitPressed
from voicebot.transfer.execute import TransferResult


@dataclass(frozen=True, slots=True)
class Silent:
    """The caller said nothing for `silence_ms` after the bot's last word."""

    silence_ms: int


@dataclass(frozen=True, slots=True)
class TimeUp:
    """The call has lasted as long as is allowed, or longer."""


@dataclass(frozen=True, slots=True)
class EarsFailed:
    """A turn could not be recognised."""


@dataclass(frozen=True, slots=True)
class VoiceFailed:
    """A prompt could not be spoken."""


@dataclass(frozen=True, slots=True, eq=False)
class GoodbyeSaid:
    """All was said, and the caller had nothing to add. `goodbye`: the HangUp that is carried out now."""

    goodbye: HangUp


Input = (
    TurnHeard
    | DigitPressed
    | TaskOutcome
    | TransferResult
    | Silent
    | TimeUp
    | EarsFailed
    | VoiceFailed
    | GoodbyeSaid
)
