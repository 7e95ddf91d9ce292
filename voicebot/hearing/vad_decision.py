"""What voice activity detection says of one frame."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VadDecision:
    """One frame of 20 ms.

    `at_ms`: the frame's media time. `is_speech`: the gate and Silero agree. `speech_probability`: Silero's
    last, 0.0 while the gate is closed. `speech_ms`: length of the current stretch of speech so far, short
    gaps included; 0 when none is under way. `silence_ms`: since the last speech frame, 0 while there is
    speech. `onset_at_ms`: media time of the first frame of the current or last stretch, None before any.
    """

    at_ms: int
    is_speech: bool
    speech_probability: float
    speech_ms: int
    silence_ms: int
    onset_at_ms: int | None
