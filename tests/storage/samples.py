"""Records to store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from voicebot.events import StageTimings
from voicebot.storage.records import (
    AuditEntry,
    CallbackRecord,
    CallRecord,
    EventRecord,
    TransferRecord,
    TransferState,
    TurnRecord,
)

START = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def a_call(
    call_id: str = "call-1", *, at: datetime = START, said: str = "Wij zijn open van negen tot zes."
) -> CallRecord:
    return CallRecord(
        call_id=call_id,
        started_at=at,
        answered_at=at + timedelta(milliseconds=120),
        ended_at=at + timedelta(seconds=42),
        leg_kind="sip",
        codec="PCMA/8000",
        line="winkel",
        languages=("nl", "en"),
        disposition="transferred",
        ended_by="agent",
        detail="BYE",
        caller_digest="d" * 64,
        turns=(
            TurnRecord(
                1, 5000, "nl", "hoe laat zijn jullie open", said, said[:10], 40, 90, "opening_hours", 0.93,
                StageTimings(300, 210, 12, 40, 350), ("opening_hours",),
            ),
            TurnRecord(2, 9000, "en", "I want a human", "One moment.", "One moment.", 30, 30),
        ),
        events=(
            EventRecord("CallAnswered", 0, {"leg_kind": "sip", "codec": "PCMA/8000"}),
            EventRecord("DisclosurePlayed", 2500, {"frames_sent": 120, "frames_total": 120}),
            EventRecord("HumanRequested", 9000, {"by": "words", "language": "en"}),
        ),
        transfers=(
            TransferRecord(
                "medewerker", "bridged", "human_request", 9100,
                (TransferState("ringing", 9200), TransferState("failed", 12000)), "busy",
            ),
        ),
    )  # fmt: skip


def a_callback(callback_id: str = "cb-1", *, due: datetime = START + timedelta(days=1)) -> CallbackRecord:
    return CallbackRecord(
        callback_id, "call-1", START, due, "closed", "nl", "0301234567", message="de ketting ligt eraf"
    )


def an_entry(entry_id: str = "e-1", action: str = "rules.changed") -> AuditEntry:
    return AuditEntry(entry_id, START, "anna", action, "rules", {"from": 3, "to": 4, "note": "é\u2028"})
