"""WAV files of the tests: 16-bit, read to mono float samples between -1 and 1."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]


def read_wav(path: Path) -> tuple[Samples, int]:
    """Return (mono samples, rate in Hz); also of a file that is still being written."""
    data = path.read_bytes()
    channels, rate, _, _, bits = struct.unpack("<HIIHH", data[22:36])
    if data[:4] != b"RIFF" or bits != 16:
        raise ValueError(f"{path.name} is no 16-bit WAV file")
    raw = data[data.index(b"data", 36) + 8 :]  # its length is filled in at the end of the recording only
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


def alaw_bytes(samples: Samples) -> bytes:
    """Encode as G.711 A-law; written here again so that the program is not measured with its own ruler."""
    pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int64) >> 3
    mask = np.where(pcm >= 0, 0xD5, 0x55)
    magnitude = np.where(pcm >= 0, pcm, -pcm - 1)
    segment = np.searchsorted([0x1F, 0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF], magnitude)
    step = (magnitude >> np.maximum(segment, 1)) & 0x0F
    return bytes((((segment << 4) | step) ^ mask).astype(np.uint8))
