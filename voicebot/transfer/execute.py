"""Carrying out one attempt: the shell around `course.advance`.

Each command has one coroutine that does it and returns what happened. The caller stays in company (music)
until a person has accepted. Cancel `run` when the caller is gone or chooses otherwise: ringing stops
(CANCEL), the queue is left, an answered agent is hung up and is free again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

import structlog

from voicebot.errors import DialFailed, DialFailure, MediaError, SipError
from voicebot.media.bridge import BridgeEnd
from voicebot.media.leg import Dialler, Leg, LegEnded
from voicebot.transfer.agents import AgentBriefing
from voicebot.transfer.course import (
    FINAL,
    Accepted,
    AgentFound,
    Announced,
    Answered,
    CallerLeft,
    Command,
    Connected,
    Happening,
    NotTaken,
    Parted,
    Plan,
    Referred,
    Replaced,
    TransferState,
    advance,
)
from voicebot.transfer.spoken_briefing import BRIEFING_LIMIT_SECONDS, Briefing, brief

log = structlog.get_logger()

HANG_UP_SECONDS = 2.0
"""The agent's leg gets so long to end before the caller is attended to again."""
LEAST_RING_SECONDS = 10.0
REPLACED_SECONDS = 5.0
"""An agent's leg that was replaced has gone: the NOTIFY that says so follows within this, or it was not."""

Company = Callable[[], AbstractAsyncContextManager[None]]
"""Keeps the caller company (music) while it is entered."""


class TransferStateChanged(Protocol):
    """Called at each step, for the record."""

    def __call__(self, state: TransferState, failure: DialFailure | None = None) -> None:
        """Note the step; returns at once."""


@dataclass(frozen=True, slots=True)
class TransferResult:
    """How it ended.

    `failure` set: nobody took the call, the caller is with the bot. `choice` set: the caller chose that
    instead of waiting ('callback', 'message'). Else `joined` is True and `ended_by` is 'caller', 'agent',
    'handed_on' (to `target`) or 'referred' (the peer calls the destination itself now).
    """

    failure: DialFailure | None = None
    joined: bool = False
    ended_by: str = ""
    target: str = ""
    choice: str = ""


class Bridger(Protocol):
    """Joins the caller's and the agent's leg until one ends or the agent hands on."""

    async def __call__(self, caller: Leg, agent: Leg) -> BridgeEnd:
        """Run the bridge."""


class Reachable(Protocol):
    """Who is to be reached: one address, or whoever of a queue is free."""

    async def next(self) -> str:
        """Return the URI to dial; reserves its agent. Raises DialFailed when there is nobody."""

    def accepted(self) -> None:
        """The agent wants the call. Raises DialFailed when the reservation does not stand any more."""

    def failed(self, reason: DialFailure) -> None:
        """The agent did not take it."""

    def released(self) -> None:
        """The attempt is over, however: nobody stays reserved or busy on its account."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What to attempt. `spoken`: to an agent on a telephone; `shown`: made when a desk is rung."""

    plan: Plan
    reachable: Reachable
    spoken: Briefing
    shown: Callable[[], Awaitable[AgentBriefing]] | None = None


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
    """One attempt for one caller. `ring_seconds`: after which it is given up.

    `let_go`: the caller's frames and signals are wanted for the bridge. `referred`: called at once when the
    caller's peer is with another: the end of its leg is no hanging up. `state` can be read at any time.
    """

    def __init__(
        self,
        *,
        caller: Leg,
        dialler: Dialler | None,
        bridge: Bridger,
        company: Company,
        let_go: Callable[[], Awaitable[None]],
        referred: Callable[[], None],
        ring_seconds: float,
        accept_seconds: float,
        progress: TransferStateChanged,
    ) -> None:
        self._caller, self._dialler, self._bridge, self._company = caller, dialler, bridge, company
        self._let_go, self._referred, self._progress = let_go, referred, progress
        self._ring_seconds, self._accept_seconds = ring_seconds, accept_seconds
        self.state = TransferState.ASKED
        self._failure: DialFailure | None = None
        self._agent: Leg | None = None
        self._uri = ""
        self._end: BridgeEnd | None = None
        self._has_company = False

    async def run(self, attempt: Attempt) -> TransferResult:
        """Attempt it; the announcement has been played."""
        happening: Happening = Announced()
        try:
            async with AsyncExitStack() as company:
                while (command := self._take(attempt.plan, happening)) is not Command.FINISH:
                    if not self._has_company:
                        await company.enter_async_context(self._company())
                        self._has_company = True
                    if command is Command.CONNECT:
                        await company.aclose()
                    happening = await self._carry_out(command, attempt)
        except asyncio.CancelledError:
            if self.state not in FINAL:
                self._take(attempt.plan, CallerLeft())
            raise
        finally:
            attempt.reachable.released()
            await self._release_agent()
        return self._result()

    def _take(self, plan: Plan, happening: Happening) -> Command:
        """Follow the course; what is noted is noted before anybody else runs."""
        move = advance(plan, self.state, happening)
        for state in move.states:
            self.state = state
            is_last = state is move.states[-1]
            self._progress(state, move.failure if is_last else None)
        self._failure = move.failure
        return move.command

    async def _carry_out(self, command: Command, attempt: Attempt) -> Happening:
        """Do what the course wants; a failure of the legs is a happening like others."""
        try:
            match command:
                case Command.WAIT:
                    await self._release_agent()
                    self._uri = await attempt.reachable.next()
                    return AgentFound()
                case Command.DIAL:
                    return await self._dial(attempt)
                case Command.BRIEF:
                    return await self._brief(attempt)
                case Command.REFER:
                    return await self._refer(attempt)
                case Command.REPLACE:
                    return await self._replace()
                case Command.CONNECT:
                    await self._let_go()
                    return Connected()
                case _:
                    return await self._join()
        except DialFailed as failed:
            return await self._not_taken(attempt, failed.reason)
        except (SipError, MediaError) as error:
            log.warning("transfer failed", action="transfer", code=error.code)
            return await self._not_taken(attempt, DialFailure.FAILED)

    async def _not_taken(self, attempt: Attempt, reason: DialFailure) -> NotTaken:
        attempt.reachable.failed(reason)
        await self._release_agent()
        return NotTaken(reason)

    async def _dial(self, attempt: Attempt) -> Happening:
        if self._dialler is None:
            raise DialFailed(DialFailure.UNREACHABLE, "no outbound calls")
        if not attempt.plan.is_queued:
            self._uri = await attempt.reachable.next()
        is_at_desk = self._uri.startswith("desk:")
        self._agent = await self._dialler.dial(
            self._uri,
            timeout_seconds=self._ring_seconds,
            briefing=await attempt.shown() if is_at_desk and attempt.shown is not None else None,
        )
        if is_at_desk:
            attempt.reachable.accepted()
        return Answered(has_accepted=is_at_desk)

    async def _brief(self, attempt: Attempt) -> Happening:
        assert self._agent is not None
        failure = await brief(self._agent, attempt.spoken, self._accept_seconds)
        if failure is not None:
            return await self._not_taken(attempt, failure)
        attempt.reachable.accepted()
        return Accepted()

    async def _refer(self, attempt: Attempt) -> Happening:
        try:
            outcome = await self._caller.refer(await attempt.reachable.next())
        except NotImplementedError:
            return Referred(DialFailure.FAILED)
        if outcome.accepted:
            self._referred()
        return Referred(None if outcome.accepted else failure_of(outcome.status))

    async def _replace(self) -> Happening:
        """Let the caller's peer take our place; where that fails, both legs are still here to be joined."""
        agent = self._agent
        assert agent is not None
        try:
            async with asyncio.timeout(None) as limit:
                watch = asyncio.create_task(_limit_after_end(agent, limit), name="watch-agent")
                try:
                    outcome = await self._caller.refer(self._uri, replaces=agent)
                    if outcome.accepted:
                        self._referred()
                finally:
                    watch.cancel()
                    await asyncio.wait({watch})
        except (NotImplementedError, SipError, MediaError, TimeoutError):
            return Replaced(False)
        return Replaced(outcome.accepted)

    async def _join(self) -> Happening:
        assert self._agent is not None
        self._end = await self._bridge(self._caller, self._agent)
        return Parted(self._end.by)

    async def _release_agent(self) -> None:
        agent, self._agent = self._agent, None
        if agent is not None:
            await asyncio.shield(asyncio.create_task(_hang_up(agent), name="hang-up-agent"))

    def _result(self) -> TransferResult:
        if self.state is TransferState.FAILED:
            return TransferResult(failure=self._failure)
        if self._end is None:
            return TransferResult(joined=True, ended_by="referred")
        return TransferResult(joined=True, ended_by=self._end.by, target=self._end.target)


async def _limit_after_end(agent: Leg, limit: asyncio.Timeout) -> None:
    """The agent's peer has left: it was replaced, which the NOTIFY will say, or it has hung up."""
    async for signal in agent.signals():
        if isinstance(signal, LegEnded):
            limit.reschedule(asyncio.get_running_loop().time() + REPLACED_SECONDS)


async def _hang_up(leg: Leg) -> None:
    try:
        async with asyncio.timeout(HANG_UP_SECONDS):
            await leg.hang_up()
    except (MediaError, SipError, TimeoutError) as error:
        log.warning("agent's leg did not end in order", action="transfer", error=type(error).__name__)


def failure_of(status: int) -> DialFailure:
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
