"""Writes records in the background, so that neither a call nor the media loop ever waits for a database.

A record goes to the database; failing that, to the spool; failing that, it waits in bounded memory. What
waits is tried again, with growing pauses, until storage is back. Only memory running over loses anything,
and that is counted and logged as an error.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from voicebot.errors import StorageError
from voicebot.privacy.encryption import Cipher, UndecipherableError
from voicebot.storage.engine import RecordRejected
from voicebot.storage.records import StoredRecord
from voicebot.storage.spool import Spool

_log = structlog.get_logger()
_DRAIN_BATCH = 50


class RecordSink(Protocol):
    """Where records end up: CallStore, or a fake."""

    async def save(self, record: StoredRecord) -> bool:
        """Save idempotently; raises StorageError."""


@dataclass(slots=True)
class WriterCounts:
    """What became of the records so far. `lost`: memory ran over. `rejected`: no database takes them."""

    saved: int = 0
    spooled: int = 0
    lost: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class WriterLimits:
    """Bounds. `queue`, `memory`: records. Times in seconds; the pause between tries doubles up to its end.

    `insure_seconds`: a database that takes longer for one record has a copy put into the spool beside it.
    """

    queue: int = 2_000
    memory: int = 10_000
    save_seconds: float = 15.0
    insure_seconds: float = 0.25
    first_pause_seconds: float = 1.0
    last_pause_seconds: float = 30.0


class RecordWriter:
    """One a process. `start()` in the loop, `submit()` from anywhere in it, `close()` at the end."""

    def __init__(
        self, store: RecordSink, spool_folder: Path, cipher: Cipher, limits: WriterLimits | None = None
    ) -> None:
        self.counts = WriterCounts()
        self._store = store
        self._spool = Spool(spool_folder, cipher)
        self._limits = limits or WriterLimits()
        self._queue: deque[StoredRecord] = deque()
        self._memory: deque[StoredRecord] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._is_closing = False
        self._in_hand: StoredRecord | None = None
        self._storage_is_down = False
        self._may_have_spooled = True  # of an earlier process
        self._pause = self._limits.first_pause_seconds
        self._next_try = 0.0  # loop time before which what waits is not tried again
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Records in memory that neither the database nor the spool has."""
        return len(self._queue) + len(self._memory) + (self._in_hand is not None)

    @property
    def storage_is_down(self) -> bool:
        """The last try failed; records go to the spool."""
        return self._storage_is_down

    def start(self) -> None:
        """Begin; what an earlier process left in the spool is stored first."""
        self._task = asyncio.create_task(self._run(), name="record-writer")

    def submit(self, record: StoredRecord) -> None:
        """Take a record over. Returns at once and never raises."""
        if len(self._queue) >= self._limits.queue:
            self._lose(self._queue.popleft())
        self._queue.append(record)
        self._idle.clear()
        self._wake.set()

    def retry_now(self) -> None:
        """Try storage again without waiting for the pause to pass (an operator mended it)."""
        self._next_try = 0.0
        self._idle.clear()
        self._wake.set()

    async def settled(self) -> None:
        """Wait until nothing is queued: each record is stored, spooled or kept for the next try."""
        await self._idle.wait()

    async def close(self, grace_seconds: float = 5.0) -> None:
        """Store what there is within the grace, spool the rest, stop. Finishes even when cancelled."""
        await asyncio.shield(asyncio.ensure_future(self._close(grace_seconds)))

    async def _close(self, grace_seconds: float) -> None:
        self._is_closing = True
        self._wake.set()
        if self._task is not None:
            _, unfinished = await asyncio.wait({self._task}, timeout=grace_seconds)
            for task in unfinished:
                task.cancel()
                await asyncio.wait({task})
        if self._in_hand is not None and await self._to_spool(self._in_hand):
            self._in_hand = None
        while self._memory or self._queue:
            source = self._memory or self._queue
            if not await self._to_spool(source[0]):
                break
            source.popleft()
        if self.waiting:
            self.counts.lost += self.waiting
            _log.error("records.lost", records=self.waiting, why="neither database nor spool took them")

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if self._queue:
                self._in_hand = self._queue.popleft()
                await self._keep_safely(self._in_hand)
                self._in_hand = None
            elif self._is_behind and loop.time() >= self._next_try:
                await self._catch_up()
            elif self._is_closing:
                return
            else:
                await self._sleep()

    @property
    def _is_behind(self) -> bool:
        return bool(self._memory) or self._may_have_spooled

    async def _sleep(self) -> None:
        """Until something is submitted, or until the next try is due."""
        self._idle.set()
        self._wake.clear()
        try:
            async with asyncio.timeout_at(self._next_try if self._is_behind else None):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _keep_safely(self, record: StoredRecord) -> None:
        try:
            await self._keep(record)
        except Exception as error:  # noqa: BLE001 - edge: a record that breaks our own code stops no other
            self._lose(record, type(error).__name__)

    async def _keep(self, record: StoredRecord) -> None:
        may_try = not self._storage_is_down or asyncio.get_running_loop().time() >= self._next_try
        if await (self._to_store_insured(record) if may_try else self._to_spool(record)):
            return
        if len(self._memory) >= self._limits.memory:
            self._lose(self._memory.popleft())
        self._memory.append(record)

    async def _to_store_insured(self, record: StoredRecord) -> bool:
        """Store a record or spool it; a copy is in the spool already while a slow database keeps us waiting.

        So a process that is killed meanwhile loses nothing. Saving is idempotent.
        """
        storing = asyncio.create_task(self._to_store(record), name="store-record")
        try:
            await asyncio.wait({storing}, timeout=self._limits.insure_seconds)
            if storing.done():
                return storing.result() or await self._to_spool(record)
            copy = await self._copy(record)
            is_stored = await storing
        finally:
            storing.cancel()
        if copy is None:
            return is_stored or await self._to_spool(record)
        if is_stored:
            await asyncio.to_thread(self._spool.remove, copy)
        else:
            self._spooled()
        return True

    async def _copy(self, record: StoredRecord) -> Path | None:
        try:
            return await asyncio.to_thread(self._spool.write, record)
        except OSError:
            return None  # the database may still take it; if not, the next try of the spool is logged

    async def _to_store(self, record: StoredRecord) -> bool:
        """Whether the record needs no further care: stored, or one that no database would take."""
        try:
            async with asyncio.timeout(self._limits.save_seconds):
                await self._store.save(record)
        except RecordRejected as error:
            self.counts.rejected += 1
            _log.error("record.rejected", why=str(error))
            await self._set_aside(record)
            return True
        except (StorageError, TimeoutError) as error:
            if not self._storage_is_down:
                _log.warning("storage.down", why=str(error) or "time-out")
            self._storage_is_down = True
            self._try_later()
            return False
        if self._storage_is_down:
            _log.info("storage.back", in_memory=len(self._memory))
        self._storage_is_down = False
        self._pause = self._limits.first_pause_seconds
        self.counts.saved += 1
        return True

    def _try_later(self) -> None:
        self._next_try = asyncio.get_running_loop().time() + self._pause
        self._pause = min(self._pause * 2, self._limits.last_pause_seconds)

    async def _to_spool(self, record: StoredRecord) -> bool:
        try:
            await asyncio.to_thread(self._spool.write, record)
        except OSError as error:
            _log.error("spool.unwritable", errno=error.errno, in_memory=self.waiting)
            return False
        self._spooled()
        return True

    def _spooled(self) -> None:
        self.counts.spooled += 1
        self._may_have_spooled = True

    async def _catch_up(self) -> None:
        """Store a batch of what waits; the spool is listed anew until it is empty."""
        while self._memory:
            if not await self._to_store(self._memory[0]):
                return
            self._memory.popleft()
        try:
            paths = await asyncio.to_thread(self._spool.waiting)
            for path in paths[:_DRAIN_BATCH]:
                if not await self._drain(path):
                    return
        except OSError as error:
            _log.warning("spool.unreadable", errno=error.errno)
            self._try_later()
            return
        self._may_have_spooled = len(paths) > _DRAIN_BATCH

    async def _drain(self, path: Path) -> bool:
        try:
            record = await asyncio.to_thread(self._spool.read, path)
        except (RecordRejected, UndecipherableError) as error:
            self.counts.rejected += 1
            _log.error("spool.record_rejected", code=error.code)
            await asyncio.to_thread(self._spool.set_aside, path)
            return True
        if record is not None and not await self._to_store(record):
            return False
        await asyncio.to_thread(self._spool.remove, path)
        return True

    async def _set_aside(self, record: StoredRecord) -> None:
        """Keep a record that the database refuses, for a person to look at."""
        try:
            path = await asyncio.to_thread(self._spool.write, record)
            await asyncio.to_thread(self._spool.set_aside, path)
        except OSError as error:
            _log.error("record.lost", errno=error.errno)
            self.counts.lost += 1

    def _lose(self, record: StoredRecord, why: str = "memory is full") -> None:
        self.counts.lost += 1
        _log.error("record.lost", kind=type(record).__name__, lost=self.counts.lost, why=why)
