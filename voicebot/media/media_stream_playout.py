"""The sender of a stream: the playout core, with a mark behind each playback that comes to its end.

A gateway reports the mark when it has played what came before; until then `finished()` waits, so that
'played to its end' means heard. A gateway that never reports marks costs one short wait, and is believed.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from voicebot.audio import AudioClip
from voicebot.media.leg import Playback, PlaybackResult
from voicebot.media.playout import LegPlayback, LegPlayout

CONFIRM_SECONDS = 1.0
_MAX_MARKS = 128


class StreamPlayback:
    """One playback; implements `leg.Playback`."""

    def __init__(self, inner: LegPlayback, mark: str, owner: StreamPlayout) -> None:
        self.inner, self.mark = inner, mark
        self.confirmed = asyncio.Event()
        self.was_confirmed = False
        self._owner = owner

    @property
    def frames_sent(self) -> int:
        """Frames that went to the wire so far."""
        return self.inner.frames_sent

    @property
    def underruns(self) -> int:
        """Slots in which audio was not there."""
        return self.inner.underruns

    def write(self, pcm: bytes) -> None:
        """Append s16le 16 kHz mono of any length."""
        self.inner.write(pcm)

    def close(self) -> None:
        """No more audio comes."""
        self.inner.close()

    async def started(self) -> float | None:
        """Time of its first frame (time.monotonic()), None if it never will be sent."""
        return await self.inner.started()

    async def finished(self) -> PlaybackResult:
        """Wait until it was heard, stopped, or the leg ended."""
        result = await self.inner.finished()
        if not result.completed or await self._owner.is_heard(self):
            return result
        return replace(result, completed=False)


class StreamPlayout:
    """The queue of one stream; implements `leg.Playout`. `send_mark`, `send_clear` write to the gateway."""

    def __init__(self, send_mark: Callable[[str], None], send_clear: Callable[[], None]) -> None:
        self._core = LegPlayout()
        self._send_mark, self._send_clear = send_mark, send_clear
        self._unended: OrderedDict[str, StreamPlayback] = OrderedDict()
        self._unconfirmed: OrderedDict[str, StreamPlayback] = OrderedDict()
        self._numbers = itertools.count(1)
        self._gateway_marks: bool | None = None
        self._is_ended = False

    def play(self, clip: AudioClip) -> Playback:
        """Queue a whole clip behind what is playing."""
        return self._add(self._core.play(clip))

    def begin(self, name: str) -> Playback:
        """Queue a playback whose audio comes by write()."""
        return self._add(self._core.begin(name))

    def loop(self, clip: AudioClip) -> Playback:
        """Queue a clip that starts anew at its end until stop()."""
        return self._add(self._core.loop(clip))

    def pause(self) -> None:
        """Fade out over one frame and hold position."""
        self._core.pause()

    def resume(self) -> None:
        """Fade in and go on from the held position."""
        self._core.resume()

    def stop(self) -> tuple[PlaybackResult, ...]:
        """Fade out, drop the queue here and at the gateway, say what was sent of each playback."""
        if self._core.is_playing and not self._is_ended:
            self._send_clear()
        stopped = self._core.stop()
        self._unended.clear()
        return stopped

    @property
    def is_playing(self) -> bool:
        """Something is queued, playing or paused."""
        return self._core.is_playing

    def take_frame(self, now: float) -> bytes:
        """Take the next 640 bytes for the wire; `now`: seconds, monotonic."""
        return self._core.take_frame(now)

    def send_due_marks(self) -> None:
        """Mark the playbacks whose last frame was just sent; call behind the sending of a frame."""
        while self._unended:
            name, first = next(iter(self._unended.items()))
            if not first.inner.audio.has_ended:
                return
            del self._unended[name]
            if first.inner.audio.is_exhausted and first.frames_sent:
                self._unconfirmed[name] = first
                self._send_mark(name)
        while len(self._unconfirmed) > _MAX_MARKS:
            self._unconfirmed.popitem(last=False)

    def confirm(self, mark: str) -> None:
        """Take in a mark that the gateway reports; unknown ones are ignored."""
        playback = self._unconfirmed.pop(mark, None)
        if playback is not None:
            self._gateway_marks = True
            playback.was_confirmed = True
            playback.confirmed.set()

    async def is_heard(self, playback: StreamPlayback) -> bool:
        """Wait for the mark of a playback that was sent to its end.

        False only when the gateway reports marks and the leg ended before this one was reported.
        """
        if self._gateway_marks is False or playback.frames_sent == 0:
            return True
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                await playback.confirmed.wait()
        except TimeoutError:
            self._gateway_marks = self._gateway_marks or False
        return playback.was_confirmed or not (self._is_ended and self._gateway_marks)

    def end(self) -> None:
        """End with the leg: settle everything."""
        self._is_ended = True
        self._core.end()
        for playback in (*self._unended.values(), *self._unconfirmed.values()):
            playback.confirmed.set()
        self._unended.clear()
        self._unconfirmed.clear()

    def _add(self, inner: Playback) -> Playback:
        assert isinstance(inner, LegPlayback)
        playback = StreamPlayback(inner, f"p{next(self._numbers)}", self)
        if inner.audio.has_ended:
            playback.confirmed.set()
        else:
            self._unended[playback.mark] = playback
        return playback
