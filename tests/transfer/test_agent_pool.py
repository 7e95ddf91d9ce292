"""Callers who wait on the loop: fair order, true places, and what happens when two things happen at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from tests.fakes.virtual_time import in_virtual_time
from tests.transfer.queue_samples import A_TUESDAY, HOURS, a_queue, a_ticket, an_agent
from voicebot.errors import DialFailure, TransferRefused
from voicebot.events import Language
from voicebot.transfer.agent_pool import AgentPool
from voicebot.transfer.agent_posts import QueueTimes, StateChange
from voicebot.transfer.agents import Agent, AgentState
from voicebot.transfer.queue import Queue, QueueFull, StaleOffer, Ticket

TIMES = QueueTimes(after_call_seconds=10, retry_seconds=30, rest_seconds=60)


def a_pool(
    *agents: Agent, queues: list[Queue] | None = None, on_state: Callable[[StateChange], None] | None = None
) -> AgentPool:
    loop = asyncio.get_running_loop()
    start = loop.time()

    def now() -> datetime:
        return A_TUESDAY + timedelta(seconds=loop.time() - start)

    return AgentPool(
        queues or [a_queue()], agents, HOURS, clock=loop.time, now=now, times=TIMES, on_state=on_state
    )


def states(pool: AgentPool) -> dict[str, str]:
    return {agent.agent_id: state.value for agent, state in pool.agents()}


@dataclass
class Shop:
    """Plays callers and agents. `served`: (call, agent, seconds waited), in the order of acceptance."""

    pool: AgentPool
    chance: random.Random
    served: list[tuple[str, str, float]] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    places: dict[str, list[int]] = field(default_factory=dict)
    in_call: set[str] = field(default_factory=set)
    estimates: list[tuple[float, float]] = field(default_factory=list)

    async def caller(self, ticket: Ticket, patience: float = 10_000.0, decline_chance: float = 0.0) -> None:
        """Wait, ring 3 seconds, talk about 30; give up after `patience` seconds."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout_at(ticket.entered_at + patience):
                    offer = await self.pool.next_agent(ticket)
            except TimeoutError:
                self.gone.add(ticket.call_id)
                return
            await asyncio.sleep(3)
            if self.chance.random() < decline_chance:
                reasons = [DialFailure.DECLINED, DialFailure.NO_ANSWER, DialFailure.BUSY]
                self.pool.failed(offer, self.chance.choice(reasons))
                continue
            self.pool.accepted(offer)
            agent_id = offer.agent.agent_id
            assert agent_id not in self.in_call, "an agent with two calls"
            self.in_call.add(agent_id)
            self.served.append((ticket.call_id, agent_id, loop.time() - ticket.entered_at))
            await asyncio.sleep(self.chance.uniform(20, 40))
            self.in_call.remove(agent_id)
            self.pool.call_ended(agent_id, ticket.call_id)
            return

    def look(self, tickets: list[Ticket]) -> None:
        """Check every caller's place, as it would be spoken now."""
        waiting = [t for t in tickets if self.pool.position(t.call_id) is not None]
        waiting.sort(key=lambda ticket: (ticket.entered_at, ticket.call_id))
        for place, ticket in enumerate(waiting, start=1):
            assert self.pool.position(ticket.call_id) == place
            self.places.setdefault(ticket.call_id, []).append(place)
        done = {call_id for call_id, _, _ in self.served} | self.gone
        assert {t.call_id for t in waiting} == {t.call_id for t in tickets} - done


async def run_for(shop: Shop, tickets: list[Ticket], seconds: int) -> None:
    for _ in range(seconds):
        await asyncio.sleep(1)
        shop.look(tickets)


@in_virtual_time
async def test_twenty_calls_wait_for_three_agents_for_five_minutes() -> None:
    pool = a_pool(an_agent("anna"), an_agent("bram"), an_agent("cora"))
    shop = Shop(pool, random.Random(7))
    start = asyncio.get_running_loop().time()
    tickets = [a_ticket(f"call-{number:02}", start + number * 0.25) for number in range(20)]
    async with asyncio.TaskGroup() as calls:
        for ticket in tickets:
            calls.create_task(shop.caller(ticket))
            await asyncio.sleep(0.25)
        await run_for(shop, tickets, 300)
        in_five_minutes = len(shop.served)
        assert in_five_minutes >= 18  # 3 agents, about 43 seconds a call
        await run_for(shop, tickets, 100)
    assert [call for call, _, _ in shop.served] == [ticket.call_id for ticket in tickets]
    for told in shop.places.values():
        assert told == sorted(told, reverse=True), "a caller fell back in the queue"
        assert told[-1] <= 3
    by_agent = [sum(who == name for _, who, _ in shop.served) for name in ("anna", "bram", "cora")]
    assert max(by_agent) - min(by_agent) <= 1
    await asyncio.sleep(20)
    assert set(states(pool).values()) == {"available"}
    pool.close()


@in_virtual_time
async def test_the_same_with_refusals_hang_ups_and_two_languages() -> None:
    chance = random.Random(11)
    pool = a_pool(an_agent("anna"), an_agent("bram", languages="nl"), an_agent("cora", languages="en"))
    shop = Shop(pool, chance)
    start = asyncio.get_running_loop().time()
    languages: list[Language] = [chance.choice(["nl", "en"]) for _ in range(20)]
    tickets = [
        a_ticket(f"call-{number:02}", start + number, language=languages[number]) for number in range(20)
    ]
    async with asyncio.TaskGroup() as calls:
        for number, ticket in enumerate(tickets):
            patience = 60.0 if number % 5 == 4 else 10_000.0
            calls.create_task(shop.caller(ticket, patience, decline_chance=0.2))
            await asyncio.sleep(1)
            shop.look(tickets[: number + 1])
        await run_for(shop, tickets, 900)
    assert len(shop.served) + len(shop.gone) == 20
    assert shop.gone
    assert all(told == sorted(told, reverse=True) for told in shop.places.values())
    await asyncio.sleep(100)
    assert set(states(pool).values()) == {"available"}
    pool.close()


@in_virtual_time
async def test_the_expected_wait_is_near_the_real_one() -> None:
    pool = a_pool(an_agent("anna"), an_agent("bram"), an_agent("cora"))
    shop = Shop(pool, random.Random(3))
    loop = asyncio.get_running_loop()
    told: dict[str, float] = {}

    async def watched(ticket: Ticket) -> None:
        task = asyncio.ensure_future(shop.caller(ticket))
        await asyncio.sleep(0)
        wait = pool.expected_wait(ticket.call_id)
        if wait is not None:
            told[ticket.call_id] = wait
        await task

    async with asyncio.TaskGroup() as calls:
        for number in range(60):
            calls.create_task(watched(a_ticket(f"call-{number:02}", loop.time())))
            await asyncio.sleep(9)
    pairs = [(told[call], real) for call, _, real in shop.served if call in told and real > 30]
    assert len(pairs) > 25
    errors = [abs(said - real) for said, real in pairs]
    assert sum(errors) / sum(real for _, real in pairs) < 0.35
    await asyncio.sleep(20)
    pool.close()


@in_virtual_time
async def test_cancelling_leaves_the_queue_and_frees_a_reserved_agent() -> None:
    pool = a_pool(an_agent("anna", contact="desk:anna"))
    waiting = asyncio.create_task(pool.next_agent(a_ticket("one", 0)))
    await asyncio.sleep(1)
    waiting.cancel()
    await asyncio.sleep(0)
    assert pool.position("one") is None
    again = asyncio.create_task(pool.next_agent(a_ticket("one", 0)))
    await asyncio.sleep(1)
    pool.set_state("anna", AgentState.AVAILABLE)  # the offer is made …
    assert states(pool) == {"anna": "ringing"}
    again.cancel()  # … and the caller is gone before the call has seen it
    with pytest.raises(asyncio.CancelledError):
        await again
    assert states(pool) == {"anna": "available"}
    pool.close()


@in_virtual_time
async def test_an_agent_of_a_cancelled_offer_goes_to_the_next_caller_at_once() -> None:
    pool = a_pool(an_agent("anna", contact="desk:anna"))
    first = asyncio.create_task(pool.next_agent(a_ticket("one", 1)))
    second = asyncio.create_task(pool.next_agent(a_ticket("two", 2)))
    await asyncio.sleep(1)
    pool.set_state("anna", AgentState.AVAILABLE)
    first.cancel()
    offer = await second
    assert offer.ticket.call_id == "two"
    pool.accepted(offer)
    pool.close()


@in_virtual_time
async def test_of_two_who_accept_one_offer_the_second_is_told() -> None:
    pool = a_pool(an_agent("anna"))
    offer = await pool.next_agent(a_ticket("one"))
    results = []
    for _tab in range(2):
        try:
            pool.accepted(offer)
            results.append("has the call")
        except StaleOffer:
            results.append("is told")
    assert results == ["has the call", "is told"]
    pool.failed(offer, DialFailure.DECLINED)  # a late refusal of the other tab changes nothing
    assert states(pool) == {"anna": "busy"}
    pool.call_ended("anna")
    await asyncio.sleep(11)
    assert states(pool) == {"anna": "available"}
    pool.close()


@in_virtual_time
async def test_two_free_agents_are_never_offered_the_same_caller() -> None:
    pool = a_pool(an_agent("anna"), an_agent("bram"))
    first = await pool.next_agent(a_ticket("one", 1))
    waiting = asyncio.create_task(pool.next_agent(a_ticket("two", 2)))
    second = await waiting
    assert first.agent != second.agent
    pool.accepted(second)
    pool.accepted(first)
    assert set(states(pool).values()) == {"busy"}
    with pytest.raises(StaleOffer):
        pool.accepted(first)
    pool.close()


@in_virtual_time
async def test_an_offer_that_stood_too_long_is_stale() -> None:
    pool = a_pool(an_agent("anna"))
    offer = await pool.next_agent(a_ticket("one"))
    await asyncio.sleep(TIMES.reservation_seconds + 1)
    with pytest.raises(StaleOffer):
        pool.accepted(offer)
    await asyncio.sleep(61)
    assert states(pool) == {"anna": "available"}
    pool.close()


@in_virtual_time
async def test_overflow_happens_by_itself_but_not_to_a_closed_queue() -> None:
    queues = [
        a_queue("service", overflow_to="office", overflow_after_seconds=20),
        a_queue("office", hours="office"),
    ]
    pool = a_pool(an_agent("olga", queues="office"), queues=queues)
    loop = asyncio.get_running_loop()
    began = loop.time()
    offer = await pool.next_agent(a_ticket("one", began))
    assert loop.time() - began == pytest.approx(20)
    pool.accepted(offer)
    assert pool.is_open("office", A_TUESDAY)
    assert not pool.is_open("office", A_TUESDAY.replace(hour=20))
    assert pool.is_open("service", A_TUESDAY.replace(hour=20))
    await asyncio.sleep(10 * 3600)
    pool.call_ended("olga")
    await asyncio.sleep(30)
    waiting = asyncio.create_task(pool.next_agent(a_ticket("evening", loop.time())))
    await asyncio.sleep(600)
    assert not waiting.done()
    assert states(pool) == {"olga": "available"}
    waiting.cancel()
    await asyncio.wait({waiting})
    pool.close()


@in_virtual_time
async def test_a_full_queue_and_unknown_names_are_refused_at_once() -> None:
    pool = a_pool(queues=[a_queue(max_waiting=1)])
    waiting = asyncio.create_task(pool.next_agent(a_ticket("one")))
    await asyncio.sleep(0)
    with pytest.raises(QueueFull):
        await pool.next_agent(a_ticket("two"))
    with pytest.raises(TransferRefused):
        await pool.next_agent(a_ticket("three", queue="typo"))
    with pytest.raises(ValueError, match="already"):
        await pool.next_agent(a_ticket("one"))
    assert pool.queue_length("service") == 1
    await asyncio.sleep(5)
    assert pool.longest("service") == pytest.approx(asyncio.get_running_loop().time())
    waiting.cancel()
    await asyncio.wait({waiting})
    assert pool.longest("service") == 0
    assert pool.queue_length("service") == 0
    pool.close()


@in_virtual_time
async def test_listeners_and_the_log_hear_of_changes() -> None:
    heard: list[StateChange] = []
    pool = a_pool(an_agent("anna"), on_state=heard.append)
    count = [0]

    def count_up() -> None:
        count[0] += 1

    stop = pool.subscribe(count_up)
    offer = await pool.next_agent(a_ticket("one"))
    pool.accepted(offer)
    pool.call_ended("anna")
    assert count[0] == 3
    stop()
    await asyncio.sleep(11)
    assert count[0] == 3
    assert [change.state.value for change in heard] == ["ringing", "busy", "after_call", "available"]
    pool.close()
