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

from voicebot.audio import AudioClip, AudioFrame
from voicebot.events import Language
from voicebot.media.leg import (
    Captioned,
    DigitPressed,
    HandOn,
    HoldRequested,
    Leg,
    LegEnded,
    LegSignal,
    ResumeRequested,
    Speaking,
    TextReceived,
)
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
    """How it ended. `ended_by`: side whose leg ended, or 'parted'.

    `end`: the signal that ended it: LegEnded, or HandOn or HoldRequested of an agent at a desk.
    `dropped_frames`: frames of 20 ms left out to bound the delay.
    """

    ended_by: Side | Literal["parted"]
    end: LegSignal | None = None
    dropped_frames: int = 0


class Bridge:
    """One joining of two answered legs; it consumes frames and signals of both while it runs.

    What one side types is shown to the other where that can show it. `language`: of those lines.
    """

    def __init__(self, first: Leg, second: Leg, *, tap: Tap | None = None, language: Language = "nl") -> None:
        self._legs: dict[Side, Leg] = {"first": first, "second": second}
        self._tap, self._language = tap, language
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
            elif isinstance(signal, HandOn | HoldRequested) and source == "second":
                self._finish("parted", signal)
            elif isinstance(signal, TextReceived):
                reader = self._legs[target]
                if isinstance(reader, Captioned):
                    speaker: Speaking = "caller" if source == "first" else "agent"
                    reader.caption(speaker, signal.text, self._language)
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

    def _finish(self, ended_by: Side | Literal["parted"], end: LegSignal | None) -> None:
        if not self._over.done():
            self._over.set_result(BridgeResult(ended_by, end, self._dropped))


@dataclass(frozen=True, slots=True)
class BridgeEnd:
    """How a caller and an agent were parted. `target`: 'agent:anna' or 'queue:service' when handed on."""

    by: Literal["caller", "agent", "handed_on"]
    target: str = ""


async def join(caller: Leg, agent: Leg, *, hold_music: AudioClip | None = None) -> BridgeEnd:
    """Join a caller and an agent until one leaves or the agent hands on; the agent may hold in between."""
    while True:
        result = await Bridge(caller, agent).run()
        if isinstance(result.end, HoldRequested):
            end = await _hold(caller, agent, hold_music)
            if end is not None:
                return end
            continue
        if isinstance(result.end, HandOn):
            return BridgeEnd("handed_on", result.end.target)
        return BridgeEnd("caller" if result.ended_by == "first" else "agent")


async def _hold(caller: Leg, agent: Leg, music: AudioClip | None) -> BridgeEnd | None:
    """Music for the caller, nothing for the agent, until taken back (None) or over."""
    if music is not None:
        caller.playout.loop(music)
    jobs = {
        asyncio.create_task(_end_of(caller), name="hold-caller"),
        asyncio.create_task(_agent_while_holding(agent), name="hold-agent"),
    }
    # What is said meanwhile is for nobody; unread it would be heard when they are joined again.
    drains = [asyncio.create_task(_drain(leg), name="hold-drain") for leg in (caller, agent)]
    try:
        done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in (*jobs, *drains):
            task.cancel()
        await asyncio.gather(*jobs, *drains, return_exceptions=True)
        caller.playout.stop()


async def _end_of(caller: Leg) -> BridgeEnd:
    async for signal in caller.signals():
        if isinstance(signal, LegEnded):
            break
    return BridgeEnd("caller")


async def _agent_while_holding(agent: Leg) -> BridgeEnd | None:
    async for signal in agent.signals():
        match signal:
            case ResumeRequested():
                return None
            case HandOn(target=target):
                return BridgeEnd("handed_on", target)
            case LegEnded():
                break
    return BridgeEnd("agent")


async def _drain(leg: Leg) -> None:
    async for _ in leg.frames():
        pass
