"""Records go in and come out the same, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.storage.samples import START, a_call, a_callback, an_entry
from voicebot.privacy.encryption import KEY_BYTES, Cipher, UndecipherableError
from voicebot.storage.engine import RecordRejected, StorageUnavailable, open_engine
from voicebot.storage.store import CallStore


async def test_a_call_comes_back_as_it_was_and_saving_again_changes_nothing(store: CallStore) -> None:
    record = a_call()
    assert await store.save(record)
    assert not await store.save(replace(record, disposition="failed", turns=()))
    assert await store.get_call("call-1", accessed_by="anna") == record
    assert await store.get_call("unknown", accessed_by="anna") is None


async def test_a_call_without_turns_or_answer_is_kept(store: CallStore) -> None:
    record = replace(a_call(), answered_at=None, turns=(), events=(), transfers=(), caller_digest=None)
    await store.save(record)
    assert await store.get_call("call-1", accessed_by="anna") == record


async def test_the_list_is_newest_first_and_pages(store: CallStore) -> None:
    for number in range(5):
        await store.save(a_call(f"call-{number}", at=START + timedelta(minutes=number)))
    first = await store.list_calls(limit=2)
    assert [call.call_id for call in first] == ["call-4", "call-3"]
    assert first[0].turns == 2
    second = await store.list_calls(limit=2, before=first[-1].started_at)
    assert [call.call_id for call in second] == ["call-2", "call-1"]


async def test_calls_are_found_by_the_number_that_is_not_stored(store: CallStore) -> None:
    mine = replace(a_call("mine"), caller_digest=store.caller_digest("0301234567"))
    await store.save(mine)
    await store.save(a_call("other"))
    assert [call.call_id for call in await store.list_calls(caller="0301234567")] == ["mine"]
    assert await store.list_calls(caller="0307654321") == ()


async def test_callbacks_come_in_order_of_their_due_time_and_are_closed(store: CallStore) -> None:
    await store.save(a_callback("late", due=START + timedelta(days=2)))
    await store.save(a_callback("soon"))
    assert not await store.save(a_callback("soon", due=START))
    found = await store.callbacks(accessed_by="anna")
    assert found == (a_callback("soon"), a_callback("late", due=START + timedelta(days=2)))
    assert await store.change_callback("soon", "done", changed_by="anna")
    assert not await store.change_callback("unknown", "done", changed_by="anna")
    assert [one.callback_id for one in await store.callbacks(accessed_by="anna")] == ["late"]
    assert [one.status for one in await store.callbacks(accessed_by="anna", status=None)] == ["done", "open"]


async def test_texts_from_outside_never_break_a_row(store: CallStore) -> None:
    nasty = "a\x00b\ud800" + "x" * 600
    record = replace(
        a_call(),
        codec=nasty,
        line=nasty,
        detail=nasty,
        turns=tuple(replace(turn, heard=nasty, intent=nasty) for turn in a_call().turns),
        events=tuple(replace(event, payload={nasty: [nasty, float("nan")]}) for event in a_call().events),
    )
    assert await store.save(record)
    back = await store.get_call("call-1", accessed_by="anna")
    assert back is not None
    assert len(back.detail) == 500
    assert back.turns[0].heard == "a\x00b?" + "x" * 600  # sealed bytes hold anything that UTF-8 can
    assert back.events[0].payload == {("ab?" + "x" * 600)[:200]: ["ab?" + "x" * 600, None]}


async def test_a_time_without_a_zone_is_refused_for_good(store: CallStore) -> None:
    with pytest.raises(RecordRejected):
        await store.save(replace(a_call(), started_at=START.replace(tzinfo=None)))
    assert await store.list_calls() == ()


async def test_transcripts_and_numbers_are_not_readable_in_the_database(store: CallStore, url: str) -> None:
    await store.save(a_call())
    await store.save(a_callback())
    engine = open_engine(url)
    async with engine.connect() as connection:
        turns = (await connection.execute(text("SELECT * FROM turns"))).all()
        contacts = (await connection.execute(text("SELECT * FROM callbacks"))).all()
    await engine.dispose()
    plain = repr(turns) + repr(contacts)
    for secret in ("hoe laat", "Wij zijn", "human", "0301234567", "ketting"):
        assert secret not in plain
    assert Cipher((b"k" * KEY_BYTES,)).key_id in plain


async def test_a_row_cannot_be_read_with_another_key_or_in_another_place(
    store: CallStore, url: str, cipher: Cipher
) -> None:
    await store.save(a_call())
    stranger = CallStore(url, Cipher((b"x" * KEY_BYTES,)))
    with pytest.raises(UndecipherableError):
        await stranger.get_call("call-1", accessed_by="anna")
    assert len(await stranger.list_calls()) == 1
    await stranger.close()
    rotated = CallStore(url, Cipher((b"k" * KEY_BYTES, b"x" * KEY_BYTES)))
    assert await rotated.get_call("call-1", accessed_by="anna") == a_call()
    await rotated.close()
    engine = open_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE turns SET heard = said WHERE position = 0"))
    await engine.dispose()
    with pytest.raises(UndecipherableError):
        await store.get_call("call-1", accessed_by="anna")


async def test_reading_a_transcript_is_audited_and_listing_is_not(store: CallStore) -> None:
    await store.save(a_call())
    before = len(await store.audit_entries())
    await store.list_calls()
    await store.get_call("call-1", accessed_by="anna")
    entries = await store.audit_entries(subject="call-1")
    assert (entries[0].actor, entries[0].action) == ("anna", "transcript.read")
    assert len(await store.audit_entries()) == before + 1


async def test_a_call_brings_its_proof(store: CallStore) -> None:
    await store.save(a_call())
    await store.save(a_call())
    entries = await store.audit_entries(subject="call-1")
    assert [entry.action for entry in reversed(entries)] == [
        "disclosure.played",
        "human.requested",
        "transfer.requested",
        "call.ended",
    ]
    transfer = entries[1]
    assert transfer.facts["failure"] == "busy"
    assert transfer.at == START + timedelta(milliseconds=120 + 9100)


async def test_a_rehearsal_leaves_nothing_and_fails_where_saving_would(store: CallStore, url: str) -> None:
    await store.rehearse()
    assert await store.list_calls() == ()
    assert (await store.verify_audit()).links == 0
    engine = open_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("DROP TABLE transfers"))
    await engine.dispose()
    with pytest.raises(StorageUnavailable):
        await store.rehearse()


async def test_writers_at_once_make_one_chain(url: str, cipher: Cipher) -> None:
    stores = [CallStore(url, cipher) for _ in range(3)]
    saves = [stores[number % 3].save(a_call(f"call-{number}")) for number in range(12)]
    saves += [stores[number % 3].save(an_entry(f"entry-{number % 6}")) for number in range(12)]
    results = await asyncio.gather(*saves)
    assert results.count(True) == 12 + 6
    verdict = await stores[0].verify_audit()
    assert (verdict.is_whole, verdict.links) == (True, 12 * 4 + 6)
    for store in stores:
        await store.close()
