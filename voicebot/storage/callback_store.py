"""The list of promised callbacks (law H5): who is at one, what came of it, when it is due again."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.privacy.encryption import Cipher
from voicebot.storage import audit, callbacks
from voicebot.storage.database import Database
from voicebot.storage.records import AuditEntry, CallbackRecord, Json
from voicebot.storage.store import utc_now

CLAIM_SECONDS = 1800.0
"""A claim lapses after so long: the agent may have gone home."""
MAX_ATTEMPTS = 5


class CallbackStore:
    """Every method raises StorageError. What agents do with a callback is audited (law L1, P3)."""

    def __init__(
        self, url: str, cipher: Cipher, *, busy_seconds: float = 5.0, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = Database(url, busy_seconds=busy_seconds)
        self._cipher, self._now = cipher, now

    async def close(self) -> None:
        """Close all connections."""
        await self._database.close()

    async def list(
        self, *, accessed_by: str, status: str | None = "open", limit: int = 200
    ) -> tuple[CallbackRecord, ...]:
        """Return callbacks with their numbers, those due first before the others."""
        async with self._database.writing() as connection:
            await self._note(connection, "callbacks.read", accessed_by, status or "all")
            return await callbacks.read_callbacks(connection, self._cipher, status=status, limit=limit)

    async def claim(self, callback_id: str, agent_id: str) -> CallbackRecord | None:
        """Give an open callback to one agent; None when another has it, or it is done or gone."""
        now = self._now()
        async with self._database.writing() as connection:
            lapsed = now - timedelta(seconds=CLAIM_SECONDS)
            if not await callbacks.claim(connection, callback_id, agent_id, now, lapsed):
                return None
            await self._note(connection, "callback.claimed", agent_id, callback_id)
            found = await callbacks.read_callbacks(connection, self._cipher, callback_id=callback_id, limit=1)
            return found[0]

    async def release(self, callback_id: str, agent_id: str) -> bool:
        """Give a claim up, as if it had not been; False when the agent has none."""
        async with self._database.writing() as connection:
            return await callbacks.release(connection, callback_id, agent_id)

    async def note_attempt(
        self,
        callback_id: str,
        outcome: str,
        due_at: datetime,
        *,
        tried_by: str,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> bool:
        """Note a call that reached nobody, and when to try again; 'failed' after the last attempt."""
        async with self._database.writing() as connection:
            is_known = await callbacks.note_attempt(connection, callback_id, outcome, due_at, max_attempts)
            if is_known:
                await self._note(connection, "callback.tried", tried_by, callback_id, {"outcome": outcome})
            return is_known

    async def done(self, callback_id: str, *, done_by: str, outcome: str = "done") -> bool:
        """Tick one off; False when there is none, or it is done already."""
        async with self._database.writing() as connection:
            is_known = await callbacks.finish(connection, callback_id, outcome, self._now())
            if is_known:
                await self._note(connection, "callback.done", done_by, callback_id, {"outcome": outcome})
            return is_known

    async def note_refused(self, callback_id: str, why: str, *, actor: str) -> None:
        """Note in the audit chain that a number was not dialled (law S2)."""
        async with self._database.writing() as connection:
            await self._note(connection, "callback.refused", actor, callback_id, {"why": why})

    async def _note(
        self,
        connection: AsyncConnection,
        action: str,
        actor: str,
        subject: str,
        facts: dict[str, Json] | None = None,
    ) -> None:
        entry = AuditEntry(uuid.uuid4().hex, self._now(), actor, action, subject, facts or {})
        await audit.append(connection, [entry], self._cipher)
