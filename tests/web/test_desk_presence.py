"""States, boards, wrap-ups and callbacks as an agent's pages see them."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.desk_page import DeskPage, log_in
from tests.fakes.desk_world import PASSWORD, DeskWorld
from tests.fakes.virtual_time import in_virtual_time
from tests.web.desks import a_page, a_world, dialling, state_of
from voicebot.errors import DialFailed, DialFailure
from voicebot.transfer.agents import AgentState
from voicebot.transfer.queue import Ticket
from voicebot.web.agent_desk import DeskTimes
from voicebot.web.desk_services import CallbackItem

OFFLINE_AFTER_SECONDS = DeskTimes().offline_after
SDP = "v=0 an offer of the page"


@in_virtual_time
async def test_logging_in_is_a_break_until_the_agent_says_otherwise() -> None:
    async with a_world() as world:
        assert state_of(world) is AgentState.OFFLINE
        async with a_page(world) as page:
            assert state_of(world) is AgentState.BREAK
            page.say(type="state", state="available")
            assert (await page.heard("board"))["state"] == "available"
            assert state_of(world) is AgentState.AVAILABLE
            page.say(type="state", state="break")
            await page.heard("board", state="break")
            assert state_of(world) is AgentState.BREAK


@pytest.mark.parametrize("state", ["busy", "ringing", "offline", "asleep"])
def test_no_page_sets_a_state_that_follows_from_calls(state: str) -> None:
    @in_virtual_time
    async def run() -> None:
        async with a_world() as world, a_page(world) as page:
            page.say(type="state", state=state)
            assert (await page.heard("refused"))["why"] == "malformed"
            assert state_of(world) is AgentState.BREAK

    run()


@in_virtual_time
async def test_a_reload_keeps_the_state_and_a_closed_page_loses_it() -> None:
    async with a_world() as world:
        async with a_page(world, "tab-one-1") as page:
            page.say(type="state", state="available")
            await page.heard("board", state="available")
        await asyncio.sleep(OFFLINE_AFTER_SECONDS / 2)
        async with a_page(world, "tab-two-2"):
            await asyncio.sleep(OFFLINE_AFTER_SECONDS * 2)
            assert state_of(world) is AgentState.AVAILABLE
        await asyncio.sleep(OFFLINE_AFTER_SECONDS + 0.1)
        assert state_of(world) is AgentState.OFFLINE


@in_virtual_time
async def test_an_agent_without_a_page_after_a_call_is_offline_and_never_stuck_busy() -> None:
    async with a_world() as world:
        async with a_page(world) as page:
            page.say(type="state", state="available")
            await page.heard("board", state="available")
            offer = await world.pool.next_agent(Ticket("call-1", "service", "nl", 0.0))
            world.pool.accepted(offer)
        await asyncio.sleep(OFFLINE_AFTER_SECONDS + 1)
        assert state_of(world) is AgentState.BUSY, "the call is not over"
        world.pool.call_ended("anna", "call-1")
        assert state_of(world) is AgentState.OFFLINE


@in_virtual_time
async def test_the_pool_offers_dials_and_frees_an_agent_who_closes_the_browser() -> None:
    async with a_world() as world, a_page(world) as page:
        page.say(type="state", state="available")
        await page.heard("board", state="available")
        offer = await world.pool.next_agent(Ticket("call-1", "service", "nl", 0.0))
        dial = dialling(world)
        await page.heard("ring")
        page.leave()
        with pytest.raises(DialFailed) as failed:
            await dial
        world.pool.failed(offer, failed.value.reason)
        assert failed.value.reason is DialFailure.UNREACHABLE
        await asyncio.sleep(OFFLINE_AFTER_SECONDS + 1)
        assert state_of(world) is AgentState.OFFLINE


@in_virtual_time
async def test_colleagues_and_queues_are_shown() -> None:
    async with a_world() as world, a_page(world) as page, a_page(world, "tab-bram", "bram") as bram:
        bram.say(type="state", state="available")
        board = await page.heard("board")
        while {"id": "bram", "name": "Bram", "state": "available"} not in board["agents"]:
            board = await page.heard("board")
        assert [agent["id"] for agent in board["agents"]] == ["bram", "chaima"], "not oneself"
        shown = {queue["id"]: (queue["waiting"], queue["longest_seconds"]) for queue in board["queues"]}
        assert shown == {"service": (2, 74.0), "werkplaats": (0, 0.0)}


@in_virtual_time
async def test_boards_are_sent_at_most_twice_a_second() -> None:
    async with a_world() as world, a_page(world) as page:
        page.said.clear()
        for _ in range(100):
            world.pool.set_state("bram", AgentState.AVAILABLE)
            world.pool.set_state("bram", AgentState.BREAK)
            await asyncio.sleep(0.01)
        await asyncio.sleep(1)
        assert len([said for said in page.said if said["type"] == "board"]) <= 4


@in_virtual_time
async def test_a_page_that_does_not_keep_up_is_cut_off() -> None:
    async with a_world() as world, a_page(world) as page:
        desk = world.desks.desk("anna")
        assert desk is not None
        for _ in range(1000):
            desk.tell({"type": "board"})
        await page.closed()
        assert world.desks.counts["overflow"] == 1


async def end_a_call(world: DeskWorld, page: DeskPage, call_id: str) -> None:
    dial = dialling(world, call_id=call_id)
    ring = (await page.heard("ring"))["ring"]
    page.say(type="accept", ring=ring, sdp=SDP)
    leg = await dial
    await leg.hang_up()
    await page.heard("call_over")


@in_virtual_time
async def test_what_came_of_a_call_is_stored_once_and_only_for_ones_own_call() -> None:
    async with a_world() as world, a_page(world) as page, a_page(world, "tab-bram", "bram") as bram:
        await end_a_call(world, page, "call-1")
        wrap_up = {"type": "wrap_up", "call": "call-1", "code": "solved", "note": "  Verzet.  "}
        bram.say(**wrap_up)
        assert (await bram.heard("refused"))["why"] == "stale"
        page.say(**{**wrap_up, "code": "whatever"})
        assert (await page.heard("refused"))["why"] == "malformed"
        assert world.wrap_ups == []
        page.say(**wrap_up)
        await page.heard("wrapped_up")
        (entry,) = world.wrap_ups
        assert (entry.call_id, entry.agent_id, entry.code, entry.note) == (
            "call-1",
            "anna",
            "solved",
            "Verzet.",
        )


@in_virtual_time
async def test_a_wrap_up_that_could_not_be_stored_is_asked_for_again_after_a_reload() -> None:
    async with a_world() as world:
        async with a_page(world, "tab-one-1") as page:
            await end_a_call(world, page, "call-1")
            world.is_storage_away = True
            page.say(type="wrap_up", call="call-1", code="solved")
            assert (await page.heard("refused"))["why"] == "storage"
        world.is_storage_away = False
        again = await DeskPage(world.web, await log_in(world.web, "anna", PASSWORD), "tab-two-2").open()
        assert (await again.heard("wrap_up_due"))["call"] == "call-1"
        again.say(type="skip_wrap_up", call="call-1")
        await again.heard("wrapped_up")
        await again.aclose()


@in_virtual_time
async def test_a_database_that_hangs_stands_in_nobodys_way() -> None:
    async with a_world() as world, a_page(world) as page:

        async def hanging(agent_id: str) -> tuple[CallbackItem, ...]:
            await asyncio.Event().wait()
            return ()

        world.callbacks.due = hanging  # type: ignore[method-assign]
        for _ in range(5):
            page.say(type="callbacks")
        assert (await page.heard("refused"))["why"] == "storage", "they are bounded"
        dial = dialling(world)
        ring = (await page.heard("ring"))["ring"]
        page.say(type="accept", ring=ring, sdp=SDP)
        leg = await dial
        await leg.hang_up()


@in_virtual_time
async def test_the_callback_list() -> None:
    async with a_world() as world, a_page(world) as page:
        world.add_callbacks()
        page.say(type="callbacks")
        items = (await page.heard("callbacks"))["items"]
        assert [item["id"] for item in items] == ["cb-0", "cb-1"]
        page.say(type="call_back", callback="cb-0")
        await page.heard("callbacks")
        assert world.callbacks.called == [("cb-0", "anna")]
        world.callbacks.refusal = "gone"
        page.say(type="call_back", callback="cb-1")
        assert (await page.heard("refused"))["why"] == "gone"
        page.say(type="callback_done", callback="cb-0")
        assert [item["id"] for item in (await page.heard("callbacks"))["items"]] == ["cb-1"]
        page.say(type="callback_done", callback="cb-0")
        assert (await page.heard("refused"))["why"] == "stale"


@in_virtual_time
async def test_no_call_back_while_a_call_rings() -> None:
    async with a_world() as world, a_page(world) as page:
        dial = dialling(world)
        await page.heard("ring")
        page.say(type="call_back", callback="cb-0")
        assert (await page.heard("refused"))["why"] == "busy"
        assert world.callbacks.called == []
        dial.cancel()
        await asyncio.wait({dial})
