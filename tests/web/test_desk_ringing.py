"""`desk:anna` rings at Anna's pages: accepted once, or failed for a typed reason, and every page is told."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.desk_page import DeskPage, log_in
from tests.fakes.desk_world import BRIEFING, PASSWORD
from tests.fakes.virtual_time import in_virtual_time
from tests.web.desks import a_page, a_world, dialling
from voicebot.errors import DialFailed, DialFailure

SDP = "v=0 an offer of the page"


async def failure_of(dial: asyncio.Task[object]) -> DialFailure:
    with pytest.raises(DialFailed) as failed:
        await dial
    return failed.value.reason


@in_virtual_time
async def test_the_briefing_is_shown_and_accepting_gives_a_leg() -> None:
    async with a_world() as world, a_page(world) as page:
        dial = dialling(world)
        ring = await page.heard("ring")
        shown = ring["briefing"]
        assert (shown["caller"], shown["language"], shown["queue"]) == (
            BRIEFING.caller,
            "nl",
            "service",
        )
        assert shown["tried"] == list(BRIEFING.tried)
        assert [line["text"] for line in shown["last_lines"]] == [line.text for line in BRIEFING.last_lines]
        page.say(type="accept", ring=ring["ring"], sdp=SDP)
        answer = await page.heard("answer")
        assert (answer["to"], answer["sdp"]) == (ring["ring"], "v=0 answer 1")
        leg = await dial
        assert (leg.info.kind, leg.info.called, leg.info.inbound) == ("webrtc", "anna", False)
        call = await page.heard("call")
        assert (call["call"], call["is_here"]) == ("call-1", True)
        assert world.scripted.offers == [SDP]


@in_virtual_time
async def test_two_tabs_accept_at_once_one_wins_the_other_is_told() -> None:
    async with a_world() as world, a_page(world, "tab-one-1") as one, a_page(world, "tab-two-2") as two:
        dial = dialling(world)
        ring = (await one.heard("ring"))["ring"]
        assert (await two.heard("ring"))["ring"] == ring
        one.say(type="accept", ring=ring, sdp=SDP)
        two.say(type="accept", ring=ring, sdp=SDP)
        await dial
        assert (await one.heard("call"))["is_here"]
        assert (await two.heard("ring_over"))["why"] == "accepted_elsewhere"
        call = await two.heard("call")
        assert (call["is_here"], call["is_open_elsewhere"]) == (False, True)
        assert len(world.scripted.legs) == 1, "no second leg was made"


@in_virtual_time
async def test_the_loser_may_not_hold_mute_or_end_the_call() -> None:
    async with a_world() as world, a_page(world, "tab-one-1") as one, a_page(world, "tab-two-2") as two:
        dial = dialling(world)
        ring = (await one.heard("ring"))["ring"]
        one.say(type="accept", ring=ring, sdp=SDP)
        await dial
        for message in ({"type": "end"}, {"type": "hold", "on": True}, {"type": "mute", "on": True}):
            two.say(call="call-1", **message)
            assert (await two.heard("refused"))["why"] == "stale"
        assert world.desks.desk("anna").call is not None  # type: ignore[union-attr]


@in_virtual_time
async def test_a_stale_tab_accepts_a_ring_of_yesterday() -> None:
    async with a_world() as world, a_page(world) as page:
        first = dialling(world, seconds=5)
        old = (await page.heard("ring"))["ring"]
        assert await failure_of(first) is DialFailure.NO_ANSWER
        assert (await page.heard("ring_over"))["why"] == "no_answer"
        page.say(type="accept", ring=old, sdp=SDP)
        assert (await page.heard("refused"))["why"] == "stale"
        second = dialling(world, call_id="call-2")
        new = (await page.heard("ring"))["ring"]
        page.say(type="accept", ring=old, sdp=SDP)
        assert (await page.heard("refused"))["why"] == "stale", "an old token is no good for a new call"
        assert not second.done()
        page.say(type="decline", ring=old)
        assert (await page.heard("refused"))["why"] == "stale"
        page.say(type="accept", ring=new, sdp=SDP)
        await second


@in_virtual_time
async def test_one_agent_cannot_accept_for_another() -> None:
    async with a_world() as world, a_page(world) as anna, a_page(world, "tab-bram", "bram") as bram:
        dial = dialling(world, "anna")
        ring = (await anna.heard("ring"))["ring"]
        bram.say(type="accept", ring=ring, sdp=SDP)
        assert (await bram.heard("refused"))["why"] == "stale"
        assert not dial.done()
        dial.cancel()
        await asyncio.wait({dial})


@in_virtual_time
async def test_declined() -> None:
    async with a_world() as world, a_page(world, "tab-one-1") as one, a_page(world, "tab-two-2") as two:
        dial = dialling(world)
        ring = (await one.heard("ring"))["ring"]
        one.say(type="decline", ring=ring)
        assert await failure_of(dial) is DialFailure.DECLINED
        assert (await two.heard("ring_over"))["why"] == "declined"


@in_virtual_time
async def test_nobody_answers() -> None:
    async with a_world() as world, a_page(world) as page:
        began = asyncio.get_running_loop().time()
        assert await failure_of(dialling(world, seconds=20)) is DialFailure.NO_ANSWER
        assert asyncio.get_running_loop().time() - began == pytest.approx(20, abs=0.01)
        assert (await page.heard("ring_over"))["why"] == "no_answer"


@in_virtual_time
async def test_no_page_is_open() -> None:
    async with a_world() as world:
        assert await failure_of(dialling(world)) is DialFailure.UNREACHABLE
        assert await failure_of(dialling(world, "nobody")) is DialFailure.UNREACHABLE


@in_virtual_time
async def test_the_browser_is_closed_in_mid_ring() -> None:
    async with a_world() as world, a_page(world) as page:
        dial = dialling(world)
        await page.heard("ring")
        page.leave()
        began = asyncio.get_running_loop().time()
        assert await failure_of(dial) is DialFailure.UNREACHABLE
        assert asyncio.get_running_loop().time() - began < 6, "the caller does not wait for the whole time"
        assert world.desks.desk("anna").ringing is None  # type: ignore[union-attr]


@in_virtual_time
async def test_one_of_two_tabs_is_closed_in_mid_ring_and_the_other_still_rings() -> None:
    async with a_world() as world, a_page(world, "tab-one-1") as one, a_page(world, "tab-two-2") as two:
        dial = dialling(world)
        ring = (await one.heard("ring"))["ring"]
        two.leave()
        await asyncio.sleep(10)
        one.say(type="accept", ring=ring, sdp=SDP)
        await dial


@in_virtual_time
async def test_a_page_that_is_reloaded_in_mid_ring_rings_again() -> None:
    async with a_world() as world:
        async with a_page(world) as page:
            dial = dialling(world)
            ring = (await page.heard("ring"))["ring"]
        await asyncio.sleep(2)
        again = await DeskPage(world.web, await log_in(world.web, "anna", PASSWORD), "tab-again").open()
        said = await again.heard("ring")
        assert said["ring"] == ring
        assert said["seconds_left"] == pytest.approx(23, abs=0.5)
        again.say(type="accept", ring=ring, sdp=SDP)
        await dial
        await again.aclose()


@in_virtual_time
async def test_the_network_is_gone_in_mid_ring() -> None:
    async with a_world() as world, a_page(world) as page:
        page.answers_pings = False
        dial = dialling(world, seconds=60)
        began = asyncio.get_running_loop().time()
        assert await failure_of(dial) is DialFailure.UNREACHABLE
        assert asyncio.get_running_loop().time() - began < 20


@in_virtual_time
async def test_the_caller_hangs_up_while_it_rings() -> None:
    async with a_world() as world, a_page(world) as page:
        dial = dialling(world)
        ring = (await page.heard("ring"))["ring"]
        dial.cancel()
        assert (await page.heard("ring_over"))["why"] == "caller_gone"
        page.say(type="accept", ring=ring, sdp=SDP)
        assert (await page.heard("refused"))["why"] == "stale"
        await asyncio.wait({dial})


@in_virtual_time
async def test_the_caller_hangs_up_while_audio_is_connecting() -> None:
    async with a_world() as world, a_page(world) as page:
        world.scripted.hangs = True
        dial = dialling(world)
        ring = (await page.heard("ring"))["ring"]
        page.say(type="accept", ring=ring, sdp=SDP)
        await asyncio.sleep(1)
        dial.cancel()
        assert (await page.heard("ring_over"))["why"] == "caller_gone"
        await asyncio.wait({dial})
        assert world.desks.desk("anna").call is None  # type: ignore[union-attr]


@in_virtual_time
async def test_accepted_but_no_audio_can_be_made() -> None:
    async with a_world() as world, a_page(world) as page:
        world.scripted.fails = True
        dial = dialling(world)
        ring = (await page.heard("ring"))["ring"]
        page.say(type="accept", ring=ring, sdp=SDP)
        assert await failure_of(dial) is DialFailure.NO_MEDIA
        assert (await page.heard("ring_over"))["why"] == "no_media"


@in_virtual_time
async def test_accepted_but_audio_never_comes() -> None:
    async with a_world() as world, a_page(world) as page:
        world.scripted.hangs = True
        dial = dialling(world)
        ring = (await page.heard("ring"))["ring"]
        page.say(type="accept", ring=ring, sdp=SDP)
        assert await failure_of(dial) is DialFailure.NO_MEDIA


@in_virtual_time
async def test_a_second_call_finds_the_agent_busy() -> None:
    async with a_world() as world, a_page(world) as page:
        first = dialling(world)
        ring = (await page.heard("ring"))["ring"]
        assert await failure_of(dialling(world, call_id="call-2")) is DialFailure.BUSY
        page.say(type="accept", ring=ring, sdp=SDP)
        await first
        assert await failure_of(dialling(world, call_id="call-3")) is DialFailure.BUSY
