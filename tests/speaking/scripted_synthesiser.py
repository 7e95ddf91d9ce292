"""A Synthesiser that a test holds back and lets go, without a voice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from voicebot.events import Language
from voicebot.speaking.synthesiser import SpeechRequest


class ScriptedSynthesiser:
    """Yields `chunks` for every request; waits for `gate` before each chunk after the first."""

    def __init__(self, *chunks: bytes, fails_with: Exception | None = None) -> None:
        self.chunks, self.fails_with = chunks, fails_with
        self.requests: list[SpeechRequest] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.voice = "voice-1"

    async def synthesise(self, request: SpeechRequest) -> AsyncIterator[bytes]:
        self.requests.append(request)
        for number, chunk in enumerate(self.chunks):
            if number:
                await self.gate.wait()
            yield chunk
        if self.fails_with is not None:
            raise self.fails_with

    def voice_id(self, language: Language) -> str:
        return f"{self.voice}-{language}"
