"""WAV files of the tests: 16-bit, read to mono float samples between -1 and 1."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]


def read_wav(path: Path) -> tuple[Samples, int]:
    """Return (mono samples, rate in Hz); several channels are averaged."""
    with wave.open(str(path), "rb") as source:
        if source.getsampwidth() != 2:
            raise ValueError(f"{path.name} is not 16-bit")
        channels, rate = source.getnchannels(), source.getframerate()
        raw = source.readframes(source.getnframes())
    pcm = np.frombuffer(raw[: len(raw) // (2 * channels) * 2 * channels], dtype="<i2")
    return pcm.reshape(-1, channels).mean(axis=1) / 32768.0, rate


def write_wav(path: Path, samples: Samples, rate: int) -> Path:
    """Write mono 16-bit."""
    with wave.open(str(path), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(rate)
        target.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path
