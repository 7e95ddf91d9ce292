"""Measures of received audio: tones, likeness to a reference, gaps, clipping.

Samples are mono floats between -1 and 1; levels in dBFS, where a full-scale sine is -3 dB (RMS).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from tests.peers.wav import Samples

FLOOR_DBFS = -120.0


@dataclass(frozen=True)
class Likeness:
    """`peak`: normalised cross-correlation, 1.0 for the same shape. `offset_seconds`: where it begins."""

    peak: float
    offset_seconds: float


def tone(hz: float, seconds: float, rate: int = 8000, dbfs: float = -12.0) -> Samples:
    """Make a sine of an RMS level."""
    amplitude = 10 ** (dbfs / 20) * math.sqrt(2)
    samples: Samples = amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)
    return samples


def level_dbfs(samples: Samples) -> float:
    """RMS level."""
    power = float(np.mean(np.square(samples))) if len(samples) else 0.0
    return max(FLOOR_DBFS, 10 * math.log10(power)) if power > 0 else FLOOR_DBFS


def tone_dbfs(samples: Samples, rate: int, hz: float) -> float:
    """Level of one frequency: Goertzel's algorithm, that is one bin of a windowed Fourier transform."""
    if not len(samples):
        return FLOOR_DBFS
    window = np.hanning(len(samples))
    turn = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / rate)
    amplitude = 2 * abs(np.sum(samples * window * turn)) / np.sum(window)
    return max(FLOOR_DBFS, 20 * math.log10(amplitude / math.sqrt(2))) if amplitude > 0 else FLOOR_DBFS


def likeness(received: Samples, reference: Samples, rate: int) -> Likeness:
    """Find `reference` in `received` (same rate) by normalised cross-correlation."""
    if len(received) < len(reference) or not len(reference):
        raise ValueError("the reference must fit into what was received")
    size = 1 << (len(received) + len(reference) - 1).bit_length()
    spectrum = np.fft.rfft(received, size) * np.conj(np.fft.rfft(reference, size))
    count = len(received) - len(reference) + 1
    correlation = np.fft.irfft(spectrum, size)[:count]
    energy = np.concatenate([[0.0], np.cumsum(np.square(received))])
    local = energy[len(reference) :] - energy[:count]
    scale = np.sqrt(np.maximum(local, 1e-9) * max(float(np.sum(np.square(reference))), 1e-9))
    normalised = correlation / scale
    best = int(np.argmax(normalised))
    return Likeness(float(normalised[best]), best / rate)


def gaps(
    samples: Samples, rate: int, *, below_dbfs: float = -50.0, at_least_ms: int = 20
) -> list[tuple[float, float]]:
    """Silences between the first and the last sound: (start in seconds, length in milliseconds).

    Levels are taken over 5 ms, so lengths are multiples of that.
    """
    hop = rate // 200
    blocks = samples[: len(samples) // hop * hop].reshape(-1, hop)
    is_loud = np.sqrt(np.mean(np.square(blocks), axis=1)) > 10 ** (below_dbfs / 20)
    loud = np.flatnonzero(is_loud)
    found = []
    for before, after in itertools.pairwise(loud):
        length_ms = float(after - before - 1) * 5
        if length_ms >= at_least_ms:
            found.append((float(before + 1) * hop / rate, length_ms))
    return found


def clipped_runs(samples: Samples, *, at: float = 0.98, at_least: int = 3) -> int:
    """Count the stretches of `at_least` samples in a row at full scale with one sign."""
    over = np.where(samples >= at, 1, 0) - np.where(samples <= -at, 1, 0)
    edges = np.flatnonzero(np.diff(np.concatenate([[2], over, [2]])))
    return int(sum(over[start] != 0 and end - start >= at_least for start, end in itertools.pairwise(edges)))
