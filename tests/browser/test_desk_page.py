"""The agent desk in real Chromium, with real WebRTC: a whole call, windows, reloads, closed browsers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.desk_site import (
    CALLER_HZ,
    MICROPHONE_HZ,
    DeskSite,
    another_tab,
    desk_site,
    said_by_agent,
    serious_findings,
    strength,
    tone,
    tone_clip,
)
from tests.peers.chromium import DESKTOP, PHONE, RECORDED_RATE, Chromium, chromium, heard_by
from tests.peers.wav import write_wav
from voicebot.audio import SAMPLE_RATE
from voicebot.errors import DialFailed, DialFailure
from voicebot.media.leg import HoldRequested, LegEnded, ResumeRequested
from voicebot.transfer.agents import AgentState, TranscriptLine
from voicebot.transfer.queue import Ticket

pytestmark = pytest.mark.interop


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[DeskSite]:
    async with desk_site(tmp_path) as site:
        yield site


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Chromium]:
    microphone = write_wav(tmp_path / "microphone.wav", tone(MICROPHONE_HZ, 20, 16000), 16000)
    async with chromium(microphone=microphone) as browser:
        yield browser
        assert browser.faults == []


MARKUP = '<img src=x onerror="document.title=1"><script>document.title=2</script>'


async def test_a_whole_call_at_the_keyboard(site: DeskSite, browser: Chromium) -> None:
    site.world.add_callbacks()
    pool = site.world.pool
    pool.set_state("chaima", AgentState.BREAK)
    page = await browser.page(site.url, viewport=DESKTOP, color_scheme="light")
    await page.locator("#login-form").wait_for()
    await site.shot(page, "login")
    await site.log_in(page)
    await page.get_by_text("Vraagt wanneer het wiel binnen is.").wait_for()
    await site.shot(page, "available")
    offer = await pool.next_agent(Ticket("call-1", "service", "nl", 0.0))
    pool.set_state("bram", AgentState.AVAILABLE)
    dial = site.ring()
    await expect(page.locator("#ring-title")).to_have_text("+31 20 123 45 67")
    await page.locator("#state-pill.ringing").wait_for()
    await expect(page.locator("#ring-briefing")).to_contain_text("Nee, dan werk ik.")
    await expect(page).to_have_title("☎ +31 20 123 45 67")
    await site.shot(page, "ringing")
    await page.keyboard.press("a")
    leg = await dial
    pool.accepted(offer)
    await expect(page.locator("#call-status")).to_have_text("In gesprek")
    leg.playout.play(tone_clip(CALLER_HZ, 2.0))
    assert strength(await said_by_agent(leg), MICROPHONE_HZ, SAMPLE_RATE) > 0.5, "the caller hears the agent"
    await asyncio.sleep(0.5)
    assert strength(await heard_by(page), CALLER_HZ, RECORDED_RATE) > 0.5, "the agent hears the caller"
    await page.keyboard.press("m")
    await expect(page.locator("#call-status")).to_have_text("Gedempt")
    await said_by_agent(leg, 110)  # what nobody has read yet
    assert strength(await said_by_agent(leg, 20), MICROPHONE_HZ, SAMPLE_RATE) == 0
    await page.keyboard.press("m")
    await page.keyboard.press("h")
    await expect(page.locator("#call-status")).to_have_text("In de wacht")
    await page.keyboard.press("h")
    leg.caption("caller", "Ik kan slecht horen, ik typ liever.", "nl")  # type: ignore[attr-defined]
    await expect(page.locator("#lines")).to_contain_text("ik typ liever")
    await page.locator("#line").fill("Dat is goed, ik lees mee.")
    await page.keyboard.press("Enter")
    await expect(page.locator("#lines")).to_contain_text("ik lees mee")
    await site.shot(page, "call")
    await page.locator("#call-title").click()
    await page.keyboard.press("t")
    await page.get_by_role("button", name="Doorgeven: Werkplaats").wait_for()
    await site.shot(page, "hand-on", whole=False)
    await page.keyboard.press("Escape")
    await page.keyboard.press("e")
    await page.locator("#wrap-up").wait_for()
    pool.call_ended("anna", "call-1")
    await page.locator("#state-pill.after_call").wait_for()
    await page.get_by_label("Opgelost").check()
    await page.locator("#note").fill("Afspraak verzet naar maandag.")
    await site.shot(page, "after-call")
    await page.get_by_role("button", name="Opslaan en beschikbaar").click()
    await page.locator("#idle").wait_for()
    await page.locator("#state-pill.available").wait_for()
    (entry,) = site.world.wrap_ups
    assert (entry.call_id, entry.code, entry.note) == ("call-1", "solved", "Afspraak verzet naar maandag.")
    assert [type(signal) async for signal in leg.signals()][-1] is LegEnded


@pytest.mark.parametrize(
    ("name", "viewport", "scheme"), [("desktop", DESKTOP, "light"), ("phone", PHONE, "dark")]
)
async def test_nothing_serious_for_axe_and_no_markup_from_outside(
    site: DeskSite, browser: Chromium, name: str, viewport: dict[str, int], scheme: str
) -> None:
    site.world.add_callbacks()
    page = await browser.page(site.url, viewport=viewport, color_scheme=scheme)
    await page.locator("#login-form").wait_for()
    findings = {"login": await serious_findings(page)}
    await site.log_in(page)
    findings["idle"] = await serious_findings(page)
    lines = (TranscriptLine("caller", MARKUP), TranscriptLine("bot", "Goedemorgen."))
    dial = site.ring(caller=MARKUP, asked=MARKUP, reason=MARKUP, tried=(MARKUP,), last_lines=lines)
    await expect(page.locator("#ring-title")).to_have_text(MARKUP)
    findings["ringing"] = await serious_findings(page)
    if name == "phone":
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"], "nothing sticks out of a phone"
    await page.get_by_role("button", name="Aannemen").click()
    leg = await dial
    leg.caption("caller", MARKUP, "nl")  # type: ignore[attr-defined]
    await expect(page.locator("#lines")).to_contain_text(MARKUP)
    findings["call"] = await serious_findings(page)
    await page.locator("#hand-on").click()
    findings["hand on"] = await serious_findings(page)
    await page.keyboard.press("Escape")
    await page.locator("#end").click()
    await page.locator("#wrap-form").wait_for()
    findings["after the call"] = await serious_findings(page)
    assert {where: found for where, found in findings.items() if found} == {}
    assert await page.locator("#stage img, #stage script").count() == 0
    assert await page.title() not in {"1", "2"}


async def test_two_windows_one_wins_and_the_other_can_take_over(site: DeskSite, browser: Chromium) -> None:
    one = await site.log_in(await browser.page(site.url))
    two = await another_tab(one.context, site.url)
    await two.locator("#idle").wait_for()
    dial = site.ring()
    await two.locator("#ringing").wait_for()
    await one.locator("#accept").click()
    leg = await dial
    await two.locator("#elsewhere").wait_for()
    await expect(two.locator("#ringing")).to_be_hidden()
    await expect(two.locator("#end")).to_be_hidden()
    await two.locator("#take-over").click()
    await expect(two.locator("#mute")).to_be_enabled()
    await one.locator("#elsewhere").wait_for()
    await two.locator("#end").click()
    await one.locator("#wrap-up").wait_for()
    assert [type(signal) async for signal in leg.signals()] == [HoldRequested, ResumeRequested, LegEnded]


async def test_a_reload_in_mid_call_goes_on_by_itself(site: DeskSite, browser: Chromium) -> None:
    page = await site.log_in(await browser.page(site.url, viewport=PHONE, color_scheme="dark"))
    page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    dial = site.ring()
    await page.locator("#accept").wait_for()
    await site.shot(page, "phone-ringing")
    await page.locator("#accept").click()
    leg = await dial
    await expect(page.locator("#mute")).to_be_enabled()
    await page.reload()
    await expect(page.locator("#mute")).to_be_enabled()
    await said_by_agent(leg, 50)  # what was waiting in the old connection
    assert strength(await said_by_agent(leg, 30), MICROPHONE_HZ, SAMPLE_RATE) > 0.5
    leg.playout.play(tone_clip(CALLER_HZ, 1.0))
    await asyncio.sleep(1.2)
    assert strength(await heard_by(page), CALLER_HZ, RECORDED_RATE) > 0.3
    await page.locator("#end").click()
    assert [type(signal) async for signal in leg.signals()] == [HoldRequested, ResumeRequested, LegEnded]


async def test_a_browser_closed_in_mid_ring_and_in_mid_call(site: DeskSite, browser: Chromium) -> None:
    page = await site.log_in(await browser.page(site.url))
    dial = site.ring()
    await page.locator("#ringing").wait_for()
    await page.context.close()
    with pytest.raises(DialFailed) as failed:
        await dial
    assert failed.value.reason is DialFailure.UNREACHABLE
    page = await site.log_in(await browser.page(site.url))
    dial = site.ring()
    await page.locator("#accept").click()
    leg = await dial
    await expect(page.locator("#mute")).to_be_enabled()
    await page.context.close()
    async with asyncio.timeout(20):
        assert [type(signal) async for signal in leg.signals()] == [HoldRequested, LegEnded]


async def test_no_microphone_is_told_before_the_caller_is_taken(site: DeskSite, browser: Chromium) -> None:
    context = await browser.context()
    await context.add_init_script(
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))"
    )
    page = await site.log_in(await another_tab(context, site.url), state="break")
    dial = site.ring()
    await page.locator("#accept").click()
    await expect(page.locator("#ring-problem")).to_contain_text("De microfoon is geblokkeerd")
    assert not dial.done(), "it rings on: a colleague's window may still take it"
    await page.locator("#decline").click()
    with pytest.raises(DialFailed) as failed:
        await dial
    assert failed.value.reason is DialFailure.DECLINED


async def test_wrong_passwords_stale_sessions_and_the_other_language(
    site: DeskSite, browser: Chromium
) -> None:
    page = await browser.page(site.url)
    await page.locator("#login-agent").fill("anna")
    await page.locator("#login-password").fill("wrong")
    await page.keyboard.press("Enter")
    await expect(page.locator("#login-problem")).to_have_text("Naam of wachtwoord klopt niet.")
    await page.get_by_role("button", name="English").click()
    await expect(page.locator("#login-form [type=submit]")).to_have_text("Log in")
    browser.faults.clear()  # the 401
    await site.log_in(page, state="break")
    await expect(page.locator("#state-text")).to_have_text("Break")
    stale = await another_tab(page.context, site.url)
    await stale.locator("#idle").wait_for()
    await page.get_by_role("button", name="Log out").click()
    await page.locator("#login-form").wait_for()
    await stale.locator("#login-form").wait_for()
