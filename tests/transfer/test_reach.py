"""Agents of the pool as transfers reach them: whatever happens, nobody stays reserved or busy."""

from __future__ import annotations

import asyncio

import pytest

from tests.dialogue.conversation import CLOSED, HOURS, OPEN
from tests.fakes.virtual_time import in_virtual_time
from voicebot.errors import DialFailed, DialFailure
from voicebot.transfer.agent_pool import AgentPool
from voicebot.transfer.agents import Agent, AgentState
from voicebot.transfer.caps import CapLimits, TransferCaps
from voicebot.transfer.destinations import Destination, Destinations
from voicebot.transfer.queue import Queue, Ticket
from voicebot.transfer.reach import UNSTAFFED_SECONDS, FixedReach, Guard, PoolReach

BOTH = frozenset({"nl", "en"})


def agent(agent_id: str, contact: str) -> Agent:
    return Agent(agent_id, agent_id, contact, BOTH, frozenset(), frozenset({"service"}))  # type: ignore[arg-type]


class Bench:
    """A pool of one queue; `denied`: what the guard told."""

    def __init__(self, *agents: Agent, limits: CapLimits | None = None, is_open: bool = True) -> None:
        self.clock = asyncio.get_running_loop().time
        self.now = OPEN if is_open else CLOSED
        self.pool = AgentPool(
            [Queue("service", "s", "s")], agents, HOURS, clock=self.clock, now=lambda: self.now
        )
        for each in agents:
            if each.has_desk:
                self.pool.set_state(each.agent_id, AgentState.AVAILABLE)
        self.caps = TransferCaps(limits or CapLimits())
        self.denied: list[tuple[str, str]] = []
        known = Destinations([Destination("d", "sip:d@h", "bridged", "", "")], human="d")
        self.guard = Guard(
            self.caps, "+31201234567", self.clock, known.check_contact, lambda *why: self.denied.append(why)
        )

    def reach(self, *, queue: str = "service", agent_id: str = "", patience: float = 0.0) -> PoolReach:
        ticket = Ticket("call", "" if agent_id else queue, "nl", self.clock(), agent_id)
        return PoolReach(self.pool, ticket, self.guard, lambda: self.now, patience_seconds=patience)

    def state(self, agent_id: str) -> AgentState:
        return next(state for found, state in self.pool.agents() if found.agent_id == agent_id)


async def failure_of(reach: PoolReach | FixedReach) -> DialFailure:
    with pytest.raises(DialFailed) as failed:
        await reach.next()
    reach.failed(failed.value.reason)
    reach.released()
    return failed.value.reason


@in_virtual_time
async def test_reserved_taken_and_free_again() -> None:
    bench = Bench(agent("anna", "desk:anna"))
    reach = bench.reach()
    assert await reach.next() == "desk:anna"
    assert (bench.state("anna"), reach.agent_id) == (AgentState.RINGING, "anna")
    reach.accepted()
    assert bench.state("anna") is AgentState.BUSY
    reach.released()
    assert bench.state("anna") is AgentState.AFTER_CALL
    assert bench.caps.active == 0
    bench.pool.close()


@in_virtual_time
async def test_an_offer_that_comes_while_the_caller_leaves_is_given_back() -> None:
    for rounds in range(6):  # somewhere between the offer and its being taken
        bench = Bench(agent("anna", "desk:anna"))
        bench.pool.set_state("anna", AgentState.BREAK)
        bench.pool.set_state("anna", AgentState.AVAILABLE)
        reach = bench.reach()
        task = asyncio.create_task(reach.next())
        for _ in range(rounds):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        reach.released()
        assert bench.state("anna") is AgentState.AVAILABLE
        assert bench.pool.queue_length("service") == 0
        assert bench.caps.active == 0
        bench.pool.close()


@in_virtual_time
async def test_a_contact_that_may_not_be_dialled_is_skipped_and_told() -> None:
    bench = Bench(agent("bad", "sip:09001234@trunk"), agent("anna", "desk:anna"))
    reach = bench.reach()
    assert await reach.next() == "desk:anna"
    reach.released()
    assert bench.denied in ([("agent:bad", "contact")], [])  # whoever is idle for longer comes first
    alone = Bench(agent("bad", "sip:09001234@trunk"))
    assert await failure_of(alone.reach()) is DialFailure.UNREACHABLE
    assert alone.denied == [("agent:bad", "contact")]
    bench.pool.close()
    alone.pool.close()


@in_virtual_time
async def test_why_nobody_can_be_reached() -> None:
    closed = Bench(agent("anna", "desk:anna"), is_open=False)
    assert await failure_of(closed.reach()) is DialFailure.CLOSED
    bench = Bench(agent("anna", "desk:anna"))
    assert await failure_of(bench.reach(queue="nope")) is DialFailure.FAILED
    assert bench.denied == [("nope", "unknown")]
    bench.pool.set_state("anna", AgentState.OFFLINE)
    assert await failure_of(bench.reach()) is DialFailure.UNREACHABLE
    assert await failure_of(bench.reach(agent_id="anna")) is DialFailure.NO_ANSWER
    closed.pool.close()
    bench.pool.close()


@in_virtual_time
async def test_one_agent_by_name_is_waited_for_only_so_long() -> None:
    bench = Bench(agent("anna", "desk:anna"))
    first = bench.reach(agent_id="anna")
    assert await first.next() == "desk:anna"
    first.accepted()
    other = PoolReach(
        bench.pool,
        Ticket("other", "", "nl", bench.clock(), "anna"),
        bench.guard,
        lambda: OPEN,
        patience_seconds=25,
    )
    began = bench.clock()
    assert await failure_of(other) is DialFailure.BUSY
    assert bench.clock() - began == pytest.approx(25, abs=0.1)
    first.released()
    bench.pool.close()


@in_virtual_time
async def test_people_who_go_home_let_their_callers_go_on() -> None:
    bench = Bench(agent("anna", "desk:anna"))
    talking = PoolReach(bench.pool, Ticket("first", "service", "nl", 0.0), bench.guard, lambda: OPEN)
    await talking.next()
    talking.accepted()
    reach = bench.reach()
    task = asyncio.create_task(reach.next())
    await asyncio.sleep(100)
    assert not task.done()
    bench.pool.set_state("anna", AgentState.OFFLINE)  # after this call
    talking.released()
    began = bench.clock()
    with pytest.raises(DialFailed) as failed:
        await task
    assert failed.value.reason is DialFailure.UNREACHABLE
    assert bench.clock() - began == pytest.approx(UNSTAFFED_SECONDS, abs=0.5)
    assert bench.pool.queue_length("service") == 0
    bench.pool.close()


@in_virtual_time
async def test_caps_count_fixed_addresses_and_agents() -> None:
    bench = Bench(limits=CapLimits(destination_at_once=1, all_at_once=2))
    one, other = FixedReach("sip:d@h", "d", bench.guard), FixedReach("sip:d@h", "d", bench.guard)
    assert await one.next() == "sip:d@h"
    assert await failure_of(other) is DialFailure.BUSY
    assert bench.denied == [("d", "cap_destination")]
    one.released()
    one.released()
    assert bench.caps.active == 0
    assert await other.next() == "sip:d@h"
    other.released()
