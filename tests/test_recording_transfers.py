"""A crash in the middle of a transfer leaves its trace: each step is stored as it happens."""

from __future__ import annotations

import asyncio
from pathlib import Path

from voicebot.events import (
    HumanRequested,
    RuleApplied,
    TransferDenied,
    TransferProgressed,
    TransferRequested,
)
from voicebot.recording import CallRecords
from voicebot.settings import StorageSettings
from voicebot.storage.store import CallStore


async def test_steps_of_a_transfer_are_in_storage_before_the_call_ends(tmp_path: Path) -> None:
    settings = StorageSettings(
        url=f"sqlite+aiosqlite:///{tmp_path}/voicebot.db",
        spool_dir=tmp_path / "spool",
        key_file=tmp_path / "key",
    )
    records = CallRecords(settings)
    await records.start()
    for event in (
        HumanRequested(1, by="key", language="nl"),
        RuleApplied(1, "person", "request", ("person: applied",)),
        TransferRequested(1, "queue:service", "human_request", "bridged"),
        TransferProgressed(2, "queue:service", "queued", "no_answer", "anna"),
        TransferProgressed(3, "queue:service", "joined", None, "bert"),
        TransferDenied(4, "nowhere", "unknown"),
    ):
        records.note_transfer("call-1", event)
    async with asyncio.timeout(10):
        while records.waiting:
            await asyncio.sleep(0.01)
    store = CallStore(settings.url, records.cipher)
    found = await store.audit_entries(subject="call-1")
    verdict = await store.verify_audit()
    await store.close()
    await records.close()
    assert [(each.action, dict(each.facts)) for each in reversed(found)] == [
        ("rule.applied", {"rule": "person", "point": "request"}),
        (
            "transfer.asked",
            {"destination": "queue:service", "reason": "human_request", "kind": "bridged"},
        ),
        ("transfer.queued", {"destination": "queue:service", "failure": "no_answer", "agent": "anna"}),
        ("transfer.joined", {"destination": "queue:service", "failure": None, "agent": "bert"}),
        ("transfer.denied", {"destination": "nowhere", "cause": "unknown"}),
    ]
    assert verdict.is_whole
