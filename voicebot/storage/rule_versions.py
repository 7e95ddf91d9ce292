"""Versions of the transfer rules: saved whole, never changed, the newest in force; each is audited."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.errors import StorageError
from voicebot.privacy.encryption import Cipher, Sealed
from voicebot.storage import audit
from voicebot.storage.database import Database
from voicebot.storage.fitting import fit
from voicebot.storage.records import AuditEntry, Json
from voicebot.storage.store import utc_now
from voicebot.storage.tables import RuleVersionRow

NO_VERSION = 0
_LOCK = 7_310_205_003
_SUBJECT = "transfer rules"


class RulesChanged(StorageError):
    """Somebody saved other rules meanwhile: look at those first. `newest`: their version."""

    code = "storage.rules_changed"

    def __init__(self, newest: int) -> None:
        super().__init__(f"version {newest} was saved meanwhile")
        self.newest = newest


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """A saved version. `version`: from 1. `based_on`: the version that was edited, 0 for none. `at`: UTC."""

    version: int
    based_on: int
    at: datetime
    actor: str
    note: str


@dataclass(frozen=True, slots=True)
class SavedRules:
    """A version with its document, the YAML as it was written."""

    version: RuleVersion
    document: str


class RuleStore:
    """Saves and reads versions. Every method raises StorageUnavailable or RecordRejected (StorageError).

    `check`: raises for a document that must not be saved; no version is saved without it (law H3).
    """

    def __init__(
        self,
        url: str,
        cipher: Cipher,
        *,
        check: Callable[[str], object],
        busy_seconds: float = 5.0,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = Database(url, busy_seconds=busy_seconds)
        self._cipher, self._check, self._now = cipher, check, now

    async def close(self) -> None:
        """Close all connections."""
        await self._database.close()

    async def save(
        self, document: str, *, actor: str, note: str = "", based_on: int | None = None
    ) -> RuleVersion:
        """Put a document in force as the next version, whole or not at all.

        `based_on`: the version that was edited; RulesChanged when another is in force by now; None does not
        ask. Raises what `check` raises.
        """
        self._check(document)
        async with self._database.writing() as connection:
            await _lock(connection)
            newest = await _newest_version(connection)
            if based_on is not None and based_on != newest:
                raise RulesChanged(newest)
            return await self._insert(connection, document, newest, actor, note, "rules.saved")

    async def seed(self, document: str) -> RuleVersion | None:
        """Save the first version; None when there is one already. Raises what `check` raises."""
        async with self._database.reading() as connection:
            if await _newest_version(connection) != NO_VERSION:
                return None
        self._check(document)
        async with self._database.writing() as connection:
            await _lock(connection)
            if await _newest_version(connection) != NO_VERSION:
                return None  # another process was first
            return await self._insert(connection, document, NO_VERSION, "voicebot", "", "rules.seeded")

    async def newest_version(self) -> int:
        """Return the number of the version in force, 0 when there is none: cheap, to ask often."""
        async with self._database.reading() as connection:
            return await _newest_version(connection)

    async def load(self, version: int | None = None) -> SavedRules | None:
        """Return a version, or the one in force; None when there is none. Raises UndecipherableError."""
        query = select(*RuleVersionRow.__table__.columns).order_by(RuleVersionRow.version.desc()).limit(1)
        if version is not None:
            query = query.where(RuleVersionRow.version == version)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        document = self._cipher.open(Sealed(row.key_id, row.document), _place(row.version))
        return SavedRules(RuleVersion(row.version, row.based_on, row.at, row.actor, row.note), document)

    async def versions(self, limit: int = 100) -> tuple[RuleVersion, ...]:
        """Return the newest versions first."""
        row = RuleVersionRow
        query = select(row.version, row.based_on, row.at, row.actor, row.note)
        async with self._database.reading() as connection:
            found = await connection.execute(query.order_by(row.version.desc()).limit(limit))
            return tuple(RuleVersion(*each) for each in found)

    async def _insert(
        self, connection: AsyncConnection, document: str, newest: int, actor: str, note: str, action: str
    ) -> RuleVersion:
        version = RuleVersion(newest + 1, newest, self._now(), fit(actor, 100), fit(note, 500))
        sealed = self._cipher.seal(document, _place(version.version))
        await connection.execute(
            insert(RuleVersionRow).values(
                version=version.version,
                based_on=version.based_on,
                at=version.at,
                actor=version.actor,
                note=version.note,
                key_id=sealed.key_id,
                document=sealed.data,
            )
        )
        facts: dict[str, Json] = {
            "version": version.version,
            "based_on": version.based_on,
            "sha256": sha256(document.encode()).hexdigest(),
            "note": version.note,
        }
        entry = AuditEntry(uuid.uuid4().hex, version.at, version.actor, action, _SUBJECT, facts)
        await audit.append(connection, [entry], self._cipher)
        return version


async def _lock(connection: AsyncConnection) -> None:
    """Let one writer in at a time; SQLite holds its write lock since BEGIN."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


async def _newest_version(connection: AsyncConnection) -> int:
    newest = select(RuleVersionRow.version).order_by(RuleVersionRow.version.desc()).limit(1)
    return (await connection.execute(newest)).scalar() or NO_VERSION


def _place(version: int) -> str:
    return f"rule_versions/{version}/document"
