"""Promised callbacks (law H5): rows from records, and back. The number is sealed."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.privacy.encryption import Cipher, Sealed
from voicebot.storage.fitting import fit
from voicebot.storage.records import CallbackRecord
from voicebot.storage.tables import CALL_ID_LENGTH, CallbackRow


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
    }
    new = make(CallbackRow).values(values).on_conflict_do_nothing().returning(CallbackRow.id)
    return (await connection.execute(new)).first() is not None


async def read_callbacks(
    connection: AsyncConnection, cipher: Cipher, *, status: str | None, limit: int
) -> tuple[CallbackRecord, ...]:
    """Return those due first before the others; of one status or all. Raises UndecipherableError."""
    query = select(
        CallbackRow.id,
        CallbackRow.call_id,
        CallbackRow.created_at,
        CallbackRow.due_at,
        CallbackRow.reason,
        CallbackRow.language,
        CallbackRow.status,
        CallbackRow.key_id,
        CallbackRow.contact,
        CallbackRow.message,
    ).order_by(CallbackRow.due_at, CallbackRow.id)
    if status is not None:
        query = query.where(CallbackRow.status == status)
    rows = await connection.execute(query.limit(limit))
    return tuple(
        CallbackRecord(
            callback_id,
            call_id,
            created,
            due,
            reason,
            language,
            cipher.open(Sealed(key, contact), _place(callback_id, "contact")),
            state,
            cipher.open(Sealed(key, message), _place(callback_id, "message")),
        )
        for callback_id, call_id, created, due, reason, language, state, key, contact, message in rows
    )


async def change_status(connection: AsyncConnection, callback_id: str, status: str) -> bool:
    """Set the status; False when there is no such callback."""
    change = update(CallbackRow).where(CallbackRow.id == callback_id).values(status=fit(status, 20))
    return (await connection.execute(change.returning(CallbackRow.id))).first() is not None


def _place(callback_id: str, column: str) -> str:
    return f"callbacks/{callback_id}/{column}"
