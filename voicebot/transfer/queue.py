"""The queue board: who waits, who can take whom, who is next. Pure: `now` is seconds on any monotonic clock.

Longest waiting caller first; for each the longest idle agent of the caller's own queue, then of the queues it
overflows to. An agent has one offer or one call at a time. A caller keeps its place until accepted or gone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from voicebot.errors import DialFailure, TransferRefused, VoicebotError
from voicebot.events import Language
from voicebot.transfer.agent_posts import AgentPost, AgentPosts, QueueTimes, StateChange
from voicebot.transfer.agents import Agent, AgentState
from voicebot.transfer.wait_estimate import HandlingTimes

MAX_DIRECT = 20
"""Callers that may wait for one agent by name."""


class QueueFull(TransferRefused):
    """The queue and those it overflows to have their maximum of waiting callers."""

    code = "transfer.queue_full"


class StaleOffer(VoicebotError):
    """The offer does not stand any more: already accepted, failed, taken back, or its time is over."""

    code = "transfer.stale_offer"


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue of config/queues.yaml.

    `label_*`: as spoken. `skill`: what its agents must have, '' nothing. `callback_after_seconds`: waiting so
    long brings the offer to be called back. `overflow_to`: queue whose agents help after
    `overflow_after_seconds`, '' none. `hours`: schedule of opening_hours.yaml, '' that of the desk.
    """

    name: str
    label_nl: str
    label_en: str
    skill: str = ""
    callback_after_seconds: float = 120.0
    overflow_to: str = ""
    overflow_after_seconds: float = 60.0
    max_waiting: int = 50
    hours: str = ""

    def label(self, language: Language) -> str:
        """Return the spoken name."""
        return self.label_nl if language == "nl" else self.label_en


@dataclass(frozen=True, slots=True)
class Ticket:
    """A caller's place. `entered_at`: seconds, when first asked for; `agent_id`: one agent, '' any."""

    call_id: str
    queue: str
    language: Language
    entered_at: float
    agent_id: str = ""

    @property
    def lane(self) -> str:
        """Return what positions are counted in: the queue, or the one agent."""
        return self.queue or f"agent:{self.agent_id}"

    @property
    def rank(self) -> tuple[float, str]:
        """Return the order of service; stable when a caller comes back after a failed offer."""
        return (self.entered_at, self.call_id)


@dataclass(frozen=True, slots=True)
class Offer:
    """An agent reserved for a caller. `number`: tells this offer from an earlier one of the same two."""

    ticket: Ticket
    agent: Agent
    number: int = 0


@dataclass(slots=True)
class _Entry:
    """A caller on the board. `offer`: the agent that rings for it."""

    ticket: Ticket
    offer: Offer | None = None


@dataclass(slots=True)
class _Refusals:
    """Which agent is not offered to which caller again, until when (seconds)."""

    until: dict[tuple[str, str], float] = field(default_factory=dict)

    def note(self, call_id: str, agent_id: str, until: float) -> None:
        self.until[call_id, agent_id] = until

    def forget(self, now: float) -> None:
        self.until = {pair: end for pair, end in self.until.items() if end > now}


class QueueBoard:
    """All queues and agents of one media process."""

    def __init__(
        self, queues: Iterable[Queue], agents: Iterable[Agent] = (), times: QueueTimes | None = None
    ) -> None:
        self._queues: Mapping[str, Queue] = {queue.name: queue for queue in queues}
        self._times = times or QueueTimes()
        self.handling = HandlingTimes()
        self._posts = AgentPosts(agents, self._times, self.handling)
        self._entries: dict[str, _Entry] = {}
        self._standing: dict[int, Offer] = {}
        self._refusals = _Refusals()
        self._numbers = itertools.count(1)
        self._closed: frozenset[str] = frozenset()

    # -- callers ----------------------------------------------------------------------------------------

    def queue(self, name: str) -> Queue:
        """Return a queue. Raises TransferRefused for an unknown name."""
        found = self._queues.get(name)
        if found is None:
            raise TransferRefused("unknown queue")
        return found

    def queues(self) -> tuple[Queue, ...]:
        """Return all queues."""
        return tuple(self._queues.values())

    def enter(self, ticket: Ticket, now: float) -> Ticket:
        """Put a caller on the board and return the ticket that counts.

        A full queue hands it to the one it overflows to. Raises QueueFull, or TransferRefused for a name that
        does not exist.
        """
        self.leave(ticket.call_id, now)
        if ticket.agent_id and self._posts.find(ticket.agent_id) is None:
            raise TransferRefused("unknown agent")
        if not ticket.queue and not ticket.agent_id:
            raise TransferRefused("unknown queue")
        placed = self._with_room(ticket)
        self._entries[ticket.call_id] = _Entry(placed)
        return placed

    def _with_room(self, ticket: Ticket) -> Ticket:
        if not ticket.queue:
            if self.length(ticket.lane) >= MAX_DIRECT:
                raise QueueFull("too many callers wait for this agent")
            return ticket
        for name in self._chain(self.queue(ticket.queue)):
            is_open = name == ticket.queue or name not in self._closed
            if is_open and self.length(name) < self._queues[name].max_waiting:
                return replace(ticket, queue=name)
        raise QueueFull("every place in the queue is taken")

    def _chain(self, queue: Queue) -> tuple[str, ...]:
        """Return the queue and those that it overflows to, in order."""
        names = [queue.name]
        while queue.overflow_to in self._queues and queue.overflow_to not in names:
            queue = self._queues[queue.overflow_to]
            names.append(queue.name)
        return tuple(names)

    def leave(self, call_id: str, now: float) -> None:
        """Take a caller off the board; an agent that rings for it is free again, as long idle as before."""
        entry = self._entries.get(call_id)
        if entry is None:
            return
        if entry.offer is not None:
            self.withdrawn(entry.offer, now)
        self._entries.pop(call_id, None)

    def length(self, lane: str) -> int:
        """Return how many callers are in a queue (or 'agent:…'), those for whom somebody rings included."""
        return sum(entry.ticket.lane == lane for entry in self._entries.values())

    def waiting(self, lane: str = "") -> tuple[Ticket, ...]:
        """Return the tickets of a lane, or all, in the order of service."""
        found = (entry.ticket for entry in self._entries.values() if lane in {"", entry.ticket.lane})
        return tuple(sorted(found, key=lambda ticket: ticket.rank))

    def position(self, call_id: str) -> int | None:
        """Return the caller's place in its lane, from 1; None when not on the board."""
        entry = self._entries.get(call_id)
        if entry is None:
            return None
        return [ticket.call_id for ticket in self.waiting(entry.ticket.lane)].index(call_id) + 1

    def expected_wait(self, call_id: str, now: float) -> float | None:
        """Estimate the seconds from now to an agent; None when recent calls give no basis for it.

        Of n agents who can take the caller and need H seconds a call, one comes free each H/n seconds; those
        ahead who compete for the same agents go first.
        """
        entry = self._entries.get(call_id)
        if entry is None:
            return None
        if entry.offer is not None:
            return 0.0
        mean = self.handling.mean_seconds(entry.ticket.lane, now)
        able = [post for post in self._posts.at_work() if self._level(entry.ticket, post, now) is not None]
        if mean is None or not able:
            return None
        ahead = 0
        for other in self._entries.values():
            is_ahead = other.offer is None and other.ticket.rank < entry.ticket.rank
            ahead += is_ahead and any(self._level(other.ticket, post, now) is not None for post in able)
        return mean * (ahead + 1) / len(able)

    def queue_wait(self, name: str, now: float) -> float | None:
        """Estimate the seconds that a caller who came now would wait; None when there is no basis."""
        queue = self.queue(name)
        able = [
            post
            for post in self._posts.at_work()
            if name in post.agent.queues and (not queue.skill or queue.skill in post.agent.skills)
        ]
        waiting = sum(entry.offer is None and entry.ticket.lane == name for entry in self._entries.values())
        if able and not waiting and any(post in able for post in self._posts.free(now)):
            return 0.0
        mean = self.handling.mean_seconds(name, now)
        return mean * (waiting + 1) / len(able) if mean is not None and able else None

    # -- agents -----------------------------------------------------------------------------------------

    def agents(self) -> tuple[tuple[Agent, AgentState], ...]:
        """Return every agent and what it is doing."""
        return self._posts.states()

    def set_agents(self, agents: Iterable[Agent], now: float) -> None:
        """Add, change and remove agents; one with a call goes when the call has ended."""
        self._posts.replace(agents, now)

    def set_state(self, agent_id: str, state: AgentState, now: float) -> None:
        """Do as the agent says; while it rings or talks, that waits for the end of it.

        Raises ValueError for RINGING and BUSY, TransferRefused for an unknown agent.
        """
        if state in {AgentState.RINGING, AgentState.BUSY}:
            raise ValueError(f"{state.value} follows from calls")
        post = self._posts.find(agent_id)
        if post is None:
            raise TransferRefused("unknown agent")
        post.ask(state, now)

    def set_closed(self, names: Iterable[str]) -> None:
        """Say which queues are closed: nobody overflows to them; who waits in one already is still served."""
        self._closed = frozenset(names)

    def is_staffed(self, ticket: Ticket, now: float) -> bool:
        """Whether anybody at work could take this caller, now or when free."""
        return any(self._level(ticket, post, now) is not None for post in self._posts.at_work())

    def take_changes(self) -> tuple[StateChange, ...]:
        """Return what agents did since the last time, oldest first."""
        return self._posts.take_changes()

    # -- offers -----------------------------------------------------------------------------------------

    def offers(self, now: float) -> tuple[Offer, ...]:
        """Match callers with agents; each agent in the result is reserved (RINGING)."""
        self._expire(now)
        made: list[Offer] = []
        free = self._posts.free(now)
        for ticket in self.waiting() if free else ():
            entry = self._entries[ticket.call_id]
            post = self._best(ticket, free, now) if entry.offer is None else None
            if post is not None:
                free.remove(post)
                entry.offer = self._reserve(post, ticket, now)
                made.append(entry.offer)
        return tuple(made)

    def reserve(self, agent_id: str, ticket: Ticket, now: float) -> Offer | None:
        """Reserve an agent who asks for a call (to call somebody back); None while ringing or talking."""
        post = self._posts.find(agent_id)
        if post is None or post.state in {AgentState.RINGING, AgentState.BUSY, AgentState.OFFLINE}:
            return None
        return self._reserve(post, ticket, now)

    def _reserve(self, post: AgentPost, ticket: Ticket, now: float) -> Offer:
        offer = Offer(ticket, post.agent, next(self._numbers))
        self._standing[offer.number] = offer
        post.ring(ticket.call_id, ticket.lane, now)
        return offer

    def _best(self, ticket: Ticket, free: list[AgentPost], now: float) -> AgentPost | None:
        levels = (
            (self._level(ticket, post, now), post.idle_since, post.agent.agent_id, post)
            for post in free
            if (ticket.call_id, post.agent.agent_id) not in self._refusals.until
        )
        able = [found for found in levels if found[0] is not None]
        return min(able, key=lambda found: found[:3])[3] if able else None

    def _level(self, ticket: Ticket, post: AgentPost, now: float) -> int | None:
        """Return 0 for an agent of the caller's queue, 1… when reached by overflow, None when not able."""
        agent = post.agent
        if ticket.agent_id:
            return 0 if agent.agent_id == ticket.agent_id else None
        if ticket.language not in agent.languages:
            return None
        reached_at = ticket.entered_at
        for level, name in enumerate(self._chain(self._queues[ticket.queue])):
            queue = self._queues[name]
            if level and (now < reached_at or name in self._closed):
                return None
            if name in agent.queues and (not queue.skill or queue.skill in agent.skills):
                return level
            reached_at += queue.overflow_after_seconds
        return None

    def accepted(self, offer: Offer, now: float) -> None:
        """Note that the agent has taken the call. Raises StaleOffer."""
        post = self._end_offer(offer)
        if post is None:
            raise StaleOffer("the offer does not stand any more")
        self._forget_entry(offer)
        post.talk(now)

    def failed(self, offer: Offer, reason: DialFailure, now: float) -> None:
        """Free the agent (or give it a break) and take the caller off; who enters again keeps its place."""
        post = self._end_offer(offer)
        if post is None:
            return
        self._forget_entry(offer)
        call_id, agent_id = offer.ticket.call_id, offer.agent.agent_id
        self._refusals.note(call_id, agent_id, now + self._times.retry_seconds)
        post.did_not_take(reason, now)
        self._posts.drop_if_gone(agent_id)

    def withdrawn(self, offer: Offer, now: float) -> None:
        """Take an offer back (the caller is gone): the agent is free, as long idle as before."""
        post = self._end_offer(offer)
        if post is not None:
            self._forget_entry(offer)
            post.stop_ringing(now)
            self._posts.drop_if_gone(offer.agent.agent_id)

    def call_ended(self, agent_id: str, now: float, call_id: str = "") -> None:
        """Note the end of an agent's call; nothing when it has none, or another than `call_id`."""
        post = self._posts.find(agent_id)
        if post is not None and post.state is AgentState.BUSY and call_id in {"", post.call_id}:
            post.end_call(now)
            self._posts.drop_if_gone(agent_id)

    def _end_offer(self, offer: Offer) -> AgentPost | None:
        if self._standing.get(offer.number) != offer:
            return None
        del self._standing[offer.number]
        return self._posts.find(offer.agent.agent_id, gone_too=True)

    def _forget_entry(self, offer: Offer) -> None:
        entry = self._entries.get(offer.ticket.call_id)
        if entry is not None and entry.offer == offer:
            del self._entries[offer.ticket.call_id]

    # -- time -------------------------------------------------------------------------------------------

    def _expire(self, now: float) -> None:
        self._refusals.forget(now)
        for post in self._posts.overdue(now):
            if post.state is not AgentState.RINGING:
                post.move_on(now)
                continue
            standing = [o for o in self._standing.values() if o.agent.agent_id == post.agent.agent_id]
            for offer in standing:  # whoever had it has forgotten it
                self.failed(offer, DialFailure.NO_ANSWER, now)

    def next_change(self, now: float) -> float | None:
        """Return when `offers` should be asked again though nothing happens; None when never."""
        moments = [*self._posts.deadlines(), *self._refusals.until.values()]
        for entry in self._entries.values():
            if entry.offer is None and entry.ticket.queue and not entry.ticket.agent_id:
                at = entry.ticket.entered_at
                for name in self._chain(self._queues[entry.ticket.queue]):
                    at += self._queues[name].overflow_after_seconds
                    moments.append(at)
        return min((moment for moment in moments if moment > now), default=None)
