"""The desk as a site on loopback, with real WebRTC, and what tests look at."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, Page

from tests.fakes.desk_world import BRIEFING, PASSWORD, DeskWorld
from voicebot.audio import SAMPLE_RATE, AudioClip
from voicebot.media.leg import Leg
from voicebot.media.ticker import Ticker
from voicebot.media.webrtc import WebRtcParts, accept_offer
from voicebot.transfer.agents import AgentBriefing
from voicebot.web.agent_desk import DeskTimes
from voicebot.web.desk import build_desk
from voicebot.web.server import WebAddress, WebServer

MICROPHONE_HZ = 440.0
CALLER_HZ = 800.0
SCREENSHOTS = os.environ.get("VOICEBOT_SCREENSHOTS", "")
"""A folder to keep screenshots in (docs/images)."""


@dataclass
class DeskSite:
    """`url`: of the page. `shots`: where screenshots go."""

    world: DeskWorld
    url: str
    shots: Path

    async def log_in(self, page: Page, agent: str = "anna", *, state: str = "available") -> Page:
        await page.locator("#login-agent").fill(agent)
        await page.locator("#login-password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.locator("#idle").wait_for()
        if state == "available":
            await page.locator("#be-available").click()
            await page.locator("#state-pill.available").wait_for()
            await page.get_by_text("Microfoon: klaar.").wait_for()
        return page

    def ring(self, agent: str = "anna", seconds: float = 25.0, **changes: Any) -> asyncio.Task[Leg]:
        briefing: AgentBriefing = replace(BRIEFING, **changes)
        job = self.world.dialler.dial(f"desk:{agent}", timeout_seconds=seconds, briefing=briefing)
        return asyncio.create_task(job, name="dial")

    async def shot(self, page: Page, name: str, *, whole: bool = True) -> None:
        """Keep a picture of the whole page, or of what is in sight."""
        folder = Path(SCREENSHOTS) if SCREENSHOTS else self.shots
        await page.screenshot(path=folder / f"desk-{name}.png", full_page=whole)


@asynccontextmanager
async def desk_site(shots: Path) -> AsyncIterator[DeskSite]:
    parts = WebRtcParts(Ticker())

    async def audio(sdp: str) -> tuple[Leg, str]:
        return await accept_offer(sdp, parts, inbound=False)

    world = DeskWorld(audio, DeskTimes(reload=1.0, away=4.0))
    world.desks.start()
    server = WebServer([build_desk(world.services, world.desks)], WebAddress("127.0.0.1", 0))
    await server.start()
    try:
        yield DeskSite(world, f"http://localhost:{server.port}/desk", shots)
    finally:
        await world.aclose()
        await server.close()


async def another_tab(context: BrowserContext, url: str) -> Page:
    page = await context.new_page()
    await page.goto(url)
    return page


async def serious_findings(page: Page) -> list[str]:
    """What axe-core finds serious or critical in the page as it is now."""
    results = await Axe().run(page)
    return [
        f"{found['id']}: {node['target']} {node['failureSummary']}"
        for found in results.response["violations"]
        if found["impact"] in {"serious", "critical"}
        for node in found["nodes"]
    ]


def tone(hz: float, seconds: float, rate: int = SAMPLE_RATE) -> np.ndarray[Any, Any]:
    return 0.3 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)


def tone_clip(hz: float, seconds: float) -> AudioClip:
    return AudioClip((tone(hz, seconds) * 32767).astype("<i2").tobytes(), "tone")


async def said_by_agent(leg: Leg, frames: int = 50) -> np.ndarray[Any, Any]:
    """The next second or so of what the agent's leg sends."""
    pcm = bytearray()
    async with asyncio.timeout(10):
        async for frame in leg.frames():
            pcm += frame.pcm
            frames -= 1
            if not frames:
                break
    return np.frombuffer(bytes(pcm), "<i2").astype(np.float64) / 32768


def strength(samples: np.ndarray[Any, Any], hz: float, rate: int) -> float:
    """How much of the sound is at a frequency, 0 to 1; 0 for silence."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    if spectrum.sum() < 1e-3:
        return 0.0
    near = np.abs(np.fft.rfftfreq(len(samples), 1 / rate) - hz) < 30
    return float(spectrum[near].sum() / spectrum.sum())
