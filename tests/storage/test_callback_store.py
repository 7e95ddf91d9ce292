"""Who is at a callback, what came of it, when it is due again: on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from tests.storage.samples import START, a_callback
from voicebot.privacy.encryption import Cipher
from voicebot.storage.callback_store import CallbackStore
from voicebot.storage.store import CallStore


class Clock:
    now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def callbacks(url: str, cipher: Cipher, clock: Clock) -> AsyncIterator[CallbackStore]:
    store = CallbackStore(url, cipher, now=clock)
    yield store
    await store.close()


async def test_one_of_those_who_claim_gets_it(callbacks: CallbackStore, store: CallStore) -> None:
    await store.save(a_callback())
    results = await asyncio.gather(*(callbacks.claim("cb-1", f"agent-{n}") for n in range(6)))
    won = [record for record in results if record is not None]
    assert len(won) == 1
    assert won[0].contact == "0301234567"
    (listed,) = await callbacks.list(accessed_by="anna")
    assert listed.claimed_by == won[0].claimed_by
    assert await callbacks.claim("cb-1", listed.claimed_by) is not None  # the same agent may ask again
    assert await callbacks.claim("unknown", "anna") is None


async def test_a_claim_can_be_given_up_and_lapses(
    callbacks: CallbackStore, store: CallStore, clock: Clock
) -> None:
    await store.save(a_callback())
    assert await callbacks.claim("cb-1", "anna")
    assert not await callbacks.release("cb-1", "bram")
    assert await callbacks.release("cb-1", "anna")
    assert await callbacks.claim("cb-1", "bram")
    clock.now += timedelta(minutes=29)
    assert await callbacks.claim("cb-1", "anna") is None
    clock.now += timedelta(minutes=2)
    assert await callbacks.claim("cb-1", "anna")


async def test_attempts_put_it_off_until_it_has_failed(callbacks: CallbackStore, store: CallStore) -> None:
    await store.save(a_callback("first"))
    await store.save(a_callback("second", due=START + timedelta(days=2)))
    later = START + timedelta(days=3)
    await callbacks.claim("first", "anna")
    assert await callbacks.note_attempt("first", "no_answer", later, tried_by="anna", max_attempts=2)
    found = await callbacks.list(accessed_by="anna")
    assert [(one.callback_id, one.attempts, one.claimed_by) for one in found] == [
        ("second", 0, ""),
        ("first", 1, ""),
    ]
    assert (found[1].due_at, found[1].outcome) == (later, "no_answer")
    assert await callbacks.note_attempt("first", "busy", later, tried_by="anna", max_attempts=2)
    assert not await callbacks.note_attempt("first", "busy", later, tried_by="anna", max_attempts=2)
    (failed,) = await callbacks.list(accessed_by="anna", status="failed")
    assert (failed.callback_id, failed.attempts, failed.outcome) == ("first", 2, "busy")
    assert await callbacks.claim("first", "anna") is None


async def test_done_is_done_once_and_audited(
    callbacks: CallbackStore, store: CallStore, clock: Clock
) -> None:
    await store.save(a_callback())
    await callbacks.claim("cb-1", "anna")
    clock.now += timedelta(minutes=5)
    assert await callbacks.done("cb-1", done_by="anna", outcome="reached")
    assert not await callbacks.done("cb-1", done_by="bram")
    assert not await callbacks.done("unknown", done_by="bram")
    (done,) = await callbacks.list(accessed_by="anna", status=None)
    assert (done.status, done.outcome, done.done_at) == ("done", "reached", clock.now)
    assert await callbacks.claim("cb-1", "anna") is None
    await callbacks.note_refused("cb-1", "premium", actor="anna")
    entries = await store.audit_entries(subject="cb-1")
    assert [(entry.actor, entry.action) for entry in reversed(entries)] == [
        ("anna", "callback.claimed"),
        ("anna", "callback.done"),
        ("anna", "callback.refused"),
    ]
