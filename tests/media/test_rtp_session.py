"""Two sessions over real loopback sockets; time is the test's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.fakes.media import ManualTicker, deliver, tone, tone_dbfs
from voicebot.audio import AudioClip, level_dbfs
from voicebot.errors import MediaError
from voicebot.media.codecs import G722, OPUS, PCMA, PCMU, Codec
from voicebot.media.leg import DigitPressed
from voicebot.media.rtcp import parse_rtcp
from voicebot.media.rtp import RtpSession
from voicebot.media.rtp_format import RtpFormat
from voicebot.media.rtp_packet import RtpPacket, is_rtcp, parse_rtp
from voicebot.media.rtp_ports import RtpPorts

FORMAT = RtpFormat(PCMA, 8, 8, 101, 101)
PORTS = RtpPorts("127.0.0.1", 31000, 31399)


class Peer:
    """A bare UDP socket that takes the part of the other side."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.sequence, self.stamp = 1000, 5000

    @property
    def address(self) -> tuple[str, int]:
        name: tuple[str, int] = self.socket.getsockname()
        return name

    def send(self, to: int, payload: bytes = b"\xd5" * 160, *, kind: int = 8, ssrc: int = 1) -> None:
        packet = RtpPacket(kind, self.sequence & 0xFFFF, self.stamp & 0xFFFFFFFF, ssrc, payload)
        self.socket.sendto(packet.pack(), ("127.0.0.1", to))
        self.sequence += 1
        self.stamp += len(payload)

    def received(self) -> list[bytes]:
        found = []
        while True:
            try:
                found.append(self.socket.recv(2000))
            except BlockingIOError:
                return found

    def packets(self) -> list[RtpPacket]:
        parsed = [parse_rtp(data) for data in self.received() if not is_rtcp(data)]
        return [packet for packet in parsed if packet is not None]


@pytest.fixture
def ticker() -> ManualTicker:
    return ManualTicker()


@pytest.fixture
async def session(ticker: ManualTicker) -> AsyncIterator[RtpSession]:
    session = await RtpSession.open(PORTS, ticker, timeout_seconds=10)
    yield session
    session.close()
    await deliver()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    yield peer
    peer.socket.close()


@pytest.mark.parametrize(
    ("codec", "ptime_ms"),
    [(PCMA, 20), (PCMU, 10), (PCMA, 30), (PCMA, 60), (G722, 20), (G722, 40), (OPUS, 20), (OPUS, 60)],
    ids=lambda value: getattr(value, "name", str(value)),
)
async def test_two_sessions_hear_each_other(ticker: ManualTicker, codec: Codec, ptime_ms: int) -> None:
    agreed = RtpFormat(codec, 107, 107, 101, 101, ptime_ms=ptime_ms)
    one, other = [await RtpSession.open(PORTS, ticker) for _ in range(2)]
    one.start(agreed, ("127.0.0.1", other.port), remote_rtcp=("127.0.0.1", other.rtcp_port))
    other.start(agreed, ("127.0.0.1", one.port))
    playback = one.playout.play(AudioClip(tone(1000), "tone"))
    await ticker.run(2000)
    assert (await playback.finished()).completed
    assert one.statistics().sent >= 2000 // ptime_ms - 2
    assert other.statistics().lost == other.statistics().late == 0
    one.close()
    other.close()
    frames = [frame async for frame in other.frames.read()]
    assert [frame.at_ms for frame in frames] == list(range(0, 2000, 20))
    heard = b"".join(frame.pcm for frame in frames)
    assert tone_dbfs(heard[32 * 300 : 32 * 900], 440) == pytest.approx(tone_dbfs(tone(600), 440), abs=0.6)
    assert level_dbfs(heard[32 * 1500 :]) < -60
    await deliver()


async def test_sends_every_slot_with_one_timeline(
    ticker: ManualTicker, session: RtpSession, peer: Peer
) -> None:
    session.start(FORMAT, peer.address)
    await ticker.run(200)
    session.playout.play(AudioClip(tone(100)))
    await ticker.run(200)
    packets = peer.packets()
    assert len(packets) == 20
    steps = [(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in pairwise(packets)]
    assert set(steps) == {160}
    assert len({packet.ssrc for packet in packets}) == 1
    assert [packet.marker for packet in packets] == [True] + [False] * 19
    assert packets[0].payload == b"\xd5" * 160  # silence when idle


async def test_g722_and_opus_clocks_on_the_wire(ticker: ManualTicker, peer: Peer) -> None:
    for codec, step in ((G722, 160), (OPUS, 960)):
        session = await RtpSession.open(PORTS, ticker)
        session.start(replace(FORMAT, codec=codec), peer.address)
        await ticker.run(100)
        first, second = peer.packets()[:2]
        assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == step
        session.close()
    await deliver()


async def test_thirty_ms_packets_lose_nothing(ticker: ManualTicker, session: RtpSession, peer: Peer) -> None:
    """aiortp's playout assumed 20 ms and lost a third."""
    session.start(FORMAT, peer.address)
    payload = PCMA.new_encoder().encode(tone(30))
    await deliver()
    for slot in range(300):
        if slot % 3 != 2:
            peer.send(session.port, payload)
        await deliver(2)
        await ticker.run(20)
    statistics = session.statistics()
    assert (statistics.received, statistics.lost, statistics.late) == (200, 0, 0)
    assert statistics.concealed_frames <= 3


async def test_latches_to_the_source_and_refuses_others(
    ticker: ManualTicker, session: RtpSession, peer: Peer
) -> None:
    nowhere, stranger = Peer(), Peer()
    session.start(FORMAT, nowhere.address)
    await ticker.run(40)
    assert len(nowhere.packets()) == 2
    for _ in range(20):
        peer.send(session.port)
        stranger.send(session.port, ssrc=2)
        stranger.send(session.port, ssrc=1)
        await deliver()
        await ticker.run(20)
    assert session.send_to == peer.address
    assert len(peer.packets()) == 20
    assert stranger.packets() == nowhere.packets() == []
    assert session.statistics().refused == 40
    assert session.statistics().received == 20
    nowhere.socket.close()
    stranger.socket.close()


async def test_a_new_ssrc_of_the_peer_is_followed_without_a_reset_by_one_stray_packet(
    ticker: ManualTicker, session: RtpSession, peer: Peer
) -> None:
    session.start(FORMAT, peer.address)
    loud = PCMA.new_encoder().encode(tone(20))
    for number in range(60):
        peer.send(session.port, loud, ssrc=99 if number == 10 else 1 if number < 30 else 2)
        await deliver()
        await ticker.run(20)
    assert session.statistics().source_changes == 1
    frames = session.frames.read()
    last = [await anext(frames) for _ in range(60)][-1]
    assert not last.concealed
    assert level_dbfs(last.pcm) > -20


async def test_keys_go_out_as_the_rfc_wants_and_come_in_once(
    ticker: ManualTicker, session: RtpSession, peer: Peer
) -> None:
    other = await RtpSession.open(PORTS, ticker)
    keys: list[DigitPressed] = []
    other.on_digit = keys.append
    session.start(FORMAT, ("127.0.0.1", other.port))
    other.start(FORMAT, ("127.0.0.1", session.port))
    await ticker.run(100)
    playback = session.playout.play(AudioClip(tone(200)))
    sending = asyncio.create_task(session.send_digits("1123#"))
    await ticker.run(1500)
    assert await sending
    assert "".join(key.digit for key in keys) == "1123#"
    assert (await playback.finished()).completed  # held back while the keys went out, not lost
    other.close()
    session.start(FORMAT, peer.address)
    again = asyncio.create_task(session.send_digits("7"))
    await ticker.run(300)
    assert await again
    packets = peer.packets()
    events = [packet for packet in packets if packet.payload_type == 101]
    assert len({packet.timestamp for packet in events}) == 1
    assert [packet.marker for packet in events] == [True] + [False] * 6
    sequences = [packet.sequence for packet in packets]
    assert sequences == [(sequences[0] + n) & 0xFFFF for n in range(len(sequences))]
    after = packets[packets.index(events[-1]) + 1]
    assert (after.timestamp - events[0].timestamp) & 0xFFFFFFFF == 160 * 9  # 100 ms of key, 80 ms of pause
    assert after.marker


async def test_without_an_agreed_event_type_keys_cannot_go_by_rtp(session: RtpSession, peer: Peer) -> None:
    session.start(replace(FORMAT, event_send_type=None), peer.address)
    assert not await session.send_digits("1")


async def test_a_vanished_peer_is_noticed_once_but_not_while_held(
    ticker: ManualTicker, session: RtpSession, peer: Peer
) -> None:
    times: list[float] = []
    session.on_timeout = lambda: times.append(ticker.now)
    session.start(FORMAT, peer.address)
    peer.send(session.port)
    await ticker.run(9000)
    session.start(FORMAT, peer.address, may_send=False)
    await ticker.run(20_000)
    assert times == []
    session.start(FORMAT, peer.address)
    resumed = ticker.now
    await ticker.run(15_000)
    assert len(times) == 1
    assert times[0] - resumed == pytest.approx(10, abs=0.05)


async def test_while_held_nothing_is_sent_and_nothing_counts_as_heard(
    ticker: ManualTicker, session: RtpSession, peer: Peer
) -> None:
    session.start(FORMAT, peer.address)
    playback = session.playout.play(AudioClip(tone(400)))
    await ticker.run(200)
    before = peer.packets()
    session.start(FORMAT, peer.address, may_send=False)
    await ticker.run(1000)
    assert peer.packets() == []
    assert playback.frames_sent == 10
    session.start(FORMAT, peer.address)
    await ticker.run(200)
    after = peer.packets()
    assert (await playback.finished()).completed
    assert (after[0].sequence - before[-1].sequence) & 0xFFFF == 1
    assert (after[0].timestamp - before[-1].timestamp) & 0xFFFFFFFF == 51 * 160
    assert after[0].marker


async def test_garbage_on_both_ports_is_counted_and_harmless(
    ticker: ManualTicker, session: RtpSession, peer: Peer
) -> None:
    session.start(FORMAT, peer.address)
    for data in (
        b"",
        b"\x80",
        b"GET / HTTP/1.1\r\n\r\n" * 3,
        bytes(1400),
        b"\x80\x08" + b"\xff" * 9,
        b"\x9f" * 20,
    ):
        peer.socket.sendto(data, ("127.0.0.1", session.port))
        peer.socket.sendto(data, ("127.0.0.1", session.rtcp_port))
        await deliver()
    peer.send(session.port, kind=96)
    await deliver()
    await ticker.run(100)
    statistics = session.statistics()
    assert statistics.malformed >= 5
    assert statistics.unknown_payload >= 1
    assert statistics.received == 0
    assert session.send_to == peer.address
    assert len(peer.packets()) == 5


async def test_rtcp_says_what_was_received_and_bye_at_the_end(
    ticker: ManualTicker, session: RtpSession, peer: Peer
) -> None:
    session.start(FORMAT, peer.address)  # multiplexed
    received: list[bytes] = []
    for number in range(400):
        if number % 10:
            peer.send(session.port)
        else:
            peer.sequence += 1
            peer.stamp += 160
        await deliver(2)
        await ticker.run(20)
        received += peer.received()
    session.close()
    await deliver()
    reports = [parse_rtcp(data) for data in received + peer.received() if is_rtcp(data)]
    assert len(reports) >= 2
    first, last = reports[0], reports[-1]
    assert first is not None
    assert last is not None
    assert first.sender is not None
    assert not first.said_bye
    assert first.blocks[0].ssrc == 1
    assert first.blocks[0].fraction_lost / 256 == pytest.approx(0.1, abs=0.03)
    assert last.said_bye
    session.close()  # idempotent


async def test_the_ports_are_even_odd_and_free_again_after_close(ticker: ManualTicker) -> None:
    ports = RtpPorts("127.0.0.1", 31501, 31505)
    assert ports.capacity == 2
    sessions = [await RtpSession.open(ports, ticker) for _ in range(ports.capacity)]
    assert {(s.port % 2, s.rtcp_port - s.port) for s in sessions} == {(0, 1)}
    with pytest.raises(MediaError):
        await RtpSession.open(ports, ticker)
    for each in sessions:
        each.close()
    await deliver()
    again = await RtpSession.open(ports, ticker)
    again.close()
    await deliver()


async def test_unusable_addresses_are_refused(session: RtpSession) -> None:
    for host, port in (("localhost", 4000), ("127.0.0.1", 99_999), ("127.0.0.1", 0)):
        with pytest.raises(MediaError):
            session.start(FORMAT, (host, port))


async def test_the_end_of_a_session_ends_frames_and_playbacks(session: RtpSession, peer: Peer) -> None:
    session.start(FORMAT, peer.address)
    playback = session.playout.play(AudioClip(tone(100)))
    session.close()
    assert [frame async for frame in session.frames.read()] == []
    assert (await playback.finished()).frames_sent == 0
