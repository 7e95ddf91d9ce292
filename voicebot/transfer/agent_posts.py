"""Agents at their posts: the state of each, since when, and what ends it. Pure: `now` is seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from voicebot.errors import DialFailure
from voicebot.transfer.agents import Agent, AgentState
from voicebot.transfer.wait_estimate import HandlingTimes

MAX_CHANGES = 2_000
_AT_WORK = {AgentState.AVAILABLE, AgentState.RINGING, AgentState.BUSY, AgentState.AFTER_CALL}
_ABSENT = {
    DialFailure.NO_ANSWER,
    DialFailure.UNREACHABLE,
    DialFailure.NO_MEDIA,
    DialFailure.REFUSED_BRIEFING,
}
"""The agent is not there: no more calls until back."""
_ENGAGED = {DialFailure.BUSY, DialFailure.FAILED}
"""The phone cannot take a call just now: tried again soon."""


@dataclass(frozen=True, slots=True)
class QueueTimes:
    """Seconds. `after_call`: to finish up; then available again.

    `reservation`: an offer that nobody accepted or failed is taken back. `rest`: a phone that did not answer
    is left alone. `retry`: who declined a caller is not offered the same one again so soon.
    """

    after_call_seconds: float = 30.0
    reservation_seconds: float = 300.0
    rest_seconds: float = 60.0
    retry_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class StateChange:
    """An agent came into a state at `at` (seconds, the board's clock). `reason`: why, where not asked for.

    `call_id`, `lane`: of the call that it rings for, talks with, or has just ended.
    """

    agent_id: str
    state: AgentState
    at: float
    call_id: str = ""
    lane: str = ""
    reason: str = ""


@dataclass(slots=True, eq=False)
class AgentPost:
    """One agent. `idle_since`: order of service. `ends_at`: when the state ends by itself.

    `rests_until`: not offered a call before. `wish`: the state that the agent asked for while in a call.
    `before`: state to go back to when an offer is taken back.
    """

    agent: Agent
    times: QueueTimes
    handling: HandlingTimes
    note: Callable[[StateChange], None]
    state: AgentState = AgentState.OFFLINE
    idle_since: float = 0.0
    rests_until: float = 0.0
    ends_at: float | None = None
    wish: AgentState | None = None
    before: AgentState = AgentState.AVAILABLE
    before_ends_at: float | None = None
    call_id: str = ""
    lane: str = ""
    began: float | None = None
    is_gone: bool = False

    def ask(self, state: AgentState, now: float) -> None:
        """Take a state that the agent wants, now or after the call."""
        if self.state in {AgentState.RINGING, AgentState.BUSY}:
            self.wish = state
        elif state is AgentState.AFTER_CALL and self.state is AgentState.AFTER_CALL:
            self.ends_at = None  # the agent is still writing: not available before saying so
        elif state is not self.state:
            self.rests_until = now
            self._become(state, now)

    def ring(self, call_id: str, lane: str, now: float) -> None:
        """Reserve the agent."""
        self._finish_handling(now)
        self.before, self.before_ends_at, self.wish = self.state, self.ends_at, None
        self.call_id, self.lane = call_id, lane
        self._become(AgentState.RINGING, now, ends_at=now + self.times.reservation_seconds)

    def talk(self, now: float) -> None:
        """The agent has taken the call."""
        self.began = now
        self._become(AgentState.BUSY, now)

    def stop_ringing(self, now: float) -> None:
        """Go back to where the agent was: nobody is to blame, so it stays as long idle as it was."""
        state, ends_at = self.wish or self.before, None if self.wish else self.before_ends_at
        idle_since = self.idle_since
        self._become(state, now, ends_at=ends_at, reason="caller_gone")
        self.idle_since, self.wish, self.call_id, self.lane = idle_since, None, "", ""

    def did_not_take(self, reason: DialFailure, now: float) -> None:
        """Decide what a failed offer says of the agent."""
        wish, self.wish = self.wish, None
        if wish is not None and wish is not AgentState.AVAILABLE:
            self._become(wish, now, reason=reason.value)
        elif reason in _ABSENT:
            ends_at = None if self.agent.has_desk else now + self.times.rest_seconds
            self._become(AgentState.BREAK, now, ends_at=ends_at, reason=reason.value)
        else:
            state = self.before if self.before is AgentState.BREAK else AgentState.AVAILABLE
            self.rests_until = now + self.times.retry_seconds if reason in _ENGAGED else now
            self._become(state, now, reason=reason.value)
        self.call_id = self.lane = ""

    def end_call(self, now: float) -> None:
        """The agent's call is over."""
        wish, self.wish = self.wish, None
        if wish is None or wish is AgentState.AFTER_CALL:
            self._become(AgentState.AFTER_CALL, now, ends_at=now + self.times.after_call_seconds)
        else:
            self._finish_handling(now)
            self._become(wish, now)

    def move_on(self, now: float) -> None:
        """Become available again: the time for finishing up, or for a rest, is over."""
        self._become(AgentState.AVAILABLE, now, reason="time")

    def _become(
        self, state: AgentState, now: float, *, ends_at: float | None = None, reason: str = ""
    ) -> None:
        if self.state is AgentState.AFTER_CALL and state is not AgentState.RINGING:
            self._finish_handling(now)
        if state is AgentState.AVAILABLE:
            self.idle_since = now
        self.state, self.ends_at = state, ends_at
        self.note(StateChange(self.agent.agent_id, state, now, self.call_id, self.lane, reason))

    def _finish_handling(self, now: float) -> None:
        if self.began is not None:
            self.handling.note(self.lane, now - self.began, now)
            self.began = None
            self.call_id = self.lane = ""


class AgentPosts:
    """All agents of a board. Phones are available from the start, desks when somebody logs in."""

    def __init__(self, agents: Iterable[Agent], times: QueueTimes, handling: HandlingTimes) -> None:
        self._times, self._handling = times, handling
        self._posts: dict[str, AgentPost] = {}
        self._changes: deque[StateChange] = deque(maxlen=MAX_CHANGES)
        self.replace(agents, 0.0)

    def replace(self, agents: Iterable[Agent], now: float) -> None:
        """Make these the agents; states stay."""
        wanted = {agent.agent_id: agent for agent in agents}
        for agent_id, post in list(self._posts.items()):
            post.is_gone = agent_id not in wanted
            self.drop_if_gone(agent_id)
        for agent_id, agent in wanted.items():
            known = self._posts.get(agent_id)
            if known is not None:
                known.agent = agent
                continue
            state = AgentState.OFFLINE if agent.has_desk else AgentState.AVAILABLE
            self._posts[agent_id] = AgentPost(
                agent, self._times, self._handling, self._changes.append, state, idle_since=now
            )

    def find(self, agent_id: str, *, gone_too: bool = False) -> AgentPost | None:
        """Return an agent's post."""
        post = self._posts.get(agent_id)
        in_call = post is not None and post.state is AgentState.BUSY
        return post if post is not None and (gone_too or in_call or not post.is_gone) else None

    def drop_if_gone(self, agent_id: str) -> None:
        """Forget a removed agent who has no call."""
        post = self._posts.get(agent_id)
        if post is not None and post.is_gone and post.state not in {AgentState.RINGING, AgentState.BUSY}:
            del self._posts[agent_id]

    def states(self) -> tuple[tuple[Agent, AgentState], ...]:
        """Return every agent and its state."""
        return tuple((post.agent, post.state) for post in self._posts.values())

    def at_work(self) -> list[AgentPost]:
        """Return those who take calls, now or when free."""
        return [post for post in self._posts.values() if post.state in _AT_WORK and not post.is_gone]

    def free(self, now: float) -> list[AgentPost]:
        """Return those who can take a call now."""
        return [
            post for post in self.at_work() if post.state is AgentState.AVAILABLE and post.rests_until <= now
        ]

    def overdue(self, now: float) -> list[AgentPost]:
        """Return those whose state should have ended."""
        return [p for p in self._posts.values() if p.ends_at is not None and p.ends_at <= now]

    def deadlines(self) -> list[float]:
        """Return the moments (seconds) at which something ends by itself."""
        ends = [post.ends_at for post in self._posts.values() if post.ends_at is not None]
        return ends + [post.rests_until for post in self._posts.values()]

    def take_changes(self) -> tuple[StateChange, ...]:
        """Return and forget the changes."""
        taken = tuple(self._changes)
        self._changes.clear()
        return taken
