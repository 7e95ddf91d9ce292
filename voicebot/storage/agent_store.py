"""The store of agents: who they are, how they log in, what they did and what they noted."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.privacy.encryption import Cipher
from voicebot.privacy.passwords import Passwords
from voicebot.storage import agents, audit
from voicebot.storage.agents import AgentStateRecord, WrapUpRecord
from voicebot.storage.database import Database
from voicebot.storage.records import AuditEntry
from voicebot.storage.store import utc_now
from voicebot.transfer.agents import Agent, AgentState

HandlingSample = tuple[str, float, float]
"""(queue, seconds since the call was done, seconds that it took)."""


class AgentStore:
    """Every method raises StorageError. Changes are audited (law L1), states are not: there are many."""

    def __init__(
        self,
        url: str,
        cipher: Cipher,
        *,
        busy_seconds: float = 5.0,
        passwords: Passwords | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = Database(url, busy_seconds=busy_seconds)
        self._cipher, self._now = cipher, now
        self._passwords = passwords or Passwords()

    async def close(self) -> None:
        """Close all connections."""
        await self._database.close()

    async def add(self, agent: Agent, password: str, *, changed_by: str) -> bool:
        """Add an agent; False when there is one of that id. `password` '' : nobody logs in (a phone)."""
        hashed = await self._passwords.hash(password) if password else ""
        async with self._database.writing() as connection:
            is_new = await agents.insert_agent(connection, agent, hashed, self._now())
            if is_new:
                await self._note(connection, "agent.added", changed_by, agent.agent_id)
            return is_new

    async def change(self, agent: Agent, *, changed_by: str) -> bool:
        """Change an agent's name, contact, languages, skills and queues; False when there is none."""
        async with self._database.writing() as connection:
            is_known = await agents.update_agent(connection, agent, self._now())
            if is_known:
                await self._note(connection, "agent.changed", changed_by, agent.agent_id)
            return is_known

    async def remove(self, agent_id: str, *, changed_by: str) -> bool:
        """Remove an agent; False when there is none."""
        async with self._database.writing() as connection:
            was_there = await agents.delete_agent(connection, agent_id)
            if was_there:
                await self._note(connection, "agent.removed", changed_by, agent_id)
            return was_there

    async def set_password(self, agent_id: str, password: str, *, changed_by: str) -> bool:
        """Set a password; False when there is no such agent."""
        hashed = await self._passwords.hash(password)
        async with self._database.writing() as connection:
            is_known = await agents.update_password(connection, agent_id, hashed, self._now())
            if is_known:
                await self._note(connection, "agent.password_set", changed_by, agent_id)
            return is_known

    async def check_password(self, agent_id: str, password: str) -> bool:
        """Compare with the stored hash, in a thread; takes as long for an agent that is not there."""
        async with self._database.reading() as connection:
            stored = await agents.read_password(connection, agent_id)
        return await self._passwords.matches(stored, password)

    async def list(self) -> tuple[Agent, ...]:
        """Return all agents, by id."""
        async with self._database.reading() as connection:
            return await agents.read_agents(connection)

    async def log_states(self, records: Sequence[AgentStateRecord]) -> None:
        """Keep what agents did."""
        async with self._database.writing() as connection:
            await agents.insert_states(connection, records)

    async def states(
        self, *, since: datetime, agent_id: str = "", limit: int = 5_000
    ) -> tuple[AgentStateRecord, ...]:
        """Return what agents did since then, oldest first."""
        async with self._database.reading() as connection:
            return await agents.read_states(connection, since=since, agent_id=agent_id, limit=limit)

    async def recent_handling(self, seconds: float = 7200.0) -> tuple[HandlingSample, ...]:
        """Return how long recent calls took: the basis of the expected wait after a restart."""
        now = self._now()
        return handling_of(await self.states(since=now - timedelta(seconds=seconds)), now)

    async def save_wrap_up(self, record: WrapUpRecord) -> None:
        """Keep what an agent noted of a call; the later one counts."""
        async with self._database.writing() as connection:
            await agents.upsert_wrap_up(connection, record, self._cipher)

    async def wrap_ups(self, call_id: str, *, accessed_by: str) -> tuple[WrapUpRecord, ...]:
        """Return what agents noted of a call; the access is audited (law P3)."""
        async with self._database.writing() as connection:
            await self._note(connection, "wrap_up.read", accessed_by, call_id)
            return await agents.read_wrap_ups(connection, call_id, self._cipher)

    async def _note(self, connection: AsyncConnection, action: str, actor: str, subject: str) -> None:
        entry = AuditEntry(uuid.uuid4().hex, self._now(), actor, action, subject)
        await audit.append(connection, [entry], self._cipher)


def handling_of(records: Iterable[AgentStateRecord], now: datetime) -> tuple[HandlingSample, ...]:
    """Pair each BUSY with the state in which its agent was free again (pure)."""
    samples: list[HandlingSample] = []
    by_agent: dict[str, list[AgentStateRecord]] = defaultdict(list)
    for record in records:
        by_agent[record.agent_id].append(record)
    for mine in by_agent.values():
        busy: AgentStateRecord | None = None
        for record in mine:
            if record.state == AgentState.BUSY:
                busy = record
            elif busy is not None and record.state != AgentState.AFTER_CALL:
                seconds = (record.at - busy.at).total_seconds()
                samples.append((busy.queue, (now - record.at).total_seconds(), seconds))
                busy = None
    return tuple(sorted(samples, key=lambda sample: -sample[1]))
