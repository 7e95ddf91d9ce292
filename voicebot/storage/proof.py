"""What of a call must be provable (law L1): disclosure, requests for a human, transfers, the outcome."""

from __future__ import annotations

from datetime import timedelta

from voicebot.events import DisclosurePlayed, HumanRequested
from voicebot.storage.records import AuditEntry, CallRecord, Json

_ACTIONS = {DisclosurePlayed.__name__: "disclosure.played", HumanRequested.__name__: "human.requested"}


def audit_entries(record: CallRecord) -> tuple[AuditEntry, ...]:
    """Make the audit entries of one call, with ids that follow from it: made twice they are the same."""
    start = record.answered_at or record.started_at
    entries: list[AuditEntry] = []

    def add(action: str, at_ms: int | None, facts: dict[str, Json]) -> None:
        at = record.ended_at if at_ms is None else start + timedelta(milliseconds=at_ms)
        entry_id = f"call/{len(entries)}/{record.call_id}"
        entries.append(AuditEntry(entry_id, at, "voicebot", action, record.call_id, facts))

    for event in record.events:
        if event.name in _ACTIONS:
            add(_ACTIONS[event.name], event.at_ms, dict(event.payload))
    for transfer in record.transfers:
        states: list[Json] = [state.state for state in transfer.states]
        facts: dict[str, Json] = {
            "destination": transfer.destination,
            "kind": transfer.kind,
            "reason": transfer.reason,
            "failure": transfer.failure,
            "states": states,
        }
        add("transfer.requested", transfer.requested_at_ms, facts)
    add("call.ended", None, {"disposition": record.disposition, "ended_by": record.ended_by})
    return tuple(entries)
