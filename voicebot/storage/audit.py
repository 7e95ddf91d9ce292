"""The audit chain (law L1): each link's hash covers its content and the hash before it.

The hash is keyed (HMAC-SHA-256) with a key that is not in the database, so that whoever can write to the
database alone cannot make a chain that verifies. What the chain itself cannot show, that its newest links
were cut off, shows when `verify` is given the newest hash that someone noted elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.privacy.encryption import Cipher, UndecipherableError
from voicebot.storage.fitting import fit, fit_json
from voicebot.storage.records import AuditEntry
from voicebot.storage.tables import AuditRow

FIRST = "0" * 64
"""What the first link has before it."""
_CHAIN_LOCK = 7_310_205_002
_PURPOSE = "audit chain"
_BATCH = 500


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """Outcome of a verification. `is_whole`: nothing was changed, removed, added or reordered.

    `links`: how many are right, from the first. `broken_at`: position of the first bad one.
    `problem`: changed, missing, undecipherable, cut_off, or '' when all is well. `newest`: hash of the last.
    """

    is_whole: bool
    links: int
    newest: str
    broken_at: int | None = None
    problem: str = ""


async def append(connection: AsyncConnection, new: Sequence[AuditEntry], cipher: Cipher) -> int:
    """Add links in the caller's writing transaction; returns how many were not there already."""
    if not new:
        return 0
    if connection.dialect.name == "postgresql":  # SQLite holds its write lock since BEGIN IMMEDIATE
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})
    by_id = {fit(entry.entry_id, 200): entry for entry in new}
    known = await connection.execute(select(AuditRow.entry_id).where(AuditRow.entry_id.in_(by_id)))
    for entry_id in known.scalars():
        del by_id[entry_id]
    newest = select(AuditRow.position, AuditRow.hash).order_by(AuditRow.position.desc()).limit(1)
    last = (await connection.execute(newest)).first()
    position, previous = (last.position, last.hash) if last else (0, FIRST)
    rows = []
    for entry in by_id.values():
        position += 1
        row = _link(entry, position, previous, cipher)
        previous = row["hash"]
        rows.append(row)
    if rows:
        await connection.execute(insert(AuditRow), rows)
    return len(rows)


def _link(entry: AuditEntry, position: int, previous: str, cipher: Cipher) -> dict[str, Any]:
    content = canonical(entry)
    return {
        "position": position,
        "entry_id": fit(entry.entry_id, 200),
        "at": entry.at,
        "actor": fit(entry.actor, 100),
        "action": fit(entry.action, 60),
        "subject": fit(entry.subject, 200),
        "content": content,
        "key_id": cipher.key_id,
        "previous": previous,
        "hash": link_hash(cipher, cipher.key_id, position, previous, content),
    }


def canonical(entry: AuditEntry) -> str:
    """Return the JSON that the hash covers: sorted keys, no spaces, UTC to the microsecond."""
    fields = {
        "entry_id": fit(entry.entry_id, 200),
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": fit(entry.actor, 100),
        "action": fit(entry.action, 60),
        "subject": fit(entry.subject, 200),
        "facts": fit_json(dict(entry.facts)),
    }
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def link_hash(cipher: Cipher, key_id: str, position: int, previous: str, content: str) -> str:
    """Hash of one link, in hex."""
    return cipher.digest(f"{position}\n{previous}\n{content}", _PURPOSE, key_id)


async def verify(connection: AsyncConnection, cipher: Cipher, noted: str | None = None) -> ChainVerdict:
    """Check every link. `noted`: a hash written down earlier, which must be in the chain."""
    previous, position, was_noted = FIRST, 0, noted is None or noted == FIRST
    async for row in _links(connection):
        position += 1
        if row.position != position or row.previous != previous:
            return ChainVerdict(False, position - 1, previous, position, "missing")
        try:
            expected = link_hash(cipher, row.key_id, position, previous, row.content)
        except UndecipherableError:
            return ChainVerdict(False, position - 1, previous, position, "undecipherable")
        if expected != row.hash or not _columns_agree(row):
            return ChainVerdict(False, position - 1, previous, position, "changed")
        previous = row.hash
        was_noted = was_noted or row.hash == noted
    if not was_noted:
        return ChainVerdict(False, position, previous, position + 1, "cut_off")
    return ChainVerdict(True, position, previous)


def _columns_agree(row: AuditRow) -> bool:
    fields = json.loads(row.content)
    columns = {
        "entry_id": row.entry_id,
        "at": row.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
    }
    return all(fields[name] == value for name, value in columns.items())


async def _links(connection: AsyncConnection) -> AsyncIterator[AuditRow]:
    """All links in order, a batch at a time."""
    position = 0
    while True:
        page = select(*AuditRow.__table__.columns).where(AuditRow.position > position)
        rows = (await connection.execute(page.order_by(AuditRow.position).limit(_BATCH))).all()
        for row in rows:
            yield row  # type: ignore[misc]  # the columns of the table, in a Row
        if len(rows) < _BATCH:
            return
        position = rows[-1].position


def entry_of(row: AuditRow) -> AuditEntry:
    """Return the entry that a link holds."""
    fields = json.loads(row.content)
    return AuditEntry(row.entry_id, row.at, row.actor, row.action, row.subject, fields["facts"])


async def entries(connection: AsyncConnection, *, subject: str | None, limit: int) -> tuple[AuditEntry, ...]:
    """Return the newest entries first, of one subject or all."""
    query = select(*AuditRow.__table__.columns).order_by(AuditRow.position.desc()).limit(limit)
    if subject is not None:
        query = query.where(AuditRow.subject == subject)
    return tuple(entry_of(row) for row in (await connection.execute(query)).all())  # type: ignore[arg-type]
