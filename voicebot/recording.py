"""The records of one service: one recorder a call, written whatever happens to storage."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime

import structlog
from sqlalchemy.engine import make_url

from voicebot.errors import StorageError
from voicebot.events import (
    CallbackRequested,
    CallEvent,
    RuleApplied,
    RulesFailed,
    TransferDenied,
    TransferProgressed,
    TransferRequested,
)
from voicebot.media.leg import LegInfo
from voicebot.privacy.encryption import Cipher, load_or_create_key
from voicebot.privacy.redaction import Redactor
from voicebot.settings import StorageSettings
from voicebot.storage.recorder import CallRecorder
from voicebot.storage.records import AuditEntry, CallbackRecord, CallIdentity, Json
from voicebot.storage.schema import upgrade_async
from voicebot.storage.store import CallStore, utc_now
from voicebot.storage.writer import RecordWriter
from voicebot.transfer.callback_numbers import number_in

log = structlog.get_logger()

SCHEMA_RETRY_SECONDS = 15.0


class CallRecords:
    """Store, spool and writer. Calls are answered while the database is away: records wait in the spool."""

    def __init__(self, settings: StorageSettings) -> None:
        self._settings = settings
        self._cipher = load_or_create_key(settings.key_file)
        self._store = CallStore(settings.url, self._cipher)
        self._writer = RecordWriter(self._store, settings.spool_dir, self._cipher)
        self._schema_task: asyncio.Task[None] | None = None
        self._schema_problem = ""

    async def start(self) -> None:
        """Bring the schema up to date, or keep trying in the background; start writing."""
        if not await self._upgrade():
            self._schema_task = asyncio.create_task(self._keep_upgrading(), name="upgrade-schema")
        self._writer.start()

    async def _upgrade(self) -> bool:
        try:
            await upgrade_async(self._settings.url)
        except StorageError as error:
            self._schema_problem = str(error)
            log.warning("storage.unavailable", code=error.code)
            return False
        self._schema_problem = ""
        return True

    async def _keep_upgrading(self) -> None:
        while True:
            await asyncio.sleep(SCHEMA_RETRY_SECONDS)
            if await self._upgrade():
                self._writer.retry_now()
                return

    async def close(self) -> None:
        """Write or spool what is left."""
        if self._schema_task is not None:
            self._schema_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._schema_task
        await self._writer.close()
        await self._store.close()

    @property
    def cipher(self) -> Cipher:
        """What seals stored texts."""
        return self._cipher

    def audit(self, actor: str, action: str, subject: str, facts: Mapping[str, Json] | None = None) -> None:
        """Add a link to the audit chain (law L1); returns at once and never raises."""
        self._writer.submit(AuditEntry(uuid.uuid4().hex, utc_now(), actor, action, subject, facts or {}))

    def note_transfer(self, call_id: str, event: CallEvent) -> None:
        """Keep a step of a transfer as it happens, so that a crash leaves its trace; returns at once."""
        match event:
            case TransferRequested(destination=destination, reason=reason, kind=kind):
                facts: dict[str, Json] = {"destination": destination, "reason": reason, "kind": kind}
                self.audit("voicebot", "transfer.asked", call_id, facts)
            case TransferProgressed(destination=destination, state=state, failure=failure, agent=agent):
                facts = {"destination": destination, "failure": failure, "agent": agent}
                self.audit("voicebot", f"transfer.{state}", call_id, facts)
            case TransferDenied(destination=destination, cause=cause):
                self.audit(
                    "voicebot", "transfer.denied", call_id, {"destination": destination, "cause": cause}
                )
            case RuleApplied(rule=rule, point=point):
                self.audit("voicebot", "rule.applied", call_id, {"rule": rule, "point": point})
            case RulesFailed(cause=cause):
                self.audit("voicebot", "rules.failed", call_id, {"cause": cause})
            case _:
                pass

    def open(self, info: LegInfo, line: str) -> CallRecorder:
        """Return the recorder of a call."""
        identity = CallIdentity(info.leg_id, info.kind, line, info.caller, info.codec)
        digest = self._store.caller_digest(info.caller) if info.caller else None
        return CallRecorder(identity, self._writer, utc_now, caller_digest=digest)

    def store_callback(self, info: LegInfo, event: CallbackRequested, now: datetime, due: datetime) -> None:
        """Keep a callback request; number and message are sealed at rest.

        A number named in the message is the one to call: the message itself is kept without it.
        """
        self._writer.submit(
            CallbackRecord(
                callback_id=uuid.uuid4().hex,
                call_id=info.leg_id,
                created_at=now,
                due_at=due,
                reason=event.reason,
                language=event.language,
                contact=event.number or number_in(event.message) or info.caller,
                message=Redactor().redact(event.message),
            )
        )

    @property
    def waiting(self) -> int:
        """Records that are not in the database yet."""
        return self._writer.waiting

    @property
    def counts(self) -> dict[str, int]:
        """What became of the records since the start: saved, spooled, lost, rejected."""
        return asdict(self._writer.counts)

    @property
    def degraded(self) -> list[str]:
        """What an operator should know."""
        if self._schema_problem or self._writer.storage_is_down:
            return [
                "the database cannot be written; records wait in the spool: "
                + (self._schema_problem or "see the log")
            ]
        return []

    @property
    def where(self) -> str:
        """The database, without its password."""
        return make_url(self._settings.url).render_as_string(hide_password=True)
