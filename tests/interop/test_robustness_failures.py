"""Parts of the running service fail: workers, database, disk, the process. Calls go on, records come."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest
import pytest_asyncio

from tests.browser.people import AtDesk, agents, beeps
from tests.interop.calling import WEIGHTS, require_models
from tests.interop.robustness import Phone, Taken, is_running, recorded, spoken_clip, worker_pids
from tests.peers.baresip import Account, Baresip
from tests.peers.chromium import chromium
from tests.peers.ports import LOOPBACK, eventually
from tests.peers.postgres import PostgresCluster, postgres_cluster
from tests.peers.service import RunningService, running_service
from tests.peers.signals import tone
from tests.peers.sipp import Sipp
from tests.peers.switchboard import Switchboard
from tests.peers.wav import write_wav
from voicebot.errors import DialFailed

__all__ = ["postgres_cluster"]
pytestmark = [pytest.mark.interop, pytest.mark.models, pytest.mark.asyncio(loop_scope="module")]
QUESTION = "What are the opening hours of the shop in Utrecht?"


@pytest.fixture(scope="module")
def small_disk() -> Iterator[Path | None]:
    """A file system of four megabytes of its own, or None where mounting is not allowed."""
    folder = Path(tempfile.mkdtemp(prefix="voicebot-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    is_mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    yield folder if is_mounted else None
    if is_mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights by another way, which can be moved away."""
    require_models()
    folder = tmp_path_factory.mktemp("weights") / "weights"
    folder.symlink_to(WEIGHTS)
    return folder


@pytest.fixture(scope="module")
def environment(weights: Path) -> dict[str, str]:
    return {
        "VOICEBOT_SPEECH__WEIGHTS_DIR": str(weights),
        "VOICEBOT_SPEECH__EARS_WORKERS": "1",
        "VOICEBOT_CALL__PER_CALLER": "20",
        "VOICEBOT_TRANSFER__RING_SECONDS": "10",
    }


@pytest.fixture(scope="module")
def state(small_disk: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Database, spool and log of the service."""
    return (small_disk or tmp_path_factory.mktemp("failing")) / "state"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(state: Path, environment: dict[str, str]) -> AsyncIterator[RunningService]:
    async with running_service(state, environment) as running:
        yield running


async def short_calls(service: RunningService, folder: Path, count: int = 2) -> None:
    result = await Sipp.calls(
        "uac_rtp.xml", folder, (LOOPBACK, service.sip_port), service="nl", calls=count, rate=10, hold_ms=400
    )
    assert (result.successful, result.failed) == (count, 0), result.errors


async def stored(service: RunningService, count: int) -> None:
    """Wait until so many calls are in the database, each once, and nothing waits."""
    await service.until("records_waiting == 0 and live_calls == 0", 60)
    spool = service.state / "spool"
    await eventually(
        lambda: len(recorded(service)) >= count and not list(spool.glob("*.record")),
        f"{count} calls stored",
        60,
    )
    assert len(recorded(service)) == count
    records = (await service.health())["records"]
    assert (records["lost"], records["rejected"]) == (0, 0)


async def spooled(service: RunningService) -> int:
    return int((await service.health())["records"]["spooled"])


async def test_ears_killed_while_they_have_the_callers_words(service: RunningService) -> None:
    """The caller hears 'one moment', then the answer or a person: never silence, never a hang-up."""
    question = await asyncio.to_thread(spoken_clip, QUESTION, "en")
    async with Phone.calling(service.uri("en")) as phone:
        await phone.bot_has_spoken()
        await phone.says(question)
        (ears,) = worker_pids(await service.health(), "ears")
        os.kill(ears, signal.SIGKILL)
        await phone.bot_has_spoken()
        assert not phone.ended.done()
        health = await service.until("workers['ears']['alive'] == 1")
        assert worker_pids(health, "ears") != [ears]
        assert not is_running(ears)
        assert health["workers"]["ears"]["restarts"] == 1
    await stored(service, 1)


async def test_locked_database(service: RunningService, tmp_path: Path) -> None:
    before, already = len(recorded(service)), await spooled(service)
    with closing(sqlite3.connect(service.state / "voicebot.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        await short_calls(service, tmp_path)
        health = await service.until(f"records['spooled'] > {already}", 20)
        assert any("spool" in line for line in health["degraded"])
        await short_calls(service, tmp_path)
        other.execute("ROLLBACK")
    await stored(service, before + 4)
    assert not any("spool" in line for line in (await service.health())["degraded"])


async def test_database_moved_away(service: RunningService, tmp_path: Path) -> None:
    before, already = len(recorded(service)), await spooled(service)
    away = service.state / "away"
    away.mkdir()
    files = list(service.state.glob("voicebot.db*"))
    for file in files:
        file.rename(away / file.name)
    await short_calls(service, tmp_path)
    await service.until(f"records['spooled'] >= {already + 2}")
    for file in files:
        (away / file.name).rename(file)
    await stored(service, before + 2)


async def test_disk_full(service: RunningService, small_disk: Path | None, tmp_path: Path) -> None:
    """Database, spool and log are on it."""
    if small_disk is None:
        pytest.skip("mounting a small file system is not allowed here")
    before = len(recorded(service))
    async with full(small_disk):
        await short_calls(service, tmp_path)
        await service.until("records_waiting >= 1", 20)
        await short_calls(service, tmp_path)
    await stored(service, before + 4)


@asynccontextmanager
async def full(disk: Path) -> AsyncIterator[None]:
    """Take every block, also those that others free meanwhile."""

    async def fill() -> None:
        with (disk / "filler").open("wb", buffering=0) as filler:
            while True:
                with suppress(OSError):
                    while True:
                        filler.write(bytes(4096))
                await asyncio.sleep(0.01)

    filling = asyncio.create_task(fill())
    await eventually(lambda: shutil.disk_usage(disk).free == 0, "the disk is full")
    try:
        yield
    finally:
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
        (disk / "filler").unlink()


@asynccontextmanager
async def without_workers(service: RunningService, weights: Path) -> AsyncIterator[None]:
    """Kill every worker, and any that comes up; the ears find no weights either."""
    weights.rename(weights.with_name("moved"))

    async def reap() -> None:
        while True:
            for pid in worker_pids(await service.health()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.05)

    reaper = asyncio.create_task(reap())
    try:
        await service.until("sum(pool['alive'] for pool in workers.values()) == 0")
        yield
    finally:
        reaper.cancel()
        await asyncio.gather(reaper, return_exceptions=True)
        weights.with_name("moved").rename(weights)


async def test_without_any_worker(service: RunningService, weights: Path, tmp_path: Path) -> None:
    """Words are answered with a spoken apology, from what was rendered before; key 0 leads to a person: at a
    desk while one is open, else on the telephone."""
    before = len(recorded(service))
    question = await asyncio.to_thread(spoken_clip, QUESTION, "en")
    microphone = write_wav(tmp_path / "agent.wav", beeps(700, 60), 8000)
    agent = Account("agent", answer="auto")
    async with (
        Switchboard.on(service.agent_port) as board,
        Baresip.running(tmp_path / "agent", agent) as phone,
        agents(service, anna="en") as staff,
        chromium(microphone=microphone) as browser,
        without_workers(service, weights),
        Phone.calling(service.uri("en")) as caller,
        Phone.calling(service.uri("en")) as other,
    ):
        anna, _ = await asyncio.gather(AtDesk.log_in(browser, staff, "anna"), caller.bot_has_spoken())
        await caller.says(question)
        await caller.bot_has_spoken()
        board.in_line.append(phone.port)
        await caller.leg.send_digits("0")
        await phone.event("CALL_ESTABLISHED", seconds=20)
        await phone.press("1")
        await phone.say(tone(1000, 10.0))
        await caller.hears(1000)
        await anna.is_available()
        await other.leg.send_digits("0")
        await anna.accepts()
        await other.hears(700, 30)
        await anna.logs_out()
    await service.until("all(pool['alive'] == 1 for pool in workers.values())", 60)
    await stored(service, before + 2)
    assert [disposition for disposition, _ in recorded(service)[-2:]] == ["transferred", "transferred"]


async def test_the_media_process_is_killed(
    service: RunningService, environment: dict[str, str], tmp_path: Path
) -> None:
    """No worker outlives it; the next one stores what was spooled, and ends in order when asked to."""
    before, already = len(recorded(service)), await spooled(service)
    with closing(sqlite3.connect(service.state / "voicebot.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        await short_calls(service, tmp_path)
        health = await service.until(f"records['spooled'] >= {already + 2}", 30)
        service.process.kill()
        await service.process.wait()
        pids = worker_pids(health)
        await eventually(lambda: not any(map(is_running, pids)), "no worker is left")
        other.execute("ROLLBACK")
    async with running_service(service.state, environment) as next_one:
        await stored(next_one, before + 2)
        await ends_in_order(next_one, before + 2)


async def ends_in_order(service: RunningService, before: int) -> None:
    """SIGTERM: new calls are refused, the call that is up may end, its record is written, exit code 0."""
    async with Phone.calling(service.uri("nl"), "stays") as phone:
        await phone.bot_speaks()
        service.process.terminate()
        await service.until("not can_answer")
        with pytest.raises(DialFailed) as refused:
            async with Phone.calling(service.uri("nl")):
                pass
        assert "503" in str(refused.value)
        await service.until("live_calls == 1 and not can_answer")
        assert not phone.ended.done()
    assert await asyncio.wait_for(service.process.wait(), 15) == 0
    assert len(recorded(service)) == before + 1


async def test_stopped_postgres(
    postgres_cluster: PostgresCluster, environment: dict[str, str], tmp_path: Path
) -> None:
    """Calls go on while the server is down, and are stored when it is back."""
    url = postgres_cluster.new_database()
    async with running_service(tmp_path / "state", {**environment, "VOICEBOT_STORAGE__URL": url}) as service:
        await short_calls(service, tmp_path)
        await service.until("records['saved'] == 2")
        postgres_cluster.stop()
        await short_calls(service, tmp_path)
        await service.until("records['spooled'] == 2 or records_waiting == 2", 30)
        await asyncio.to_thread(postgres_cluster.start)
        await Taken.by(service, "records['saved'] == 4", 60)
        assert (await service.health())["records"]["lost"] == 0
