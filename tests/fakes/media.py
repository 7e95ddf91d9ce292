"""Media with time in the test's hand: slots come when the test says so; sockets are real, on loopback."""

from __future__ import annotations

import asyncio

import numpy as np

from voicebot.audio import SAMPLE_RATE, pcm_of, samples_of
from voicebot.media.ticker import FailureCallback, SlotCallback, Ticker


class ManualTicker(Ticker):
    """Calls every leg once per `run()` slot and moves its own clock by 20 ms."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: self.now)
        self.now = 1000.0
        self.callbacks: dict[SlotCallback, FailureCallback] = {}

    def add(self, callback: SlotCallback, failed: FailureCallback) -> None:
        self.callbacks[callback] = failed

    def remove(self, callback: SlotCallback) -> None:
        self.callbacks.pop(callback, None)

    async def run(self, milliseconds: int) -> None:
        for _ in range(milliseconds // 20):
            self.now += 0.02
            for callback in list(self.callbacks):
                if callback in self.callbacks:
                    callback(self.now, 1)
            await deliver()


async def deliver(rounds: int = 6) -> None:
    """Let the loop read what is in its sockets (loopback delivers at once)."""
    for _ in range(rounds):
        await asyncio.sleep(0)


def tone(
    milliseconds: int, hertz: float = 440.0, amplitude: float = 8000.0, rate: int = SAMPLE_RATE
) -> bytes:
    n = np.arange(rate * milliseconds // 1000)
    return pcm_of(amplitude * np.sin(2 * np.pi * hertz * n / rate))


def tone_dbfs(pcm: bytes, hertz: float, rate: int = SAMPLE_RATE) -> float:
    """Level of one frequency, in dB of full scale (peak)."""
    samples = samples_of(pcm).astype(np.float64)
    n = np.arange(samples.size)
    amplitude = 2 * abs(np.dot(samples, np.exp(-2j * np.pi * hertz * n / rate))) / max(1, samples.size)
    return float(20 * np.log10(amplitude / 32768 + 1e-9))


def biggest_step(pcm: bytes) -> int:
    """Largest jump between neighbouring samples."""
    return int(np.abs(np.diff(samples_of(pcm).astype(np.int64))).max())
