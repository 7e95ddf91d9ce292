"""Carrying out one transfer: bridged (dial, brief, press 1, join) or blind (REFER).

The caller stays with the bot, hearing music, until the agent has pressed 1. Whatever fails, the agent's leg
is ended, the music stops, and a typed result comes back: the caller is never lost in here. Cancel the
coroutine when the caller is gone: ringing stops (CANCEL), an answered agent is hung up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from voicebot.audio import AudioClip
from voicebot.errors import DialFailed, DialFailure, MediaError, SipError
from voicebot.media.leg import Dialler, DigitPressed, Leg, LegEnded
from voicebot.transfer.destinations import Destination

ACCEPT_KEY = "1"
DECLINE_KEY = "2"
_BRIEFING_PAUSE_SECONDS = 2.0


class TransferStateChanged(Protocol):
    """Called at each step, for the record: (state, failure)."""

    def __call__(self, state: str, failure: str | None = None) -> None:
        """Note the step."""


@dataclass(frozen=True, slots=True)
class TransferResult:
    """How it ended.

    `failure` set: nobody took the call, the caller is with the bot. Else `joined` is True and `ended_by` is
    'caller', 'agent' or 'referred' (the peer calls the destination itself now).
    """

    failure: DialFailure | None = None
    joined: bool = False
    ended_by: str = ""


class Bridger(Protocol):
    """Joins the caller's and the agent's leg until one ends; returns 'caller' or 'agent'."""

    async def __call__(self, caller: Leg, agent: Leg) -> str:
        """Run the bridge."""


@dataclass(frozen=True, slots=True)
class TransferTimes:
    """Seconds: how long the phone rings, and how long the agent may take to press 1."""

    ring_seconds: float = 25.0
    accept_seconds: float = 20.0


class TransferExecution:
    """One transfer of one caller."""

    def __init__(
        self,
        *,
        caller: Leg,
        dialler: Dialler | None,
        bridge: Bridger,
        hold_music: AudioClip,
        times: TransferTimes,
        progress: TransferStateChanged,
    ) -> None:
        self._caller, self._dialler, self._bridge = caller, dialler, bridge
        self._music, self._times, self._progress = hold_music, times, progress

    async def run(
        self, destination: Destination, briefing: Callable[[], AsyncIterator[bytes]]
    ) -> TransferResult:
        """Transfer the caller. `briefing` makes the audio the agent hears (s16le 16 kHz), anew each time."""
        if destination.kind == "blind":
            result = await self._blind(destination)
        else:
            result = await self._bridged(destination, briefing)
        if result.failure is not None:
            self._progress("failed", result.failure.value)
        return result

    async def _blind(self, destination: Destination) -> TransferResult:
        self._progress("ringing")
        try:
            outcome = await self._caller.refer(destination.uri)
        except NotImplementedError:
            return TransferResult(failure=DialFailure.FAILED)
        except (SipError, MediaError):
            return TransferResult(failure=DialFailure.FAILED)
        if outcome.accepted:
            self._progress("accepted")
            return TransferResult(joined=True, ended_by="referred")
        return TransferResult(failure=_failure_of(outcome.status))

    async def _bridged(
        self, destination: Destination, briefing: Callable[[], AsyncIterator[bytes]]
    ) -> TransferResult:
        if self._dialler is None:
            return TransferResult(failure=DialFailure.UNREACHABLE)
        self._caller.playout.loop(self._music)
        self._progress("ringing")
        agent: Leg | None = None
        try:
            agent = await self._dialler.dial(destination.uri, timeout_seconds=self._times.ring_seconds)
            self._progress("answered")
            failure = await self._brief(agent, briefing)
            if failure is not None:
                return TransferResult(failure=failure)
            self._progress("accepted")
            self._caller.playout.stop()
            agent.playout.stop()
            self._progress("joined")
            ended_by = await self._bridge(self._caller, agent)
            return TransferResult(joined=True, ended_by=ended_by)
        except DialFailed as failed:
            return TransferResult(failure=failed.reason)
        finally:
            self._caller.playout.stop()
            if agent is not None:
                await asyncio.shield(_hang_up(agent))

    async def _brief(self, agent: Leg, briefing: Callable[[], AsyncIterator[bytes]]) -> DialFailure | None:
        """Repeat the briefing until 1 (None), 2, the time limit, or the agent's end."""
        speaking = asyncio.create_task(_repeat_briefing(agent, briefing), name="brief-agent")
        try:
            async with asyncio.timeout(self._times.accept_seconds):
                async for signal in agent.signals():
                    if isinstance(signal, LegEnded):
                        return DialFailure.HUNG_UP
                    if isinstance(signal, DigitPressed) and signal.digit == ACCEPT_KEY:
                        self._progress("briefed")
                        return None
                    if isinstance(signal, DigitPressed) and signal.digit == DECLINE_KEY:
                        return DialFailure.DECLINED
            return DialFailure.HUNG_UP
        except TimeoutError:
            return DialFailure.REFUSED_BRIEFING
        finally:
            speaking.cancel()
            with suppress(asyncio.CancelledError):
                await speaking


async def _repeat_briefing(agent: Leg, briefing: Callable[[], AsyncIterator[bytes]]) -> None:
    while True:
        playback = agent.playout.begin("briefing")
        async for chunk in briefing():
            playback.write(chunk)
        playback.close()
        await playback.finished()
        await asyncio.sleep(_BRIEFING_PAUSE_SECONDS)


async def _hang_up(leg: Leg) -> None:
    with suppress(MediaError, SipError, TimeoutError):
        await leg.hang_up()


def _failure_of(status: int) -> DialFailure:
    """Map a SIP status to a reason (RFC 3261 §21)."""
    if status in {486, 600}:
        return DialFailure.BUSY
    if status in {603, 403}:
        return DialFailure.DECLINED
    if status in {480, 408, 487}:
        return DialFailure.NO_ANSWER
    if status in {404, 410, 503, 0}:
        return DialFailure.UNREACHABLE
    return DialFailure.FAILED
