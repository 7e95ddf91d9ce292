"""Carrying out one transfer: bridged (dial, brief, press 1, join) or blind (REFER).

The caller stays with the bot, in company (music), until the agent has pressed 1. Whatever fails, the agent's
leg is ended, the music stops, and a typed result comes back: the caller is never lost in here. Cancel the
coroutine when the caller is gone: ringing stops (CANCEL), an answered agent is hung up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import structlog

from voicebot.errors import DialFailed, DialFailure, MediaError, SipError
from voicebot.media.leg import Dialler, DigitPressed, Leg, LegEnded
from voicebot.transfer.destinations import Destination

log = structlog.get_logger()

ACCEPT_KEY = "1"
DECLINE_KEY = "2"
BRIEFING_PAUSE_SECONDS = 2.0
BRIEFING_LIMIT_SECONDS = 25.0
"""A first briefing that lasts longer counts as heard."""
HANG_UP_SECONDS = 2.0
"""The agent's leg gets so long to end before the caller is attended to again."""
LEAST_RING_SECONDS = 10.0

Briefing = Callable[[], AsyncIterator[bytes]]
"""Makes the audio that the agent hears (s16le 16 kHz), anew each time; nothing when no voice works."""
Company = Callable[[], AbstractAsyncContextManager[None]]
"""Keeps the caller company (music) while it is entered."""


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
    """Seconds: how long the phone rings, how long the agent may take to press 1 after the first briefing.

    `offer_seconds`: so long after the request for a person a callback is offered at the latest (law H4).
    """

    ring_seconds: float = 25.0
    accept_seconds: float = 20.0
    offer_seconds: float = 150.0

    def ring_for(self, waited_seconds: float) -> float:
        """Return how long to ring for a caller who has waited so long already.

        Ringing ends early enough that a failure (which brings the offer) comes in time; once the offer was
        due, it has been made, and the phone rings its full time again.
        """
        left = self.offer_seconds - BRIEFING_LIMIT_SECONDS - self.accept_seconds - waited_seconds
        if left <= 0:
            return self.ring_seconds
        return min(self.ring_seconds, max(left, LEAST_RING_SECONDS))


class TransferExecution:
    """One transfer of one caller. `ring_seconds`: after which it is given up."""

    def __init__(
        self,
        *,
        caller: Leg,
        dialler: Dialler | None,
        bridge: Bridger,
        company: Company,
        ring_seconds: float,
        accept_seconds: float,
        progress: TransferStateChanged,
    ) -> None:
        self._caller, self._dialler, self._bridge, self._company = caller, dialler, bridge, company
        self._ring_seconds, self._accept_seconds, self._progress = ring_seconds, accept_seconds, progress

    async def run(self, destination: Destination, briefing: Briefing) -> TransferResult:
        """Transfer the caller."""
        try:
            if destination.kind == "blind":
                result = await self._blind(destination)
            else:
                result = await self._bridged(destination, briefing)
        except DialFailed as failed:
            result = TransferResult(failure=failed.reason)
        except (SipError, MediaError) as error:
            log.warning("transfer failed", action="transfer", code=error.code)
            result = TransferResult(failure=DialFailure.FAILED)
        if result.failure is not None:
            self._progress("failed", result.failure.value)
        return result

    async def _blind(self, destination: Destination) -> TransferResult:
        async with self._company():
            self._progress("ringing")
            try:
                outcome = await self._caller.refer(destination.uri)
            except NotImplementedError:
                return TransferResult(failure=DialFailure.FAILED)
            if outcome.accepted:
                self._progress("accepted")  # at once: a peer that left by BYE ends the call, and this task
        if outcome.accepted:
            return TransferResult(joined=True, ended_by="referred")
        return TransferResult(failure=_failure_of(outcome.status))

    async def _bridged(self, destination: Destination, briefing: Briefing) -> TransferResult:
        if self._dialler is None:
            return TransferResult(failure=DialFailure.UNREACHABLE)
        agent: Leg | None = None
        try:
            async with self._company():
                self._progress("ringing")
                agent = await self._dialler.dial(destination.uri, timeout_seconds=self._ring_seconds)
                self._progress("answered")
                failure = await self._brief(agent, briefing)
                if failure is not None:
                    await _hang_up(agent)
                    return TransferResult(failure=failure)
                self._progress("accepted")
            self._progress("joined")
            return TransferResult(joined=True, ended_by=await self._bridge(self._caller, agent))
        finally:
            if agent is not None:
                await asyncio.shield(asyncio.create_task(_hang_up(agent), name="hang-up-agent"))

    async def _brief(self, agent: Leg, briefing: Briefing) -> DialFailure | None:
        """Repeat the briefing until 1 (None), 2, the time limit, or the agent's end.

        When no voice works at all the agent, who would hear nothing, is joined at once.
        """
        was_heard = asyncio.Event()
        speaking = asyncio.create_task(_repeat_briefing(agent, briefing, was_heard), name="brief-agent")
        deciding = asyncio.create_task(_decision(agent), name="agent-decides")
        hearing = asyncio.create_task(was_heard.wait(), name="agent-hears")
        tasks = (speaking, deciding, hearing)
        try:
            # The time limit counts from the end of the first briefing: a slow voice takes long for it.
            await asyncio.wait(tasks, timeout=BRIEFING_LIMIT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not deciding.done() and not speaking.done():
                await asyncio.wait(
                    (speaking, deciding),
                    timeout=self._accept_seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            if deciding.done():
                failure = deciding.result()
            elif speaking.done():
                failure = speaking.result()
            else:
                failure = DialFailure.REFUSED_BRIEFING
            if failure is None:
                self._progress("briefed")
            return failure
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            agent.playout.stop()


async def _decision(agent: Leg) -> DialFailure | None:
    async for signal in agent.signals():
        if isinstance(signal, LegEnded):
            break
        if isinstance(signal, DigitPressed) and signal.digit == ACCEPT_KEY:
            return None
        if isinstance(signal, DigitPressed) and signal.digit == DECLINE_KEY:
            return DialFailure.DECLINED
    return DialFailure.HUNG_UP


async def _repeat_briefing(agent: Leg, briefing: Briefing, was_heard: asyncio.Event) -> None:
    """Speak until cancelled; return when there is nothing to be heard. Sets `was_heard` after the first."""
    while True:
        playback = agent.playout.begin("briefing")
        is_audible = False
        async for chunk in briefing():
            playback.write(chunk)
            is_audible = True
        playback.close()
        if not is_audible:
            return
        await playback.finished()
        was_heard.set()
        await asyncio.sleep(BRIEFING_PAUSE_SECONDS)


async def _hang_up(leg: Leg) -> None:
    try:
        async with asyncio.timeout(HANG_UP_SECONDS):
            await leg.hang_up()
    except (MediaError, SipError, TimeoutError) as error:
        log.warning("agent's leg did not end in order", action="transfer", error=type(error).__name__)


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
