"""Real databases that are locked, gone, read-only, stopped or on a full disk: nothing is lost."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.peers.postgres import PostgresCluster
from tests.storage.samples import a_call
from voicebot.privacy.encryption import Cipher
from voicebot.storage.schema import upgrade_async
from voicebot.storage.store import CallStore
from voicebot.storage.writer import RecordWriter, WriterLimits

LIMITS = WriterLimits(save_seconds=5, first_pause_seconds=3600, last_pause_seconds=3600)


class Service:
    """A store with its writer, as in the running service."""

    def __init__(self, url: str, spool: Path, cipher: Cipher) -> None:
        self.store = CallStore(url, cipher, busy_seconds=0.1)
        self.writer = RecordWriter(self.store, spool, cipher, LIMITS)
        self.writer.start()

    async def end_call(self, call_id: str) -> None:
        self.writer.submit(a_call(call_id))
        await asyncio.wait_for(self.writer.settled(), 30)

    async def recover(self) -> None:
        self.writer.retry_now()
        await asyncio.wait_for(self.writer.settled(), 30)

    async def has_exactly(self, *call_ids: str) -> None:
        assert {call.call_id for call in await self.store.list_calls()} == set(call_ids)
        for call_id in call_ids:
            assert await self.store.get_call(call_id, accessed_by="test") == a_call(call_id)
        assert (await self.store.verify_audit()).is_whole
        counts = self.writer.counts
        assert (counts.lost, counts.rejected, self.writer.waiting) == (0, 0, 0)

    async def close(self) -> None:
        await self.writer.close(5)
        await self.store.close()


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of half a megabyte of its own; needs the right to mount."""
    folder = Path(tempfile.mkdtemp(prefix="voicebot-disk-"))
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)],
            check=False,
            capture_output=True,
        ).returncode
    ):
        folder.rmdir()
        pytest.skip("mounting a small file system is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


async def on_sqlite(folder: Path, spool: Path, cipher: Cipher) -> Service:
    url = f"sqlite:///{folder}/calls.db"
    await upgrade_async(url)
    return Service(url, spool, cipher)


async def test_locked_by_another_writer(tmp_path: Path, cipher: Cipher) -> None:
    service = await on_sqlite(tmp_path, tmp_path / "spool", cipher)
    await service.end_call("before")
    with closing(sqlite3.connect(tmp_path / "calls.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await service.end_call("while locked")
        assert service.writer.storage_is_down
        assert service.writer.counts.spooled == 1
        other.execute("ROLLBACK")
    await service.recover()
    await service.has_exactly("before", "while locked")
    await service.close()


async def test_file_moved_away_and_put_back(tmp_path: Path, cipher: Cipher) -> None:
    service = await on_sqlite(tmp_path, tmp_path / "spool", cipher)
    await service.end_call("before")
    (tmp_path / "calls.db").rename(tmp_path / "elsewhere.db")
    await service.end_call("while gone")
    assert service.writer.counts.spooled == 1
    assert not (tmp_path / "calls.db").exists()
    (tmp_path / "elsewhere.db").rename(tmp_path / "calls.db")
    await service.recover()
    await service.has_exactly("before", "while gone")
    await service.close()


async def test_file_removed_and_made_anew(tmp_path: Path, cipher: Cipher) -> None:
    service = await on_sqlite(tmp_path, tmp_path / "spool", cipher)
    (tmp_path / "calls.db").unlink()
    await service.end_call("while gone")
    (tmp_path / "calls.db").touch()
    await service.recover()  # a file without a schema is not storage yet
    assert service.writer.storage_is_down
    await upgrade_async(f"sqlite:///{tmp_path}/calls.db")
    await service.recover()
    await service.has_exactly("while gone")
    await service.close()


async def test_read_only(small_disk: Path, tmp_path: Path, cipher: Cipher) -> None:
    service = await on_sqlite(small_disk, tmp_path / "spool", cipher)
    await service.end_call("before")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    await service.end_call("while read-only")
    assert service.writer.counts.spooled == 1
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    await service.recover()
    await service.has_exactly("before", "while read-only")
    await service.close()


async def test_disk_full_for_database_and_spool(small_disk: Path, cipher: Cipher) -> None:
    service = await on_sqlite(small_disk, small_disk / "spool", cipher)
    await service.end_call("before")
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space left"):
        _write_for_ever(ballast)
    for number in range(3):
        await service.end_call(f"full {number}")
    assert service.writer.waiting == 3
    ballast.unlink()
    await service.recover()
    await service.has_exactly("before", "full 0", "full 1", "full 2")
    await service.close()


def _write_for_ever(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@pytest.mark.interop
async def test_postgresql_stopped_and_started_again(tmp_path: Path, cipher: Cipher) -> None:
    folder = Path(tempfile.mkdtemp(prefix="voicebot-pg-"))
    cluster = PostgresCluster(folder)
    await asyncio.to_thread(cluster.start)
    try:
        url = cluster.new_database()
        await upgrade_async(url)
        service = Service(url, tmp_path / "spool", cipher)
        await service.end_call("before")
        await asyncio.to_thread(cluster.stop)
        await service.end_call("while stopped")
        await service.end_call("still stopped")
        assert service.writer.counts.spooled == 2
        await service.recover()
        assert service.writer.storage_is_down
        await asyncio.to_thread(cluster.start)
        await service.recover()
        await service.has_exactly("before", "while stopped", "still stopped")
        await service.close()
    finally:
        await asyncio.to_thread(cluster.stop)
        shutil.rmtree(folder, ignore_errors=True)


async def test_a_process_that_dies_with_a_full_spool_loses_nothing(tmp_path: Path, cipher: Cipher) -> None:
    url = f"sqlite:///{tmp_path}/calls.db"
    first = Service(url, tmp_path / "spool", cipher)  # there is no database yet
    await first.end_call("one")
    await first.end_call("two")
    assert first.writer._task is not None
    first.writer._task.cancel()  # killed: nothing is closed
    await asyncio.wait({first.writer._task})
    await upgrade_async(url)
    second = Service(url, tmp_path / "spool", cipher)
    await second.recover()
    await second.has_exactly("one", "two")
    await second.close()
