"""The agents of a process follow storage, and what they do is kept there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.transfer.queue_samples import HOURS, a_queue, a_ticket, an_agent
from voicebot import staff as staff_module
from voicebot.privacy.encryption import KEY_BYTES, Cipher
from voicebot.staff import Staff
from voicebot.storage.agent_store import AgentStore
from voicebot.storage.agents import AgentStateRecord
from voicebot.storage.schema import upgrade_async
from voicebot.transfer.agents import AgentState
from voicebot.transfer.queues_file import QueuePlan

CIPHER = Cipher((b"k" * KEY_BYTES,))
ANNA = an_agent("anna", contact="desk:anna")
PHONE = an_agent("counter")


def now() -> datetime:
    return datetime.now().astimezone()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[AgentStore]:
    url = f"sqlite:///{tmp_path}/calls.db"
    await upgrade_async(url)
    store = AgentStore(url, CIPHER)
    yield store
    await store.close()


def staff_of(store: AgentStore, tmp_path: Path) -> Staff:
    mine = AgentStore(f"sqlite:///{tmp_path}/calls.db", CIPHER)
    return Staff(mine, QueuePlan((a_queue(),), (PHONE,)), HOURS, clock=time.monotonic, now=now)


def names(staff: Staff) -> list[str]:
    return [agent.agent_id for agent, _ in staff.pool.agents()]


async def test_agents_come_from_both_places_and_changes_are_followed(
    store: AgentStore, tmp_path: Path
) -> None:
    await store.add(ANNA, "", changed_by="root")
    await store.add(replace(PHONE, name="an impostor"), "", changed_by="root")
    staff = staff_of(store, tmp_path)
    await staff.start()
    assert sorted(names(staff)) == ["anna", "counter"]
    assert {agent.name for agent, _ in staff.pool.agents()} == {"Anna", "Counter"}  # queues.yaml wins
    staff.pool.set_state("anna", AgentState.BREAK)
    await store.change(replace(ANNA, name="Anna de Wit"), changed_by="root")
    await staff.refresh()
    assert {agent.name: state for agent, state in staff.pool.agents()}["Anna de Wit"] is AgentState.BREAK
    await store.remove("anna", changed_by="root")
    await staff.refresh()
    assert names(staff) == ["counter"]
    await staff.close()


async def test_what_agents_do_is_written_with_its_time(store: AgentStore, tmp_path: Path) -> None:
    staff = staff_of(store, tmp_path)
    await staff.start()
    offer = await staff.pool.next_agent(a_ticket("call-1", time.monotonic()))
    staff.pool.accepted(offer)
    assert staff.statistics() == {
        "waiting": {"service": 0}, "agents": {"busy": 1}, "states_dropped": 0
    }  # fmt: skip
    assert staff.facts()["service"].waiting == 0
    staff.pool.call_ended("counter")
    await staff.close()
    kept = await store.states(since=now() - timedelta(minutes=1))
    assert [(record.state, record.call_id, record.queue) for record in kept] == [
        ("ringing", "call-1", "service"),
        ("busy", "call-1", "service"),
        ("after_call", "call-1", "service"),
    ]
    assert all(abs((now() - record.at).total_seconds()) < 30 for record in kept)


async def test_after_a_restart_the_expected_wait_has_its_basis(store: AgentStore, tmp_path: Path) -> None:
    records = []
    for number in range(6):
        at = now() - timedelta(minutes=30 - number)
        records.append(AgentStateRecord("counter", at, "busy", f"c{number}", "service"))
        records.append(AgentStateRecord("counter", at + timedelta(seconds=45), "available"))
    await store.log_states(records)
    staff = staff_of(store, tmp_path)
    await staff.start()
    staff.pool.accepted(await staff.pool.next_agent(a_ticket("call-1", time.monotonic())))
    assert staff.facts()["service"].wait_seconds == pytest.approx(45)
    await staff.close()


async def test_without_a_database_the_phones_work_and_the_log_waits(
    store: AgentStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff_module, "MAX_WAITING", 3)
    (tmp_path / "calls.db").rename(tmp_path / "away.db")
    staff = staff_of(store, tmp_path)
    await staff.start()
    assert staff.degraded
    for state in (AgentState.BREAK, AgentState.AVAILABLE, AgentState.BREAK, AgentState.OFFLINE):
        staff.pool.set_state("counter", state)
    assert staff.dropped == 1
    assert len(staff.degraded) == 2
    (tmp_path / "away.db").rename(tmp_path / "calls.db")
    await staff.refresh()
    assert len(staff.degraded) == 1
    await staff.close()
    kept = await store.states(since=now() - timedelta(minutes=1))
    assert [record.state for record in kept] == ["available", "break", "offline"]


async def test_the_log_is_written_while_the_service_runs(
    store: AgentStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff_module, "WRITE_SECONDS", 0.01)
    monkeypatch.setattr(staff_module, "REFRESH_SECONDS", 0.01)
    staff = staff_of(store, tmp_path)
    await staff.start()
    staff.pool.set_state("counter", AgentState.BREAK)
    await store.add(ANNA, "", changed_by="root")
    async with asyncio.timeout(20):
        while not await store.states(since=now() - timedelta(minutes=1)) or "anna" not in names(staff):
            await asyncio.sleep(0.01)
    await staff.close()
