"""Levels and edges of synthesised speech: every voice at one loudness, none clipped, no dead air.

Arrays are mono float32 in [-1, 1] at 16 kHz. dBFS is 20*log10(rms), full scale 1.0. The active level is
that of the frames within 25 dB of the loudest one: a short form of ITU-T P.56, good to 1 dB on clean
synthetic speech.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from voicebot.audio import SAMPLE_RATE

Samples = NDArray[np.float32]

TARGET_DBFS = -20.0
"""Active speech level of every voice: 6 dB under what the A-law of a phone line distorts at peaks."""
CEILING = 0.89
"""Highest sample after the limiter (-1 dBFS)."""
LONGEST_PAUSE_MS = 400
"""Silence inside a sentence; longer ones are cut to this."""
_FRAME = SAMPLE_RATE // 200
"""5 ms."""
_SILENT_DBFS = -52.0
_BLOCK = 16
"""1 ms: the step of the limiter's gain."""
_LOOK = 4
"""Blocks before and after a peak over which the gain is held down."""


def _frame_db(samples: Samples) -> NDArray[np.float64]:
    count = len(samples) // _FRAME
    frames = samples[: count * _FRAME].astype(np.float64).reshape(count, _FRAME)
    levels: NDArray[np.float64] = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    return levels


def active_level(samples: Samples) -> float:
    """Active speech level in dBFS; -120 for silence."""
    levels = _frame_db(samples)
    if len(levels) == 0 or (loudest := float(np.max(levels))) < -90:
        return -120.0
    active = levels[levels > loudest - 25]
    return float(10 * np.log10(np.mean(10 ** (active / 10))))


def limited(samples: Samples) -> Samples:
    """Bring peaks over `CEILING` down with a gain that moves over a few milliseconds: no clipping."""
    count = -(-len(samples) // _BLOCK)
    padded = np.zeros(count * _BLOCK, np.float32)
    padded[: len(samples)] = np.abs(samples)
    peaks = padded.reshape(count, _BLOCK).max(axis=1)
    if not len(peaks) or float(peaks.max()) <= CEILING:
        return samples
    gain = np.minimum(1.0, CEILING / np.maximum(peaks, 1e-9))
    edged = np.pad(gain, _LOOK, constant_values=1.0)
    held = np.min(np.lib.stride_tricks.sliding_window_view(edged, 2 * _LOOK + 1), axis=1)
    centres = np.arange(count) * _BLOCK + _BLOCK / 2
    curve = np.interp(np.arange(len(samples)), centres, held).astype(np.float32)
    brought_down: Samples = samples * curve
    return brought_down


def levelled(samples: Samples, target_dbfs: float = TARGET_DBFS) -> Samples:
    """Bring speech to the target level, limited. Silence stays silence."""
    level = active_level(samples)
    if level <= -90:
        return samples
    return limited((samples * 10 ** ((target_dbfs - level) / 20)).astype(np.float32))


def trimmed(samples: Samples, *, lead_ms: int, tail_ms: int) -> Samples:
    """Give levelled speech `lead_ms` of silence before and `tail_ms` after it, and shorten long pauses.

    What is cut ends in a 5 ms fade; a sentence without any sound gives an empty array.
    """
    loud = np.flatnonzero(_frame_db(samples) > _SILENT_DBFS)
    if not len(loud):
        return samples[:0]
    longest = LONGEST_PAUSE_MS // 5
    pieces: list[Samples] = []
    start = int(loud[0])
    for here, following in itertools.pairwise(loud):
        if following - here - 1 > longest:
            keep = longest // 2
            pieces.append(_edged(samples, start, int(here) + 1 + keep, start > loud[0], True))
            start = int(following) - keep
    pieces.append(_edged(samples, start, int(loud[-1]) + 1, start > loud[0], False))
    return np.concatenate(
        [
            _around(samples, int(loud[0]), lead_ms, before=True),
            *pieces,
            _around(samples, int(loud[-1]) + 1, tail_ms, before=False),
        ]
    )


def _edged(samples: Samples, first: int, last: int, fade_in: bool, fade_out: bool) -> Samples:
    piece = samples[first * _FRAME : last * _FRAME].copy()
    ramp = np.linspace(0, 1, _FRAME, dtype=np.float32)
    if fade_in:
        piece[:_FRAME] *= ramp
    if fade_out:
        piece[-_FRAME:] *= ramp[::-1]
    return piece


def _around(samples: Samples, frame: int, length_ms: int, *, before: bool) -> Samples:
    """Return `length_ms` of what lies beside the speech, faded to silence, zeros where there is less."""
    wanted = length_ms * SAMPLE_RATE // 1000
    edge = frame * _FRAME
    there = samples[max(0, edge - wanted) : edge] if before else samples[edge : edge + wanted]
    faded = there * np.linspace(0, 1, len(there), dtype=np.float32)[:: 1 if before else -1]
    silence = np.zeros(wanted - len(there), np.float32)
    return np.concatenate([silence, faded] if before else [faded, silence])


def to_pcm(samples: Samples) -> bytes:
    """Convert to s16le mono; what is over full scale would be clipped (levelled speech never is)."""
    return np.round(np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes()


def from_pcm(pcm: bytes) -> Samples:
    """Convert s16le mono to float32 in [-1, 1]."""
    samples: Samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32767)
    return samples
