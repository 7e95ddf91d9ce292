"""Real Chromium, driven by Playwright: a WAV file is its microphone, what it hears is recorded in the page.

async with chromium(microphone=file) as browser:
    page = await browser.page("http://localhost:8088/call")
    await page.click("#call")
    heard, rate = await heard_by(page)
"""

from __future__ import annotations

import base64
import io
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.peers.ports import require_program
from tests.peers.wav import Samples

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
RECORDED_RATE = 8000
_RECORDER = """
window.__recordings = [];
const Connection = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Connection {
  constructor(...given) {
    super(...given);
    (window.__connections ??= []).push(this);
    this.addEventListener("track", ({ track }) => {
      const recorder = new MediaRecorder(new MediaStream([track]), { mimeType: "audio/webm;codecs=opus" });
      const chunks = [];
      window.__recordings.push(chunks);
      recorder.ondataavailable = ({ data }) => chunks.push(data);
      recorder.start(200);
    });
  }
};
"""
_RECORDED = """async (number) => {
  const bytes = new Uint8Array(await new Blob(window.__recordings.at(number) ?? []).arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) {
    text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  }
  return btoa(text);
}"""


@dataclass
class Chromium:
    """One browser process. `faults`: errors of its pages, which fail the test that looks at them."""

    browser: Browser
    faults: list[str] = field(default_factory=list)

    async def context(self, **options: Any) -> BrowserContext:
        settings = {"viewport": DESKTOP, "locale": "nl-NL", "permissions": ["microphone"], **options}
        context = await self.browser.new_context(**settings)
        await context.add_init_script(_RECORDER)
        return context

    async def page(self, url: str, **options: Any) -> Page:
        """Open a page of its own session; `options`: of the context (viewport, locale, color_scheme …)."""
        page = await (await self.context(**options)).new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda line: line.type == "error" and self.faults.append(line.text))
        await page.goto(url)
        return page


@asynccontextmanager
async def chromium(*, microphone: Path | None = None) -> AsyncIterator[Chromium]:
    """Start Debian's Chromium; `microphone`: played once from when the page asks for it, then silence."""
    require_program("chromium")
    arguments = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        "--autoplay-policy=no-user-gesture-required",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--mute-audio",
    ]
    if microphone is not None:
        arguments.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=arguments, env=_environment()
        )
        try:
            yield Chromium(browser)
        finally:
            await browser.close()


def _environment() -> dict[str, str | float | bool]:
    """Chromium goes to this machine only: no proxy."""
    return {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}


async def heard_by(page: Page, number: int = -1) -> Samples:
    """What a page heard in its last (or another) call so far, at 8 kHz."""
    data = base64.b64decode(await page.evaluate(_RECORDED, number))
    if not data:
        return np.zeros(0)
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RECORDED_RATE)
    pieces: list[np.ndarray[Any, Any]] = []
    with av.open(io.BytesIO(data)) as container, suppress(av.error.EOFError):  # it is still being written
        for frame in container.decode(audio=0):
            pieces += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
    return np.concatenate(pieces).astype(np.float64) if pieces else np.zeros(0)
