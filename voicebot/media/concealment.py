"""Making up lost audio and changing its length a little: 16 kHz int16 samples, no I/O, no clock.

Concealment follows ITU-T G.711 Appendix I in spirit: the last pitch period is repeated and fades to silence
over 60 ms. Changes of length cut or repeat one period where the signal is most like itself (WSOLA).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voicebot.audio import SAMPLE_RATE

Samples = npt.NDArray[np.int16]

_MS = SAMPLE_RATE // 1000
_HISTORY = 40 * _MS
_SHORTEST_PERIOD, _LONGEST_PERIOD = 5 * _MS // 2, 15 * _MS
_FULL_LEVEL = 10 * _MS
_FADED_OUT = 60 * _MS
_JOIN = 5 * _MS
_QUIET_RMS = 60.0  # about -55 dBFS: no one hears 10 ms more or less of it
_ALIKE = 0.6


class Concealer:
    """Continues the last good audio of one stream."""

    def __init__(self) -> None:
        self._history: Samples = np.zeros(_HISTORY, dtype=np.int16)
        self._period: Samples | None = None
        self._made_up = 0

    def good(self, samples: Samples) -> Samples:
        """Take received audio; after a loss its first 5 ms are cross-faded from the made-up audio."""
        if self._made_up and samples.size:
            count = min(_JOIN, samples.size)
            gain = np.linspace(0.0, 1.0, count, dtype=np.float32)
            before = self._continued(count)
            samples = samples.copy()
            samples[:count] = np.rint(before * (1.0 - gain) + samples[:count] * gain)
        self._made_up, self._period = 0, None
        self._remember(samples)
        return samples

    def lost(self, count: int, own: Samples | None = None) -> Samples:
        """Make up `count` samples; `own`: what the codec itself made up, which is taken whole."""
        if own is not None:  # the codec joins its own concealment to what follows
            self._remember(own)
            return own
        samples = self._continued(count)
        self._made_up += count
        return samples

    def _remember(self, samples: Samples) -> None:
        self._history = np.concatenate((self._history, samples))[-_HISTORY:]

    def _continued(self, count: int) -> Samples:
        if self._made_up >= _FADED_OUT:
            return np.zeros(count, dtype=np.int16)
        if self._period is None:
            self._period = _last_period(self._history)
        at = self._made_up + np.arange(count)
        gain = np.clip((_FADED_OUT - at) / (_FADED_OUT - _FULL_LEVEL), 0.0, 1.0)
        return np.asarray(np.rint(self._period[at % self._period.size] * gain), dtype=np.int16)


def _likeness(samples: npt.NDArray[np.float32], lag: int, size: int) -> float:
    one, other = samples[:size], samples[lag : lag + size]
    power = float(np.dot(one, one)) * float(np.dot(other, other))
    return float(np.dot(one, other)) / power**0.5 if power > 0 else 1.0


def _best_lag(samples: npt.NDArray[np.float32], shortest: int, longest: int, size: int) -> int:
    """Lag at which `samples[:size]` comes back best (normalised correlation)."""
    windows = np.lib.stride_tricks.sliding_window_view(samples[shortest : longest + size], size)
    power = np.einsum("ij,ij->i", windows, windows) + 1.0
    return shortest + int(np.argmax(windows @ samples[:size] / np.sqrt(power)))


def _last_period(history: Samples) -> Samples:
    """The last pitch period, its end cross-faded into its start so that repeating it makes no seam."""
    backwards = history[::-1].astype(np.float32)
    lag = _best_lag(backwards, _SHORTEST_PERIOD, _LONGEST_PERIOD, 10 * _MS)
    period = history[-lag:].astype(np.float32)
    seam = lag // 4
    gain = np.linspace(0.0, 1.0, seam, dtype=np.float32)
    period[-seam:] = period[-seam:] * (1.0 - gain) + history[-lag - seam : -lag] * gain
    # The first repetition follows history[-1] and starts with what came one period before it.
    return np.asarray(np.rint(period), dtype=np.int16)


def is_quiet(samples: Samples) -> bool:
    """Hardly anything to hear (-55 dBFS): length may change freely."""
    values = samples.astype(np.float32)
    return not samples.size or float(np.dot(values, values)) / samples.size < _QUIET_RMS**2


def shortened(samples: Samples, *, force: bool) -> Samples:
    """`samples` (30 ms or more) without one period of 5 to 15 ms, or as they are if that would be heard.

    `force`: also where the signal is not periodic.
    """
    if samples.size < 30 * _MS:
        return samples
    values = samples[: 30 * _MS].astype(np.float32)
    lag = _best_lag(values, 5 * _MS, 15 * _MS, 10 * _MS)
    if not force and not is_quiet(samples) and _likeness(values, lag, 10 * _MS) < _ALIKE:
        return samples
    joined = _crossfade(samples[: 10 * _MS], samples[lag : lag + 10 * _MS])
    return np.concatenate((joined, samples[lag + 10 * _MS :]))


def lengthened(samples: Samples, *, force: bool) -> Samples:
    """`samples` (20 ms or more) with one period of 5 to 10 ms played twice, or as they are."""
    if samples.size < 20 * _MS:
        return samples
    values = samples[: 20 * _MS].astype(np.float32)
    lag = _best_lag(values, 5 * _MS, 10 * _MS, 10 * _MS)
    if not force and not is_quiet(samples) and _likeness(values, lag, 10 * _MS) < _ALIKE:
        return samples
    joined = _crossfade(samples[lag : lag + 10 * _MS], samples[: 10 * _MS])
    return np.concatenate((samples[:lag], joined, samples[10 * _MS :]))


def _crossfade(old: Samples, new: Samples) -> Samples:
    gain = np.linspace(0.0, 1.0, old.size, dtype=np.float32)
    return np.asarray(np.rint(old * (1.0 - gain) + new * gain), dtype=np.int16)
