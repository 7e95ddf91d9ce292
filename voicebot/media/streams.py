"""Bounded streams out of a leg: audio frames (drops the oldest) and signals (always end with LegEnded)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from voicebot.audio import AudioFrame
from voicebot.media.leg import LegEnded, LegSignal

MAX_FRAMES = 100
"""Two seconds of unread audio."""
MAX_SIGNALS = 256


class FrameStream:
    """Received frames of a leg for one consumer at a time. `dropped`: frames that nobody read in time."""

    def __init__(self, limit: int = MAX_FRAMES) -> None:
        self._frames: deque[AudioFrame] = deque(maxlen=limit)
        self._changed = asyncio.Event()
        self._is_closed = False
        self.dropped = 0

    def push(self, frame: AudioFrame) -> None:
        """Add a frame; the oldest goes when the stream is full."""
        if self._is_closed:
            return
        self.dropped += len(self._frames) == self._frames.maxlen
        self._frames.append(frame)
        self._changed.set()

    def close(self) -> None:
        """No more frames; what is buffered can still be read."""
        self._is_closed = True
        self._changed.set()

    async def read(self) -> AsyncIterator[AudioFrame]:
        """Frames in order until the leg's end. A later consumer goes on where an earlier one stopped."""
        while True:
            while self._frames:
                yield self._frames.popleft()
            if self._is_closed:
                return
            self._changed.clear()
            await self._changed.wait()


class SignalStream:
    """Signals of a leg for one consumer at a time. `dropped`: refused because nobody read."""

    def __init__(self, limit: int = MAX_SIGNALS) -> None:
        self._signals: deque[LegSignal] = deque()
        self._limit = limit
        self._changed = asyncio.Event()
        self._ended: LegEnded | None = None
        self.dropped = 0

    @property
    def ended(self) -> LegEnded | None:
        """How the leg ended, None while it lives."""
        return self._ended

    def push(self, signal: LegSignal) -> None:
        """Add a signal. The first LegEnded closes the stream and is never dropped."""
        if self._ended is not None:
            return
        if isinstance(signal, LegEnded):
            self._ended = signal
        elif len(self._signals) >= self._limit:
            self.dropped += 1
        else:
            self._signals.append(signal)
        self._changed.set()

    async def read(self) -> AsyncIterator[LegSignal]:
        """Signals in order; each consumer gets LegEnded last, also one that starts after the end."""
        while True:
            while self._signals:
                yield self._signals.popleft()
            if self._ended is not None:
                yield self._ended
                return
            self._changed.clear()
            await self._changed.wait()
