"""A recogniser that reads `spoken_words`, with a latency and failures by script."""

from __future__ import annotations

import asyncio

from tests.fakes.spoken_words import words_in
from voicebot.errors import SpeechWorkerError
from voicebot.events import Language
from voicebot.hearing.transcriber import Transcription, TranscriptionRequest


class FakeTranscriber:
    """Implements Transcriber. `latency_seconds` of each answer; `failures`: raised one a request, in order.

    `english`: words that make a text English; `unsure`: the language is a guess. `log_probability`: of every
    text. `requests`: what came.
    """

    def __init__(self, latency_seconds: float = 0.1) -> None:
        self.latency_seconds = latency_seconds
        self.failures: list[SpeechWorkerError | None] = []
        self.english: set[str] = set()
        self.log_probability = -0.2
        self.unsure = False
        self.requests: list[TranscriptionRequest] = []
        self.cancelled = 0

    async def transcribe(self, request: TranscriptionRequest) -> Transcription:
        self.requests.append(request)
        failure = self.failures.pop(0) if self.failures else None
        try:
            await asyncio.sleep(self.latency_seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if failure is not None:
            raise failure
        words = words_in(request.pcm)
        language: Language = "en" if self.english & set(words) else "nl"
        sure: dict[Language, float]
        sure = {"nl": 0.97, "en": 0.03} if language == "nl" else {"nl": 0.03, "en": 0.97}
        if self.unsure:
            sure = {"nl": 0.6, "en": 0.4}
        return Transcription(
            " ".join(words), language, sure, self.log_probability, 0.01, self.latency_seconds
        )
