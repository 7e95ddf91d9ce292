"""A caller made of software: it listens until the bot is done, speaks its next step, and measures.

Times are taken at the caller's own leg: from its last spoken sample sent to the first bot sample received,
as a person would feel it (the network and the jitter buffers are inside).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from voicebot.audio import AudioClip
from voicebot.media.leg import Leg, LegEnded
from voicebot.test_caller.listening import BotSpeech, Stretch
from voicebot.test_caller.script import Step


@dataclass(frozen=True, slots=True)
class SpokenStep:
    """A step with its audio; `clip` is None for keys and waits."""

    step: Step
    clip: AudioClip | None = None


@dataclass(slots=True)
class HeardTurn:
    """What came back after one step (or before the first).

    `latency_ms`: last spoken sample to first bot sample, None when the bot said nothing.
    `interrupt_ms`: for a barge-in, first caller sample to last bot sample.
    `gaps`: frames of 20 ms that had to be concealed. `pcm`: s16le 16 kHz. `transcript`: filled in later.
    """

    step: Step | None
    pcm: bytes = b""
    latency_ms: int | None = None
    interrupt_ms: int | None = None
    speech_ms: int = 0
    gaps: int = 0
    transcript: str = ""
    language: str = ""


@dataclass(slots=True)
class CallReport:
    """The whole call.

    `ended_by`: caller (us), bot, media_lost, network. `first_audio_ms`: first loud frame after the answer.
    """

    turns: list[HeardTurn] = field(default_factory=list)
    answered: bool = False
    first_audio_ms: int | None = None
    ended_by: str = "caller"
    detail: str = ""
    seconds: float = 0.0
    recording: bytes = b""
    sent: bytes = b""


@dataclass(frozen=True, slots=True)
class CallerPatience:
    """Seconds: to wait for the bot to begin after a step, and in all."""

    reply_seconds: float = 12.0
    call_seconds: float = 300.0
    pause_ms: int = 900


class TestCaller:
    """Holds one scripted conversation on an answered leg."""

    __test__ = False  # not a pytest class

    def __init__(self, leg: Leg, steps: Sequence[SpokenStep], patience: CallerPatience) -> None:
        self._leg, self._steps, self._patience = leg, steps, patience
        self._speech = BotSpeech(patience.pause_ms)
        self._stretch_done = asyncio.Event()
        self._stretch_begun = asyncio.Event()
        self._stretches: list[Stretch] = []
        self._begun_at = 0.0
        self._over = asyncio.Event()
        self._report = CallReport(answered=True)
        self._recording = bytearray()

    async def run(self) -> CallReport:
        """Talk through all steps, then hang up (unless the bot did)."""
        began = time.monotonic()
        tasks = [
            asyncio.create_task(self._listen(began), name="caller-hears"),
            asyncio.create_task(self._watch(), name="caller-watches"),
        ]
        try:
            async with asyncio.timeout(self._patience.call_seconds):
                await self._converse()
        except TimeoutError:
            self._report.detail = f"gave up after {self._patience.call_seconds:.0f} s"
        finally:
            await self._leg.hang_up()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._report.seconds = time.monotonic() - began
        self._report.recording = bytes(self._recording)
        return self._report

    async def _converse(self) -> None:
        self._report.turns.append(await self._hear_reply(None, time.monotonic()))
        for spoken in self._steps:
            if self._over.is_set():
                break
            await self._take_step(spoken)

    async def _take_step(self, spoken: SpokenStep) -> None:
        step = spoken.step
        self._stretches.clear()
        self._stretch_done.clear()
        self._stretch_begun.clear()
        if step.kind == "wait":
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), float(step.content))
            self._report.turns.append(self._collected(step, None))
            return
        began = time.monotonic()
        if step.kind == "dtmf":
            await self._leg.send_digits(step.content)
        elif spoken.clip is not None:
            playback = self._leg.playout.play(spoken.clip)
            began = await playback.started() or began
            await self._or_over(playback.finished())
        said_at = time.monotonic()
        turn = await self._hear_reply(step, said_at)
        if step.kind == "interrupt":
            earlier = [stretch for stretch in self._stretches if stretch.started_at < began]
            if earlier:
                turn.interrupt_ms = round((earlier[0].ended_at - began) * 1000)
        self._report.turns.append(turn)

    async def _hear_reply(self, step: Step | None, since: float) -> HeardTurn:
        """Wait until the bot has spoken and paused."""
        next_step = (
            self._steps[len(self._report.turns)] if len(self._report.turns) < len(self._steps) else None
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience.reply_seconds):
                await self._or_over(self._stretch_begun.wait())
        if next_step is not None and next_step.step.kind == "interrupt":
            with suppress(TimeoutError):
                async with asyncio.timeout(2.0):
                    await self._over.wait()
            return self._collected(step, since)
        while self._speech.is_speaking and not self._over.is_set():
            self._stretch_done.clear()
            await self._or_over(self._stretch_done.wait())
        return self._collected(step, since)

    async def _or_over(self, waiting: object) -> None:
        waiter = asyncio.ensure_future(waiting)  # type: ignore[call-overload]
        over = asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait({waiter, over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (waiter, over):
                if not task.done():
                    task.cancel()
            await asyncio.gather(waiter, over, return_exceptions=True)

    def _collected(self, step: Step | None, since: float | None) -> HeardTurn:
        stretches = list(self._stretches)
        turn = HeardTurn(step, pcm=b"".join(stretch.pcm for stretch in stretches))
        turn.gaps = sum(stretch.concealed_frames for stretch in stretches)
        turn.speech_ms = len(turn.pcm) // 32
        starts = [stretch.started_at for stretch in stretches]
        if self._speech.is_speaking:
            starts.append(self._begun_at)
        if since is not None:
            later = [start for start in starts if start >= since - 0.02]
            if later:
                turn.latency_ms = max(0, round((later[0] - since) * 1000))
        return turn

    async def _listen(self, began: float) -> None:
        async for frame in self._leg.frames():
            now = time.monotonic()
            self._recording += frame.pcm
            was_speaking = self._speech.is_speaking
            stretch = self._speech.take(frame, now)
            if self._speech.is_speaking and not was_speaking:
                self._begun_at = now
                self._stretch_begun.set()
                if self._report.first_audio_ms is None:
                    self._report.first_audio_ms = round((now - began) * 1000)
            if stretch is not None:
                self._stretches.append(stretch)
                self._stretch_done.set()

    async def _watch(self) -> None:
        async for signal in self._leg.signals():
            if isinstance(signal, LegEnded):
                self._report.ended_by = {"peer": "bot", "us": "caller"}.get(signal.cause, signal.cause.value)
                self._report.detail = signal.detail
                last = self._speech.end()
                if last is not None:
                    self._stretches.append(last)
                self._over.set()
                self._stretch_done.set()
                self._stretch_begun.set()
