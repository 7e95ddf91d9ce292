"""Calls with their turns and events: rows from records, and back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.events import StageTimings
from voicebot.privacy.encryption import Cipher, Sealed
from voicebot.storage import transfers
from voicebot.storage.fitting import fit, fit_json
from voicebot.storage.records import CallRecord, CallSummary, EventRecord, TurnRecord
from voicebot.storage.tables import CALL_ID_LENGTH, DETAIL_LENGTH, CallRow, EventRow, TurnRow

_TIMINGS = tuple(StageTimings.__dataclass_fields__)
_MAX_INT = 2**31 - 1


async def insert_call(connection: AsyncConnection, record: CallRecord, cipher: Cipher) -> bool:
    """Write a whole call in the caller's transaction; False, and nothing written, when it is there."""
    call_id = fit(record.call_id, CALL_ID_LENGTH)
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    new = make(CallRow).values(_call_values(call_id, record)).on_conflict_do_nothing().returning(CallRow.id)
    if (await connection.execute(new)).first() is None:
        return False
    if record.turns:
        turns = [_turn_values(call_id, place, turn, cipher) for place, turn in enumerate(record.turns)]
        await connection.execute(insert(TurnRow), turns)
    if record.events:
        events = [_event_values(call_id, place, event) for place, event in enumerate(record.events)]
        await connection.execute(insert(EventRow), events)
    if record.transfers:
        await transfers.insert_transfers(connection, call_id, record.transfers)
    return True


async def read_call(connection: AsyncConnection, call_id: str, cipher: Cipher) -> CallRecord | None:
    """Return a whole call, opened; None when there is none. Raises UndecipherableError."""
    call = (await connection.execute(_columns(CallRow).where(CallRow.id == call_id))).first()
    if call is None:
        return None
    turns = _columns(TurnRow).where(TurnRow.call_id == call_id).order_by(TurnRow.position)
    events = _columns(EventRow).where(EventRow.call_id == call_id).order_by(EventRow.position)
    fields = dict(call._mapping)
    fields["call_id"] = fields.pop("id")
    fields["languages"] = tuple(fields["languages"])
    return CallRecord(
        **fields,
        turns=tuple([_turn(row, cipher) for row in (await connection.execute(turns)).all()]),
        events=tuple(
            [
                EventRecord(row.name, row.at_ms, row.payload)
                for row in (await connection.execute(events)).all()
            ]
        ),
        transfers=await transfers.read_transfers(connection, call_id),
    )


async def summaries(
    connection: AsyncConnection,
    *,
    limit: int,
    before: datetime | None,
    caller_digests: tuple[str, ...] | None,
) -> tuple[CallSummary, ...]:
    """Return the newest calls first; `before`: only those that started earlier (for the next page)."""
    turns = select(func.count()).where(TurnRow.call_id == CallRow.id).scalar_subquery()
    query = select(
        CallRow.id,
        CallRow.started_at,
        CallRow.answered_at,
        CallRow.ended_at,
        CallRow.line,
        CallRow.languages,
        CallRow.disposition,
        CallRow.ended_by,
        turns,
    )
    if before is not None:
        query = query.where(CallRow.started_at < before)
    if caller_digests is not None:
        query = query.where(CallRow.caller_digest.in_(caller_digests))
    rows = await connection.execute(query.order_by(CallRow.started_at.desc(), CallRow.id).limit(limit))
    return tuple(
        CallSummary(call_id, started, answered, ended, line, tuple(languages), disposition, by, count)
        for call_id, started, answered, ended, line, languages, disposition, by, count in rows
    )


def _columns(table: type[CallRow | TurnRow | EventRow]) -> Any:
    return select(*table.__table__.columns)


def _call_values(call_id: str, record: CallRecord) -> dict[str, object]:
    return {
        "id": call_id,
        "started_at": record.started_at,
        "answered_at": record.answered_at,
        "ended_at": record.ended_at,
        "leg_kind": fit(record.leg_kind, 20),
        "codec": fit(record.codec, 40),
        "line": fit(record.line, 100),
        "languages": [fit(language, 10) for language in record.languages],
        "disposition": fit(record.disposition, 40),
        "ended_by": fit(record.ended_by, 20),
        "detail": fit(record.detail, DETAIL_LENGTH),
        "caller_digest": record.caller_digest,
        "events_dropped": record.events_dropped,
    }


def _turn_values(call_id: str, place: int, turn: TurnRecord, cipher: Cipher) -> dict[str, object]:
    texts = {"heard": turn.heard, "said": turn.said, "said_heard": turn.said_heard}
    sealed = {name: cipher.seal(text, _place(call_id, place, name)) for name, text in texts.items()}
    return {
        "call_id": call_id,
        "position": place,
        "number": turn.number,
        "at_ms": min(turn.at_ms, _MAX_INT),
        "language": fit(turn.language, 10),
        "intent": fit(turn.intent, 100) if turn.intent is not None else None,
        "confidence": turn.confidence,
        "key_id": cipher.key_id,
        **{name: value.data for name, value in sealed.items()},
        "frames_sent": turn.frames_sent,
        "frames_total": turn.frames_total,
        **asdict(turn.timings),
        "prompt_ids": [fit(prompt, 200) for prompt in turn.prompt_ids],
    }


def _event_values(call_id: str, place: int, event: EventRecord) -> dict[str, object]:
    return {
        "call_id": call_id,
        "position": place,
        "name": fit(event.name, 60),
        "at_ms": min(event.at_ms, _MAX_INT),
        "payload": fit_json(dict(event.payload)),
    }


def _turn(row: Row[Any], cipher: Cipher) -> TurnRecord:
    fields = row._mapping

    def opened(name: str) -> str:
        place = _place(fields["call_id"], fields["position"], name)
        return cipher.open(Sealed(fields["key_id"], fields[name]), place)

    return TurnRecord(
        number=fields["number"],
        at_ms=fields["at_ms"],
        language=fields["language"],
        heard=opened("heard"),
        said=opened("said"),
        said_heard=opened("said_heard"),
        frames_sent=fields["frames_sent"],
        frames_total=fields["frames_total"],
        intent=fields["intent"],
        confidence=fields["confidence"],
        timings=StageTimings(**{name: fields[name] for name in _TIMINGS}),
        prompt_ids=tuple(fields["prompt_ids"]),
    )


def _place(call_id: str, position: int, column: str) -> str:
    return f"turns/{call_id}/{position}/{column}"
