"""Who is to be reached in an attempt: an address of the allow-list, an agent, or whoever of a queue is free.

Each implements `execute.Reachable`. Whatever becomes of the attempt, no agent stays reserved or busy on its
account: `released` is called last, always.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from voicebot.errors import DialFailed, DialFailure, TransferRefused, VoicebotError
from voicebot.transfer.agents import Agent, AgentState
from voicebot.transfer.caps import Cap, TransferCaps
from voicebot.transfer.queue import Offer, Queue, QueueFull, Ticket

UNSTAFFED_SECONDS = 15.0
"""So long nobody of a queue may be at work before its callers go on to the next step of their route."""
LONG_AGO = -1e12


class Agents(Protocol):
    """The part of AgentPool that transfers use; see there."""

    async def next_agent(self, ticket: Ticket) -> Offer:
        """Wait for an agent, who is then reserved."""

    def accepted(self, offer: Offer) -> None:
        """The agent has taken the call."""

    def failed(self, offer: Offer, reason: DialFailure) -> None:
        """The agent has not taken it."""

    def withdrawn(self, offer: Offer) -> None:
        """The caller is gone."""

    def call_ended(self, agent_id: str, call_id: str = "") -> None:
        """The agent's call is over."""

    def position(self, call_id: str) -> int | None:
        """Place in the queue, from 1."""

    def expected_wait(self, call_id: str) -> float | None:
        """Seconds to an agent; None without a basis."""

    def queue_length(self, name: str) -> int:
        """How many wait."""

    def is_staffed(self, ticket: Ticket) -> bool:
        """Whether an agent at work could take this caller."""

    def agents(self) -> tuple[tuple[Agent, AgentState], ...]:
        """Every agent and what it is doing."""

    def subscribe(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Be told of changes; returns how to stop that."""

    def queue(self, name: str) -> Queue:
        """A queue by name. Raises TransferRefused."""

    def queues(self) -> tuple[Queue, ...]:
        """All queues."""

    def is_open(self, name: str, moment: datetime) -> bool:
        """Whether a queue is open. Raises TransferRefused."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What must be allowed before anything is dialled (law S2, S3).

    `check_contact`: raises TransferRefused for an address that no destination could have. `denied`: is told
    why an address was not dialled. `clock`: seconds, monotonic.
    """

    caps: TransferCaps
    caller: str
    clock: Callable[[], float]
    check_contact: Callable[[str], None]
    denied: Callable[[str, str], None]

    def admit(self, name: str) -> None:
        """Count one dial. Raises DialFailed."""
        cap: Cap | None = self.caps.admit(self.caller, name, self.clock())
        if cap is not None:
            self.denied(name, cap)
            raise DialFailed(DialFailure.BUSY if cap == "cap_destination" else DialFailure.FULL, cap)


class FixedReach:
    """One address of the allow-list."""

    def __init__(self, uri: str, name: str, guard: Guard) -> None:
        self._uri, self._name, self._guard = uri, name, guard
        self._is_admitted = False

    async def next(self) -> str:
        """See Reachable."""
        self._guard.admit(self._name)
        self._is_admitted = True
        return self._uri

    def accepted(self) -> None:
        """See Reachable."""

    def failed(self, reason: DialFailure) -> None:
        """See Reachable."""

    def released(self) -> None:
        """See Reachable."""
        if self._is_admitted:
            self._is_admitted = False
            self._guard.caps.leave(self._name)


class PoolReach:
    """An agent of the pool: whoever of the ticket's queue is free, or the one whom it names.

    `agent_id`: of who rings or talks now, '' nobody.
    """

    def __init__(
        self,
        pool: Agents,
        ticket: Ticket,
        guard: Guard,
        now: Callable[[], datetime],
        *,
        patience_seconds: float = 0.0,
    ) -> None:
        self._pool, self._ticket, self._guard, self._now = pool, ticket, guard, now
        self._patience_seconds = patience_seconds
        self._offer: Offer | None = None
        self._has_accepted = False
        self._admitted = ""
        self._last: DialFailure | None = None
        self.agent_id = ""

    async def next(self) -> str:
        """See Reachable; waits as long as it takes while somebody is at work."""
        while True:
            offer = await self._offered()
            self.agent_id = offer.agent.agent_id
            name = f"agent:{self.agent_id}"
            try:
                self._guard.check_contact(offer.agent.contact)
            except TransferRefused:
                self._guard.denied(name, "contact")
                self.failed(DialFailure.UNREACHABLE)
                continue
            self._guard.admit(name)
            self._admitted = name
            return offer.agent.contact

    async def _offered(self) -> Offer:
        try:
            self._check_open()
            return await self._wait()
        except QueueFull as full:
            raise DialFailed(DialFailure.FULL, full.code) from full
        except TransferRefused as refused:
            self._guard.denied(self._ticket.lane, "unknown")
            raise DialFailed(DialFailure.FAILED, refused.code) from refused

    def accepted(self) -> None:
        """See Reachable."""
        if self._offer is None:
            raise DialFailed(DialFailure.FAILED, "no offer")
        try:
            self._pool.accepted(self._offer)
        except VoicebotError as stale:
            raise DialFailed(DialFailure.FAILED, stale.code) from stale
        self._has_accepted = True

    def failed(self, reason: DialFailure) -> None:
        """See Reachable."""
        offer, self._offer = self._offer, None
        self._last = reason
        self._leave()
        if offer is not None and self._has_accepted:
            self._has_accepted = False
            self._pool.call_ended(offer.agent.agent_id, self._ticket.call_id)
        elif offer is not None:
            self._pool.failed(offer, reason)
        self.agent_id = ""

    def released(self) -> None:
        """See Reachable."""
        offer, self._offer = self._offer, None
        self._leave()
        if offer is not None and self._has_accepted:
            self._pool.call_ended(offer.agent.agent_id, self._ticket.call_id)
        elif offer is not None:
            self._pool.withdrawn(offer)

    def _leave(self) -> None:
        if self._admitted:
            self._guard.caps.leave(self._admitted)
            self._admitted = ""

    def _check_open(self) -> None:
        queue = self._ticket.queue
        if queue and not self._pool.is_open(queue, self._now()):
            raise DialFailed(DialFailure.CLOSED)
        if not self._is_staffed():
            raise DialFailed(self._last or self._why_absent())

    def _is_staffed(self) -> bool:
        """Whether anybody could ever take the call, those of the queues that it overflows to included."""
        return self._pool.is_staffed(replace(self._ticket, entered_at=LONG_AGO))

    def _why_absent(self) -> DialFailure:
        return DialFailure.NO_ANSWER if self._ticket.agent_id else DialFailure.UNREACHABLE

    async def _wait(self) -> Offer:
        """Wait for an offer, but not for people who have all gone home."""
        waiting = asyncio.create_task(self._pool.next_agent(self._ticket), name="wait-for-agent")
        deserted = asyncio.create_task(self._deserted(), name="wait-deserted")
        limit = self._patience_seconds or None
        try:
            await asyncio.wait({waiting, deserted}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                self._offer = waiting.result()  # at once: a cancellation below must find it here
                return self._offer
            reason = (self._last or self._why_absent()) if deserted.done() else DialFailure.BUSY
            raise DialFailed(reason)
        finally:
            waiting.cancel()
            deserted.cancel()
            await asyncio.wait({waiting, deserted})
            has_offer = not waiting.cancelled() and waiting.exception() is None
            if has_offer and self._offer is None:  # it came while the caller left
                self._pool.withdrawn(waiting.result())

    async def _deserted(self) -> None:
        """Return when nobody has been at work for a while."""
        changed = asyncio.Event()
        stop = self._pool.subscribe(changed.set)
        try:
            while True:
                changed.clear()
                if not self._is_staffed():
                    try:
                        async with asyncio.timeout(UNSTAFFED_SECONDS):
                            while not self._is_staffed():
                                await changed.wait()
                                changed.clear()
                    except TimeoutError:
                        return
                    continue
                await changed.wait()
        finally:
            stop()
