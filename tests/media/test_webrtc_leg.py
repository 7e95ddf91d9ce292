"""WebRTC legs against aiortc's own peer connection, over real sockets on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from tests.fakes.browser import FakeBrowser
from tests.media.test_webrtc_sdp import CHROME
from voicebot.audio import FRAME_MS, AudioClip, pcm_of, samples_of
from voicebot.errors import MediaError, SdpRefused
from voicebot.media.bridge import Bridge
from voicebot.media.dtmf import DtmfSender
from voicebot.media.leg import Captioned, DigitPressed, Leg, LegEndCause, LegEnded, TextReceived
from voicebot.media.rtp_packet import RtpPacket
from voicebot.media.ticker import Ticker
from voicebot.media.webrtc import WebRtcLeg, WebRtcParts, WebRtcSettings, accept_offer


def tone(hertz: float, milliseconds: int) -> bytes:
    times = np.arange(16 * milliseconds) / 16_000
    return pcm_of(8000 * np.sin(2 * np.pi * hertz * times))


def share_at(pcm: bytes, hertz: float) -> float:
    """Share of the energy within 40 Hz of a frequency."""
    samples = samples_of(pcm).astype(np.float64)
    power = np.abs(np.fft.rfft(samples)) ** 2
    near = np.abs(np.fft.rfftfreq(samples.size, 1 / 16_000) - hertz) < 40
    return float(power[near].sum() / max(power.sum(), 1.0))


@asynccontextmanager
async def connected(hertz: float = 0.0, **settings: object) -> AsyncIterator[tuple[WebRtcLeg, FakeBrowser]]:
    parts = WebRtcParts(Ticker(), WebRtcSettings(**settings))  # type: ignore[arg-type]
    browser = FakeBrowser(hertz)
    leg, answer = await accept_offer(await browser.offer(), parts, called="nl")
    await browser.take(answer)
    await leg.answer()
    try:
        yield leg, browser
    finally:
        await leg.hang_up()
        await browser.close()


async def first_signal(leg: Leg) -> object:
    async for signal in leg.signals():
        return signal
    return None


async def listen(leg: Leg, frames: int) -> bytes:
    heard = bytearray()
    async for frame in leg.frames():
        heard += frame.pcm
        frames -= 1
        if not frames:
            break
    return bytes(heard)


@pytest.mark.parametrize("codec", ["opus", "PCMA"])
async def test_audio_goes_both_ways(codec: str) -> None:
    async with connected(440.0, codecs=(codec,)) as (leg, browser):
        assert leg.info.codec.startswith(codec)
        assert isinstance(leg, Leg)
        assert isinstance(leg, Captioned)
        playback = leg.playout.play(AudioClip(tone(1000, 600), "tone"))
        heard = await listen(leg, 50)
        result = await playback.finished()
        assert result.frames_sent == result.frames_total == 600 // FRAME_MS
        assert share_at(heard[-16_000:], 440) > 0.9
        await asyncio.sleep(0.4)  # the peer's jitter buffer
        loud = samples_of(bytes(browser.heard))
        loud = loud[np.flatnonzero(np.abs(loud) > 2000)[0] :][: 16 * 500]
        assert share_at(pcm_of(loud.astype(np.float64)), 1000) > 0.9


async def test_keys_text_and_captions_go_over_the_data_channel() -> None:
    async with connected() as (leg, browser):
        leg.caption("bot", "Goedemiddag.", "nl")  # before the channel is open
        await browser.has_channel.wait()
        assert await browser.until_told("caption") == {
            "type": "caption",
            "speaker": "bot",
            "text": "Goedemiddag.",
            "lang": "nl",
            "final": True,
        }
        signals = leg.signals()
        browser.say(type="key", digit="0")
        assert await anext(signals) == DigitPressed("0", 100)
        browser.say(type="text", text="  wat zijn de\nopeningstijden ")
        assert await anext(signals) == TextReceived("wat zijn de openingstijden")
        await leg.hang_up()
        assert (await browser.until_told("ended"))["cause"] == "us"


async def test_a_page_that_floods_is_cut_off() -> None:
    async with connected(messages_per_second=1.0) as (leg, browser):
        await browser.has_channel.wait()
        for _ in range(200):
            browser.say(type="key", digit="1")
        browser.say(type="bye")
        await asyncio.sleep(0.3)
        await leg.hang_up()
        keys = [signal async for signal in leg.signals() if isinstance(signal, DigitPressed)]
        assert len(keys) == 10


@pytest.mark.parametrize("way", ["bye", "closed"])
async def test_the_browser_ends_the_call(way: str) -> None:
    async with connected() as (leg, browser):
        await browser.has_channel.wait()
        if way == "bye":
            browser.say(type="bye")
        else:
            await browser.pc.close()
        signal = await first_signal(leg)
        assert isinstance(signal, LegEnded)
        assert signal.cause is LegEndCause.PEER


async def test_a_browser_that_vanishes_is_noticed() -> None:
    async with connected(media_timeout_seconds=0.5) as (leg, browser):
        await asyncio.sleep(0.2)
        browser.pc.getTransceivers()[0].receiver.transport.transport._connection._nominated.clear()
        signal = await first_signal(leg)
        assert isinstance(signal, LegEnded)
        assert signal.cause is LegEndCause.MEDIA_LOST


async def test_a_browser_that_never_comes_is_given_up() -> None:
    parts = WebRtcParts(Ticker(), WebRtcSettings(connect_seconds=0.3))
    browser = FakeBrowser()
    leg, _ = await accept_offer(await browser.offer(), parts)
    with pytest.raises(MediaError, match="no connection"):
        await leg.answer()
    assert (await leg.wait_ended()).cause is LegEndCause.NETWORK
    await browser.close()


async def test_hanging_up_while_connecting_ends_the_wait() -> None:
    parts = WebRtcParts(Ticker())
    browser = FakeBrowser()
    leg, _ = await accept_offer(await browser.offer(), parts)
    waiting = asyncio.create_task(leg.answer())
    await asyncio.sleep(0.05)
    leg.peer_hung_up()
    with pytest.raises(MediaError):
        await waiting
    assert (await leg.wait_ended()).cause is LegEndCause.PEER
    await browser.close()


async def test_a_rejected_leg_has_no_answer() -> None:
    browser = FakeBrowser()
    leg = WebRtcLeg(await browser.offer(), WebRtcParts(Ticker()))
    await leg.reject(503, "full")
    assert leg.refusal == (503, "full")
    with pytest.raises(MediaError):
        await leg.describe()
    await leg.wait_ended()
    await browser.close()


async def test_an_offer_without_a_common_codec_is_refused() -> None:
    browser = FakeBrowser()
    with pytest.raises(SdpRefused, match="offer one of"):
        WebRtcLeg(await browser.offer(), WebRtcParts(Ticker(), WebRtcSettings(codecs=("G722x",)[:0])))
    await browser.close()


@pytest.mark.parametrize("codec", ["opus", "PCMA"])
async def test_two_browsers_that_are_joined_hear_each_other(codec: str) -> None:
    async with connected(440.0) as (caller, first), connected(900.0, codecs=(codec,)) as (agent, second):
        bridge = Bridge(caller, agent)
        joined = asyncio.create_task(bridge.run())
        await asyncio.sleep(1.2)
        for browser, theirs, own in ((first, 900, 440), (second, 440, 900)):
            tail = bytes(browser.heard)[-16_000:]
            assert share_at(tail, theirs) > 0.9
            assert share_at(tail, own) < 0.01
        await first.pc.close()
        assert (await joined).ended_by == "first"


async def test_keys_of_a_gateway_come_as_telephone_events() -> None:
    leg = WebRtcLeg(CHROME, WebRtcParts(Ticker()))
    rtp = leg._rtp
    rtp.begin(leg._agreed)
    keys = DtmfSender(leg._agreed.event_clock_rate)
    keys.send("5")
    sequence = 7
    while keys.is_sending:
        event = keys.next_slot()
        if event is not None:
            rtp.receive(RtpPacket(110, sequence, 48_000, 1, event.payload, event.marker).pack())
            sequence += 1
    signal = await first_signal(leg)
    assert isinstance(signal, DigitPressed)
    assert signal.digit == "5"
    await leg.hang_up()
