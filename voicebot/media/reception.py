"""What was received from one source: sequence cycles, loss, jitter (RFC 3550 appendices A.1, A.3, A.8)."""

from __future__ import annotations

from voicebot.media.rtcp import ReportBlock
from voicebot.media.rtp_packet import RtpPacket, sequence_distance, timestamp_distance


class Reception:
    """Statistics of one SSRC. Times in milliseconds of any monotonic origin."""

    def __init__(self, first: RtpPacket, clock_rate: int) -> None:
        self.ssrc = first.ssrc
        self.received = 0
        self._clock_rate = clock_rate
        self._base = self._highest = first.sequence
        self._jitter = 0.0
        self._last: tuple[int, float] | None = None
        self._reported_expected = self._reported_received = 0

    def observe(self, packet: RtpPacket, at_ms: float, *, times: bool = True) -> int:
        """Count a packet; its extended sequence number. `times` False: it says nothing of jitter."""
        extended = self._highest + sequence_distance(packet.sequence, self._highest & 0xFFFF)
        self._highest = max(self._highest, extended)
        self.received += 1
        if not times:
            self._last = None
            return extended
        if self._last is not None:
            stamp, before_ms = self._last
            transit = (at_ms - before_ms) * self._clock_rate / 1000 - timestamp_distance(
                packet.timestamp, stamp
            )
            # A jump of over a second is a new timeline, not jitter.
            if abs(transit) < self._clock_rate:
                self._jitter += (abs(transit) - self._jitter) / 16
        self._last = (packet.timestamp, at_ms)
        return extended

    @property
    def expected(self) -> int:
        """Packets that should have come."""
        return self._highest - self._base + 1

    @property
    def lost(self) -> int:
        """Packets that did not come; negative with duplicates."""
        return self.expected - self.received

    @property
    def jitter_ms(self) -> float:
        """Interarrival jitter of RFC 3550."""
        return self._jitter * 1000 / self._clock_rate

    def report(self, last_sr: int, delay_since_sr: int) -> ReportBlock:
        """Make the block for the next RTCP report."""
        expected = self.expected - self._reported_expected
        received = self.received - self._reported_received
        self._reported_expected, self._reported_received = self.expected, self.received
        fraction = max(0, min(255, (expected - received) * 256 // expected)) if expected > 0 else 0
        return ReportBlock(
            self.ssrc, fraction, self.lost, self._highest, int(self._jitter), last_sr, delay_since_sr
        )
