"""What goes out next: the queue of playbacks of one leg, frame by frame, without I/O and without a clock.

Each call of `next_frame()` is one slot of 20 ms. Audio is never cut with a click: pause and stop fade the
frame that was due next, an underrun or an abrupt end decays over 5 ms, and joins are cross-faded. A faded
frame never counts as sent (proof of what was heard stays on the safe side) and is played again on resume.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from voicebot.audio import FRAME_BYTES, SAMPLE_RATE, SILENCE, faded, pcm_of, samples_of
from voicebot.media.leg import PlaybackResult

MAX_QUEUED = 64
"""Playbacks in one queue; more are refused as already ended."""
MAX_BUFFERED_BYTES = 300 * SAMPLE_RATE * 2
"""Audio waiting in one playback (five minutes); what is written beyond it is dropped and counted."""

_JOIN_SAMPLES = SAMPLE_RATE * 5 // 1000
_CLICK_STEP = 1500
_COMPACT_BYTES = 1 << 16


class QueuedAudio:
    """State of one playback. Frames of 20 ms; `underruns` are slots; `overflowed_bytes` were refused."""

    def __init__(self, name: str, pcm: bytes = b"", *, closed: bool = False, looping: bool = False) -> None:
        self.name = name
        self.frames_sent = 0
        self.underruns = 0
        self.overflowed_bytes = 0
        self.is_closed = closed
        self.is_looping = looping and len(pcm) > 1
        self.has_ended = False
        self._audio = bytearray(pcm[: len(pcm) // 2 * 2])
        self._offset = 0
        self._total_bytes = len(self._audio)
        self._odd = b""

    @property
    def frames_total(self) -> int:
        """Frames written so far, the last one rounded up; of one round when looping."""
        return -(-self._total_bytes // FRAME_BYTES)

    @property
    def available_bytes(self) -> int:
        """Audio that waits to be sent."""
        return len(self._audio) - self._offset

    @property
    def is_exhausted(self) -> bool:
        """Closed, and nothing is left to send."""
        return self.is_closed and not self.is_looping and self.available_bytes == 0

    def append(self, pcm: bytes) -> None:
        """Add audio; an odd byte waits for its other half. No-op once closed or ended."""
        if self.is_closed or self.has_ended:
            return
        pcm = self._odd + pcm
        whole = len(pcm) // 2 * 2
        self._odd = pcm[whole:]
        room = max(0, MAX_BUFFERED_BYTES - self.available_bytes)
        self.overflowed_bytes += max(0, whole - room)
        kept = min(whole, room)
        self._audio += pcm[:kept]
        self._total_bytes += kept

    def peek(self) -> bytes:
        """Up to one frame from the current position."""
        if not self.is_looping:
            return bytes(self._audio[self._offset : self._offset + FRAME_BYTES])
        chunk = bytes(self._audio[self._offset : self._offset + FRAME_BYTES])
        while len(chunk) < FRAME_BYTES:
            chunk += bytes(self._audio[: FRAME_BYTES - len(chunk)])
        return chunk

    def advance(self, size: int) -> None:
        """Move the position on by `size` bytes: one frame was sent."""
        self.frames_sent += 1
        self._offset += size
        if self.is_looping:
            self._offset %= len(self._audio)
        elif self._offset >= _COMPACT_BYTES:
            del self._audio[: self._offset]
            self._offset = 0

    def result(self) -> PlaybackResult:
        """Report what was heard so far."""
        return PlaybackResult(
            self.name, self.frames_sent, max(self.frames_total, self.frames_sent), self.is_exhausted
        )


@dataclass(frozen=True, slots=True)
class Slot:
    """One frame to send. `pcm`: 640 bytes. `begun`: its first frame is this one. `ended`: now finished."""

    pcm: bytes
    begun: QueuedAudio | None = None
    ended: tuple[QueuedAudio, ...] = ()


class PlayoutQueue:
    """Decides each frame of a leg. All methods return at once."""

    def __init__(self) -> None:
        self._queue: deque[QueuedAudio] = deque()
        self._is_paused = False
        self._fade_out: bytes | None = None
        self._last = SILENCE
        self._resumes = False
        self._flowing: QueuedAudio | None = None  # whose previous frame went out in the slot before

    @property
    def is_playing(self) -> bool:
        """Something is queued, playing or paused."""
        return bool(self._queue)

    def add(self, audio: QueuedAudio) -> bool:
        """Queue behind what is there; False when the queue is full (the playback then has ended)."""
        if len(self._queue) >= MAX_QUEUED:
            audio.has_ended = True
            return False
        self._queue.append(audio)
        return True

    def pause(self) -> None:
        """Fade the next frame out and hold position; no-op when nothing is queued or already paused."""
        if self._queue and not self._is_paused:
            self._is_paused = True
            self._fade_out = self._faded_next()

    def resume(self) -> None:
        """Go on from the held position; the first frame fades in."""
        if not self._is_paused:
            return
        self._is_paused = False
        if self._fade_out is not None:
            self._fade_out = None  # the fade was not sent yet: nothing was interrupted
        else:
            self._resumes = True

    def stop(self) -> tuple[QueuedAudio, ...]:
        """Fade the next frame out, drop the queue; what was dropped, in order, the playing one first."""
        if self._queue and not self._is_paused:
            self._fade_out = self._faded_next()
        dropped = tuple(self._queue)
        for audio in dropped:
            audio.has_ended = True
        self._queue.clear()
        self._is_paused = self._resumes = False
        return dropped

    def next_frame(self) -> Slot:
        """Decide the frame of this slot: silence when idle, paused, or in an underrun."""
        if self._fade_out is not None:
            pcm, self._fade_out = self._fade_out, None
            self._last, self._flowing = pcm, None
            return Slot(pcm)
        if self._is_paused:
            return self._silence()
        ended: list[QueuedAudio] = []
        while self._queue and self._queue[0].is_exhausted:
            ended.append(self._end_first())
        if not self._queue:
            return self._silence(tuple(ended))
        current = self._queue[0]
        chunk = current.peek()
        if len(chunk) < FRAME_BYTES and not current.is_closed:
            current.underruns += current.frames_sent > 0
            return self._silence(tuple(ended))
        begun = current if current.frames_sent == 0 else None
        current.advance(len(chunk))
        if current.is_exhausted:
            ended.append(self._end_first())
        pcm = self._smooth(chunk, current)
        self._last, self._flowing = pcm, current
        return Slot(pcm, begun, tuple(ended))

    def _end_first(self) -> QueuedAudio:
        audio = self._queue.popleft()
        audio.has_ended = True
        return audio

    def _faded_next(self) -> bytes | None:
        """Fade out the frame that was due next; None when the line is silent anyway."""
        current = self._queue[0]
        if current.frames_sent == 0 and self._last == SILENCE:
            return None
        chunk = current.peek()
        if len(chunk) < FRAME_BYTES:
            return None  # `_silence` decays from the last frame
        return faded(chunk if self._flowing is current else _joined(self._last, chunk), 1.0, 0.0)

    def _silence(self, ended: tuple[QueuedAudio, ...] = ()) -> Slot:
        pcm = SILENCE
        if self._last is not SILENCE:
            pcm = _joined(self._last, SILENCE)
        self._last, self._flowing = SILENCE, None  # a decay is over within its frame
        return Slot(pcm, None, ended)

    def _smooth(self, chunk: bytes, current: QueuedAudio) -> bytes:
        """Make a whole frame of it: joined to what was before, a partial one decaying into silence."""
        if self._flowing is not current and not self._resumes:
            chunk = _joined(self._last, chunk)
        missing = FRAME_BYTES - len(chunk)
        if missing:
            chunk += _joined(self._last + chunk, bytes(missing))
        if self._resumes:
            self._resumes = False
            return faded(chunk, 0.0, 1.0)
        return chunk


def _joined(before: bytes, after: bytes) -> bytes:
    """`after`, cross-faded over its first 5 ms from a mirror of the end of `before` if it would click."""
    old, new = samples_of(before), samples_of(after)
    if not old.size or not new.size or abs(int(new[0]) - int(old[-1])) <= _CLICK_STEP:
        return after
    count = min(_JOIN_SAMPLES, old.size, new.size)
    gain = np.arange(count, dtype=np.float32) / _JOIN_SAMPLES
    mixed = new[:count] * gain + old[: -count - 1 : -1] * (1.0 - gain)
    return pcm_of(mixed) + after[count * 2 :]
