"""The store of everything that outlives a call, on SQLite or PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.privacy.encryption import Cipher
from voicebot.storage import audit, callbacks, calls
from voicebot.storage.audit import ChainVerdict
from voicebot.storage.engine import WRITES, open_engine, storage_errors
from voicebot.storage.proof import audit_entries
from voicebot.storage.records import (
    AuditEntry,
    CallbackRecord,
    CallRecord,
    CallSummary,
    EventRecord,
    StoredRecord,
    TransferRecord,
    TurnRecord,
)


def utc_now() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)


class CallStore:
    """Saves and reads records. Every method raises StorageUnavailable or RecordRejected (StorageError).

    The schema must be there (`voicebot.storage.schema.upgrade`). `url`: sqlite:///… or postgresql://…
    """

    def __init__(
        self, url: str, cipher: Cipher, *, busy_seconds: float = 5.0, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._engine = open_engine(url, busy_seconds=busy_seconds)
        self._cipher = cipher
        self._now = now

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    async def rehearse(self) -> None:
        """Write a call and take it back: shows that storage works, and compiles what the first call needs."""
        now = self._now()
        turn = TurnRecord(1, 0, "nl", "", "", "", 0, 0)
        rehearsal = CallRecord(
            call_id=f"rehearsal-{uuid.uuid4().hex}",
            started_at=now,
            answered_at=now,
            ended_at=now,
            leg_kind="",
            codec="",
            line="",
            languages=(),
            disposition="",
            ended_by="",
            turns=(turn, turn),
            events=(EventRecord("", 0), EventRecord("", 0)),
            transfers=(TransferRecord("", "", "", 0), TransferRecord("", "", "", 0)),
        )
        with storage_errors():
            async with self._engine.connect() as plain:
                connection = await plain.execution_options(**WRITES)
                async with connection.begin() as transaction:
                    await calls.insert_call(connection, rehearsal, self._cipher)
                    await audit.append(connection, audit_entries(rehearsal), self._cipher)
                    await transaction.rollback()

    async def save(self, record: StoredRecord) -> bool:
        """Save a call, callback or audit entry, whole or not at all; False when it was there already.

        A call brings its own audit entries (disclosure, requests for a human, transfers, outcome).
        """
        async with self._writing() as connection:
            match record:
                case CallRecord():
                    is_new = await calls.insert_call(connection, record, self._cipher)
                    if is_new:
                        await audit.append(connection, audit_entries(record), self._cipher)
                    return is_new
                case CallbackRecord():
                    return await callbacks.insert_callback(connection, record, self._cipher)
                case AuditEntry():
                    return await audit.append(connection, [record], self._cipher) == 1

    async def list_calls(
        self, *, limit: int = 50, before: datetime | None = None, caller: str | None = None
    ) -> tuple[CallSummary, ...]:
        """Return the newest calls first; `before` pages on, `caller` finds those of one number (law P4)."""
        digests = self.caller_digests(caller) if caller is not None else None
        async with self._reading() as connection:
            return await calls.summaries(connection, limit=limit, before=before, caller_digests=digests)

    async def get_call(self, call_id: str, *, accessed_by: str) -> CallRecord | None:
        """Return a whole call with its transcript, None when unknown; the access is audited (law P3)."""
        async with self._writing() as connection:
            entry = self._access("transcript.read", accessed_by, call_id)
            await audit.append(connection, [entry], self._cipher)
            return await calls.read_call(connection, call_id, self._cipher)

    async def callbacks(
        self, *, accessed_by: str, status: str | None = "open", limit: int = 200
    ) -> tuple[CallbackRecord, ...]:
        """Return callbacks, those due first before the others, with the numbers; the access is audited."""
        async with self._writing() as connection:
            entry = self._access("callbacks.read", accessed_by, status or "all")
            await audit.append(connection, [entry], self._cipher)
            return await callbacks.read_callbacks(connection, self._cipher, status=status, limit=limit)

    async def change_callback(self, callback_id: str, status: str, *, changed_by: str) -> bool:
        """Set a callback's status; False when there is none."""
        async with self._writing() as connection:
            is_known = await callbacks.change_status(connection, callback_id, status)
            if is_known:
                entry = self._access(f"callback.{status}", changed_by, callback_id)
                await audit.append(connection, [entry], self._cipher)
            return is_known

    async def audit_entries(self, *, subject: str | None = None, limit: int = 200) -> tuple[AuditEntry, ...]:
        """Return the newest audit entries first."""
        async with self._reading() as connection:
            return await audit.entries(connection, subject=subject, limit=limit)

    async def verify_audit(self, noted: str | None = None) -> ChainVerdict:
        """Check the audit chain from its first link; `noted`: a hash written down earlier."""
        async with self._reading() as connection:
            return await audit.verify(connection, self._cipher, noted)

    def caller_digest(self, caller: str) -> str:
        """Return the keyed hash under which calls of a number are found."""
        return self._cipher.digest(caller, "caller")

    def caller_digests(self, caller: str) -> tuple[str, ...]:
        """Return it under every key of the ring."""
        return self._cipher.digests(caller, "caller")

    def _access(self, action: str, actor: str, subject: str) -> AuditEntry:
        return AuditEntry(uuid.uuid4().hex, self._now(), actor, action, subject)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        with storage_errors():
            async with self._engine.connect() as plain:
                connection = await plain.execution_options(**WRITES)
                async with connection.begin():
                    yield connection

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        with storage_errors():
            async with self._engine.connect() as connection, connection.begin():
                yield connection
