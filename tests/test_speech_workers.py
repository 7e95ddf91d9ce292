"""The worker pool with real processes; no sleep decides a result, files and futures do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from voicebot.errors import ModelMissing, SpeechWorkerBusy, SpeechWorkerDied, SpeechWorkerError
from voicebot.speech_workers import STREAM_WINDOW, EngineSpec, WorkerPool

TOY = EngineSpec("tests.fakes.toy_engine:ToyEngine")
QUICK = (0.01, 0.05)  # seconds of back-off


async def until(condition: object, seconds: float = 20.0) -> None:
    """Wait for a fact about another process; fails when it does not come true."""
    assert callable(condition)
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


@contextlib.asynccontextmanager
async def running(**options: object) -> AsyncIterator[WorkerPool]:
    pool = WorkerPool("toy", options.pop("spec", TOY), **{"backoff_seconds": QUICK, **options})  # type: ignore[arg-type]
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


class Held:
    """A request that keeps a worker busy until it is released."""

    def __init__(self, pool: WorkerPool, folder: Path, name: str = "held", speculative: bool = False) -> None:
        self.started, self._released = folder / f"{name}.started", folder / f"{name}.released"
        call = pool.call("wait_for", str(self.started), str(self._released), speculative=speculative)
        self.task = asyncio.create_task(call)

    async def has_started(self) -> Held:
        await until(self.started.exists)
        return self

    def release(self) -> None:
        self._released.touch()


async def test_answers_large_and_small_values():
    async with running() as pool:
        assert await pool.call("echo", {"a": 1}) == {"a": 1}
        audio = os.urandom(960_000)
        assert await pool.call("echo", audio) == audio


async def test_is_warm_when_start_returns(tmp_path):
    warm = tmp_path / "warm"
    async with running(spec=EngineSpec(TOY.factory, {"warm_file": str(warm)}), size=2) as pool:
        assert int(warm.read_text()) in pool.status.pids
        assert pool.status.warm
        assert pool.status.alive == 2


async def test_threads_and_niceness_are_explicit():
    async with running(threads=3, niceness=4) as pool:
        assert await pool.call("environment", "OMP_NUM_THREADS") == "3"
        assert await pool.call("environment", "OPENBLAS_NUM_THREADS") == "3"
        assert await pool.call("niceness") == os.nice(0) + 4


async def test_start_raises_the_engines_own_error_and_leaves_nothing_behind():
    pool = WorkerPool("toy", EngineSpec("tests.fakes.toy_engine:missing"), size=2)
    with pytest.raises(ModelMissing, match="weights are not there"):
        await pool.start()
    assert pool.status.alive == 0
    with pytest.raises(SpeechWorkerDied):
        await pool.call("echo", 1)


@pytest.mark.parametrize("factory", ["tests.fakes.toy_engine:dies_on_start", "tests.fakes.toy_engine:absent"])
async def test_start_raises_when_the_engine_cannot_be_built(factory):
    with pytest.raises(SpeechWorkerError):
        await WorkerPool("toy", EngineSpec(factory)).start()


async def test_start_gives_up_on_an_engine_that_never_gets_ready():
    pool = WorkerPool("toy", EngineSpec("tests.fakes.toy_engine:never_ready"), start_limit_seconds=0.5)
    with pytest.raises(SpeechWorkerError, match="not ready"):
        await pool.start()


async def test_an_engines_exception_keeps_content_out_but_our_own_sentence_in():
    async with running() as pool:
        with pytest.raises(SpeechWorkerError) as caught:
            await pool.call("fail_with_content")
        assert "ValueError" in str(caught.value)
        assert "4111" not in str(caught.value)
        with pytest.raises(ModelMissing, match="no such voice"):
            await pool.call("fail_of_ours")
        assert await pool.call("echo", "still there") == "still there"
        assert pool.status.restarts == 0


async def test_killed_worker_fails_its_request_at_once_and_comes_back(tmp_path):
    async with running() as pool:
        held = await Held(pool, tmp_path).has_started()
        (pid,) = pool.status.pids
        os.kill(pid, signal.SIGKILL)
        started = time.monotonic()
        with pytest.raises(SpeechWorkerDied):
            await held.task
        assert time.monotonic() - started < 1.0
        assert await pool.call("echo", "again") == "again"
        assert pool.status.restarts == 1
        assert pool.status.pids != (pid,)


async def test_one_killed_worker_does_not_touch_the_others(tmp_path):
    async with running(size=2) as pool:
        first = await Held(pool, tmp_path, "first").has_started()
        second = await Held(pool, tmp_path, "second").has_started()
        os.kill(pool.status.pids[0], signal.SIGKILL)
        done, _ = await asyncio.wait([first.task, second.task], return_when=asyncio.FIRST_COMPLETED)
        assert [type(task.exception()) for task in done] == [SpeechWorkerDied]
        (left,) = {first.task, second.task} - done
        first.release()
        second.release()
        assert await left == "released"


async def test_all_workers_killed_again_and_again(tmp_path):
    async with running(size=2) as pool:
        for _ in range(3):
            await until(lambda: pool.status.warm)
            for pid in pool.status.pids:
                os.kill(pid, signal.SIGKILL)
            await until(lambda: pool.status.alive == 0)
            assert await pool.call("echo", 7) == 7
        assert pool.status.restarts >= 5


async def test_sure_work_goes_before_speculative_work(tmp_path):
    order = tmp_path / "order"
    async with running() as pool:
        held = await Held(pool, tmp_path).has_started()
        waiting = [
            asyncio.create_task(pool.call("note", str(order), f"speculative-{n}", speculative=True))
            for n in (1, 2)
        ]
        await until(lambda: pool.status.queued == 2)
        waiting.append(asyncio.create_task(pool.call("note", str(order), "sure")))
        await until(lambda: pool.status.queued == 3)
        held.release()
        await asyncio.gather(held.task, *waiting)
    assert order.read_text().split() == ["sure", "speculative-1", "speculative-2"]


async def test_full_queue_refuses_and_a_sure_request_displaces_a_speculative_one(tmp_path):
    async with running(queue_limit=1) as pool:
        held = await Held(pool, tmp_path).has_started()
        speculative = asyncio.create_task(pool.call("echo", 1, speculative=True))
        await until(lambda: pool.status.queued == 1)
        with pytest.raises(SpeechWorkerBusy, match="full"):
            await pool.call("echo", 2, speculative=True)
        sure = asyncio.create_task(pool.call("echo", 3))
        with pytest.raises(SpeechWorkerBusy):
            await speculative
        with pytest.raises(SpeechWorkerBusy):
            await pool.call("echo", 4)
        held.release()
        assert await sure == 3
        assert pool.status.refused == 3


async def test_cancelling_a_waiting_request_removes_it(tmp_path):
    order = tmp_path / "order"
    async with running() as pool:
        held = await Held(pool, tmp_path).has_started()
        waiting = asyncio.create_task(pool.call("note", str(order), "never"))
        await until(lambda: pool.status.queued == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert pool.status.queued == 0
        held.release()
        await held.task
        await pool.call("note", str(order), "after")
    assert order.read_text().split() == ["after"]


async def test_cancelling_a_running_request_drops_only_its_result(tmp_path):
    async with running() as pool:
        held = await Held(pool, tmp_path, speculative=True).has_started()
        held.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await held.task
        after = asyncio.create_task(pool.call("echo", "after"))
        held.release()
        assert await after == "after"
        assert pool.status.abandoned == 1
        assert pool.status.restarts == 0


async def test_stuck_worker_is_replaced(tmp_path):
    async with running(time_limit_seconds=1.5) as pool:  # for the new worker's answer too
        (pid,) = pool.status.pids
        held = await Held(pool, tmp_path).has_started()
        with pytest.raises(SpeechWorkerBusy):
            await held.task
        assert await pool.call("echo", "new") == "new"
        assert not is_running(pid)
        assert pool.status.timed_out == 1


async def test_stream_yields_all_chunks_in_order():
    async with running() as pool:
        assert [chunk async for chunk in pool.stream("count", 5)] == [0, 1, 2, 3, 4]
        assert [chunk async for chunk in pool.stream("count", 0)] == []
        assert [chunk async for chunk in pool.stream("count", 3 * STREAM_WINDOW)] == list(
            range(3 * STREAM_WINDOW)
        )


async def test_stream_is_bounded_and_stops_when_its_consumer_leaves(tmp_path):
    ended = tmp_path / "ended"
    async with running() as pool:
        async with contextlib.aclosing(pool.stream("count_until_cancelled", str(ended))) as stream:
            taken = [await anext(stream) for _ in range(3)]
        assert taken == [0, 1, 2]
        assert await pool.call("echo", "free") == "free"
        number, was_cancelled = ended.read_text().split()
        assert was_cancelled == "True"
        assert int(number) <= STREAM_WINDOW + 4


async def test_slow_consumer_of_a_stream_does_not_get_its_worker_replaced(tmp_path):
    async with running(time_limit_seconds=0.3) as pool:
        async with contextlib.aclosing(
            pool.stream("count_until_cancelled", str(tmp_path / "ended"))
        ) as stream:
            assert await anext(stream) == 0
            with pytest.raises(TimeoutError):  # the consumer idles for longer than the limit
                async with asyncio.timeout(0.6):
                    await asyncio.Event().wait()
            assert await anext(stream) == 1
        assert pool.status.restarts == 0


async def test_killed_worker_ends_a_stream_with_an_error(tmp_path):
    async with running() as pool:
        stream = pool.stream("count_until_cancelled", str(tmp_path / "ended"))
        assert await anext(stream) == 0
        os.kill(pool.status.pids[0], signal.SIGKILL)
        with pytest.raises(SpeechWorkerDied):
            [chunk async for chunk in stream]


async def test_interrupt_and_terminate_are_left_to_the_parent():
    async with running() as pool:
        (pid,) = pool.status.pids
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)
        assert await pool.call("echo", 1) == 1
        assert pool.status.pids == (pid,)
    assert not is_running(pid)


async def test_workers_end_when_the_parent_is_killed(tmp_path):
    script = (
        "import asyncio, sys\n"
        "from voicebot.speech_workers import EngineSpec, WorkerPool\n"
        "async def main():\n"
        "    pool = WorkerPool('toy', EngineSpec('tests.fakes.toy_engine:ToyEngine'))\n"
        "    await pool.start()\n"
        "    print(pool.status.pids[0], flush=True)\n"
        f"    await pool.call('wait_for', {str(tmp_path / 'started')!r}, {str(tmp_path / 'never')!r})\n"
        "asyncio.run(main())\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        await until((tmp_path / "started").exists)
        parent.kill()
    await until(lambda: not is_running(pid))


async def test_close_fails_whoever_still_waits(tmp_path):
    async with running() as pool:
        held = await Held(pool, tmp_path).has_started()
        waiting = asyncio.create_task(pool.call("echo", 1))
        await until(lambda: pool.status.queued == 1)
        await pool.close()
        for task in (held.task, waiting):
            with pytest.raises(SpeechWorkerDied):
                await task
        await pool.close()
