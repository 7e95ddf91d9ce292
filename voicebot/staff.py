"""The agents of one media process: from storage and queues.yaml into the pool, what they did into storage.

Agents that `voicebot agents` adds, changes or removes are taken over while the service runs. While the
database is away the agents stay as they are and the state log waits, bounded.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from voicebot.errors import StorageError
from voicebot.storage.agent_store import AgentStore
from voicebot.storage.agents import AgentStateRecord
from voicebot.transfer.agent_pool import AgentPool
from voicebot.transfer.agent_posts import QueueTimes, StateChange
from voicebot.transfer.agents import Agent
from voicebot.transfer.opening_hours import OpeningHours
from voicebot.transfer.queues_file import QueuePlan
from voicebot.transfer.rules import QueueFacts

log = structlog.get_logger()

REFRESH_SECONDS = 5.0
WRITE_SECONDS = 1.0
MAX_WAITING = 5_000
BATCH = 200


class Staff:
    """`pool` is what calls and desks use. `clock`: monotonic seconds, the loop's; `now`: local time."""

    def __init__(
        self,
        store: AgentStore,
        plan: QueuePlan,
        hours: OpeningHours,
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        times: QueueTimes | None = None,
    ) -> None:
        self.store, self._phones = store, plan.phones
        self._clock, self._now = clock, now
        self.pool = AgentPool(
            plan.queues, plan.phones, hours, clock=clock, now=now, times=times, on_state=self._note
        )
        self._known: tuple[Agent, ...] = plan.phones
        self._waiting: deque[AgentStateRecord] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_seeded = False
        self.dropped = 0
        self.is_stale = False

    async def start(self) -> None:
        """Read the agents, or keep trying; begin to write what they do."""
        await self.refresh()
        self._tasks = [
            asyncio.create_task(self._keep_current(), name="agents-refresh"),
            asyncio.create_task(self._keep_writing(), name="agent-state-log"),
        ]

    async def close(self) -> None:
        """Write what is left, if the database is there."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(StorageError):
            while self._waiting:
                await self._write()
        self.pool.close()
        await self.store.close()

    async def refresh(self) -> None:
        """Take over the agents as they are in storage now."""
        try:
            stored = await self.store.list()
            if not self._is_seeded:
                self.pool.seed_handling(await self.store.recent_handling())
                self._is_seeded = True
        except StorageError as error:
            if not self.is_stale:
                log.warning("agents cannot be read", action="agents.refresh", code=error.code)
            self.is_stale = True
            return
        self.is_stale = False
        phones = {phone.agent_id for phone in self._phones}
        agents = (*self._phones, *(agent for agent in stored if agent.agent_id not in phones))
        if agents != self._known:
            self._known = agents
            self.pool.set_agents(agents)

    def facts(self) -> Mapping[str, QueueFacts]:
        """Return each queue as rules see it."""
        pool = self.pool
        return {
            queue.name: QueueFacts(pool.queue_length(queue.name), pool.queue_wait(queue.name))
            for queue in pool.queues()
        }

    def statistics(self) -> dict[str, object]:
        """Return how many callers wait and what agents do; no names."""
        states = Counter(state.value for _, state in self.pool.agents())
        waiting = {queue.name: self.pool.queue_length(queue.name) for queue in self.pool.queues()}
        return {"waiting": waiting, "agents": dict(states), "states_dropped": self.dropped}

    @property
    def degraded(self) -> list[str]:
        """What an operator should know."""
        lines = ["the agents cannot be read from the database; changes to them wait"] if self.is_stale else []
        if self.dropped:
            lines.append(f"{self.dropped} changes of agents' states could not be kept")
        return lines

    def _note(self, change: StateChange) -> None:
        at = self._now() - timedelta(seconds=self._clock() - change.at)
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(
            AgentStateRecord(
                change.agent_id, at, change.state.value, change.call_id, change.lane, change.reason
            )
        )

    async def _keep_current(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self.refresh()

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            try:
                while self._waiting:
                    await self._write()
            except StorageError:
                await asyncio.sleep(REFRESH_SECONDS)

    async def _write(self) -> None:
        batch = [self._waiting[place] for place in range(min(BATCH, len(self._waiting)))]
        dropped = self.dropped
        await self.store.log_states(batch)
        for _ in range(max(0, len(batch) - (self.dropped - dropped))):  # others may have overflowed meanwhile
            self._waiting.popleft()
