"""The Synthesiser over a pool of worker processes that hold a VoicesEngine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING

from voicebot.events import Language
from voicebot.speaking.synthesiser import SpeechRequest

if TYPE_CHECKING:
    from voicebot.speech_workers import WorkerPool

ENGINE_FACTORY = "voicebot.speaking.voices:VoicesEngine"
"""For EngineSpec(factory=ENGINE_FACTORY, arguments={"voices": voices_of(...), "threads": 1})."""


class PoolSynthesiser:
    """Speaks through a pool. Call `start()` after the pool's: it asks which voices are really loaded."""

    def __init__(self, pool: WorkerPool, voice_ids: Mapping[Language, str] | None = None) -> None:
        self._pool = pool
        self._voice_ids = dict(voice_ids or {})

    async def start(self) -> None:
        """Learn the voice ids from a worker. Raises SpeechWorkerDied or SpeechWorkerBusy."""
        self._voice_ids = await self._pool.call("voice_ids")

    async def synthesise(self, request: SpeechRequest) -> AsyncIterator[bytes]:
        """Yield s16le mono 16 kHz as it is made; see Synthesiser."""
        async with aclosing(self._pool.stream("synthesise", request)) as chunks:
            async for chunk in chunks:
                yield chunk

    def voice_id(self, language: Language) -> str:
        """Name and version of the voice used; 'unknown' before `start()`."""
        return self._voice_ids.get(language, "unknown")
