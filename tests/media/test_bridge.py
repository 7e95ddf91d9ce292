from __future__ import annotations

import asyncio

import pytest

from tests.fakes.leg import FakeLeg, advance, settle
from tests.fakes.media import ManualTicker, deliver, tone, tone_dbfs
from tests.media.test_rtp_session import PORTS, Peer
from voicebot.audio import AudioFrame
from voicebot.media.bridge import MAX_BACKLOG_FRAMES, Bridge, BridgeResult, RtpLeg, join
from voicebot.media.codecs import OPUS, PCMA, PCMU, Codec
from voicebot.media.leg import LegEndCause, LegEnded
from voicebot.media.rtp import RtpSession
from voicebot.media.rtp_format import RtpFormat
from voicebot.media.rtp_packet import RtpPacket


def pair() -> tuple[FakeLeg, FakeLeg]:
    first = FakeLeg(answered=True)
    return first, FakeLeg(leg_id="leg-2", clock=first.clock, answered=True)


async def test_both_hear_each_other_with_little_delay() -> None:
    first, second = pair()
    bridge = asyncio.create_task(Bridge(first, second).run())
    await settle()
    first.feed(tone(1000, 440))
    second.feed(tone(1000, 1000))
    await advance([first, second], 1100)
    assert tone_dbfs(second.played_pcm[32 * 100 : 32 * 1000], 440) > -14
    assert tone_dbfs(first.played_pcm[32 * 100 : 32 * 1000], 1000) > -14
    assert second.sounding_slots()[0] <= 2
    assert second.sounding_slots()[-1] <= 50 + MAX_BACKLOG_FRAMES
    second.peer_hangs_up("BYE")
    assert await bridge == BridgeResult("second", LegEnded(LegEndCause.PEER, "BYE"))


async def test_keys_are_relayed_both_ways() -> None:
    first, second = pair()
    bridge = asyncio.create_task(Bridge(first, second).run())
    await settle()
    first.press("5")
    second.press("#")
    await settle()
    assert (second.digits_sent, first.digits_sent) == ("5", "#")
    first.peer_hangs_up()
    assert (await bridge).ended_by == "first"


async def test_parting_gives_both_legs_back_alive() -> None:
    first, second = pair()
    bridge = Bridge(first, second)
    running = asyncio.create_task(bridge.run())
    await advance([first, second], 100)
    bridge.part()
    assert await running == BridgeResult("parted")
    assert not first.is_ended
    assert not first.playout.is_playing
    first.feed(tone(20))
    await advance([first], 40)
    frames = first.frames()
    assert (await anext(frames)).at_ms >= 100


async def test_cancelling_parts_the_legs() -> None:
    first, second = pair()
    running = asyncio.create_task(Bridge(first, second).run())
    await advance([first, second], 60)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()
    assert not second.playout.is_playing
    assert len(asyncio.all_tasks()) == 1


async def test_delay_stays_bounded_when_the_other_leg_stands_still() -> None:
    first, second = pair()
    bridge = asyncio.create_task(Bridge(first, second).run())
    await settle()
    second.hold()
    first.feed(tone(2000))
    await advance([first, second], 1000)
    second.unhold()
    await advance([first, second], 1000)
    first.peer_hangs_up()
    result = await bridge
    assert result.dropped_frames >= 40
    assert second.sounding_slots()[-1] - second.sounding_slots()[0] <= 50 + MAX_BACKLOG_FRAMES


async def test_a_tap_gets_every_frame_of_both() -> None:
    first, second = pair()
    tapped: list[tuple[str, AudioFrame]] = []
    bridge = asyncio.create_task(
        Bridge(first, second, tap=lambda side, frame: tapped.append((side, frame))).run()
    )
    await settle()
    await advance([first, second], 200)
    first.peer_hangs_up()
    await bridge
    assert [side for side, _ in tapped].count("first") == 10
    assert [side for side, _ in tapped].count("second") == 10


@pytest.mark.parametrize(("ends", "name"), [("first", "caller"), ("second", "agent")])
async def test_join_says_who_ended_it(ends: str, name: str) -> None:
    first, second = pair()
    joined = asyncio.create_task(join(first, second))
    await settle()
    (first if ends == "first" else second).peer_hangs_up()
    assert (await joined).by == name


async def test_a_leg_that_ended_before_ends_the_bridge_at_once() -> None:
    first, second = pair()
    second.lose_media()
    assert (await join(first, second)).by == "agent"


class SocketLeg(FakeLeg):
    """A fake in everything but its media, which is a real RTP session talking to a bare socket."""

    def __init__(self, rtp: RtpSession, peer: Peer) -> None:
        super().__init__(answered=True)
        self.rtp: RtpSession | None = rtp
        self.peer = peer


async def socket_leg(ticker: ManualTicker, codec: Codec, kind: int, events: int | None = 101) -> SocketLeg:
    rtp, peer = await RtpSession.open(PORTS, ticker), Peer()
    rtp.start(RtpFormat(codec, kind, kind, events, events), peer.address)
    leg = SocketLeg(rtp, peer)
    rtp.on_digit = lambda key: leg.press(key.digit, key.duration_ms)
    return leg


async def close(*legs: SocketLeg) -> None:
    for leg in legs:
        assert leg.rtp is not None
        leg.rtp.close()
        leg.peer.socket.close()
    await deliver()


def port(leg: SocketLeg) -> int:
    assert leg.rtp is not None
    return leg.rtp.port


async def test_rtp_legs_with_one_codec_forward_packets_as_they_come() -> None:
    ticker = ManualTicker()
    first, second = await socket_leg(ticker, PCMA, 8), await socket_leg(ticker, PCMA, 8)
    assert isinstance(first, RtpLeg)
    await ticker.run(100)
    before = second.peer.packets()
    running = asyncio.create_task(Bridge(first, second).run())
    await settle()
    sent = [bytes([number]) * 160 for number in range(20)]
    for number, payload in enumerate(sent):
        if number != 7:
            first.peer.send(port(first), payload)
        else:  # lost on the way
            first.peer.sequence += 1
            first.peer.stamp += 160
        await deliver(2)
        await ticker.run(20)
    got = [packet for packet in second.peer.packets() if packet.payload in sent]
    assert [packet.payload for packet in got] == sent[:7] + sent[8:]
    assert {packet.ssrc for packet in got} == {before[0].ssrc}
    assert (got[0].sequence - before[-1].sequence) & 0xFFFF <= 3  # goes on where we were
    steps = [(packet.sequence - got[0].sequence) & 0xFFFF for packet in got]
    assert steps == [*range(7), *range(8, 20)]  # the loss stays visible
    stamps = [(packet.timestamp - got[0].timestamp) & 0xFFFFFFFF for packet in got]
    assert stamps == [step * 160 for step in steps]
    first.peer_hangs_up()
    await running
    after = second.peer.packets()
    await ticker.run(100)
    resumed = second.peer.packets()
    assert len(resumed) == 5
    assert after == []
    assert 0 < (resumed[0].sequence - got[-1].sequence) & 0xFFFF < 5
    assert 0 < (resumed[0].timestamp - got[-1].timestamp) & 0xFFFFFFFF < 800
    await close(first, second)


async def test_a_silent_side_does_not_leave_the_other_without_packets() -> None:
    ticker = ManualTicker()
    first, second = await socket_leg(ticker, PCMA, 8), await socket_leg(ticker, PCMA, 8)
    running = asyncio.create_task(Bridge(first, second).run())
    await settle()
    await ticker.run(1000)
    assert len(second.peer.packets()) >= 38
    second.peer_hangs_up()
    await running
    await close(first, second)


async def test_keys_pass_as_events_on_the_other_legs_payload_type_and_only_once() -> None:
    ticker = ManualTicker()
    first = await socket_leg(ticker, PCMA, 8, events=101)
    second = await socket_leg(ticker, PCMA, 8, events=96)
    running = asyncio.create_task(Bridge(first, second).run())
    await settle()
    stamp = first.peer.stamp
    for number in range(8):
        ends = 0x80 if number > 4 else 0
        payload = bytes([5, ends | 10]) + (160 * (min(number, 5) + 1)).to_bytes(2, "big")
        first.peer.stamp = stamp
        first.peer.send(port(first), payload, kind=101)
        await deliver()
        await ticker.run(20)
    events = [packet for packet in second.peer.packets() if packet.payload_type == 96]
    assert len(events) == 8
    assert len({packet.timestamp for packet in events}) == 1
    await settle()
    assert second.digits_sent == ""  # not relayed a second time
    second.peer_hangs_up()
    await running
    await close(first, second)


async def test_keys_are_relayed_where_the_other_leg_knows_no_events() -> None:
    ticker = ManualTicker()
    first, second = await socket_leg(ticker, PCMA, 8), await socket_leg(ticker, PCMA, 8, events=None)
    running = asyncio.create_task(Bridge(first, second).run())
    await settle()
    first.press("3")
    await settle()
    assert second.digits_sent == "3"
    first.peer_hangs_up()
    await running
    await close(first, second)


@pytest.mark.parametrize(
    ("codec", "kind"), [(PCMU, 0), (OPUS, 107)], ids=lambda value: getattr(value, "name", str(value))
)
async def test_different_codecs_are_transcoded_on_arrival(codec: Codec, kind: int) -> None:
    ticker = ManualTicker()
    first, second = await socket_leg(ticker, PCMA, 8), await socket_leg(ticker, codec, kind)
    running = asyncio.create_task(Bridge(first, second).run())
    await settle()
    encoder, decoder = PCMA.new_encoder(), codec.new_decoder()
    source = tone(600)
    got: list[RtpPacket] = []
    for start in range(0, len(source), 640):
        first.peer.send(port(first), encoder.encode(source[start : start + 640]))
        await deliver()
        got += [packet for packet in second.peer.packets() if packet.payload_type == kind]
        await ticker.run(20)
    assert len(got) == 30  # each on arrival, none waited for a slot
    units = codec.clock_rate // 50
    assert [(p.timestamp - got[0].timestamp) & 0xFFFFFFFF for p in got] == [units * n for n in range(30)]
    heard = b"".join(decoder.decode(packet.payload) for packet in got)
    assert tone_dbfs(heard[6400:], 440) == pytest.approx(tone_dbfs(source, 440), abs=0.8)
    second.peer_hangs_up()
    await running
    await close(first, second)
