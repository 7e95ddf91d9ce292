"""What is kept of a call, as frozen values: already redacted, free of raw numbers and raw DTMF.

Times are aware datetimes in UTC. A record is whole: saving it twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from voicebot.events import StageTimings

Json = JsonValue


@dataclass(frozen=True, slots=True)
class CallIdentity:
    """What is known of a call when it begins.

    `line`: the dialled line's name. `caller`: number as received; only its keyed hash is ever stored.
    """

    call_id: str
    leg_kind: str
    line: str
    caller: str = ""
    codec: str = ""


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One turn. `at_ms`: since the answer. `heard`, `said`, `said_heard`: redacted. Frames of 20 ms."""

    number: int
    at_ms: int
    language: str
    heard: str
    said: str
    said_heard: str
    frames_sent: int
    frames_total: int
    intent: str | None = None
    confidence: float | None = None
    timings: StageTimings = field(default_factory=StageTimings)
    prompt_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event. `name`: class of voicebot.events. `payload`: its other fields, without texts."""

    name: str
    at_ms: int
    payload: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TransferState:
    """A step of a transfer and when it was reached, in milliseconds since the answer."""

    state: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class TransferRecord:
    """One attempt to reach a destination. `failure`: a DialFailure, None when there was none."""

    destination: str
    kind: str
    reason: str
    requested_at_ms: int
    states: tuple[TransferState, ...] = ()
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A whole call. `languages`: in the order they were spoken. `caller_digest`: keyed hash of the number.

    `events_dropped`: events that came after the bound of one call's memory.
    """

    call_id: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    leg_kind: str
    codec: str
    line: str
    languages: tuple[str, ...]
    disposition: str
    ended_by: str
    detail: str = ""
    caller_digest: str | None = None
    events_dropped: int = 0
    turns: tuple[TurnRecord, ...] = ()
    events: tuple[EventRecord, ...] = ()
    transfers: tuple[TransferRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class CallSummary:
    """A line of the list of calls: nothing that the caller said."""

    call_id: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    line: str
    languages: tuple[str, ...]
    disposition: str
    ended_by: str
    turns: int


@dataclass(frozen=True, slots=True)
class CallbackRecord:
    """A person must call back (law H5). `status`: open, done, failed.

    `contact`: the number. `message`: what the caller wants to pass on, redacted. Both are sealed at rest.
    `claimed_by`: agent who is at it, since `claimed_at`. `attempts`: calls that reached nobody; `outcome`: of
    the last one.
    """

    callback_id: str
    call_id: str
    created_at: datetime
    due_at: datetime
    reason: str
    language: str
    contact: str
    status: str = "open"
    message: str = ""
    claimed_by: str = ""
    claimed_at: datetime | None = None
    attempts: int = 0
    outcome: str = ""
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something that must be provable later (law L1).

    `entry_id`: unique, so that a retry adds nothing. `actor`: user name or 'voicebot'. `action`:
    'disclosure.played', 'human.requested', 'transcript.read' … `subject`: a call id or the like.
    """

    entry_id: str
    at: datetime
    actor: str
    action: str
    subject: str
    facts: Mapping[str, Json] = field(default_factory=dict)


StoredRecord = CallRecord | CallbackRecord | AuditEntry
