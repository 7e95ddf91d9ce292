"""Agents, what they did and what they noted: rows from values, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.events import Language
from voicebot.privacy.encryption import Cipher, Sealed
from voicebot.storage.fitting import fit
from voicebot.storage.tables import AGENT_ID_LENGTH, CALL_ID_LENGTH, AgentRow, AgentStateRow, WrapUpRow
from voicebot.transfer.agents import Agent


@dataclass(frozen=True, slots=True)
class AgentStateRecord:
    """An agent came into a state. `call_id`, `queue`: of the call it is about, '' for none."""

    agent_id: str
    at: datetime
    state: str
    call_id: str = ""
    queue: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WrapUpRecord:
    """What an agent noted of a call. `note`: redacted; sealed at rest."""

    call_id: str
    agent_id: str
    at: datetime
    code: str
    note: str


async def insert_agent(connection: AsyncConnection, agent: Agent, password_hash: str, at: datetime) -> bool:
    """Write a new agent; False when there is one of that id."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = {"id": agent.agent_id, "password_hash": password_hash, "changed_at": at, **_facts(agent)}
    new = make(AgentRow).values(values).on_conflict_do_nothing().returning(AgentRow.id)
    return (await connection.execute(new)).first() is not None


async def update_agent(connection: AsyncConnection, agent: Agent, at: datetime) -> bool:
    """Change everything but the password; False when there is no such agent."""
    change = update(AgentRow).where(AgentRow.id == agent.agent_id).values(changed_at=at, **_facts(agent))
    return (await connection.execute(change.returning(AgentRow.id))).first() is not None


def _facts(agent: Agent) -> dict[str, object]:
    return {
        "name": fit(agent.name, 100),
        "contact": fit(agent.contact, 200),
        "languages": sorted(agent.languages),
        "skills": sorted(agent.skills),
        "queues": sorted(agent.queues),
    }


async def update_password(
    connection: AsyncConnection, agent_id: str, password_hash: str, at: datetime
) -> bool:
    """Set the hash; False when there is no such agent."""
    change = update(AgentRow).where(AgentRow.id == agent_id)
    change = change.values(password_hash=password_hash, changed_at=at)
    return (await connection.execute(change.returning(AgentRow.id))).first() is not None


async def delete_agent(connection: AsyncConnection, agent_id: str) -> bool:
    """Remove an agent; False when there is none."""
    gone = delete(AgentRow).where(AgentRow.id == agent_id).returning(AgentRow.id)
    return (await connection.execute(gone)).first() is not None


async def read_agents(connection: AsyncConnection) -> tuple[Agent, ...]:
    """Return all agents by id."""
    query = select(
        AgentRow.id, AgentRow.name, AgentRow.contact, AgentRow.languages, AgentRow.skills, AgentRow.queues
    ).order_by(AgentRow.id)
    return tuple(
        Agent(agent_id, name, contact, _languages(languages), frozenset(skills), frozenset(queues))
        for agent_id, name, contact, languages, skills, queues in await connection.execute(query)
    )


def _languages(codes: Sequence[str]) -> frozenset[Language]:
    spoken: set[Language] = set()
    if "nl" in codes:
        spoken.add("nl")
    if "en" in codes:
        spoken.add("en")
    return frozenset(spoken)


async def read_password(connection: AsyncConnection, agent_id: str) -> str:
    """Return the hash, '' for an agent who does not exist or cannot log in."""
    query = select(AgentRow.password_hash).where(AgentRow.id == agent_id)
    return (await connection.execute(query)).scalar_one_or_none() or ""


async def insert_states(connection: AsyncConnection, records: Sequence[AgentStateRecord]) -> None:
    """Write state changes."""
    rows = [
        {
            "agent_id": fit(record.agent_id, AGENT_ID_LENGTH),
            "at": record.at,
            "state": fit(record.state, 20),
            "call_id": fit(record.call_id, CALL_ID_LENGTH),
            "queue": fit(record.queue, 100),
            "reason": fit(record.reason, 40),
        }
        for record in records
    ]
    if rows:
        await connection.execute(insert(AgentStateRow), rows)


async def read_states(
    connection: AsyncConnection, *, since: datetime, agent_id: str = "", limit: int
) -> tuple[AgentStateRecord, ...]:
    """Return state changes since then, oldest first; when there are too many, the newest."""
    query = select(
        AgentStateRow.agent_id,
        AgentStateRow.at,
        AgentStateRow.state,
        AgentStateRow.call_id,
        AgentStateRow.queue,
        AgentStateRow.reason,
    ).where(AgentStateRow.at >= since)
    if agent_id:
        query = query.where(AgentStateRow.agent_id == agent_id)
    query = query.order_by(AgentStateRow.at.desc(), AgentStateRow.id.desc()).limit(limit)
    rows = (await connection.execute(query)).all()
    return tuple(AgentStateRecord(*row) for row in reversed(rows))


async def upsert_wrap_up(connection: AsyncConnection, record: WrapUpRecord, cipher: Cipher) -> None:
    """Write a wrap-up; a second one of the same agent and call replaces the first."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    call_id, agent_id = fit(record.call_id, CALL_ID_LENGTH), fit(record.agent_id, AGENT_ID_LENGTH)
    sealed = cipher.seal(fit(record.note, 4_000), _place(call_id, agent_id))
    changed = {"at": record.at, "code": fit(record.code, 40), "key_id": sealed.key_id, "note": sealed.data}
    new = make(WrapUpRow).values({"call_id": call_id, "agent_id": agent_id, **changed})
    await connection.execute(new.on_conflict_do_update(index_elements=["call_id", "agent_id"], set_=changed))


async def read_wrap_ups(
    connection: AsyncConnection, call_id: str, cipher: Cipher
) -> tuple[WrapUpRecord, ...]:
    """Return what agents noted of a call. Raises UndecipherableError."""
    query = select(*WrapUpRow.__table__.columns).where(WrapUpRow.call_id == call_id).order_by(WrapUpRow.at)
    return tuple(
        WrapUpRecord(
            row.call_id,
            row.agent_id,
            row.at,
            row.code,
            cipher.open(Sealed(row.key_id, row.note), _place(row.call_id, row.agent_id)),
        )
        for row in await connection.execute(query)
    )


def _place(call_id: str, agent_id: str) -> str:
    return f"wrap_ups/{call_id}/{agent_id}/note"
