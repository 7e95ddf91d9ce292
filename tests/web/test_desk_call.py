"""An agent's call: mute, hold, hand on, end; a page that is closed, reloaded, or takes the call over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.fakes.desk_page import DeskPage, log_in
from tests.fakes.desk_world import PASSWORD, DeskWorld
from tests.fakes.leg import FakeLeg
from tests.fakes.virtual_time import in_virtual_time
from tests.web.desks import a_page, a_world, dialling
from voicebot.audio import SILENCE
from voicebot.media.bridge import BridgeEnd, join
from voicebot.media.leg import (
    HandOn,
    HoldRequested,
    LegEndCause,
    LegEnded,
    LegSignal,
    ResumeRequested,
    TextReceived,
)
from voicebot.speaking.hold_music import hold_music
from voicebot.web.agent_desk import DeskTimes
from voicebot.web.desk_leg import DeskLeg

AWAY_SECONDS = DeskTimes().away
SDP = "v=0 an offer of the page"
LOUD = b"\x00\x20" * 320


@asynccontextmanager
async def a_call(world: DeskWorld, page: DeskPage, call_id: str = "call-1") -> AsyncIterator[DeskLeg]:
    dial = dialling(world, call_id=call_id)
    ring = (await page.heard("ring"))["ring"]
    page.say(type="accept", ring=ring, sdp=SDP)
    leg = await dial
    assert isinstance(leg, DeskLeg)
    await page.heard("call")
    yield leg
    await leg.hang_up()


async def take(leg: DeskLeg, count: int) -> list[LegSignal]:
    """The next signals."""
    found: list[LegSignal] = []
    async for signal in leg.signals():
        found.append(signal)
        if len(found) == count:
            break
    return found


@in_virtual_time
async def test_hold_and_resume_are_asked_of_the_call() -> None:
    async with a_world() as world, a_page(world) as page, a_call(world, page) as leg:
        page.say(type="hold", call="call-1", on=True)
        page.say(type="hold", call="call-1", on=True)
        assert (await page.heard("call"))["is_holding"]
        page.say(type="hold", call="call-1", on=False)
        assert not (await page.heard("call", is_holding=False))["is_holding"]
        assert await take(leg, 2) == [HoldRequested(), ResumeRequested()]


@pytest.mark.parametrize("message", ["mute", "hold"])
def test_nothing_that_the_agent_says_passes_while_muted_or_holding(message: str) -> None:
    @in_virtual_time
    async def run() -> None:
        async with a_world() as world, a_page(world) as page, a_call(world, page) as leg:
            inner = world.scripted.legs[0]
            page.say(type=message, call="call-1", on=True)
            await page.heard("call")
            inner.feed(LOUD * 6)
            await inner.advance(60)
            page.say(type=message, call="call-1", on=False)
            await page.heard("call")
            await inner.advance(60)
            heard = []
            async for frame in leg.frames():
                heard.append((frame.pcm, frame.at_ms))
                if len(heard) == 6:
                    break
            assert [pcm for pcm, _ in heard] == [SILENCE] * 3 + [LOUD] * 3
            assert [at for _, at in heard] == [0, 20, 40, 60, 80, 100]

    run()


@in_virtual_time
async def test_hand_on_to_a_queue_or_a_colleague_that_exists() -> None:
    async with (
        a_world() as world,
        a_page(world) as page,
        a_page(world, "tab-bram", "bram") as bram,
        a_call(world, page) as leg,
    ):
        for target in ("queue:nowhere", "agent:anna", "agent:nobody", "agent:bram"):
            page.say(type="hand_on", call="call-1", target=target)
            assert (await page.heard("refused"))["why"] == "unknown_target", "Bram has a break"
        bram.say(type="state", state="available")
        await bram.heard("board", state="available")
        page.say(type="hand_on", call="call-1", target="agent:bram")
        assert (await page.heard("call"))["handed_to"] == "agent:bram"
        assert await take(leg, 1) == [HandOn("agent:bram")]
        await leg.hang_up("handed on")
        assert (await page.heard("call_over"))["why"] == "handed_on"


@in_virtual_time
async def test_the_agent_ends_the_call() -> None:
    async with a_world() as world, a_page(world) as page, a_call(world, page) as leg:
        page.say(type="end", call="call-1")
        assert (await page.heard("call_over"))["why"] == "peer"
        assert await take(leg, 1) == [LegEnded(LegEndCause.PEER, "agent ended")]
        await asyncio.sleep(0.1)
        assert world.scripted.legs[0].is_ended


@in_virtual_time
async def test_the_caller_ends_the_call() -> None:
    async with a_world() as world, a_page(world) as page, a_call(world, page) as leg:
        await leg.hang_up()
        over = await page.heard("call_over")
        assert (over["why"], over["briefing"]["caller"]) == ("us", "+31 20 123 45 67")
        assert world.scripted.legs[0].is_ended


@in_virtual_time
async def test_typed_lines_both_ways_and_keys() -> None:
    async with a_world() as world, a_page(world) as page, a_call(world, page) as leg:
        page.say(type="text", call="call-1", text="Goedemorgen")
        assert await take(leg, 1) == [TextReceived("Goedemorgen")]
        leg.caption("caller", "<script>alert(1)</script>", "nl")
        assert (await page.heard("caption", speaker="caller"))["text"] == "<script>alert(1)</script>"
        await leg.send_digits("4")
        assert (await page.heard("digits"))["digits"] == "4"


@in_virtual_time
async def test_a_closed_browser_gives_the_caller_back() -> None:
    async with a_world() as world, a_page(world) as page, a_call(world, page) as leg:
        page.leave()
        began = asyncio.get_running_loop().time()
        signals = await take(leg, 2)
        assert signals == [HoldRequested(), LegEnded(LegEndCause.PEER, "page closed")], "music meanwhile"
        assert asyncio.get_running_loop().time() - began == pytest.approx(AWAY_SECONDS, abs=0.1)
        assert leg.is_ended
        await asyncio.sleep(0.1)
        assert world.scripted.legs[0].is_ended
        assert world.desks.desk("anna").call is None  # type: ignore[union-attr]


@in_virtual_time
async def test_lost_network_gives_the_caller_back() -> None:
    async with a_world() as world, a_page(world) as page, a_call(world, page) as leg:
        page.answers_pings = False
        world.scripted.legs[0].lose_media()
        assert (await take(leg, 2))[1] == LegEnded(LegEndCause.MEDIA_LOST, "no RTP")


@in_virtual_time
async def test_a_reloaded_page_goes_on_with_the_call() -> None:
    async with a_world() as world:
        async with a_page(world, "tab-one-1") as page, a_call_left_open(world, page) as leg:
            pass
        await asyncio.sleep(1)
        assert leg.is_on_hold
        world.scripted.legs[0].peer_hangs_up("the browser closes what it forgot")
        await asyncio.sleep(0.1)
        async with a_page_in_call(world, "tab-two-2") as (again, call):
            assert (call["is_here"], call["is_open_elsewhere"], call["is_away"]) == (False, False, True)
            assert call["seconds"] == pytest.approx(1.1, abs=0.2)
            again.say(type="rejoin", call="call-1", sdp=SDP)
            assert (await again.heard("answer"))["to"] == "call-1"
            assert (await again.heard("call", is_here=True))["is_away"] is False
            assert await take(leg, 2) == [HoldRequested(), ResumeRequested()]
            await asyncio.sleep(60)
            assert not leg.is_ended
            new = world.scripted.legs[1]
            new.feed(LOUD)
            await new.advance(20)
            assert (await anext(leg.frames())).pcm == LOUD
            again.say(type="end", call="call-1")
            await again.heard("call_over")


@asynccontextmanager
async def a_call_left_open(world: DeskWorld, page: DeskPage) -> AsyncIterator[DeskLeg]:
    dial = dialling(world)
    ring = (await page.heard("ring"))["ring"]
    page.say(type="accept", ring=ring, sdp=SDP)
    leg = await dial
    assert isinstance(leg, DeskLeg)
    yield leg


@asynccontextmanager
async def a_page_in_call(world: DeskWorld, tab: str) -> AsyncIterator[tuple[DeskPage, dict[str, object]]]:
    page = await DeskPage(world.web, await log_in(world.web, "anna", PASSWORD), tab).open()
    yield page, await page.heard("call")
    await page.aclose()


@in_virtual_time
async def test_a_rejoin_that_comes_too_late() -> None:
    async with a_world() as world, a_page(world) as page, a_call(world, page):
        world.scripted.legs[0].peer_hangs_up("closed")
        await asyncio.sleep(AWAY_SECONDS + 1)
        await page.heard("call_over")
        page.say(type="rejoin", call="call-1", sdp=SDP)
        assert (await page.heard("refused"))["why"] == "stale"
        assert len(world.scripted.legs) == 1


@in_virtual_time
async def test_a_rejoin_whose_audio_does_not_come_leaves_the_call_to_the_bot() -> None:
    async with a_world() as world, a_page(world) as page, a_call(world, page) as leg:
        world.scripted.legs[0].peer_hangs_up("closed")
        await page.heard("away")
        world.scripted.fails = True
        page.say(type="rejoin", call="call-1", sdp=SDP)
        assert (await page.heard("refused"))["why"] == "no_media"
        assert isinstance((await take(leg, 2))[1], LegEnded)


@in_virtual_time
async def test_another_window_takes_the_call_over() -> None:
    async with (
        a_world() as world,
        a_page(world, "tab-one-1") as one,
        a_page(world, "tab-two-2") as two,
        a_call(world, one) as leg,
    ):
        two.say(type="rejoin", call="call-1", sdp=SDP)
        assert (await two.heard("call", is_here=True))["call"] == "call-1"
        told = await one.heard("call", is_here=False)
        assert told["is_open_elsewhere"]
        assert world.scripted.legs[0].is_ended
        one.say(type="end", call="call-1")
        assert (await one.heard("refused"))["why"] == "stale"
        assert await take(leg, 2) == [HoldRequested(), ResumeRequested()]
        assert not leg.is_ended


@in_virtual_time
async def test_the_socket_breaks_but_the_audio_does_not() -> None:
    async with a_world() as world:
        async with a_page(world, "tab-one-1") as page, a_call_left_open(world, page) as leg:
            page.breaks()
        await asyncio.sleep(60)
        assert not leg.is_ended, "they are talking"
        async with a_page_in_call(world, "tab-one-1") as (again, call):
            assert call["is_here"], "the same page is back"
            again.say(type="end", call="call-1")
            await again.heard("call_over")


@in_virtual_time
async def test_joined_with_a_caller_music_while_the_page_is_away() -> None:
    async with a_world() as world, a_page(world) as page, a_call(world, page) as leg:
        caller = FakeLeg(leg_id="caller", answered=True)
        bridge = asyncio.create_task(join(caller, leg, hold_music=hold_music()))
        inner = world.scripted.legs[0]
        await asyncio.sleep(0)
        for fake in (caller, inner):
            fake.feed(LOUD * 10)
        for _ in range(10):
            await caller.advance(20)
            await inner.advance(20)
        assert LOUD in caller.played
        assert LOUD in inner.played
        caller.type("Ik hoor u niet goed.")
        assert (await page.heard("caption"))["text"] == "Ik hoor u niet goed."
        page.say(type="text", call="call-1", text="Dan typ ik.")
        await page.heard("caption", speaker="agent")
        assert caller.captions == [("agent", "Dan typ ik.", "nl", True)]
        inner.peer_hangs_up("closed")
        await caller.advance(1000)
        assert len(caller.sounding_slots()) > 40, "hold music"
        page.say(type="rejoin", call="call-1", sdp=SDP)
        await page.heard("call", is_away=False)
        new = world.scripted.legs[1]
        await asyncio.sleep(0.1)
        for fake in (caller, new):
            fake.feed(LOUD * 10)
        for _ in range(12):
            await caller.advance(20)
            await new.advance(20)
        assert LOUD in new.played
        caller.peer_hangs_up()
        assert await bridge == BridgeEnd("caller")
