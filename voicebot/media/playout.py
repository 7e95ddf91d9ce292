"""The sender of a leg as its call sees it (protocol Playout): futures around the I/O-free PlayoutQueue.

Whoever owns the leg's slots calls `take_frame()` once each 20 ms (`ticker.py` on real legs, tests on fakes).
"""

from __future__ import annotations

import asyncio

from voicebot.audio import AudioClip
from voicebot.media.leg import Playback, PlaybackResult
from voicebot.media.playout_queue import PlayoutQueue, QueuedAudio


class LegPlayback:
    """One playback; implements `leg.Playback`."""

    def __init__(self, audio: QueuedAudio) -> None:
        self.audio = audio
        self._settled = asyncio.Event()
        self._begun = asyncio.Event()
        self._started_at: float | None = None

    @property
    def frames_sent(self) -> int:
        """Frames that went to the wire so far."""
        return self.audio.frames_sent

    @property
    def underruns(self) -> int:
        """Slots in which audio was not there."""
        return self.audio.underruns

    def write(self, pcm: bytes) -> None:
        """Append s16le 16 kHz mono of any length."""
        self.audio.append(pcm)

    def close(self) -> None:
        """No more audio comes."""
        self.audio.is_closed = True

    async def started(self) -> float | None:
        """Time of its first frame (time.monotonic()), None if it never will be sent."""
        await self._begun.wait()
        return self._started_at

    async def finished(self) -> PlaybackResult:
        """Wait until it was played, stopped, or the leg ended."""
        await self._settled.wait()
        return self.audio.result()

    def mark_begun(self, now: float) -> None:
        """Its first frame goes out at `now` (seconds, monotonic)."""
        self._started_at = now
        self._begun.set()

    def mark_ended(self) -> None:
        """Nothing of it will be sent any more."""
        self._begun.set()
        self._settled.set()


class LegPlayout:
    """The queue of one leg; implements `leg.Playout`."""

    def __init__(self) -> None:
        self._queue = PlayoutQueue()
        self._playbacks: dict[QueuedAudio, LegPlayback] = {}
        self._is_ended = False
        self.refused = 0
        """Playbacks refused because the queue was full."""

    def play(self, clip: AudioClip) -> Playback:
        """Queue a whole clip behind what is playing."""
        return self._add(QueuedAudio(clip.name, clip.pcm, closed=True))

    def begin(self, name: str) -> Playback:
        """Queue a playback whose audio comes by write()."""
        return self._add(QueuedAudio(name))

    def loop(self, clip: AudioClip) -> Playback:
        """Queue a clip that starts anew at its end until stop()."""
        return self._add(QueuedAudio(clip.name, clip.pcm, closed=True, looping=True))

    def pause(self) -> None:
        """Fade out over one frame and hold position."""
        self._queue.pause()

    def resume(self) -> None:
        """Fade in and go on from the held position."""
        self._queue.resume()

    def stop(self) -> tuple[PlaybackResult, ...]:
        """Fade out over one frame, drop the queue, say what was heard of each playback."""
        dropped = self._queue.stop()
        for audio in dropped:
            self._end(audio)
        return tuple(audio.result() for audio in dropped)

    @property
    def is_playing(self) -> bool:
        """Something is queued, playing or paused."""
        return self._queue.is_playing

    def take_frame(self, now: float) -> bytes:
        """Take the next 640 bytes for the wire; `now`: seconds, monotonic, of their sending."""
        slot = self._queue.next_frame()
        if slot.begun is not None and (playback := self._playbacks.get(slot.begun)) is not None:
            playback.mark_begun(now)
        for audio in slot.ended:
            self._end(audio)
        return slot.pcm

    def end(self) -> None:
        """End with the leg: settle everything; later playbacks end at once."""
        self._is_ended = True
        self.stop()

    def _add(self, audio: QueuedAudio) -> Playback:
        playback = LegPlayback(audio)
        if self._is_ended or not self._queue.add(audio):
            self.refused += not self._is_ended
            audio.has_ended = True
            playback.mark_ended()
            return playback
        self._playbacks[audio] = playback
        return playback

    def _end(self, audio: QueuedAudio) -> None:
        playback = self._playbacks.pop(audio, None)
        if playback is not None:
            playback.mark_ended()
