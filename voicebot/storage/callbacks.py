"""Promised callbacks (law H5): rows from records, and back. The number is sealed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import case, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.privacy.encryption import Cipher, Sealed
from voicebot.storage.fitting import fit
from voicebot.storage.records import CallbackRecord
from voicebot.storage.tables import AGENT_ID_LENGTH, CALL_ID_LENGTH, CallbackRow


async def insert_callback(connection: AsyncConnection, record: CallbackRecord, cipher: Cipher) -> bool:
    """Write a callback; False when it is there already."""
    callback_id = fit(record.callback_id, 64)
    sealed = cipher.seal(record.contact, _place(callback_id, "contact"))
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = {
        "id": callback_id,
        "call_id": fit(record.call_id, CALL_ID_LENGTH),
        "created_at": record.created_at,
        "due_at": record.due_at,
        "reason": fit(record.reason, 100),
        "language": fit(record.language, 10),
        "status": fit(record.status, 20),
        "key_id": sealed.key_id,
        "contact": sealed.data,
        "message": cipher.seal(record.message, _place(callback_id, "message")).data,
        "claimed_by": fit(record.claimed_by, AGENT_ID_LENGTH),
        "claimed_at": record.claimed_at,
        "attempts": record.attempts,
        "outcome": fit(record.outcome, 40),
        "done_at": record.done_at,
    }
    new = make(CallbackRow).values(values).on_conflict_do_nothing().returning(CallbackRow.id)
    return (await connection.execute(new)).first() is not None


async def read_callbacks(
    connection: AsyncConnection,
    cipher: Cipher,
    *,
    status: str | None = None,
    callback_id: str | None = None,
    limit: int,
) -> tuple[CallbackRecord, ...]:
    """Return those due first before the others; of one status, one id, or all. Raises UndecipherableError."""
    query = select(*CallbackRow.__table__.columns).order_by(CallbackRow.due_at, CallbackRow.id)
    if status is not None:
        query = query.where(CallbackRow.status == status)
    if callback_id is not None:
        query = query.where(CallbackRow.id == callback_id)
    rows = await connection.execute(query.limit(limit))
    return tuple(
        CallbackRecord(
            callback_id=row.id,
            call_id=row.call_id,
            created_at=row.created_at,
            due_at=row.due_at,
            reason=row.reason,
            language=row.language,
            contact=cipher.open(Sealed(row.key_id, row.contact), _place(row.id, "contact")),
            status=row.status,
            message=cipher.open(Sealed(row.key_id, row.message), _place(row.id, "message")),
            claimed_by=row.claimed_by,
            claimed_at=row.claimed_at,
            attempts=row.attempts,
            outcome=row.outcome,
            done_at=row.done_at,
        )
        for row in rows
    )


async def claim(
    connection: AsyncConnection, callback_id: str, agent_id: str, now: datetime, held_since: datetime
) -> bool:
    """Give an open callback to one agent; False when it is done, gone, or another has it.

    A claim from before `held_since` has lapsed. One statement decides, so of two who claim one wins.
    """
    is_free = or_(
        CallbackRow.claimed_by.in_(["", agent_id]),
        CallbackRow.claimed_at.is_(None),
        CallbackRow.claimed_at < held_since,
    )
    change = (
        update(CallbackRow)
        .where(CallbackRow.id == callback_id, CallbackRow.status == "open", is_free)
        .values(claimed_by=fit(agent_id, AGENT_ID_LENGTH), claimed_at=now)
    )
    return (await connection.execute(change.returning(CallbackRow.id))).first() is not None


async def release(connection: AsyncConnection, callback_id: str, agent_id: str) -> bool:
    """Give up a claim without an attempt; False when the agent has none."""
    change = update(CallbackRow).where(CallbackRow.id == callback_id, CallbackRow.claimed_by == agent_id)
    change = change.values(claimed_by="", claimed_at=None)
    return (await connection.execute(change.returning(CallbackRow.id))).first() is not None


async def note_attempt(
    connection: AsyncConnection, callback_id: str, outcome: str, due_at: datetime, max_attempts: int
) -> bool:
    """Note a call that reached nobody: due again at `due_at`, or 'failed' after the last attempt."""
    status = case((CallbackRow.attempts + 1 >= max_attempts, "failed"), else_="open")
    change = (
        update(CallbackRow)
        .where(CallbackRow.id == callback_id, CallbackRow.status == "open")
        .values(
            attempts=CallbackRow.attempts + 1,
            outcome=fit(outcome, 40),
            due_at=due_at,
            status=status,
            claimed_by="",
            claimed_at=None,
        )
    )
    return (await connection.execute(change.returning(CallbackRow.id))).first() is not None


async def finish(connection: AsyncConnection, callback_id: str, outcome: str, now: datetime) -> bool:
    """Tick off an open or failed callback; False when there is none, or it is done already."""
    change = (
        update(CallbackRow)
        .where(CallbackRow.id == callback_id, CallbackRow.status != "done")
        .values(status="done", outcome=fit(outcome, 40), done_at=now)
    )
    return (await connection.execute(change.returning(CallbackRow.id))).first() is not None


async def change_status(connection: AsyncConnection, callback_id: str, status: str) -> bool:
    """Set the status; False when there is no such callback."""
    change = update(CallbackRow).where(CallbackRow.id == callback_id).values(status=fit(status, 20))
    return (await connection.execute(change.returning(CallbackRow.id))).first() is not None


def _place(callback_id: str, column: str) -> str:
    return f"callbacks/{callback_id}/{column}"
