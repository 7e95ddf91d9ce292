"""A playout that outlives the browser's connection: after a reload it goes on in the page's new leg.

Streams (the caller's voice) go on with what is written from then on, clips and loops start anew. While there
is no leg nothing is heard; whoever writes is told by `frames_sent` that the audio is gone, not late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voicebot.audio import FRAME_BYTES, AudioClip
from voicebot.media.leg import Playback, PlaybackResult, Playout


class MovingPlayback:
    """One playback; implements `leg.Playback`. `make`: begins it in a playout, anew in each."""

    def __init__(self, name: str, make: Callable[[Playout], Playback]) -> None:
        self._name, self._make = name, make
        self._playback: Playback | None = None
        self._before = 0  # frames that earlier legs took or lost
        self._written = 0  # bytes
        self._is_closed = self._is_over = False
        self._changed = asyncio.Event()

    @property
    def frames_sent(self) -> int:
        """Frames sent, or lost with an earlier leg."""
        current = self._playback.frames_sent if self._playback is not None else 0
        return self._before + current

    @property
    def underruns(self) -> int:
        """Slots of the present leg in which audio was not there."""
        return self._playback.underruns if self._playback is not None else 0

    @property
    def is_over(self) -> bool:
        """It was stopped or the leg ended."""
        return self._is_over

    def write(self, pcm: bytes) -> None:
        """Append audio; without a leg it is lost."""
        if self._is_closed or self._is_over:
            return
        self._written += len(pcm)
        if self._playback is None:
            self._before = self._written // FRAME_BYTES
        else:
            self._playback.write(pcm)

    def close(self) -> None:
        """No more audio comes."""
        self._is_closed = True
        if self._playback is not None:
            self._playback.close()

    def move(self, playout: Playout | None) -> None:
        """Go on in another leg's playout, or in none."""
        if self._is_over:
            return
        self._before = self._written // FRAME_BYTES
        self._playback = self._make(playout) if playout is not None else None
        if self._playback is not None and self._is_closed:
            self._playback.close()
        self._change()

    def end(self) -> None:
        """Nothing of it will be heard any more."""
        self._is_over = True
        self._change()

    async def started(self) -> float | None:
        """See Playback."""
        while True:
            changed, playback = self._changed, self._playback
            begun = await playback.started() if playback is not None else None
            if begun is not None or self._is_over:
                return begun
            await changed.wait()

    async def finished(self) -> PlaybackResult:
        """See Playback."""
        while True:
            changed, playback = self._changed, self._playback
            result = await playback.finished() if playback is not None else None
            if result is not None and (result.completed or self._is_over):
                self._is_over = True
                return result
            if self._is_over:
                return PlaybackResult(self._name, self.frames_sent, self.frames_sent, completed=False)
            await changed.wait()

    def _change(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class MovingPlayout:
    """Implements `leg.Playout` over one leg after another."""

    def __init__(self, playout: Playout) -> None:
        self._playout: Playout | None = playout
        self._playbacks: list[MovingPlayback] = []

    def play(self, clip: AudioClip) -> Playback:
        """Queue a clip."""
        return self._add(MovingPlayback(clip.name, lambda playout: playout.play(clip)))

    def begin(self, name: str) -> Playback:
        """Queue a stream."""
        return self._add(MovingPlayback(name, lambda playout: playout.begin(name)))

    def loop(self, clip: AudioClip) -> Playback:
        """Queue a loop."""
        return self._add(MovingPlayback(clip.name, lambda playout: playout.loop(clip)))

    def pause(self) -> None:
        """Hold position."""
        if self._playout is not None:
            self._playout.pause()

    def resume(self) -> None:
        """Go on."""
        if self._playout is not None:
            self._playout.resume()

    def stop(self) -> tuple[PlaybackResult, ...]:
        """Drop everything."""
        results = self._playout.stop() if self._playout is not None else ()
        self.end()
        return results

    @property
    def is_playing(self) -> bool:
        """Something is queued in the present leg."""
        return self._playout is not None and self._playout.is_playing

    def move(self, playout: Playout | None) -> None:
        """Go on in another leg, or wait for one."""
        self._playout = playout
        self._playbacks = [playback for playback in self._playbacks if not playback.is_over]
        for playback in self._playbacks:
            playback.move(playout)

    def end(self) -> None:
        """Settle whatever waits."""
        for playback in self._playbacks:
            playback.end()
        self._playbacks = []

    def _add(self, playback: MovingPlayback) -> Playback:
        self._playbacks = [known for known in self._playbacks if not known.is_over]
        self._playbacks.append(playback)
        playback.move(self._playout)
        return playback
