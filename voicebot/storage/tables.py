"""The tables. Times are UTC; `*_ms` are milliseconds since the call was answered; frames are 20 ms.

Columns of type LargeBinary are sealed (voicebot/privacy/encryption.py) with the key that `key_id` names.
Every change here needs a revision in migrations/versions; a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from voicebot.storage.records import Json

CALL_ID_LENGTH = 128
AGENT_ID_LENGTH = 64
DETAIL_LENGTH = 500


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime; SQLite keeps no time zone, so UTC goes in and comes out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times, which would be silently wrong by the offset of the machine."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a stored time needs a time zone")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give UTC back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All tables; names of constraints are fixed so that migrations can refer to them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class CallRow(Base):
    """One call."""

    __tablename__ = "calls"
    id: Mapped[str] = mapped_column(String(CALL_ID_LENGTH), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime)
    leg_kind: Mapped[str] = mapped_column(String(20))
    codec: Mapped[str] = mapped_column(String(40))
    line: Mapped[str] = mapped_column(String(100))
    languages: Mapped[list[str]] = mapped_column(JSON)
    disposition: Mapped[str] = mapped_column(String(40))
    ended_by: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str] = mapped_column(String(DETAIL_LENGTH))
    caller_digest: Mapped[str | None] = mapped_column(String(64), index=True)
    events_dropped: Mapped[int] = mapped_column(Integer)


def _call_id() -> Mapped[str]:
    return mapped_column(String(CALL_ID_LENGTH), ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)


class TurnRow(Base):
    """One turn; `position` counts from 0 within the call."""

    __tablename__ = "turns"
    call_id: Mapped[str] = _call_id()
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Integer)
    at_ms: Mapped[int] = mapped_column(Integer)
    language: Mapped[str] = mapped_column(String(10))
    intent: Mapped[str | None] = mapped_column(String(100))
    confidence: Mapped[float | None] = mapped_column(Float)
    key_id: Mapped[str] = mapped_column(String(16))
    heard: Mapped[bytes] = mapped_column(LargeBinary)
    said: Mapped[bytes] = mapped_column(LargeBinary)
    said_heard: Mapped[bytes] = mapped_column(LargeBinary)
    frames_sent: Mapped[int] = mapped_column(Integer)
    frames_total: Mapped[int] = mapped_column(Integer)
    last_speech_to_end_of_turn: Mapped[int | None] = mapped_column(Integer)
    transcription: Mapped[int | None] = mapped_column(Integer)
    understanding: Mapped[int | None] = mapped_column(Integer)
    end_of_turn_to_first_audio: Mapped[int | None] = mapped_column(Integer)
    last_speech_to_first_audio: Mapped[int | None] = mapped_column(Integer)
    prompt_ids: Mapped[list[str]] = mapped_column(JSON)


class EventRow(Base):
    """One event; `position` keeps the order in which they came."""

    __tablename__ = "events"
    call_id: Mapped[str] = _call_id()
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(60), index=True)
    at_ms: Mapped[int] = mapped_column(Integer)
    payload: Mapped[dict[str, Json]] = mapped_column(JSON)


class TransferRow(Base):
    """One attempt to reach a destination. `states`: [[state, at_ms], …]."""

    __tablename__ = "transfers"
    call_id: Mapped[str] = _call_id()
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    destination: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(String(40))
    requested_at_ms: Mapped[int] = mapped_column(Integer)
    states: Mapped[list[list[Json]]] = mapped_column(JSON)
    failure: Mapped[str | None] = mapped_column(String(40))


class CallbackRow(Base):
    """A promised callback. No foreign key: it is stored while its call is still going on."""

    __tablename__ = "callbacks"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(CALL_ID_LENGTH), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(String(100))
    language: Mapped[str] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(20))
    key_id: Mapped[str] = mapped_column(String(16))
    contact: Mapped[bytes] = mapped_column(LargeBinary)
    message: Mapped[bytes] = mapped_column(LargeBinary)
    claimed_by: Mapped[str] = mapped_column(String(AGENT_ID_LENGTH), default="")
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    outcome: Mapped[str] = mapped_column(String(40), default="")
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    __table_args__ = (Index("ix_callbacks_status_due_at", "status", "due_at"),)


class AgentRow(Base):
    """A person who takes calls. `password_hash`: argon2id, '' for a phone that nobody logs in to."""

    __tablename__ = "agents"
    id: Mapped[str] = mapped_column(String(AGENT_ID_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    contact: Mapped[str] = mapped_column(String(200))
    languages: Mapped[list[str]] = mapped_column(JSON)
    skills: Mapped[list[str]] = mapped_column(JSON)
    queues: Mapped[list[str]] = mapped_column(JSON)
    password_hash: Mapped[str] = mapped_column(String(200))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AgentStateRow(Base):
    """A state that an agent came into; `call_id` and `queue` of the call that it is about, '' for none."""

    __tablename__ = "agent_states"
    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    agent_id: Mapped[str] = mapped_column(String(AGENT_ID_LENGTH))
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    state: Mapped[str] = mapped_column(String(20))
    call_id: Mapped[str] = mapped_column(String(CALL_ID_LENGTH))
    queue: Mapped[str] = mapped_column(String(100))
    reason: Mapped[str] = mapped_column(String(40))
    __table_args__ = (Index("ix_agent_states_agent_id_at", "agent_id", "at"),)


class WrapUpRow(Base):
    """What an agent noted of a call. `note`: redacted, sealed."""

    __tablename__ = "wrap_ups"
    call_id: Mapped[str] = mapped_column(String(CALL_ID_LENGTH), primary_key=True)
    agent_id: Mapped[str] = mapped_column(String(AGENT_ID_LENGTH), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    code: Mapped[str] = mapped_column(String(40))
    key_id: Mapped[str] = mapped_column(String(16))
    note: Mapped[bytes] = mapped_column(LargeBinary)


class RuleVersionRow(Base):
    """Saved transfer rules; the newest are in force. `document`: the YAML, sealed (it may list numbers)."""

    __tablename__ = "rule_versions"
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    based_on: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(100))
    note: Mapped[str] = mapped_column(String(500))
    key_id: Mapped[str] = mapped_column(String(16))
    document: Mapped[bytes] = mapped_column(LargeBinary)


class AuditRow(Base):
    """One link of the chain; `content` is the canonical JSON that `hash` covers, with `previous`."""

    __tablename__ = "audit"
    position: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    entry_id: Mapped[str] = mapped_column(String(200), unique=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    actor: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(60), index=True)
    subject: Mapped[str] = mapped_column(String(200), index=True)
    content: Mapped[str] = mapped_column(Text)
    key_id: Mapped[str] = mapped_column(String(16))
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
