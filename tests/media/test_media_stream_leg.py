"""A leg whose peer reads slowly or not at all, with a clock of the test's own."""

from __future__ import annotations

import asyncio
import json
from typing import cast

from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosedOK

from tests.fakes.leg import settle
from voicebot.audio import AudioClip
from voicebot.media.leg import LegEndCause, LegEnded
from voicebot.media.media_stream import MediaStreamLeg
from voicebot.media.media_stream_leg import StreamLimits
from voicebot.media.media_stream_messages import GatewayWriter, Started
from voicebot.media.media_stream_socket import StreamSocket
from voicebot.media.ticker import FailureCallback, SlotCallback, Ticker


class SlowConnection:
    """A connection that takes messages only when the test reads."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.incoming: asyncio.Queue[str | None] = asyncio.Queue()
        self.may_take = asyncio.Semaphore(0)
        self.close_code: int | None = None

    async def send(self, text: str) -> None:
        await self.may_take.acquire()
        self.taken.append(text)

    async def recv(self) -> str:
        text = await self.incoming.get()
        if text is None:
            raise ConnectionClosedOK(None, None)
        return text

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.close_code = code
        self.incoming.put_nowait(None)

    def events(self) -> list[str]:
        return [json.loads(text)["event"] for text in self.taken]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class StillTicker(Ticker):
    """Slots come from the test alone."""

    def add(self, callback: SlotCallback, failed: FailureCallback) -> None:
        self.added = callback


class Scene:
    def __init__(self, limits: StreamLimits | None = None) -> None:
        self.clock, self.connection = Clock(), SlowConnection()
        self.socket = StreamSocket(cast(Connection, self.connection))
        started = Started("MZ1", "CA1")
        self.leg = MediaStreamLeg(self.socket, StillTicker(self.clock), started, limits or StreamLimits())
        self.life = asyncio.create_task(self.leg.run())

    async def slots(self, count: int) -> None:
        for _ in range(count):
            self.clock.now += 0.02
            self.leg._slot(self.clock.now, 1)
            await settle(3)

    def reads(self, messages: int = 1_000_000) -> None:
        for _ in range(min(messages, 500)):
            self.connection.may_take.release()


async def test_a_slow_peer_loses_the_oldest_audio_and_nothing_else() -> None:
    scene = Scene()
    await scene.leg.answer()
    await scene.slots(80)
    assert scene.leg.dropped_out == 80 - 50 - 1  # fifty wait, one is being sent
    scene.leg.playout.play(AudioClip(b"\x10\x20" * 320, "one frame"))
    await scene.slots(1)
    scene.reads()
    await settle()
    events = scene.connection.events()
    assert events.count("mark") == 1
    assert events[-1] == "mark"
    assert events.count("media") == 50
    await scene.leg.hang_up()
    await scene.life


async def test_a_peer_that_never_reads_is_given_up() -> None:
    scene = Scene(StreamLimits(stalled_seconds=1.0, media_seconds=60.0))
    await scene.leg.answer()
    await scene.slots(120)
    await asyncio.wait_for(scene.life, 5)
    signals = [signal async for signal in scene.leg.signals()]
    assert signals == [LegEnded(LegEndCause.NETWORK, "the peer does not read")]


async def test_a_gateway_that_reports_no_marks_is_believed_after_one_wait() -> None:
    scene = Scene()
    scene.reads()
    await scene.leg.answer()
    for name in ("first", "second"):
        playback = scene.leg.playout.play(AudioClip(b"\x10\x20" * 320, name))
        await scene.slots(2)
        result = await asyncio.wait_for(playback.finished(), 5)
        assert result.completed
    assert scene.leg.playout._gateway_marks is False
    await scene.leg.hang_up()
    await scene.life


async def test_what_a_marking_gateway_did_not_confirm_was_not_heard_to_its_end() -> None:
    scene = Scene()
    scene.reads()
    await scene.leg.answer()
    first = scene.leg.playout.play(AudioClip(b"\x10\x20" * 320, "first"))
    await scene.slots(2)
    scene.connection.incoming.put_nowait(GatewayWriter("MZ1", "CA1").mark("p1"))
    assert (await asyncio.wait_for(first.finished(), 5)).completed
    second = scene.leg.playout.play(AudioClip(b"\x10\x20" * 320, "second"))
    await scene.slots(2)
    waiting = asyncio.create_task(second.finished())
    await settle()
    scene.connection.incoming.put_nowait('{"event":"stop"}')
    assert not (await asyncio.wait_for(waiting, 5)).completed
    await scene.life


async def test_an_interruption_overtakes_the_audio_that_waits() -> None:
    scene = Scene()
    await scene.leg.answer()
    scene.leg.playout.play(AudioClip(b"\x10\x20" * 320 * 100, "long"))
    await scene.slots(20)
    scene.leg.playout.stop()
    scene.reads()
    await settle()
    assert scene.connection.events() == ["media", "clear"]  # the first was in the sender's hands
    await scene.leg.hang_up()
    await scene.life
