"""One WebSocket as a leg sees it: sending never waits; a peer that does not read loses audio, not ours."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed

from voicebot.media.leg import LegEndCause

QUEUE_LIMIT = 50
"""Messages that wait, one second of audio; beyond it the oldest audio goes."""
_FLUSH_SECONDS = 0.5


class StreamSocket:
    """Sends in order from a bounded queue. `dropped`: audio messages that a slow peer did not get."""

    def __init__(self, connection: Connection, limit: int = QUEUE_LIMIT) -> None:
        self.dropped = 0
        self._connection = connection
        self._limit = limit
        self._audio_waiting = 0
        self._queue: deque[tuple[str, bool]] = deque()
        self._changed = asyncio.Event()
        self._flushed = asyncio.Event()
        self._flushed.set()

    @property
    def is_behind(self) -> bool:
        """The queue is full: the peer does not read."""
        return len(self._queue) >= self._limit

    def send(self, text: str, *, is_audio: bool = False) -> None:
        """Queue a message; returns at once."""
        if len(self._queue) >= self._limit and not self._make_room():
            self.dropped += 1
            return
        self._queue.append((text, is_audio))
        self._flushed.clear()
        self._changed.set()

    def drop_audio(self) -> None:
        """Forget audio that waits: the caller interrupted it."""
        self._queue = deque(entry for entry in self._queue if not entry[1])

    def _make_room(self) -> bool:
        for entry in self._queue:
            if entry[1]:
                self._queue.remove(entry)
                self.dropped += 1
                return True
        return False

    async def run(self) -> None:
        """Send what is queued until the connection is closed."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                while self._queue:
                    await self._connection.send(self._queue.popleft()[0])
                self._flushed.set()
                self._changed.clear()
                await self._changed.wait()

    async def receive(self) -> str | bytes | None:
        """Return the next message, None when the connection is closed."""
        try:
            return await self._connection.recv()
        except ConnectionClosed:
            return None

    def end_cause(self) -> tuple[LegEndCause, str]:
        """Say how the connection ended; a peer that closed it properly hung up."""
        code = self._connection.close_code
        if code in {1000, 1001}:
            return LegEndCause.PEER, f"closed {code}"
        return LegEndCause.NETWORK, f"closed {code or 1006}"

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Send what is queued, as far as the peer reads it in half a second, and close. Bounded time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_SECONDS):
                await self._flushed.wait()
        await self._connection.close(code, reason)
