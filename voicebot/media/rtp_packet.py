"""RTP data packets (RFC 3550 §5.1) as values: bytes in, a packet or None out; distances modulo 2^16, 2^32."""

from __future__ import annotations

import struct
from typing import NamedTuple

_HEADER = struct.Struct("!BBHII")
MAX_PAYLOAD_BYTES = 1400


class RtpPacket(NamedTuple):
    """One packet. `timestamp` in units of the RTP clock (8000 Hz for G.722 too, RFC 3551 §4.5.2)."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    def pack(self) -> bytes:
        """Write the wire form: version 2, no padding, no extension, no CSRC."""
        second = self.payload_type | (0x80 if self.marker else 0)
        return _HEADER.pack(0x80, second, self.sequence, self.timestamp, self.ssrc) + self.payload


def parse_rtp(data: bytes) -> RtpPacket | None:
    """Read a datagram; None when it is no RTP (too short, wrong version, impossible lengths, or RTCP)."""
    if len(data) < _HEADER.size:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first >> 6 != 2 or 192 <= second <= 223:  # RFC 5761 §4: the range of RTCP's packet types
        return None
    start = _HEADER.size + 4 * (first & 0x0F)
    if first & 0x10:
        if len(data) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data)
    if first & 0x20:
        padding = data[-1]
        if not padding:
            return None
        end -= padding
    if start > end:
        return None
    return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, data[start:end], bool(second & 0x80))


def is_rtcp(data: bytes) -> bool:
    """Tell RTCP from RTP on one port (RFC 5761 §4)."""
    return len(data) >= 8 and data[0] >> 6 == 2 and 192 <= data[1] <= 223


def sequence_distance(new: int, old: int) -> int:
    """Signed distance from `old` to `new` modulo 2^16."""
    return (new - old + 0x8000) % 0x10000 - 0x8000


def timestamp_distance(new: int, old: int) -> int:
    """Signed distance from `old` to `new` modulo 2^32."""
    return (new - old + 0x80000000) % 0x100000000 - 0x80000000
