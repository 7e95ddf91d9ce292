"""Rendered prompts in memory and on disk, so that what the bot says often costs nothing.

Memory lookup (`peek`) is immediate and safe on the media loop; disk and synthesis are awaited. Each clip
is rendered once however many ask for it at the same time, and those who stream it follow the same
rendering. Texts with personal data (`may_persist=False`) stay in memory and never touch the disk.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from voicebot.audio import AudioClip
from voicebot.errors import SpeechWorkerDied, SpeechWorkerError
from voicebot.speaking.clip_store import ClipStore
from voicebot.speaking.synthesiser import SpeechRequest, Synthesiser

log = structlog.get_logger()

_STREAM_BYTES = 64_000
"""Two seconds: a cached clip is handed out in pieces of this size, so that no consumer copies it at once."""


@dataclass(slots=True)
class CacheCounts:
    """Since start: `memory_hits`, `disk_hits`, `rendered`, `failed` renderings, `evicted` from memory."""

    memory_hits: int = 0
    disk_hits: int = 0
    rendered: int = 0
    failed: int = 0
    evicted: int = 0


@dataclass(slots=True, eq=False)
class _Rendering:
    """A clip on its way: chunks so far; `grew` is replaced at each change, so that followers miss none."""

    chunks: list[bytes] = field(default_factory=list)
    is_finished: bool = False
    error: Exception | None = None
    grew: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self) -> None:
        grew, self.grew = self.grew, asyncio.Event()
        grew.set()


class PromptCache:
    """Prompts by voice, text, rate and language.

    `directory` None: memory only. `memory_bytes` and `disk_bytes` bound each; the least recently used go
    first. `on_disk` and `counts` are for metrics.
    """

    def __init__(
        self,
        synthesiser: Synthesiser,
        directory: Path | None,
        *,
        memory_bytes: int = 64 * 1024 * 1024,
        disk_bytes: int = 512 * 1024 * 1024,
    ) -> None:
        self._synthesiser = synthesiser
        self.on_disk = ClipStore(directory, limit_bytes=disk_bytes) if directory is not None else None
        self._memory: OrderedDict[str, AudioClip] = OrderedDict()
        self._memory_limit, self._memory_used = memory_bytes, 0
        self._renderings: dict[str, _Rendering] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.counts = CacheCounts()

    def key(self, request: SpeechRequest) -> str:
        """sha256 over the voice's id, the language, the rate and the text."""
        voice = self._synthesiser.voice_id(request.language)
        parts = (voice, request.language, f"{request.rate:.3f}", request.text)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def peek(self, request: SpeechRequest) -> AudioClip | None:
        """Return the clip if it is in memory; at once, for the media loop."""
        clip = self._memory.get(key := self.key(request))
        if clip is not None:
            self._memory.move_to_end(key)
            self.counts.memory_hits += 1
        return clip

    async def get(self, request: SpeechRequest) -> AudioClip | None:
        """Return the clip if memory or disk has it; does not render."""
        return self.peek(request) or await self._from_disk(self.key(request))

    async def clip(self, request: SpeechRequest, *, may_persist: bool = True) -> AudioClip:
        """Return the clip, rendered if need be. Raises SpeechWorkerError.

        `may_persist`: the text holds nothing personal, its audio may be kept on disk.
        """
        if (clip := self.peek(request)) is not None:
            return clip
        key = self.key(request)
        rendering = self._render(request, key, may_persist=may_persist)
        async for _ in _follow(rendering):
            pass
        return AudioClip(b"".join(rendering.chunks), name=key[:12])

    async def stream(self, request: SpeechRequest, *, may_persist: bool) -> AsyncIterator[bytes]:
        """Yield the clip while it is being rendered, and keep it. Raises SpeechWorkerError.

        Leaving early does not stop the rendering: the next call has it.
        """
        if (clip := self.peek(request)) is not None:
            for start in range(0, len(clip.pcm), _STREAM_BYTES):
                yield clip.pcm[start : start + _STREAM_BYTES]
            return
        async for chunk in _follow(self._render(request, self.key(request), may_persist=may_persist)):
            yield chunk

    async def warm(
        self, requests: Iterable[SpeechRequest], progress: Callable[[int, int], None] | None = None
    ) -> int:
        """Bring fixed prompts into memory, rendering what the disk lacks, one at a time.

        `progress(done, total)` after each. Returns how many failed (a speech worker that is busy or dead
        must not keep the service from starting).
        """
        wanted = list(dict.fromkeys(requests))
        failed = 0
        for done, request in enumerate(wanted, start=1):
            try:
                await self.clip(request, may_persist=True)
            except SpeechWorkerError:
                failed += 1
            if progress is not None:
                progress(done, len(wanted))
        return failed

    async def close(self) -> None:
        """Stop what is being rendered; whoever follows it gets SpeechWorkerDied."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _render(self, request: SpeechRequest, key: str, *, may_persist: bool) -> _Rendering:
        """Join the rendering of this key or start it."""
        rendering = self._renderings.get(key)
        if rendering is None:
            rendering = self._renderings[key] = _Rendering()
            task = asyncio.create_task(
                self._fill(rendering, request, key, may_persist), name=f"render-{key[:12]}"
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return rendering

    async def _fill(self, rendering: _Rendering, request: SpeechRequest, key: str, may_persist: bool) -> None:
        try:
            clip = await self._from_disk(key) if may_persist else None
            if clip is not None:
                rendering.chunks.append(clip.pcm)
                return
            async for chunk in self._synthesiser.synthesise(request):
                rendering.chunks.append(chunk)
                rendering.tell()
            self.counts.rendered += 1
            pcm = b"".join(rendering.chunks)
            self._remember(key, AudioClip(pcm, name=key[:12]))
        except asyncio.CancelledError:
            rendering.error = SpeechWorkerDied("the prompt cache was closed")
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the followers raise it
            self.counts.failed += 1
            rendering.error = error
            log.warning("prompt was not rendered", error=type(error).__name__)
            return
        finally:
            rendering.is_finished = True
            del self._renderings[key]
            rendering.tell()
        if may_persist and self.on_disk is not None and pcm:
            await asyncio.to_thread(self.on_disk.write, key, pcm)

    async def _from_disk(self, key: str) -> AudioClip | None:
        if self.on_disk is None:
            return None
        pcm = await asyncio.to_thread(self.on_disk.read, key)
        if pcm is None:
            return None
        clip = AudioClip(pcm, name=key[:12])
        self.counts.disk_hits += 1
        self._remember(key, clip)
        return clip

    def _remember(self, key: str, clip: AudioClip) -> None:
        old = self._memory.pop(key, None)
        self._memory_used += len(clip.pcm) - (len(old.pcm) if old else 0)
        self._memory[key] = clip
        while self._memory_used > self._memory_limit and self._memory:
            _, dropped = self._memory.popitem(last=False)
            self._memory_used -= len(dropped.pcm)
            self.counts.evicted += 1


async def _follow(rendering: _Rendering) -> AsyncIterator[bytes]:
    """Yield the chunks of a rendering from its first on; raises what ended it."""
    position = 0
    while True:
        grew = rendering.grew
        while position < len(rendering.chunks):
            position += 1
            yield rendering.chunks[position - 1]
        if rendering.is_finished:
            if rendering.error is not None:
                raise rendering.error
            return
        await grew.wait()
