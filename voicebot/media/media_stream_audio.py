"""Audio of a stream as it comes in: chunks of any length in, 16 kHz frames of 20 ms out; marks by position.

The jitter buffer, concealment and skew control of the RTP side do the work; each chunk is cut into pieces
of 20 ms so that a long one counts as a burst and not as late. No I/O and no clock.
"""

from __future__ import annotations

from collections import deque

from voicebot.audio import AudioFrame
from voicebot.media.codecs import PCMU
from voicebot.media.received_audio import ReceivedAudio
from voicebot.media.rtp_packet import RtpPacket

_PIECE = 160
_GAP_SAMPLES = 40 * 8
_JUMP_SAMPLES = 60_000 * 8
_MAX_MARKS = 256


class StreamAudio:
    """The receiving end of a stream. Milliseconds of arrival and of slots are monotonic."""

    def __init__(self) -> None:
        self._audio = ReceivedAudio(PCMU)
        self._position = 0
        self._received = 0
        self._marks: deque[tuple[int, str]] = deque()
        self.timestamp_gaps = 0
        """Times that a chunk's own timestamp showed that audio before it is missing (or was silence)."""

    @property
    def concealed_frames(self) -> int:
        """Frames that were made up, wholly or in part."""
        return self._audio.concealed_frames

    def receive(self, payload: bytes, timestamp_ms: int | None, at_ms: float) -> None:
        """Take in µ-law octets. A timestamp behind or far off what was expected is not believed."""
        if timestamp_ms is not None:
            ahead = timestamp_ms * 8 - self._position
            if _GAP_SAMPLES < ahead < _JUMP_SAMPLES:
                self._position += ahead
                self.timestamp_gaps += 1
        for start in range(0, len(payload), _PIECE):
            piece = payload[start : start + _PIECE]
            packet = RtpPacket(0, 0, self._position & 0xFFFFFFFF, 0, piece)
            self._audio.receive(packet, at_ms)
            self._position += len(piece)
        self._received += len(payload)

    def frame(self, now_ms: float) -> AudioFrame:
        """Return the frame of this slot; call once each 20 ms."""
        return self._audio.frame(now_ms)

    def mark(self, name: str) -> None:
        """Note a mark behind all audio received so far; the oldest is forgotten beyond 256."""
        self._marks.append((self._received, name))
        if len(self._marks) > _MAX_MARKS:
            self._marks.popleft()

    def reached_marks(self) -> list[str]:
        """Return marks whose audio was all taken, once each."""
        taken = self._received - round(self._audio.buffer.buffered_ms * 8)
        names: list[str] = []
        while self._marks and self._marks[0][0] <= taken:
            names.append(self._marks.popleft()[1])
        return names

    def clear(self) -> list[str]:
        """Forget audio that waits; return its marks, which a gateway reports at once."""
        self._audio.restart()
        names = [name for _, name in self._marks]
        self._marks.clear()
        return names
