"""SipLeg and SipDialler over the real SIP stack and real sockets on loopback; media slots are the test's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

import pytest

from tests.fakes.leg import settle
from tests.fakes.media import ManualTicker, tone, tone_dbfs
from voicebot.audio import AudioClip
from voicebot.errors import DialFailed, DialFailure
from voicebot.media.bridge import Bridge
from voicebot.media.leg import DigitPressed, HeldByPeer, Leg, LegEndCause, LegEnded, ResumedByPeer
from voicebot.media.rtp_ports import RtpPorts
from voicebot.media.sip_dialler import SipDialler
from voicebot.media.sip_leg import SipLeg
from voicebot.media.sip_media import MediaParts, SipLegSettings
from voicebot.sip.call_control import CallControl
from voicebot.sip.endpoint import SipEndpoint, SipEndpointConfig
from voicebot.sip.transport import SocketConfig

T = TypeVar("T")


class Exchange:
    """Two endpoints: `called` answers (or what `on_call` does), `dialler` calls it."""

    def __init__(self, codecs: tuple[str, ...]) -> None:
        self.ticker = ManualTicker()
        settings = SipLegSettings("127.0.0.1", codecs=codecs)
        self.parts = MediaParts(RtpPorts("127.0.0.1", 32000, 32199), self.ticker, settings)
        self.answered: asyncio.Queue[SipLeg] = asyncio.Queue()
        self.refuses_with = 0
        config = SipEndpointConfig(sockets=SocketConfig(host="127.0.0.1", port=0))
        self.called = SipEndpoint(config, self._on_call)
        self.caller = SipEndpoint(config, self._on_call)
        self.controls: list[CallControl] = []

    async def _on_call(self, control: CallControl) -> None:
        self.controls.append(control)
        leg = SipLeg.ringing(control, self.parts, "called")
        if self.refuses_with:
            await leg.reject(self.refuses_with)
            return
        await leg.answer()
        self.answered.put_nowait(leg)
        async for _ in leg.signals():
            pass

    async def dial(self) -> tuple[Leg, SipLeg]:
        dialler = SipDialler(self.caller, self.parts)
        leg = await self.during(dialler.dial(f"sip:100@127.0.0.1:{self.called.port}"))
        return leg, await self.answered.get()

    async def during(self, job: Awaitable[T]) -> T:
        """Let media slots pass until `job` is done."""
        task = asyncio.ensure_future(job)
        while not task.done():
            await self.ticker.run(20)
            await asyncio.sleep(0.001)
        return task.result()


@pytest.fixture(params=["PCMA", "opus"])
async def exchange(request: pytest.FixtureRequest) -> AsyncIterator[Exchange]:
    exchange = Exchange((request.param,))
    await exchange.called.start()
    await exchange.caller.start()
    yield exchange
    await exchange.caller.close(0.5)
    await exchange.called.close(0.5)
    assert exchange.ticker.callbacks == {}


async def test_a_whole_call(exchange: Exchange) -> None:
    ours, theirs = await exchange.dial()
    playback = theirs.playout.play(AudioClip(tone(400, 440)))
    ours.playout.play(AudioClip(tone(400, 1000)))
    await exchange.ticker.run(600)
    assert (await playback.finished()).completed
    await exchange.during(ours.send_digits("0"))
    await exchange.ticker.run(100)
    await ours.hang_up()
    heard = b"".join([frame.pcm async for frame in ours.frames()])
    assert tone_dbfs(heard[: 32 * 600], 440) > -18
    await settle()
    assert theirs.rtp is not None
    frames = [frame async for frame in theirs.frames()]
    assert tone_dbfs(b"".join(frame.pcm for frame in frames)[: 32 * 600], 1000) > -18
    assert [signal async for signal in ours.signals()] == [LegEnded(LegEndCause.US, "normal")]


async def test_hold_by_the_peer_is_seen(exchange: Exchange) -> None:
    ours, theirs = await exchange.dial()
    control = exchange.controls[0]
    assert theirs._sdp is not None
    for direction, signal in (("sendonly", HeldByPeer), ("sendrecv", ResumedByPeer)):
        answer = await exchange.during(control.reinvite(theirs._sdp.offer(direction)))  # type: ignore[arg-type]
        assert answer is not None
        signals = ours.signals()
        assert isinstance(await anext(signals), signal)
        assert ours.is_on_hold is (direction == "sendonly")
    await ours.hang_up()


@pytest.mark.parametrize(("status", "reason"), [(486, DialFailure.BUSY), (603, DialFailure.DECLINED)])
async def test_refusals_are_typed(exchange: Exchange, status: int, reason: DialFailure) -> None:
    exchange.refuses_with = status
    with pytest.raises(DialFailed) as failed:
        await exchange.dial()
    assert failed.value.reason is reason


async def test_two_calls_are_joined_and_parted(exchange: Exchange) -> None:
    caller, caller_at_bot = await exchange.dial()
    agent, agent_at_bot = await exchange.dial()
    bridge = Bridge(caller_at_bot, agent_at_bot)
    running = asyncio.create_task(bridge.run())
    await settle()
    caller.playout.play(AudioClip(tone(400, 440)))
    agent.playout.play(AudioClip(tone(400, 1000)))
    await exchange.during(caller.send_digits("7"))
    await exchange.ticker.run(700)
    assert await anext(agent.signals()) == DigitPressed("7", 100)
    bridge.part()
    assert (await running).ended_by == "parted"
    await caller.hang_up()
    await agent.hang_up()
    to_agent = b"".join([frame.pcm async for frame in agent.frames()])
    to_caller = b"".join([frame.pcm async for frame in caller.frames()])
    assert tone_dbfs(to_agent[-32 * 900 :], 440) > -26
    assert tone_dbfs(to_caller[-32 * 900 :], 1000) > -26
