"""Whole calls on the running service, with browsers and a real phone: caller, queue, agent at a desk."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import expect

from tests.browser.people import (
    AtCall,
    AtDesk,
    agents,
    beeps,
    hears,
    hears_music,
    nobody_is_left,
    phone_hears,
)
from tests.browser.test_caller_page import Ear
from tests.interop.calling import (
    RATE,
    Desk,
    Listener,
    disclosure_was_complete,
    known_answer,
    names,
    speech,
)
from tests.peers.chromium import Chromium, chromium
from tests.peers.wav import write_wav
from voicebot.privacy.encryption import load_or_create_key
from voicebot.storage.records import CallRecord
from voicebot.storage.store import CallStore

pytestmark = [
    pytest.mark.interop,
    pytest.mark.models,
    pytest.mark.asyncio(loop_scope="session"),
]

AGENT_HZ, BROWSER_HZ, PHONE_HZ = 950.0, 440.0, 640.0
SPOKEN_AT = (16.0, 23.0)
"""Seconds after the microphone was given, when the caller in the browser asks in English; then it beeps."""
BEEPS_FROM = 28.0
FIRST = "You are the first in the queue."
NOTE = "Weet nu waar de auto kan staan."
BERT, GRETA = "31201234581", "31201234582"
TAKEN = ["announced", "queued", "ringing", "accepted", "joined"]


async def latest_records(desk: Desk, count: int) -> list[CallRecord]:
    """The calls that ended last, in the order of their beginning."""
    store = CallStore(desk.service.database_url, load_or_create_key(desk.service.state / "transcripts.key"))
    try:
        found = await store.list_calls(limit=count)
        calls = [await store.get_call(each.call_id, accessed_by="test") for each in found]
        return sorted((call for call in calls if call is not None), key=lambda call: call.started_at)
    finally:
        await store.close()


def course(record: CallRecord) -> list[str]:
    """The states of the only transfer, which went to the queue."""
    (transfer,) = record.transfers
    assert transfer.destination == "queue:service"
    return [step.state for step in transfer.states]


def caller_microphone(folder: Path) -> Path:
    """A question in English, twice, and beeps for the person who takes the call."""
    question = speech("Can I park my car there?", "en")
    samples = np.append(np.zeros(int(BEEPS_FROM * RATE)), beeps(BROWSER_HZ, 120.0))
    for at in SPOKEN_AT:
        samples[int(at * RATE) : int(at * RATE) + len(question)] = question
    return write_wav(folder / "caller.wav", samples, RATE)


def agent_microphone(folder: Path) -> Path:
    return write_wav(folder / "agent.wav", beeps(AGENT_HZ, 150.0), RATE)


async def talks_with(anna: AtDesk, caller: Listener) -> str:
    """A call from a real phone, by key 0 in the disclosure; returns its id."""
    await caller.phone.press("0")
    call_id = await anna.accepts()
    await caller.phone.say(beeps(PHONE_HZ, 100.0))
    await asyncio.gather(
        hears(anna.page, PHONE_HZ, but_not=AGENT_HZ), phone_hears(caller, AGENT_HZ, but_not=PHONE_HZ)
    )
    return call_id


async def waits_and_asks_to_be_called_back(caller: Listener) -> None:
    """Words spoken into the queue's music."""
    await caller.phone.press("0")
    await caller.hears("transferring", seconds=40)
    await caller.hears("queue_next", seconds=40)
    await caller.says("Can you call me back, please?")
    await caller.hears("callback_stored", seconds=40)
    await caller.phone.hang_up()


async def asks_in_two_languages(caller: AtCall, desk: Desk) -> None:
    """Dutch typed, English spoken; the disclosure is heard and read before."""
    ear = Ear(caller.page, desk, "nl")
    await caller.reads("digitale assistent, geen mens", "Waarmee kan ik u helpen?")
    await ear.hears("disclosure", seconds=40)
    await caller.types("Hoe lang is de garantie op een fiets?")
    await caller.reads(known_answer("faq_warranty", "nl"))
    await caller.reads("park my car", speaker="caller")
    await caller.reads(known_answer("faq_parking", "en"))
    await caller.page.click("#mute")


async def waits_in_the_queue(caller: AtCall) -> None:
    """Words and a key in the queue's music: each time the caller is told how it goes."""
    await caller.types("I want to speak to a human, please.")
    place = caller.page.locator("#captions .bot", has_text=FIRST)
    await expect(place).to_have_count(1, timeout=40_000)
    await caller.page.click("#human")
    await expect(place).to_have_count(2, timeout=40_000)
    await caller.types("Can I have a person, please?")
    await expect(place).to_have_count(3, timeout=40_000)


async def talk_in_browsers(caller: AtCall, anna: AtDesk) -> str:
    """Both hear each other and type; the agent holds, takes back and hangs up: the caller is with the bot."""
    call_id = await anna.accepts()
    briefing = anna.page.locator("#call-briefing")
    await expect(briefing).to_contain_text("Can I park my car there?")
    await expect(anna.page.locator("#call-language")).to_have_text("Engels")
    await caller.page.click("#mute")
    await asyncio.gather(
        hears(anna.page, BROWSER_HZ, but_not=AGENT_HZ), hears(caller.page, AGENT_HZ, but_not=BROWSER_HZ)
    )
    await anna.page.click("#hold")
    await hears_music(caller.page, not_hz=AGENT_HZ)
    await anna.page.click("#hold")
    await hears(caller.page, AGENT_HZ)
    await anna.types("I am reading along.")
    await caller.reads("I am reading along.", speaker="agent")
    await caller.types("I cannot hear well.")
    await expect(anna.page.locator("#lines")).to_contain_text("I cannot hear well.")
    await anna.page.click("#end")
    await caller.reads("You are back with the digital assistant.")
    return call_id


async def test_a_browser_and_a_phone_talk_with_an_agent_at_a_desk(desk: Desk, tmp_path: Path) -> None:
    """The phone has the agent, another waits and asks to be called back, the browser waits and is taken."""
    microphones = await asyncio.to_thread(caller_microphone, tmp_path), agent_microphone(tmp_path)
    async with (
        agents(desk.service, anna="en") as staff,
        chromium(microphone=microphones[0]) as callers,
        chromium(microphone=microphones[1]) as desks,
    ):
        anna = await AtDesk.log_in(desks, staff, "anna")
        await anna.is_available()
        async with desk.caller(BERT, "en") as bert, desk.caller(GRETA, "en") as greta:
            caller = await AtCall.calls(callers, desk, speaks=True)

            async def phones() -> str:
                call_id = await talks_with(anna, bert)
                await waits_and_asks_to_be_called_back(greta)
                return call_id

            from_phone, _ = await asyncio.gather(phones(), asks_in_two_languages(caller, desk))
            await waits_in_the_queue(caller)
            await bert.phone.hang_up()
            await anna.skips_wrap_up()
            from_page = await talk_in_browsers(caller, anna)
            await caller.ends()
        await anna.page.get_by_label("Opgelost").check()
        await anna.page.fill("#note", NOTE)
        await anna.page.click("#wrap-save")
        await anna.logs_out()
        await nobody_is_left(desk)
        assert callers.faults == desks.faults == []
        (wrap_up,) = await staff.store.wrap_ups(from_page, accessed_by="test")
    assert (wrap_up.agent_id, wrap_up.code, wrap_up.note) == ("anna", "solved", NOTE)
    phone, called_back, page = await latest_records(desk, 3)
    is_right_in_storage(phone, page)
    assert (phone.call_id, page.call_id) == (from_phone, from_page)
    assert (called_back.disposition, called_back.ended_by) == ("callback", "caller")
    assert course(called_back) == ["announced", "queued", "ended"]


def is_right_in_storage(phone: CallRecord, page: CallRecord) -> None:
    for record in (phone, page):
        assert disclosure_was_complete(record)
        assert "RuleApplied" in names(record)
        assert (record.disposition, record.ended_by) == ("transferred", "caller")
        assert record.transfers[0].failure is None
    assert (phone.leg_kind, course(phone)) == ("sip", [*TAKEN, "ended"])
    assert (page.leg_kind, course(page)) == ("webrtc", [*TAKEN, "returned"])
    assert page.languages == ("nl", "en")
    assert {"faq_warranty", "faq_parking", "human"} <= {turn.intent for turn in page.turns}
    asked = [event.payload["by"] for event in page.events if event.name == "HumanRequested"]
    assert Counter(asked) == {"words": 2, "key": 1}


async def ask_for_a_person(browser: Chromium, desk: Desk, count: int) -> list[AtCall]:
    """Callers without a microphone, one after another: so they will stand in the queue."""
    callers = []
    for _ in range(count):
        callers.append(caller := await AtCall.calls(browser, desk, speaks=False))
        await caller.page.click("#human")
    return callers


async def test_browsers_that_are_closed_lose_nobody(desk: Desk, tmp_path: Path) -> None:
    """A desk is closed in mid-ring, callers' pages in the queue and while it rings; an agent hangs up at the
    moment of joining."""
    async with (
        agents(desk.service, chaima="nl", dirk="nl") as staff,
        chromium(microphone=agent_microphone(tmp_path)) as browser,
    ):
        dirk = await AtDesk.log_in(browser, staff, "dirk")
        await dirk.is_available()
        (first, second, third, fourth), *_ = await asyncio.gather(
            ask_for_a_person(browser, desk, 4), dirk.accepts()
        )
        chaima = await AtDesk.log_in(browser, staff, "chaima")
        await second.reads("U bent de eerste in de wachtrij.")
        await desk.service.until("people['waiting']['service'] == 3", 45)
        await third.page.close()
        await desk.service.until("people['waiting']['service'] == 2 and live_calls == 3")

        await chaima.is_available()
        await chaima.page.locator("#ringing").wait_for()
        await chaima.page.context.close()
        await dirk.page.click("#end")
        await first.reads("U spreekt weer met de digitale assistent.")
        await dirk.skips_wrap_up()
        await dirk.page.locator("#ringing").wait_for()
        await fourth.page.close()
        await dirk.page.locator("#ringing").wait_for(state="hidden")

        await dirk.accepts()
        await dirk.page.click("#end")
        await second.reads("U spreekt weer met de digitale assistent.")
        await asyncio.gather(first.ends(), second.ends())
        await dirk.page.click("#wrap-skip")
        await dirk.logs_out()
        await nobody_is_left(desk)
        assert browser.faults == []
    records = await latest_records(desk, 4)
    assert [course(record) for record in records] == [
        [*TAKEN, "returned"],
        ["announced", "queued", "ringing", "queued", *TAKEN[2:], "returned"],
        ["announced", "queued", "ended"],
        ["announced", "queued", "ringing", "ended"],
    ]
    assert [record.disposition for record in records] == [
        *("transferred", "transferred", "abandoned_waiting", "abandoned_waiting")
    ]
    assert {record.ended_by for record in records} == {"caller"}
    of_second = [event.payload for event in records[1].events if event.name == "TransferProgressed"]
    failures = [step["failure"] for step in of_second if step["failure"]]
    assert failures in (
        ["unreachable"],
        ["no_answer"],
    )  # a closed desk may come back as long as ringing lasts
