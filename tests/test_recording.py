"""Callback requests as they come to storage."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.storage.samples import START
from voicebot.events import CallbackRequested
from voicebot.media.leg import LegInfo
from voicebot.privacy.encryption import load_or_create_key
from voicebot.recording import CallRecords
from voicebot.settings import StorageSettings
from voicebot.storage.callback_store import CallbackStore


@pytest.mark.parametrize(
    ("number", "message", "contact"),
    [
        ("0301234567", "bel op 06-12345678", "0301234567"),
        ("", "bel me op 06-12345678 over de ketting", "+31612345678"),
        ("", "de ketting ligt eraf", "+31201234567"),
    ],
)
async def test_whom_to_call_and_what_about(tmp_path: Path, number: str, message: str, contact: str) -> None:
    settings = StorageSettings(
        url=f"sqlite:///{tmp_path}/calls.db", spool_dir=tmp_path / "spool", key_file=tmp_path / "key"
    )
    records = CallRecords(settings)
    await records.start()
    info = LegInfo("leg-1", "sip", "+31201234567", "nl", "PCMA/8000", "x", inbound=True)
    event = CallbackRequested(0, "message", "nl", number, message)
    records.store_callback(info, event, START, START + timedelta(hours=2))
    await records.close()
    store = CallbackStore(settings.url, load_or_create_key(settings.key_file))
    (kept,) = await store.list(accessed_by="test")
    await store.close()
    assert (kept.contact, kept.reason, kept.due_at) == (contact, "message", START + timedelta(hours=2))
    assert "12345678" not in kept.message
    assert ("ketting" in kept.message) is ("ketting" in message)
