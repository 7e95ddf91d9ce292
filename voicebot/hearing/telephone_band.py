"""What a phone line does to audio: 300-3,400 Hz at 8 kHz, through A-law."""

from __future__ import annotations

import numpy as np

from voicebot.audio import SAMPLE_RATE, alaw_decode, alaw_encode, resample_clip, samples_of

_LINE_RATE = 8_000
_LOW_HZ, _HIGH_HZ = 300.0, 3_400.0
_EDGE_HZ = 60.0


def through_telephone(pcm: bytes) -> bytes:
    """Return s16le 16 kHz audio as it arrives over a European line (PCMA, ITU-T G.711 and G.712 band)."""
    samples = samples_of(pcm).astype(np.float64)
    if samples.size == 0:
        return b""
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(samples.size, 1 / SAMPLE_RATE)
    rise = np.clip((hertz - (_LOW_HZ - _EDGE_HZ)) / _EDGE_HZ, 0, 1)
    fall = np.clip(((_HIGH_HZ + _EDGE_HZ) - hertz) / _EDGE_HZ, 0, 1)
    filtered = np.fft.irfft(spectrum * rise * fall, samples.size)
    line = resample_clip(np.clip(filtered, -32768, 32767).astype("<i2").tobytes(), SAMPLE_RATE, _LINE_RATE)
    heard = resample_clip(alaw_decode(alaw_encode(line)), _LINE_RATE, SAMPLE_RATE)
    return heard[: len(pcm)].ljust(len(pcm), b"\0")
