"""The receiving half of an RTP session: datagrams and slots in, frames and keys out. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable

from voicebot.audio import AudioFrame
from voicebot.media.dtmf import DtmfReceiver
from voicebot.media.leg import DigitPressed
from voicebot.media.peer_latch import Address, PeerLatch
from voicebot.media.received_audio import ReceivedAudio
from voicebot.media.reception import Reception
from voicebot.media.rtcp import RtcpReport, parse_rtcp
from voicebot.media.rtp_format import COMFORT_NOISE, RtpFormat
from voicebot.media.rtp_packet import RtpPacket, is_rtcp, parse_rtp

PacketSink = Callable[[RtpPacket, bool], None]
"""Takes each accepted packet on arrival; True: it is a telephone-event."""


class RtpInbound:
    """Decides about everything that arrives on the RTP port. Times in milliseconds, monotonic."""

    def __init__(self, agreed: RtpFormat, latch: PeerLatch, now_ms: float) -> None:
        self.latch = latch
        self.audio = ReceivedAudio(agreed.codec)
        self.malformed = self.unknown_payload = 0
        self.source_changes = 0
        self.reception: Reception | None = None
        self.last_packet_ms = now_ms
        self.has_received = False
        self.forward: PacketSink | None = None
        self.feeds_frames = True
        self.last_report: tuple[RtcpReport, float] | None = None
        self._agreed = agreed
        self._dtmf = DtmfReceiver(agreed.event_clock_rate)
        self._candidate: RtpPacket | None = None

    def renegotiate(self, agreed: RtpFormat, remote: Address | None, now_ms: float) -> None:
        """Go on with what a re-INVITE agreed."""
        if agreed.codec is not self._agreed.codec:
            self.audio.restart(agreed.codec)
        self._agreed = agreed
        self.latch.renegotiate(remote)
        self.last_packet_ms = now_ms

    def datagram(self, data: bytes, source: Address, now_ms: float) -> list[DigitPressed]:
        """Take in what arrived on the RTP port; keys that were pressed."""
        if is_rtcp(data):  # multiplexed (RFC 5761)
            self.report(data, source, now_ms)
            return []
        packet = parse_rtp(data)
        if packet is None:
            self.malformed += 1
            return []
        agreed = self._agreed
        known = (agreed.receive_type, agreed.event_receive_type, COMFORT_NOISE)
        if packet.payload_type not in known:
            self.unknown_payload += 1
            return []
        if not self.latch.admit(source, packet.ssrc, now_ms):
            return []
        self.last_packet_ms, self.has_received = now_ms, True
        return [key for accepted in self._of_source(packet) for key in self._accept(accepted, now_ms)]

    def report(self, data: bytes, source: Address, now_ms: float) -> None:
        """Take in RTCP from the bound peer's host; from others it is refused."""
        bound = self.latch.send_to
        if bound is None or source[0] != bound[0]:
            self.latch.refused += 1
            return
        report = parse_rtcp(data)
        if report is None:
            self.malformed += 1
            return
        self.last_packet_ms = now_ms
        if report.sender is not None or self.last_report is None:
            self.last_report = (report, now_ms)

    def slot(self, now_ms: float) -> tuple[AudioFrame | None, list[DigitPressed]]:
        """Give the frame of this slot, and keys whose end got lost. Exactly once each 20 ms.

        No frame while packets are only forwarded; media time goes on.
        """
        keys = self._dtmf.elapse(now_ms)
        if self.feeds_frames:
            return self.audio.frame(now_ms), keys
        self.audio.skip_frame()
        return None, keys

    def silence_ms(self, now_ms: float) -> float:
        """Time without any packet of the peer."""
        return now_ms - self.last_packet_ms

    def _of_source(self, packet: RtpPacket) -> list[RtpPacket]:
        """Packets of the current SSRC; a new one takes over with its second packet in a row."""
        reception = self.reception
        if reception is None:
            self.reception = Reception(packet, self._agreed.codec.clock_rate)
            return [packet]
        if packet.ssrc == reception.ssrc:
            self._candidate = None
            return [packet]
        first, self._candidate = self._candidate, packet
        if first is None or first.ssrc != packet.ssrc:
            return []
        self._candidate = None
        self.source_changes += 1
        self.reception = Reception(first, self._agreed.codec.clock_rate)
        self.audio.restart()
        self._dtmf = DtmfReceiver(self._agreed.event_clock_rate)
        return [first, packet]

    def _accept(self, packet: RtpPacket, now_ms: float) -> list[DigitPressed]:
        assert self.reception is not None
        is_event = packet.payload_type == self._agreed.event_receive_type
        sequence = self.reception.observe(packet, now_ms, times=not is_event)
        if self.forward is not None and packet.payload_type != COMFORT_NOISE:
            self.forward(packet, is_event)
        if is_event:
            return self._dtmf.receive(packet.payload, packet.timestamp, sequence, now_ms)
        if packet.payload_type == self._agreed.receive_type and self.feeds_frames:
            self.audio.receive(packet, now_ms)
        return []
