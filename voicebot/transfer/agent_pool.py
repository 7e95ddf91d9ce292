"""The queue board on the media loop: callers await an agent, desks and calls say what happens to them.

All methods are called on the loop. The board decides; this keeps the futures and the one timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

from voicebot.errors import DialFailure
from voicebot.transfer.agent_posts import QueueTimes, StateChange
from voicebot.transfer.agents import Agent, AgentState
from voicebot.transfer.opening_hours import OpeningHours
from voicebot.transfer.queue import Offer, Queue, QueueBoard, Ticket

LEAST_PAUSE_SECONDS = 0.01
"""A timer that fires a moment too early, as loops may, must not be set again at once for ever."""

OnStateChange = Callable[[StateChange], None]
"""Gets each change of an agent's state, for the log; must return at once and not raise."""


class AgentPool:
    """Queues and agents of this process.

    `clock`: seconds, monotonic, the loop's. `now`: the date and time for opening hours.
    """

    def __init__(
        self,
        queues: Iterable[Queue],
        agents: Iterable[Agent],
        hours: OpeningHours,
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        times: QueueTimes | None = None,
        on_state: OnStateChange | None = None,
    ) -> None:
        self._board = QueueBoard(queues, agents, times)
        self._hours, self._clock, self._now, self._on_state = hours, clock, now, on_state
        self._awaited: dict[str, asyncio.Future[Offer]] = {}
        self._listeners: dict[object, Callable[[], None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    # -- callers ----------------------------------------------------------------------------------------

    async def next_agent(self, ticket: Ticket) -> Offer:
        """Wait in the queue for an agent, who is then reserved: call `accepted`, `failed` or `withdrawn`.

        A caller that comes back with the same `entered_at` after `failed` has its place again. Cancelling
        leaves the queue. Raises QueueFull, or TransferRefused for an unknown queue or agent.
        """
        call_id = ticket.call_id
        if call_id in self._awaited:
            raise ValueError("the call waits for an agent already")
        self._refresh_closed()
        self._board.enter(ticket, self._clock())
        future: asyncio.Future[Offer] = asyncio.get_running_loop().create_future()
        self._awaited[call_id] = future
        self._match()
        try:
            return await future
        except asyncio.CancelledError:
            self._board.leave(call_id, self._clock())
            self._match()
            raise
        finally:
            del self._awaited[call_id]

    def accepted(self, offer: Offer) -> None:
        """The agent has taken the call (BUSY). Raises StaleOffer when the offer does not stand any more."""
        self._board.accepted(offer, self._clock())
        self._match()

    def failed(self, offer: Offer, reason: DialFailure) -> None:
        """The agent did not take the call: free again, or on a break when nobody answered."""
        self._board.failed(offer, reason, self._clock())
        self._match()

    def withdrawn(self, offer: Offer) -> None:
        """The caller is gone while the agent rings: no blame, the agent is as long idle as before."""
        self._board.withdrawn(offer, self._clock())
        self._match()

    def call_ended(self, agent_id: str, call_id: str = "") -> None:
        """The agent's call is over (AFTER_CALL); nothing when it has none, or another than `call_id`."""
        self._board.call_ended(agent_id, self._clock(), call_id)
        self._match()

    def position(self, call_id: str) -> int | None:
        """Return the place in the queue, from 1; None when not in a queue."""
        return self._board.position(call_id)

    def expected_wait(self, call_id: str) -> float | None:
        """Estimate the seconds to an agent from recent calls; None when there is no basis."""
        return self._board.expected_wait(call_id, self._clock())

    def queue_length(self, name: str) -> int:
        """Return how many callers wait in a queue."""
        return self._board.length(name)

    def queue_wait(self, name: str) -> float | None:
        """Estimate the seconds that a caller who came now would wait; None when there is no basis."""
        return self._board.queue_wait(name, self._clock())

    def longest(self, name: str) -> float:
        """Return the seconds that the first of a queue has waited; 0 when nobody waits."""
        first = self._board.waiting(name)[:1]
        return max(0.0, self._clock() - first[0].entered_at) if first else 0.0

    def is_staffed(self, ticket: Ticket) -> bool:
        """Whether an agent at work could take this caller, now or when free."""
        return self._board.is_staffed(ticket, self._clock())

    def waited_seconds(self, ticket: Ticket) -> float:
        """Return the seconds since the caller came into the queue."""
        return self._clock() - ticket.entered_at

    # -- agents -----------------------------------------------------------------------------------------

    def set_state(self, agent_id: str, state: AgentState) -> None:
        """Do as the agent says; while ringing or talking it waits for the end of that.

        Raises TransferRefused for an unknown agent, ValueError for RINGING and BUSY.
        """
        self._board.set_state(agent_id, state, self._clock())
        self._match()

    def reserve(self, agent_id: str, ticket: Ticket) -> Offer | None:
        """Reserve an agent who wants to call somebody back; None while ringing, talking or offline."""
        offer = self._board.reserve(agent_id, ticket, self._clock())
        self._match()
        return offer

    def set_agents(self, agents: Iterable[Agent]) -> None:
        """Make these the agents; states and calls go on."""
        self._board.set_agents(agents, self._clock())
        self._match()

    def agents(self) -> tuple[tuple[Agent, AgentState], ...]:
        """Return every agent and what it is doing."""
        return self._board.agents()

    def subscribe(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Be told (at once, on the loop) when agents or queues have changed; returns how to stop that."""
        key = object()
        self._listeners[key] = on_change

        def stop() -> None:
            self._listeners.pop(key, None)

        return stop

    # -- queues -----------------------------------------------------------------------------------------

    def queue(self, name: str) -> Queue:
        """Return a queue. Raises TransferRefused for an unknown name."""
        return self._board.queue(name)

    def queues(self) -> tuple[Queue, ...]:
        """Return all queues."""
        return self._board.queues()

    def is_open(self, name: str, moment: datetime) -> bool:
        """Whether the queue's hours say open at that moment. Raises TransferRefused for an unknown name."""
        return self._hours.schedule(self.queue(name).hours).is_open(moment)

    def next_opening(self, name: str, moment: datetime) -> datetime | None:
        """When the queue opens next."""
        return self._hours.schedule(self.queue(name).hours).next_opening(moment)

    def seed_handling(self, samples: Iterable[tuple[str, float, float]]) -> None:
        """Give the estimate recent calls from storage: (queue, seconds ago that it was done, seconds)."""
        now = self._clock()
        for lane, ago, seconds in samples:
            self._board.handling.note(lane, seconds, now - ago)

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- inside -----------------------------------------------------------------------------------------

    def _refresh_closed(self) -> None:
        moment = self._now()
        self._board.set_closed(q.name for q in self._board.queues() if not self.is_open(q.name, moment))

    def _match(self) -> None:
        """Hand out agents, log what changed, and set the timer for what changes by itself."""
        self._refresh_closed()
        now = self._clock()
        for offer in self._board.offers(now):
            future = self._awaited.get(offer.ticket.call_id)
            if future is None or future.done():
                self._board.withdrawn(offer, now)
            else:
                future.set_result(offer)
        self._arm(now)
        if self._on_state is not None:
            for change in self._board.take_changes():
                self._on_state(change)
        for listener in tuple(self._listeners.values()):
            listener()

    def _arm(self, now: float) -> None:
        self.close()
        at = self._board.next_change(now)
        if at is not None:
            self._timer = asyncio.get_running_loop().call_later(
                max(at - now, LEAST_PAUSE_SECONDS), self._match
            )
