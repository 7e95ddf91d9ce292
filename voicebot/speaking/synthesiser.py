"""The protocol of speech synthesis: normalised text in, chunks of audio out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from voicebot.events import Language


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """What to say. `text`: already normalised for speech (spoken_text). `rate`: 1.0 is normal, 0.8 slower."""

    text: str
    language: Language
    rate: float = 1.0


class Synthesiser(Protocol):
    """Turns text into speech."""

    def synthesise(self, request: SpeechRequest) -> AsyncIterator[bytes]:
        """Yield s16le mono 16 kHz, level-matched, a sentence (or less) at a time.

        Raises SpeechWorkerDied or SpeechWorkerBusy.
        """

    def voice_id(self, language: Language) -> str:
        """Name and version of the voice used: part of the prompt cache's key."""
