"""What a caller hears, measured: when the bot speaks, stops, stutters. Pure: frames in, stretches out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voicebot.audio import FRAME_MS, AudioFrame

SPEECH_DBFS = -48.0
"""A louder 20 ms frame is bot speech: A-law's idle noise is below -60 dBFS."""


def frame_dbfs(pcm: bytes) -> float:
    """Return the level of a frame (s16le) in dB relative to full scale; -120 for digital silence."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    if not samples.size:
        return -120.0
    power = float(np.mean(samples * samples)) / 32768.0**2
    return 10.0 * float(np.log10(power)) if power > 1e-12 else -120.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bot speech without a pause of `pause_ms`. Times: monotonic seconds of the first and last loud frame."""

    started_at: float
    ended_at: float
    pcm: bytes
    concealed_frames: int


class BotSpeech:
    """Divides received frames into stretches of bot speech."""

    def __init__(self, pause_ms: int = 900) -> None:
        self._pause_ms = pause_ms
        self._pcm = bytearray()
        self._started_at = 0.0
        self._last_loud_at = 0.0
        self._silent_ms = 0
        self._concealed = 0
        self.is_speaking = False

    def take(self, frame: AudioFrame, now: float) -> Stretch | None:
        """Take one frame received at `now`; return a stretch when it has just ended."""
        is_loud = frame_dbfs(frame.pcm) > SPEECH_DBFS
        if is_loud and not self.is_speaking:
            self._begin(now)
        if not self.is_speaking:
            return None
        self._pcm += frame.pcm
        self._concealed += frame.concealed
        if is_loud:
            self._silent_ms, self._last_loud_at = 0, now
            return None
        self._silent_ms += FRAME_MS
        return self.end() if self._silent_ms >= self._pause_ms else None

    def _begin(self, now: float) -> None:
        self.is_speaking = True
        self._pcm.clear()
        self._started_at = self._last_loud_at = now
        self._silent_ms = self._concealed = 0

    def end(self) -> Stretch | None:
        """End the present stretch, if any."""
        if not self.is_speaking:
            return None
        self.is_speaking = False
        return Stretch(self._started_at, self._last_loud_at, bytes(self._pcm), self._concealed)
