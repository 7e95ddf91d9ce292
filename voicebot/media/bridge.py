"""Joins two legs until one of them ends, or until they are parted again.

Two RTP legs: packets are forwarded as they arrive (transcoded on arrival where codecs differ), without jitter
buffers and slots in between. Any other pair: frames go to the other's playout with a bounded delay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from voicebot.audio import AudioFrame
from voicebot.media.leg import DigitPressed, Leg, LegEnded
from voicebot.media.rtp import RtpSession

Side = Literal["first", "second"]
Tap = Callable[[Side, AudioFrame], None]
"""Gets each frame of each side; must return at once."""

MAX_BACKLOG_FRAMES = 4
"""Audio that may wait in the other leg's playout, in frames of 20 ms."""


@runtime_checkable
class RtpLeg(Protocol):
    """A leg whose packets can be forwarded."""

    @property
    def rtp(self) -> RtpSession | None:
        """Its session, None before the answer."""


@dataclass(frozen=True, slots=True)
class BridgeResult:
    """How it ended. `ended_by`: side whose leg ended, or 'parted'. `end`: its last signal.

    `dropped_frames`: frames of 20 ms left out to bound the delay.
    """

    ended_by: Side | Literal["parted"]
    end: LegEnded | None = None
    dropped_frames: int = 0


class Bridge:
    """One joining of two answered legs; it consumes frames and signals of both while it runs."""

    def __init__(self, first: Leg, second: Leg, *, tap: Tap | None = None) -> None:
        self._legs: dict[Side, Leg] = {"first": first, "second": second}
        self._tap = tap
        self._dropped = 0
        self._over: asyncio.Future[BridgeResult] = asyncio.get_running_loop().create_future()

    def part(self) -> None:
        """Give both legs back as they are; `run` returns 'parted'."""
        self._finish("parted", None)

    async def run(self) -> BridgeResult:
        """Join until the end. Cancelling it parts the legs."""
        sessions = self._sessions()
        if sessions is not None:
            one, other = sessions
            one.forward_to(other, keeps_frames=self._tap is not None)
            other.forward_to(one, keeps_frames=self._tap is not None)
        sides: tuple[tuple[Side, Side], ...] = (("first", "second"), ("second", "first"))
        jobs = []
        for source, target in sides:
            relays_keys = sessions is None or not self._forwards_keys(source, target)
            jobs.append(self._signals(source, target, relays_keys=relays_keys))
            if sessions is None:
                jobs.append(self._frames(source, target))
            elif self._tap is not None:
                jobs.append(self._listen(source, self._tap))
        tasks = [asyncio.create_task(job, name=f"bridge-{number}") for number, job in enumerate(jobs)]
        for task in tasks:
            task.add_done_callback(self._task_done)
        try:
            return await self._over
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if sessions is not None:
                sessions[0].stop_forwarding(sessions[1])
                sessions[1].stop_forwarding(sessions[0])
            else:
                for leg in self._legs.values():
                    leg.playout.stop()

    def _sessions(self) -> tuple[RtpSession, RtpSession] | None:
        first, second = self._legs["first"], self._legs["second"]
        if isinstance(first, RtpLeg) and isinstance(second, RtpLeg):
            one, other = first.rtp, second.rtp
            if one is not None and other is not None and one.agreed and other.agreed:
                return one, other
        return None

    def _forwards_keys(self, source: Side, target: Side) -> bool:
        one, other = self._legs[source], self._legs[target]
        assert isinstance(one, RtpLeg)
        assert isinstance(other, RtpLeg)
        return one.rtp is not None and other.rtp is not None and one.rtp.forwards_events_to(other.rtp)

    async def _signals(self, source: Side, target: Side, *, relays_keys: bool) -> None:
        async for signal in self._legs[source].signals():
            if isinstance(signal, LegEnded):
                self._finish(source, signal)
            elif isinstance(signal, DigitPressed) and relays_keys:
                with suppress(ValueError):  # more keys waiting than any person presses
                    await self._legs[target].send_digits(signal.digit)

    async def _frames(self, source: Side, target: Side) -> None:
        playback = self._legs[target].playout.begin("bridge")
        written = 0
        async for frame in self._legs[source].frames():
            if self._tap is not None:
                self._tap(source, frame)
            if written - playback.frames_sent >= MAX_BACKLOG_FRAMES:
                self._dropped += 1
                continue
            playback.write(frame.pcm)
            written += 1

    async def _listen(self, source: Side, tap: Tap) -> None:
        async for frame in self._legs[source].frames():
            tap(source, frame)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._over.done():
            self._over.set_exception(error)

    def _finish(self, ended_by: Side | Literal["parted"], end: LegEnded | None) -> None:
        if not self._over.done():
            self._over.set_result(BridgeResult(ended_by, end, self._dropped))


async def join(caller: Leg, agent: Leg) -> str:
    """Join a caller and an agent until one hangs up; 'caller' or 'agent' (the shape transfers want)."""
    result = await Bridge(caller, agent).run()
    return "caller" if result.ended_by == "first" else "agent"
