"""The protocol of speech recognition: a whole utterance in, text out, no assumption of a local process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from voicebot.events import Language


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """One utterance so far.

    `pcm`: s16le mono 16 kHz, at most 30 s (the end is kept). `language`: forced, or None to detect among
    nl and en. `prior`: probability per language from earlier turns and the line, used with detection.
    `prompts`: vocabulary bias per language ('' for none). `is_speculative`: may be dropped when busy.
    `is_thorough`: a second look, slower and better.
    """

    pcm: bytes
    language: Language | None = None
    prior: Mapping[Language, float] = field(default_factory=dict)
    prompts: Mapping[Language, str] = field(default_factory=dict)
    is_speculative: bool = False
    is_thorough: bool = False


@dataclass(frozen=True, slots=True)
class Transcription:
    """What was recognised; `text` is '' when it is noise, silence or a hallucination.

    `language_probabilities`: nl and en only, summing to 1. `average_log_probability`: per token.
    `no_speech_probability`: Whisper's. `turn_completeness`: Smart Turn's probability that the turn is
    complete, None when it did not run. `elapsed_seconds`: inside the worker. `text_vote`: langdetect's
    among nl and en, None when it cannot tell.
    """

    text: str
    language: Language
    language_probabilities: Mapping[Language, float]
    average_log_probability: float
    no_speech_probability: float
    elapsed_seconds: float
    turn_completeness: float | None = None
    text_vote: Mapping[Language, float] | None = None


class Transcriber(Protocol):
    """Turns speech into text."""

    async def transcribe(self, request: TranscriptionRequest) -> Transcription:
        """Raise SpeechWorkerDied or SpeechWorkerBusy; never hang longer than the configured limit."""
