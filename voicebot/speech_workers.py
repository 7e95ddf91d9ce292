"""Pools of worker processes in which the models run, so that nothing of theirs touches the media loop.

One pool a faculty ('ears', 'mind', 'mouth'), each with processes of its own: none can delay another.
A worker holds one request at a time; the rest wait in a bounded queue, sure work before speculative.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Final

import structlog

from voicebot.errors import SpeechWorkerBusy, SpeechWorkerDied, VoicebotError
from voicebot.worker_link import WorkerLink, failure_to_error
from voicebot.worker_process import Chunk, ChunkTaken, EngineSpec, Failure, Request, RequestCancelled, Result

__all__ = ["EngineSpec", "PoolStatus", "WorkerPool"]

log = structlog.get_logger()
STREAM_WINDOW = 64
"""Chunks (a sentence of audio each) that a stream may be ahead of its consumer."""


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """A pool at this moment.

    `alive`: warm workers of `size`; `warm`: all are. Counters since start: `restarts`, `refused` (queue
    full), `timed_out`, `abandoned` (cancelled by the caller, result dropped).
    """

    name: str
    size: int
    alive: int
    warm: bool
    queued: int
    running: int
    restarts: int
    refused: int
    timed_out: int
    abandoned: int
    pids: tuple[int, ...]


class _Job:
    """A request on its way: queued, running on a worker, or settled."""

    __slots__ = ("chunks", "is_speculative", "outcome", "request")

    def __init__(self, request: Request, is_speculative: bool) -> None:
        self.request, self.is_speculative = request, is_speculative
        self.outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        # One place more than the window holds the end mark, so that settling never waits.
        self.chunks: asyncio.Queue[Chunk | None] = asyncio.Queue(request.window + 1)

    def settle(self, value: Any = None, error: VoicebotError | None = None) -> None:
        if self.outcome.done():
            return
        if error is None:
            self.outcome.set_result(value)
        else:
            self.outcome.set_exception(error)
            self.outcome.exception()  # a caller that has gone must not leave 'never retrieved' behind
        self.chunks.put_nowait(None)


class _Queue:
    """Bounded; sure work first, each kind in order. A sure job displaces a speculative one when full."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sure: deque[_Job] = deque()
        self._speculative: deque[_Job] = deque()

    def __len__(self) -> int:
        return len(self._sure) + len(self._speculative)

    def put(self, job: _Job) -> _Job | None:
        """Add; the job that had to give way is returned (it may be `job` itself)."""
        displaced = None
        if len(self) >= self._limit:
            if job.is_speculative or not self._speculative:
                return job
            displaced = self._speculative.pop()
        (self._speculative if job.is_speculative else self._sure).append(job)
        return displaced

    def take(self) -> _Job | None:
        """Next job, or None."""
        for jobs in (self._sure, self._speculative):
            if jobs:
                return jobs.popleft()
        return None

    def remove(self, job: _Job) -> bool:
        """Whether the job was still waiting."""
        jobs = self._speculative if job.is_speculative else self._sure
        if job in jobs:
            jobs.remove(job)
            return True
        return False


class _Slot:
    """One place for a worker process: its link while it is up, and the job that it holds."""

    def __init__(self) -> None:
        self.link: WorkerLink | None = None
        self.job: _Job | None = None
        self.unacknowledged = 0
        self.is_stuck = False
        self.watchdog: asyncio.TimerHandle | None = None
        self.first_start: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class WorkerPool:
    """`size` processes with the same engine behind one bounded queue.

    `threads`: of numeric libraries in each worker; `niceness`: above this process's. `queue_limit`:
    requests waiting beyond those running. `time_limit_seconds`: of one request from asking to answer (of a
    stream: of each chunk); a worker that holds one for longer is replaced. `start_limit_seconds`: for
    building and warming up the engine. `backoff_seconds`: first and longest wait before a restart.
    """

    def __init__(
        self,
        name: str,
        spec: EngineSpec,
        *,
        size: int = 1,
        threads: int = 1,
        niceness: int = 5,
        queue_limit: int = 16,
        time_limit_seconds: float = 5.0,
        start_limit_seconds: float = 120.0,
        backoff_seconds: tuple[float, float] = (0.1, 10.0),
    ) -> None:
        self._name, self._spec, self._size = name, spec, size
        self._threads, self._niceness = threads, niceness
        self._time_limit_seconds: Final = time_limit_seconds
        self._start_limit_seconds, self._backoff_seconds = start_limit_seconds, backoff_seconds
        self._queue = _Queue(queue_limit)
        self._numbers = itertools.count(1)
        self._slots: list[_Slot] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._restarts = self._refused = self._timed_out = self._abandoned = 0
        self._is_open = False

    async def start(self) -> None:
        """Start all workers and wait until they are warm.

        Raises the first engine's error (ModelMissing, SpeechWorkerError); nothing is left running then.
        """
        self._is_open = True
        self._slots = [_Slot() for _ in range(self._size)]
        self._tasks = [
            asyncio.create_task(self._keep(slot), name=f"worker-{self._name}-{index}")
            for index, slot in enumerate(self._slots)
        ]
        try:
            await asyncio.gather(*(slot.first_start for slot in self._slots))
        except BaseException:  # whatever ends the start, its cancellation too: no process is left behind
            await self.close()
            raise

    async def close(self) -> None:
        """End all workers; whoever still waits gets SpeechWorkerDied. May be called twice."""
        self._is_open = False
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while (job := self._queue.take()) is not None:
            job.settle(error=SpeechWorkerDied(f"pool '{self._name}' was closed"))

    @property
    def status(self) -> PoolStatus:
        """What `check`, metrics and the start screen show."""
        links = [slot.link for slot in self._slots if slot.link is not None]
        return PoolStatus(
            name=self._name,
            size=self._size,
            alive=len(links),
            warm=len(links) == self._size,
            queued=len(self._queue),
            running=sum(slot.job is not None for slot in self._slots),
            restarts=self._restarts,
            refused=self._refused,
            timed_out=self._timed_out,
            abandoned=self._abandoned,
            pids=tuple(link.pid for link in links),
        )

    async def call(self, method: str, *arguments: Any, speculative: bool = False) -> Any:
        """Run the engine's `method(*arguments)` and return what it returned.

        Cancelling removes a waiting request and drops the result of a running one. Raises
        SpeechWorkerBusy (queue full, time limit), SpeechWorkerDied, or SpeechWorkerError (engine raised).
        """
        job = self._submit(method, arguments, speculative, window=0)
        try:
            async with asyncio.timeout(self._time_limit_seconds):
                return await job.outcome
        except TimeoutError:
            self._timed_out += 1
            raise SpeechWorkerBusy(f"pool '{self._name}' gave no answer in time") from None
        finally:
            self._abandon(job)

    async def stream(
        self, method: str, *arguments: Any, speculative: bool = False
    ) -> AsyncGenerator[Any, None]:
        """Items of the engine's `method(*arguments)`, which returns an iterable; errors as of `call`.

        Leaving early stops the engine at its next item: use `contextlib.aclosing`.
        """
        job = self._submit(method, arguments, speculative, window=STREAM_WINDOW)
        try:
            while True:
                try:
                    async with asyncio.timeout(self._time_limit_seconds):
                        chunk = await job.chunks.get()
                except TimeoutError:
                    self._timed_out += 1
                    raise SpeechWorkerBusy(f"pool '{self._name}' gave no audio in time") from None
                if chunk is None:
                    job.outcome.result()
                    return
                self._acknowledge(job)
                yield chunk.value
        finally:
            self._abandon(job)

    def _submit(self, method: str, arguments: tuple[Any, ...], is_speculative: bool, window: int) -> _Job:
        if not self._is_open:
            raise SpeechWorkerDied(f"pool '{self._name}' is not running")
        job = _Job(Request(next(self._numbers), method, arguments, window), is_speculative)
        displaced = self._queue.put(job) if self._idle_slot() is None else None
        if displaced is not None:
            self._refused += 1
            displaced.settle(error=SpeechWorkerBusy(f"queue of pool '{self._name}' is full"))
        elif (slot := self._idle_slot()) is not None:
            self._run(slot, job)
        return job

    def _idle_slot(self) -> _Slot | None:
        return next((slot for slot in self._slots if slot.link is not None and slot.job is None), None)

    def _run(self, slot: _Slot, job: _Job) -> None:
        assert slot.link is not None
        slot.job, slot.unacknowledged = job, 0
        slot.link.send(job.request)
        self._watch(slot)

    def _next(self, slot: _Slot) -> None:
        """Give a free slot the next job."""
        if slot.link is not None and slot.job is None and (job := self._queue.take()) is not None:
            self._run(slot, job)

    def _watch(self, slot: _Slot) -> None:
        """(Re)start the time limit; a stream whose consumer is behind is not the worker's fault."""
        if slot.watchdog is not None:
            slot.watchdog.cancel()
            slot.watchdog = None
        if slot.job is None or (slot.job.request.window and slot.unacknowledged >= slot.job.request.window):
            return
        loop = asyncio.get_running_loop()
        slot.watchdog = loop.call_later(self._time_limit_seconds, self._replace, slot)

    def _replace(self, slot: _Slot) -> None:
        slot.is_stuck = True
        if slot.link is not None:
            log.warning("worker stuck, replacing it", pool=self._name, pid=slot.link.pid)
            slot.link.kill()

    def _acknowledge(self, job: _Job) -> None:
        for slot in self._slots:
            if slot.job is job and slot.link is not None:
                slot.unacknowledged -= 1
                slot.link.send(ChunkTaken(job.request.number))
                self._watch(slot)

    def _abandon(self, job: _Job) -> None:
        """Nobody waits for this job any more; nothing to do when it is settled."""
        if self._queue.remove(job):
            self._abandoned += 1
        for slot in self._slots:
            if slot.job is job and slot.link is not None:
                self._abandoned += 1
                slot.link.send(RequestCancelled(job.request.number))

    async def _keep(self, slot: _Slot) -> None:
        """Keep one worker running until the pool closes."""
        shortest, longest = self._backoff_seconds
        wait = shortest
        while True:
            try:
                slot.link = await WorkerLink.open(
                    self._name,
                    self._spec,
                    threads=self._threads,
                    niceness=self._niceness,
                    start_limit_seconds=self._start_limit_seconds,
                )
            except VoicebotError as error:
                if not slot.first_start.done():
                    slot.first_start.set_exception(error)
                    return
                log.warning("worker does not start", pool=self._name, code=error.code, wait_seconds=wait)
            else:
                if not slot.first_start.done():
                    slot.first_start.set_result(None)
                if await self._serve(slot, slot.link):
                    wait = shortest
                log.warning("worker died, restarting it", pool=self._name, wait_seconds=wait)
            self._restarts += 1
            await asyncio.sleep(wait)
            wait = min(wait * 2, longest)

    async def _serve(self, slot: _Slot, link: WorkerLink) -> bool:
        """Exchange requests and answers until the worker ends. Whether it answered at least one."""
        has_answered = False
        slot.is_stuck = False
        self._next(slot)
        try:
            async for message in link.messages():
                has_answered |= self._take(slot, message)
        finally:
            slot.link, job, slot.job = None, slot.job, None
            self._watch(slot)
            if job is not None:
                text = f"a worker of pool '{self._name}'"
                stuck = SpeechWorkerBusy(f"{text} was stuck and has been replaced")
                job.settle(error=stuck if slot.is_stuck else SpeechWorkerDied(f"{text} died"))
            await link.close()
        return has_answered

    def _take(self, slot: _Slot, message: object) -> bool:
        """Whether the message settled the slot's job."""
        job = slot.job
        if job is None:
            return False
        match message:
            case Chunk():
                slot.unacknowledged += 1
                if not job.outcome.done():
                    job.chunks.put_nowait(message)
                self._watch(slot)
                return False
            case Result(value=value):
                job.settle(value)
            case Failure():
                job.settle(error=failure_to_error(message))
        slot.job = None
        self._watch(slot)
        self._next(slot)
        return True
