"""Agents, their passwords and what they did, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from tests.storage.samples import START
from voicebot.privacy.encryption import Cipher
from voicebot.privacy.passwords import Passwords, weakness
from voicebot.storage.agent_store import AgentStore, handling_of
from voicebot.storage.agents import AgentStateRecord, WrapUpRecord
from voicebot.storage.engine import open_engine
from voicebot.storage.store import CallStore
from voicebot.transfer.agents import Agent

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ANNA = Agent(
    "anna", "Anna de Wit", "desk:anna", frozenset({"nl", "en"}), frozenset({"bikes"}), frozenset({"service"})
)
SECRET = "vier blauwe fietsen"


@pytest.fixture
async def agents(url: str, cipher: Cipher) -> AsyncIterator[AgentStore]:
    store = AgentStore(url, cipher, passwords=Passwords(QUICK), now=lambda: START)
    yield store
    await store.close()


async def test_agents_come_back_as_they_were(agents: AgentStore) -> None:
    assert await agents.add(ANNA, SECRET, changed_by="root")
    assert not await agents.add(replace(ANNA, name="Other"), SECRET, changed_by="root")
    phone = Agent("balie", "Balie", "sip:balie@10.0.0.5", frozenset({"nl"}), frozenset(), frozenset())
    assert await agents.add(phone, "", changed_by="root")
    assert await agents.list() == (ANNA, phone)
    changed = replace(ANNA, languages=frozenset({"en"}), queues=frozenset())
    assert await agents.change(changed, changed_by="root")
    assert not await agents.change(replace(ANNA, agent_id="nobody"), changed_by="root")
    assert await agents.remove("balie", changed_by="root")
    assert not await agents.remove("balie", changed_by="root")
    assert await agents.list() == (changed,)


async def test_passwords_are_hashed_with_argon2_and_compared(agents: AgentStore, url: str) -> None:
    await agents.add(ANNA, SECRET, changed_by="root")
    await agents.add(replace(ANNA, agent_id="phone"), "", changed_by="root")
    assert await agents.check_password("anna", SECRET)
    assert not await agents.check_password("anna", SECRET + " ")
    assert not await agents.check_password("anna", "x" * 1_000_000)
    assert not await agents.check_password("nobody", SECRET)
    assert not await agents.check_password("phone", "")
    engine = open_engine(url)
    async with engine.connect() as connection:
        stored = (await connection.execute(text("SELECT password_hash FROM agents"))).scalars().all()
    await engine.dispose()
    assert "" in stored
    assert [row.startswith("$argon2id$") for row in stored if row] == [True]
    assert await agents.set_password("anna", "zes rode bakfietsen", changed_by="anna")
    assert not await agents.set_password("nobody", "zes rode bakfietsen", changed_by="anna")
    assert not await agents.check_password("anna", SECRET)
    assert await agents.check_password("anna", "zes rode bakfietsen")


async def test_changes_to_agents_are_audited(agents: AgentStore, store: CallStore) -> None:
    await agents.add(ANNA, SECRET, changed_by="root")
    await agents.change(ANNA, changed_by="root")
    await agents.set_password("anna", SECRET + "!", changed_by="anna")
    await agents.remove("anna", changed_by="root")
    entries = await store.audit_entries(subject="anna")
    assert [(entry.actor, entry.action) for entry in reversed(entries)] == [
        ("root", "agent.added"),
        ("root", "agent.changed"),
        ("anna", "agent.password_set"),
        ("root", "agent.removed"),
    ]
    assert (await store.verify_audit()).is_whole


async def test_states_are_kept_in_order_and_give_the_length_of_recent_calls(agents: AgentStore) -> None:
    records = [
        AgentStateRecord("anna", START - timedelta(seconds=ago), state, call, queue)
        for ago, state, call, queue in [
            (9000, "busy", "old", "service"),
            (8000, "available", "", ""),
            (600, "available", "", ""),
            (500, "ringing", "c1", "service"),
            (490, "busy", "c1", "service"),
            (400, "after_call", "c1", "service"),
            (380, "available", "", ""),
            (300, "busy", "c2", "sales"),
            (100, "break", "", ""),
            (50, "busy", "c3", "sales"),
        ]
    ]
    await agents.log_states(records[:5])
    await agents.log_states(records[5:])
    await agents.log_states([])
    await agents.log_states([AgentStateRecord("bram", START, "available", reason="time")])
    assert await agents.states(since=START - timedelta(hours=2), agent_id="anna") == tuple(records[2:])
    assert len(await agents.states(since=START - timedelta(hours=9), limit=3)) == 3
    assert await agents.recent_handling() == (("service", 380.0, 110.0), ("sales", 100.0, 200.0))
    assert handling_of([], START) == ()


async def test_a_wrap_up_is_sealed_and_the_later_one_counts(
    agents: AgentStore, store: CallStore, url: str
) -> None:
    first = WrapUpRecord("call-1", "anna", START, "solved", "ketting vervangen")
    await agents.save_wrap_up(first)
    await agents.save_wrap_up(replace(first, code="callback", note="belt terug"))
    await agents.save_wrap_up(replace(first, agent_id="bram"))
    found = await agents.wrap_ups("call-1", accessed_by="carla")
    assert [(one.agent_id, one.code, one.note) for one in found] == [
        ("anna", "callback", "belt terug"),
        ("bram", "solved", "ketting vervangen"),
    ]
    engine = open_engine(url)
    async with engine.connect() as connection:
        rows = (await connection.execute(text("SELECT * FROM wrap_ups"))).all()
    await engine.dispose()
    assert "ketting" not in repr(rows)
    assert (await store.audit_entries(subject="call-1"))[0].action == "wrap_up.read"


async def test_hashing_leaves_the_loop_free() -> None:
    passwords = Passwords(PasswordHasher(time_cost=2, memory_cost=65536, parallelism=1))
    hashing = asyncio.ensure_future(passwords.hash(SECRET))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10
    assert await passwords.matches(hashing.result(), SECRET)
    assert not await passwords.matches("no hash at all", SECRET)


@pytest.mark.parametrize(
    ("password", "is_weak"),
    [("short", True), ("anna-anna-1", True), ("aaaaaaaaaaaa", True), ("x" * 257, True), (SECRET, False)],
)
def test_weak_passwords_are_named(password: str, is_weak: bool) -> None:
    assert bool(weakness(password, "anna")) is is_weak
