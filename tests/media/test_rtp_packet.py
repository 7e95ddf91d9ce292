from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicebot.media.rtcp import ReportBlock, SenderInfo, pack_report, parse_rtcp
from voicebot.media.rtp_packet import (
    RtpPacket,
    is_rtcp,
    parse_rtp,
    sequence_distance,
    timestamp_distance,
)

U16, U32 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
PACKETS = st.builds(RtpPacket, st.integers(0, 63), U16, U32, U32, st.binary(max_size=200), st.booleans())


@given(PACKETS)
def test_what_is_packed_is_parsed(packet: RtpPacket) -> None:
    assert parse_rtp(packet.pack()) == packet


@given(st.binary(max_size=80))
def test_garbage_is_refused_or_read_but_never_raises(data: bytes) -> None:
    packet = parse_rtp(data)
    assert packet is None or len(packet.payload) <= len(data) - 12
    parse_rtcp(data)


@given(PACKETS, st.lists(U32, max_size=15), st.binary(max_size=40), st.integers(0, 40))
def test_sources_extension_and_padding_are_stepped_over(
    packet: RtpPacket, sources: list[int], extension: bytes, padding: int
) -> None:
    extension += bytes(-len(extension) % 4)
    raw = bytearray(packet.pack()[:12])
    raw[0] |= len(sources) | 0x10 | (0x20 if padding else 0)
    raw += b"".join(source.to_bytes(4, "big") for source in sources)
    raw += b"\xbe\xde" + (len(extension) // 4).to_bytes(2, "big") + extension + packet.payload
    if padding:
        raw += bytes(padding - 1) + bytes([padding])
    assert parse_rtp(bytes(raw)) == packet


def test_impossible_lengths_are_refused() -> None:
    packet = RtpPacket(8, 1, 2, 3, b"abc").pack()
    assert parse_rtp(packet[:11]) is None
    assert parse_rtp(b"\x40" + packet[1:]) is None  # version 1
    assert parse_rtp(b"\x8f" + packet[1:]) is None  # 15 sources that are not there
    assert parse_rtp(b"\x90" + packet[1:]) is None  # extension longer than the packet
    assert parse_rtp(b"\xa0" + packet[1:-1] + b"\xff") is None  # padding longer than the payload
    assert parse_rtp(b"\xa0" + packet[1:-1] + b"\x00") is None  # padding of nothing


@given(U16, st.integers(-0x7FFF, 0x7FFF))
def test_distances_wrap(start: int, moved: int) -> None:
    assert sequence_distance((start + moved) & 0xFFFF, start) == moved
    assert timestamp_distance((start * 65537 + moved) & 0xFFFFFFFF, start * 65537) == moved


@given(
    st.one_of(st.none(), st.builds(SenderInfo, st.integers(0, 2**64 - 1), U32, U32, U32)),
    st.lists(
        st.builds(
            ReportBlock, U32, st.integers(0, 255), st.integers(-(2**23), 2**23 - 1), U32, U32, U32, U32
        ),
        max_size=31,
    ),
    st.booleans(),
)
def test_rtcp_reports_survive_a_round_trip(
    sender: SenderInfo | None, blocks: list[ReportBlock], bye: bool
) -> None:
    data = pack_report(77, "name", sender=sender, blocks=tuple(blocks), bye=bye)
    assert is_rtcp(data)
    assert len(data) % 4 == 0
    assert parse_rtp(data) is None
    report = parse_rtcp(data)
    assert report is not None
    assert (report.ssrc, report.sender, list(report.blocks), report.said_bye) == (77, sender, blocks, bye)
    assert parse_rtcp(data[:-1]) is None
