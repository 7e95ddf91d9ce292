"""The sending half of an RTP session: frames, keys, forwarded packets in; packets out. No I/O, no clock."""

from __future__ import annotations

from voicebot.audio import FRAME_MS, SAMPLE_RATE, SILENCE
from voicebot.media.codecs import OPUS, Encoder
from voicebot.media.dtmf import DtmfSender
from voicebot.media.rtp_format import RtpFormat
from voicebot.media.rtp_packet import RtpPacket, sequence_distance, timestamp_distance

_PCM_BYTES_PER_MS = SAMPLE_RATE * 2 // 1000
_REANCHOR_MS = 2000


class RtpOutbound:
    """One SSRC. Sequence numbers and timestamps are continuous whatever is sent: audio, keys, forwarding.

    The three numbers are random starts (RFC 3550 §5.1), chosen by the owner.
    """

    def __init__(self, agreed: RtpFormat, *, ssrc: int, sequence: int, timestamp: int) -> None:
        self.ssrc = ssrc
        self.packets = self.octets = 0
        self._agreed = agreed
        self._encoder: Encoder = agreed.codec.new_encoder()
        self._sequence, self._timestamp = sequence, timestamp
        self._waiting = bytearray()
        self._was_silent = 0
        self._marks_next = True
        self.keys = DtmfSender(agreed.event_clock_rate)
        self._anchor: RtpPacket | None = None
        self._anchored = (0, 0)

    @property
    def timestamp(self) -> int:
        """RTP time of the next slot."""
        return self._timestamp

    @property
    def sends_keys(self) -> bool:
        """RFC 4733 events take the place of audio now."""
        return self.keys.is_sending

    def renegotiate(self, agreed: RtpFormat) -> None:
        """Go on with another format; a change of codec starts a new encoder."""
        if agreed.codec is not self._agreed.codec:
            self._encoder = agreed.codec.new_encoder()
        if agreed != self._agreed:
            self._waiting.clear()
            self._marks_next = True
        self._agreed = agreed
        self._anchor = None

    def slot(self, pcm: bytes) -> list[bytes]:
        """Send 20 ms (640 bytes of s16le 16 kHz); packets that are full now."""
        self._anchor = None
        self._waiting += pcm if self._agreed.codec is OPUS else self._encoded(pcm)
        return self._full_packets()

    def skip_slot(self) -> None:
        """Let 20 ms pass without sending (the peer holds us)."""
        self._waiting.clear()
        self._timestamp = (self._timestamp + self._units(FRAME_MS)) & 0xFFFFFFFF
        self._marks_next = True
        self._was_silent = 0

    def key_slot(self) -> list[bytes]:
        """Send this slot's event packet, if any; call instead of `slot` while `sends_keys`."""
        event = self.keys.next_slot()
        packets = []
        if event is not None and self._agreed.event_send_type is not None:
            began = (self._timestamp - event.slots_ago * self._units(FRAME_MS)) & 0xFFFFFFFF
            packets.append(self._packet(self._agreed.event_send_type, began, event.payload, event.marker))
        self.skip_slot()
        return packets

    def forward(self, packet: RtpPacket, *, is_event: bool, clock_rate: int) -> bytes | None:
        """Send another session's packet as our own; None when the peer has no use for it.

        Its payload is in our codec; `clock_rate` is that of its timestamps. Order, loss and timing of the
        source are kept.
        """
        payload_type = self._agreed.event_send_type if is_event else self._agreed.send_type
        if payload_type is None:
            return None
        rate = self._agreed.codec.clock_rate
        anchor = self._anchor
        if (
            anchor is None
            or anchor.ssrc != packet.ssrc
            or abs(timestamp_distance(packet.timestamp, anchor.timestamp)) > _REANCHOR_MS * clock_rate // 1000
        ):
            self._waiting.clear()
            self._anchored = (self._sequence, self._timestamp)
        else:
            moved = timestamp_distance(packet.timestamp, anchor.timestamp) * rate // clock_rate
            steps = sequence_distance(packet.sequence, anchor.sequence)
            sequence, timestamp = self._anchored
            self._anchored = ((sequence + steps) & 0xFFFF, (timestamp + moved) & 0xFFFFFFFF)
        self._anchor = packet
        sequence, timestamp = self._anchored
        duration = 0 if is_event else self._agreed.codec.duration(packet.payload)
        if sequence_distance(sequence, self._sequence) >= 0:
            self._sequence = (sequence + 1) & 0xFFFF
        if timestamp_distance(timestamp + duration, self._timestamp) > 0:
            self._timestamp = (timestamp + duration) & 0xFFFFFFFF
        self._was_silent = 0
        self.packets += 1
        self.octets += len(packet.payload)
        marked = packet.marker or anchor is None
        return RtpPacket(payload_type, sequence, timestamp, self.ssrc, packet.payload, marked).pack()

    def _encoded(self, pcm: bytes) -> bytes:
        is_silent = pcm is SILENCE or pcm == SILENCE
        self._was_silent = self._was_silent + 1 if is_silent else 0
        if self._was_silent > 2 and self._agreed.codec.silence:
            return self._agreed.codec.silence  # the encoder's filter has run empty
        return self._encoder.encode(pcm)

    def _full_packets(self) -> list[bytes]:
        """G.711 and G.722 payloads are cut to size; Opus collects audio and codes a packet at once."""
        ptime_ms, packets = self._agreed.ptime_ms, []
        size = ptime_ms * (_PCM_BYTES_PER_MS if self._agreed.codec is OPUS else 8)
        while len(self._waiting) >= size:
            chunk = bytes(self._waiting[:size])
            del self._waiting[:size]
            payload = self._encoder.encode(chunk) if self._agreed.codec is OPUS else chunk
            packets.append(
                self._packet(self._agreed.send_type, self._timestamp, payload, marker=self._marks_next)
            )
            self._marks_next = False
            self._timestamp = (self._timestamp + self._units(ptime_ms)) & 0xFFFFFFFF
        return packets

    def _packet(self, payload_type: int, timestamp: int, payload: bytes, marker: bool) -> bytes:
        packet = RtpPacket(payload_type, self._sequence, timestamp, self.ssrc, payload, marker)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        return packet.pack()

    def _units(self, milliseconds: int) -> int:
        return self._agreed.codec.clock_rate * milliseconds // 1000
