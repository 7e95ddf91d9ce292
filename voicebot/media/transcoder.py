"""Packets of one codec into packets of another on arrival, for joined legs: no jitter buffer, no slots."""

from __future__ import annotations

from voicebot.audio import FRAME_BYTES
from voicebot.media.codecs import Codec
from voicebot.media.rtp_packet import RtpPacket, timestamp_distance


class Transcoder:
    """One direction. Output packets hold 20 ms; timestamps stay on the source's clock, gaps stay gaps."""

    def __init__(self, source: Codec, target: Codec) -> None:
        self._source = source
        self._decoder, self._encoder = source.new_decoder(), target.new_encoder()
        self._waiting = b""
        self._expected: int | None = None
        self._start = 0
        self._sequence = 0

    def packets(self, packet: RtpPacket, *, is_event: bool = False) -> list[RtpPacket]:
        """Transcode one packet; telephone-events pass as they are. Late audio is dropped."""
        if is_event:
            return [self._numbered(packet)]
        moved = 0 if self._expected is None else timestamp_distance(packet.timestamp, self._expected)
        if -self._source.clock_rate < moved < 0:
            return []
        if moved or not self._waiting:
            self._waiting, self._start = b"", packet.timestamp
        if moved:
            self._sequence = (self._sequence + 1) & 0xFFFF  # the gap shows as loss
        self._expected = (packet.timestamp + self._source.duration(packet.payload)) & 0xFFFFFFFF
        self._waiting += self._decoder.decode(packet.payload)
        done, marker = [], packet.marker
        while len(self._waiting) >= FRAME_BYTES:
            payload = self._encoder.encode(self._waiting[:FRAME_BYTES])
            self._waiting = self._waiting[FRAME_BYTES:]
            done.append(
                self._numbered(packet._replace(timestamp=self._start, payload=payload, marker=marker))
            )
            self._start = (self._start + self._source.clock_rate // 50) & 0xFFFFFFFF
            marker = False
        return done

    def _numbered(self, packet: RtpPacket) -> RtpPacket:
        self._sequence = (self._sequence + 1) & 0xFFFF
        return packet._replace(sequence=self._sequence)
