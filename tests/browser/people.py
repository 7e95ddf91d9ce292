"""People at browsers in tests of whole calls: agents at /desk, callers at /call; what their pages hear."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
from playwright.async_api import Page, expect

from tests.browser.desk_site import strength
from tests.interop.calling import Desk, Listener
from tests.peers.chromium import RECORDED_RATE, Chromium, heard_by
from tests.peers.service import RunningService
from tests.peers.signals import level_dbfs, tone
from tests.peers.wav import Samples
from voicebot.events import Language
from voicebot.privacy.encryption import load_or_create_key
from voicebot.storage.agent_store import AgentStore
from voicebot.transfer.agents import Agent

PASSWORD = "vier blauwe fietsen"
PATIENCE_SECONDS = 45.0
PATIENCE_MS = PATIENCE_SECONDS * 1000


def beeps(hz: float, seconds: float) -> Samples:
    """A tone that comes and goes: browsers take a steady one for noise, and suppress it."""
    return np.concatenate([np.append(tone(hz, 0.6), np.zeros(1600))] * int(seconds / 0.8))


@dataclass(frozen=True)
class Staff:
    """Who may log in at a service's desks. `count`: how many."""

    service: RunningService
    store: AgentStore
    count: int

    async def are_known(self) -> None:
        """Wait until the service has read of them."""
        await self.service.until(f"sum(people['agents'].values()) == {self.count}")


@asynccontextmanager
async def agents(service: RunningService, **languages: Language) -> AsyncIterator[Staff]:
    """Let agents of one language each work in the queue 'service'."""
    store = AgentStore(service.database_url, load_or_create_key(service.state / "transcripts.key"))
    queues = frozenset({"service"})
    try:
        for name, language in languages.items():
            new = Agent(name, name.title(), f"desk:{name}", frozenset({language}), frozenset(), queues)
            assert await store.add(new, PASSWORD, changed_by="test")
        yield Staff(service, store, len(languages))
    finally:
        for name in languages:
            await store.remove(name, changed_by="test")
        await store.close()
    await nobody_is_at_work(service)


async def nobody_is_left(desk: Desk) -> None:
    """No call is up, no caller waits, no desk rings or is busy."""
    await desk.is_idle()
    people = (await desk.service.health())["people"]
    assert people["waiting"]["service"] == 0
    assert not {"ringing", "busy"} & set(people["agents"])


async def nobody_is_at_work(service: RunningService) -> None:
    """The callers of other tests do not wait for these agents."""
    await service.until("not {'available', 'ringing', 'busy', 'after_call'} & set(people['agents'])", 60)


@dataclass(frozen=True)
class AtDesk:
    """An agent's page."""

    page: Page

    @classmethod
    async def log_in(cls, browser: Chromium, staff: Staff, name: str) -> AtDesk:
        """Log in; a break to begin with."""
        await staff.are_known()
        page = await browser.page(staff.service.page_url("/desk"))
        page.set_default_timeout(PATIENCE_MS)
        await page.fill("#login-agent", name)
        await page.fill("#login-password", PASSWORD)
        await page.keyboard.press("Enter")
        await page.locator("#state-pill.break").wait_for()
        return cls(page)

    async def is_available(self) -> None:
        await self.page.click("#be-available")

    async def accepts(self) -> str:
        """Take the next call; returns its id. Who was too slow (a busy machine) is available again."""
        page = self.page
        until = time.monotonic() + PATIENCE_SECONDS
        while not await page.locator("#call").is_visible():
            assert time.monotonic() < until, "nothing rang, or nothing came of it"
            if await page.locator("#state-pill.break").is_visible():
                await page.click("#be-available")
            elif await page.locator("#accept").is_visible() and await page.locator("#accept").is_enabled():
                await page.locator("#accept").click(timeout=1000)
            await asyncio.sleep(0.05)
        await expect(page.locator("#end")).to_be_enabled(timeout=PATIENCE_MS)
        return await page.locator("#lines").get_attribute("data-call") or ""

    async def types(self, text: str) -> None:
        await self.page.fill("#line", text)
        await self.page.press("#line", "Enter")

    async def skips_wrap_up(self) -> None:
        """The call is over: go on with the next."""
        await self.page.click("#wrap-skip")
        await self.page.click("#be-available")

    async def logs_out(self) -> None:
        await self.page.click("[data-do=log-out]")
        await self.page.locator("#login-form").wait_for()


@dataclass(frozen=True)
class AtCall:
    """A caller's page."""

    page: Page

    @classmethod
    async def calls(cls, browser: Chromium, desk: Desk, *, speaks: bool, query: str = "") -> AtCall:
        page = await browser.page(desk.service.page_url(f"/call{query}"))
        page.set_default_timeout(PATIENCE_MS)
        await page.click("#call" if speaks else "#call-text")
        await expect(page.locator("body")).to_have_attribute("data-state", "live", timeout=PATIENCE_MS)
        return cls(page)

    async def types(self, text: str) -> None:
        await self.page.fill("#line", text)
        await self.page.press("#line", "Enter")

    async def reads(self, *lines: str, speaker: str = "bot") -> None:
        for line in lines:
            shown = self.page.locator(f"#captions .{speaker}", has_text=line)
            await expect(shown.first).to_be_attached(timeout=PATIENCE_MS)

    async def ends(self) -> None:
        await self.page.click("#end")
        await expect(self.page.locator("body")).to_have_attribute("data-state", "ended")


def _is_beep(sound: Samples, hz: float, but_not: float) -> bool:
    rate = RECORDED_RATE
    return strength(sound, hz, rate) > 0.5 and (not but_not or strength(sound, but_not, rate) < 0.05)


async def hears(page: Page, hz: float, *, but_not: float = 0.0) -> None:
    """Wait until a page hears beeps of others, and not its own."""
    heard = partial(heard_by, page)
    await _until_heard(heard, lambda sound: _is_beep(sound, hz, but_not), f"{hz} Hz at {page.url}")


async def phone_hears(phone: Listener, hz: float, *, but_not: float) -> None:
    """Wait until a phone hears beeps of others, and not its own."""
    who = phone.phone.account.user
    await _until_heard(phone.received, lambda sound: _is_beep(sound, hz, but_not), f"{hz} Hz at {who}")


async def hears_music(page: Page, *, not_hz: float) -> None:
    """Wait until a page hears something else than beeps."""

    def is_music(sound: Samples) -> bool:
        return level_dbfs(sound) > -50 and strength(sound, not_hz, RECORDED_RATE) < 0.1

    await _until_heard(partial(heard_by, page), is_music, f"music at {page.url}")


async def _until_heard(
    heard: Callable[[], Awaitable[Samples]], is_it: Callable[[Samples], bool], what: str
) -> None:
    """Wait until the last second of what is heard is of a kind."""
    until = time.monotonic() + PATIENCE_SECONDS
    tail = np.zeros(0)
    while time.monotonic() < until:
        tail = (await heard())[-RECORDED_RATE:]
        if len(tail) == RECORDED_RATE and is_it(tail):
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"no {what}; level at the end {level_dbfs(tail):.0f} dBFS")
