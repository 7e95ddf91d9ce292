"""Audio values shared by every room: frames, their unit, G.711, stateful resampling.

Inside a call audio is 16 kHz mono signed 16-bit little-endian in frames of 20 ms (320 samples, 640
bytes): what Whisper, Silero and the VAD take. Legs convert at their edge.
"""

from __future__ import annotations

from dataclasses import dataclass

SAMPLE_RATE = 16_000
"""Hz, inside a call."""
FRAME_MS = 20
FRAME_SAMPLES = SAMPLE_RATE * FRAME_MS // 1000
FRAME_BYTES = FRAME_SAMPLES * 2
SILENCE = bytes(FRAME_BYTES)


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """20 ms of audio.

    `pcm`: 640 bytes s16le mono at 16 kHz. `at_ms`: media time since the leg's first frame, in
    milliseconds (a multiple of 20). `concealed`: made up because the packet was lost or late.
    """

    pcm: bytes
    at_ms: int
    concealed: bool = False


@dataclass(frozen=True, slots=True)
class AudioClip:
    """A whole rendered prompt. `pcm`: s16le mono 16 kHz, any length. `name`: for records and logs."""

    pcm: bytes
    name: str = ""

    @property
    def duration_ms(self) -> int:
        """Length in milliseconds, rounded down."""
        return len(self.pcm) // 2 * 1000 // SAMPLE_RATE
