"""What the writer does with a store that fails, hangs or comes back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.storage.samples import a_call, a_callback, an_entry
from voicebot.privacy.encryption import KEY_BYTES, Cipher, UndecipherableError
from voicebot.storage.engine import RecordRejected, StorageUnavailable
from voicebot.storage.records import StoredRecord
from voicebot.storage.spool import Spool, pack, unpack
from voicebot.storage.writer import RecordWriter, WriterLimits


class FakeStore:
    """Saves in memory; `failure` is raised instead while set, and `gate` holds saves up."""

    def __init__(self) -> None:
        self.saved: list[StoredRecord] = []
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.tries = 0
        self.changed = asyncio.Condition()

    async def save(self, record: StoredRecord) -> bool:
        self.tries += 1
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        if record in self.saved:
            return False
        self.saved.append(record)
        async with self.changed:
            self.changed.notify_all()
        return True

    async def has(self, count: int) -> None:
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(lambda: len(self.saved) >= count)


LONG = WriterLimits(first_pause_seconds=3600, last_pause_seconds=3600)
SHORT = WriterLimits(first_pause_seconds=0.01, last_pause_seconds=0.02)


def started(store: FakeStore, folder: Path, cipher: Cipher, limits: WriterLimits = LONG) -> RecordWriter:
    writer = RecordWriter(store, folder, cipher, limits)
    writer.start()
    return writer


async def test_records_are_stored_in_order(tmp_path: Path, cipher: Cipher) -> None:
    store = FakeStore()
    writer = started(store, tmp_path / "spool", cipher)
    records = [a_call("1"), a_callback(), an_entry()]
    for record in records:
        writer.submit(record)
    await writer.close(5)
    assert store.saved == records
    assert (writer.counts.saved, writer.counts.spooled, writer.waiting) == (3, 0, 0)
    assert not (tmp_path / "spool").exists()


async def test_a_failing_store_spools_and_is_tried_again_by_itself(tmp_path: Path, cipher: Cipher) -> None:
    store = FakeStore()
    store.failure = StorageUnavailable("gone")
    writer = started(store, tmp_path, cipher, SHORT)
    for number in range(3):
        writer.submit(a_call(str(number)))
    await asyncio.wait_for(writer.settled(), 10)
    assert len(list(tmp_path.glob("*.record"))) == 3
    assert writer.storage_is_down
    store.failure = None
    await store.has(3)
    await writer.close(5)
    assert sorted(record.call_id for record in store.saved) == ["0", "1", "2"]  # type: ignore[union-attr]
    assert list(tmp_path.glob("*.record")) == []
    assert not writer.storage_is_down
    assert writer.counts.lost == 0


async def test_a_store_that_is_down_is_not_tried_for_each_record(tmp_path: Path, cipher: Cipher) -> None:
    store = FakeStore()
    store.failure = StorageUnavailable("gone")
    writer = started(store, tmp_path, cipher)
    for number in range(20):
        writer.submit(a_call(str(number)))
    await asyncio.wait_for(writer.settled(), 10)
    assert store.tries == 1
    store.failure = None
    writer.retry_now()
    await store.has(20)
    await writer.close(5)


async def test_new_records_do_not_put_off_the_next_try(tmp_path: Path, cipher: Cipher) -> None:
    store = FakeStore()
    store.failure = StorageUnavailable("gone")
    writer = started(store, tmp_path, cipher, WriterLimits(first_pause_seconds=0.05, last_pause_seconds=0.05))
    number = 0
    async with asyncio.timeout(10):
        while store.tries < 4:  # a stream of records that never leaves a pause of 50 ms
            writer.submit(a_call(str(number := number + 1)))
            await writer.settled()
    store.failure = None
    await store.has(number)
    await writer.close(5)


async def test_a_hanging_store_counts_as_down(tmp_path: Path, cipher: Cipher) -> None:
    store = FakeStore()
    store.gate.clear()
    limits = WriterLimits(save_seconds=0.01, first_pause_seconds=3600)
    writer = started(store, tmp_path, cipher, limits)
    writer.submit(a_call())
    await asyncio.wait_for(writer.settled(), 10)
    assert (writer.counts.spooled, writer.waiting) == (1, 0)
    await writer.close(5)


async def test_what_an_earlier_process_spooled_is_stored_at_the_start(tmp_path: Path, cipher: Cipher) -> None:
    earlier = Spool(tmp_path, cipher)
    for number in range(120):
        earlier.write(a_call(f"{number:03}"))
    store = FakeStore()
    writer = started(store, tmp_path, cipher)
    await store.has(120)
    await writer.close(5)
    assert [record.call_id for record in store.saved] == [f"{number:03}" for number in range(120)]  # type: ignore[union-attr]
    assert list(tmp_path.iterdir()) == []


async def test_a_refused_record_is_set_aside_and_stops_nothing(tmp_path: Path, cipher: Cipher) -> None:
    store = FakeStore()
    store.failure = RecordRejected("IntegrityError")
    writer = started(store, tmp_path, cipher)
    writer.submit(a_call("bad"))
    await asyncio.wait_for(writer.settled(), 10)
    store.failure = None
    writer.submit(a_call("good"))
    await writer.close(5)
    (aside,) = (tmp_path / "rejected").iterdir()
    assert unpack(aside.read_bytes(), cipher) == a_call("bad")
    assert store.saved == [a_call("good")]
    assert (writer.counts.rejected, writer.counts.lost) == (1, 0)


async def test_a_record_that_breaks_our_own_code_stops_nothing(tmp_path: Path, cipher: Cipher) -> None:
    store = FakeStore()
    store.failure = KeyError("a bug")
    writer = started(store, tmp_path, cipher)
    writer.submit(a_call("bad"))
    await asyncio.wait_for(writer.settled(), 10)
    store.failure = None
    writer.submit(a_call("good"))
    await writer.close(5)
    assert store.saved == [a_call("good")]
    assert writer.counts.lost == 1


async def test_damaged_spool_files_are_set_aside(tmp_path: Path, cipher: Cipher) -> None:
    Spool(tmp_path, cipher).write(a_call("good"))
    (tmp_path / "0-half.record").write_bytes(pack(a_call(), cipher)[:50])
    (tmp_path / "0-noise.record").write_bytes(b"\xff\x00\n")
    (tmp_path / "0-other-key.record").write_bytes(pack(a_call(), Cipher((b"o" * KEY_BYTES,))))
    store = FakeStore()
    writer = started(store, tmp_path, cipher)
    await store.has(1)
    await writer.close(5)
    assert store.saved == [a_call("good")]
    assert len(list((tmp_path / "rejected").iterdir())) == 3


async def test_with_the_spool_unwritable_records_stay_in_memory(tmp_path: Path, cipher: Cipher) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    store = FakeStore()
    store.failure = StorageUnavailable("gone")
    writer = started(store, tmp_path / "spool", cipher)
    for number in range(3):
        writer.submit(a_call(str(number)))
    await asyncio.wait_for(writer.settled(), 10)
    assert writer.waiting == 3
    store.failure = None
    writer.retry_now()
    await store.has(3)
    await writer.close(5)
    assert (writer.waiting, writer.counts.lost) == (0, 0)


async def test_memory_is_bounded_and_its_overflow_counted(tmp_path: Path, cipher: Cipher) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    store = FakeStore()
    store.failure = StorageUnavailable("gone")
    limits = WriterLimits(queue=4, memory=2, first_pause_seconds=3600)
    writer = started(store, tmp_path / "spool", cipher, limits)
    for number in range(6):
        writer.submit(a_call(str(number)))  # the queue keeps the newest four
    await asyncio.wait_for(writer.settled(), 10)
    assert (writer.waiting, writer.counts.lost) == (2, 4)
    store.failure = None
    writer.retry_now()
    await store.has(2)
    await writer.close(5)
    assert store.saved == [a_call("4"), a_call("5")]


async def test_closing_spools_what_the_store_does_not_take_in_time(tmp_path: Path, cipher: Cipher) -> None:
    store = FakeStore()
    store.gate.clear()
    writer = started(store, tmp_path, cipher)
    for number in range(3):
        writer.submit(a_call(str(number)))
    await writer.close(0.05)
    assert store.saved == []
    waiting = Spool(tmp_path, cipher)
    kept = [waiting.read(path) for path in waiting.waiting()]
    assert kept == [a_call("0"), a_call("1"), a_call("2")]
    assert (writer.waiting, writer.counts.lost) == (0, 0)


async def test_while_a_slow_store_thinks_a_copy_is_in_the_spool(tmp_path: Path, cipher: Cipher) -> None:
    """A process that is killed in that moment loses nothing."""
    store = FakeStore()
    store.gate.clear()
    writer = started(store, tmp_path, cipher, WriterLimits(insure_seconds=0.0))
    writer.submit(a_call())
    spool = Spool(tmp_path, cipher)
    async with asyncio.timeout(10):
        while not spool.waiting():
            await asyncio.sleep(0)
    assert [spool.read(path) for path in spool.waiting()] == [a_call()]
    store.gate.set()
    await writer.close(5)
    assert store.saved == [a_call()]
    assert spool.waiting() == []
    assert (writer.counts.saved, writer.counts.spooled) == (1, 0)


async def test_a_slow_store_that_fails_in_the_end_leaves_the_copy(tmp_path: Path, cipher: Cipher) -> None:
    store = FakeStore()
    store.gate.clear()
    store.failure = StorageUnavailable("locked")
    writer = started(store, tmp_path, cipher, WriterLimits(insure_seconds=0.0, first_pause_seconds=3600))
    writer.submit(a_call())
    spool = Spool(tmp_path, cipher)
    async with asyncio.timeout(10):
        while not spool.waiting():
            await asyncio.sleep(0)
    store.gate.set()
    await writer.settled()
    assert writer.counts.spooled == 1
    assert len(spool.waiting()) == 1
    await writer.close(5)


async def test_a_cancelled_close_still_finishes(tmp_path: Path, cipher: Cipher) -> None:
    store = FakeStore()
    store.gate.clear()
    writer = started(store, tmp_path, cipher)
    writer.submit(a_call())
    closing = asyncio.create_task(writer.close(5))
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    store.gate.set()
    await store.has(1)


def test_spooled_records_are_sealed_private_and_bound_to_their_kind(tmp_path: Path, cipher: Cipher) -> None:
    for record in (a_call(), a_callback(), an_entry()):
        line = pack(record, cipher)
        assert unpack(line, cipher) == record
        for secret in (b"hoe laat", b"0301234567", b"anna"):
            assert secret not in line
    path = Spool(tmp_path / "spool", cipher).write(a_call())
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(UndecipherableError):
        unpack(pack(a_call(), cipher).replace(b'"call"', b'"audit"'), cipher)
