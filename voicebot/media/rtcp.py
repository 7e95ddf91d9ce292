"""RTCP (RFC 3550 §6): sender and receiver reports, CNAME, BYE; as bytes and values, without I/O."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_SR, _RR, _SDES, _BYE = 200, 201, 202, 203
_NTP_OFFSET_SECONDS = 2_208_988_800


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver says of one source (§6.4.1).

    `fraction_lost`: 0-255 (256ths) since the last report. `lost`: packets, total. `jitter`: timestamp units.
    `last_sr`: middle 32 bits of the SR's NTP time. `delay_since_sr`: 1/65536 s.
    """

    ssrc: int
    fraction_lost: int
    lost: int
    highest_sequence: int
    jitter: int
    last_sr: int = 0
    delay_since_sr: int = 0

    def pack(self) -> bytes:
        """Write the 24 bytes of the block."""
        lost = max(-0x800000, min(0x7FFFFF, self.lost)) & 0xFFFFFF
        return struct.pack(
            "!IIIIII",
            self.ssrc,
            (self.fraction_lost & 0xFF) << 24 | lost,
            self.highest_sequence & 0xFFFFFFFF,
            self.jitter & 0xFFFFFFFF,
            self.last_sr,
            self.delay_since_sr & 0xFFFFFFFF,
        )


@dataclass(frozen=True, slots=True)
class SenderInfo:
    """Sender part of an SR. `ntp`: 64-bit NTP time; `rtp`: the same instant in timestamp units."""

    ntp: int
    rtp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class RtcpReport:
    """All that one compound packet said. `said_bye`: the source leaves."""

    ssrc: int
    sender: SenderInfo | None
    blocks: tuple[ReportBlock, ...]
    said_bye: bool


def ntp_time(unix_seconds: float) -> int:
    """64-bit NTP timestamp of a Unix time."""
    return int((unix_seconds + _NTP_OFFSET_SECONDS) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


def pack_report(
    ssrc: int,
    cname: str,
    *,
    sender: SenderInfo | None,
    blocks: tuple[ReportBlock, ...] = (),
    bye: bool = False,
) -> bytes:
    """Write a compound packet: SR or RR first, then SDES with the CNAME, then BYE (§6.1)."""
    body = struct.pack("!I", ssrc)
    if sender is not None:
        body += struct.pack(
            "!QIII",
            sender.ntp,
            sender.rtp & 0xFFFFFFFF,
            sender.packets & 0xFFFFFFFF,
            sender.octets & 0xFFFFFFFF,
        )
    body += b"".join(block.pack() for block in blocks[:31])
    packet = _packet(_SR if sender is not None else _RR, len(blocks[:31]), body)
    name = cname.encode()[:255]
    chunk = struct.pack("!IBB", ssrc, 1, len(name)) + name + b"\0"
    packet += _packet(_SDES, 1, chunk + bytes(-len(chunk) % 4))
    if bye:
        packet += _packet(_BYE, 1, struct.pack("!I", ssrc))
    return packet


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def parse_rtcp(data: bytes) -> RtcpReport | None:
    """Read a compound packet; None when any length in it is impossible. Unknown types are skipped."""
    ssrc, sender, blocks, bye = 0, None, [], False
    offset = 0
    while offset < len(data):
        if len(data) - offset < 4:
            return None
        first, kind, words = struct.unpack_from("!BBH", data, offset)
        body = data[offset + 4 : offset + 4 + words * 4]
        if first >> 6 != 2 or len(body) != words * 4:
            return None
        offset += 4 + words * 4
        count = first & 0x1F
        if kind in (_SR, _RR):
            start = 24 if kind == _SR else 4
            if len(body) < start + 24 * count:
                return None
            (ssrc,) = struct.unpack_from("!I", body)
            if kind == _SR:
                sender = SenderInfo(*struct.unpack_from("!QIII", body, 4))
            blocks += [_read_block(body, start + 24 * index) for index in range(count)]
        elif kind == _BYE:
            bye = True
    return RtcpReport(ssrc, sender, tuple(blocks), bye) if offset else None


def _read_block(body: bytes, offset: int) -> ReportBlock:
    ssrc, loss, highest, jitter, last_sr, delay = struct.unpack_from("!IIIIII", body, offset)
    lost = (loss & 0xFFFFFF) - (0x1000000 if loss & 0x800000 else 0)
    return ReportBlock(ssrc, loss >> 24, lost, highest, jitter, last_sr, delay)
