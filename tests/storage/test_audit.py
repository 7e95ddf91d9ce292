"""Whoever changes, removes, adds, moves or cuts off a link is found out."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.storage.samples import an_entry
from voicebot.privacy.encryption import KEY_BYTES, Cipher
from voicebot.storage.engine import WRITES, open_engine
from voicebot.storage.store import CallStore


async def test_an_untouched_chain_verifies_and_gives_entries_back(store: CallStore) -> None:
    empty = await store.verify_audit()
    assert (empty.is_whole, empty.links) == (True, 0)
    for number in range(5):
        assert await store.save(an_entry(f"e-{number}"))
    assert not await store.save(an_entry("e-3", "something.else"))
    verdict = await store.verify_audit(noted=empty.newest)
    assert (verdict.is_whole, verdict.links, verdict.problem) == (True, 5, "")
    assert (await store.audit_entries(limit=1)) == (an_entry("e-4"),)


async def test_a_long_chain_is_read_in_batches(store: CallStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebot.storage.audit._BATCH", 3)
    for number in range(7):
        await store.save(an_entry(f"e-{number}"))
    assert (await store.verify_audit()).links == 7


TAMPERING = {
    "content": (
        "UPDATE audit SET content = replace(content, 'anna', 'eve') WHERE position = 3",
        3,
        "changed",
    ),
    "column": ("UPDATE audit SET actor = 'eve' WHERE position = 3", 3, "changed"),
    "hash": ("UPDATE audit SET hash = previous WHERE position = 3", 3, "changed"),
    "removed": ("DELETE FROM audit WHERE position = 3", 3, "missing"),
    "first removed": ("DELETE FROM audit WHERE position = 1", 1, "missing"),
    "key": ("UPDATE audit SET key_id = 'ffff' WHERE position = 3", 3, "undecipherable"),
}


@pytest.mark.parametrize("how", TAMPERING)
async def test_tampering_is_found_where_it_happened(store: CallStore, url: str, how: str) -> None:
    statement, place, problem = TAMPERING[how]
    for number in range(5):
        await store.save(an_entry(f"e-{number}"))
    await _execute(url, statement)
    verdict = await store.verify_audit()
    assert (verdict.is_whole, verdict.broken_at, verdict.problem) == (False, place, problem)
    assert verdict.links == place - 1


async def test_links_cut_off_at_the_end_show_against_a_noted_hash(store: CallStore, url: str) -> None:
    for number in range(5):
        await store.save(an_entry(f"e-{number}"))
    noted = (await store.verify_audit()).newest
    await _execute(url, "DELETE FROM audit WHERE position > 3")
    assert (await store.verify_audit()).is_whole
    verdict = await store.verify_audit(noted=noted)
    assert (verdict.is_whole, verdict.broken_at, verdict.problem) == (False, 4, "cut_off")


async def test_a_chain_forged_without_the_key_does_not_verify(url: str, cipher: Cipher) -> None:
    forger = CallStore(url, Cipher((b"forged key".ljust(KEY_BYTES),)))
    await forger.save(an_entry())
    await _execute(url, f"UPDATE audit SET key_id = '{cipher.key_id}'")
    owner = CallStore(url, cipher)
    assert (await owner.verify_audit()).problem == "changed"
    await forger.close()
    await owner.close()


async def _execute(url: str, statement: str) -> None:
    engine = open_engine(url)
    async with engine.connect() as plain:
        connection = await plain.execution_options(**WRITES)
        async with connection.begin():
            await connection.execute(text(statement))
    await engine.dispose()
