"""The measures, on signals of which the answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.peers.signals import clipped_runs, gaps, level_dbfs, likeness, tone, tone_dbfs
from tests.peers.wav import read_wav, write_wav

RATE = 8000
noise = np.random.default_rng(7)


def test_level_and_tone_of_a_sine() -> None:
    samples = tone(440, 1.0, dbfs=-20)
    assert level_dbfs(samples) == pytest.approx(-20, abs=0.05)
    assert tone_dbfs(samples, RATE, 440) == pytest.approx(-20, abs=0.05)
    assert tone_dbfs(samples, RATE, 1000) < -80
    assert tone_dbfs(samples[:0], RATE, 440) == level_dbfs(samples[:0]) == -120


def test_two_tones_are_told_apart() -> None:
    both = tone(440, 1.0, dbfs=-20) + tone(600, 1.0, dbfs=-30)
    assert tone_dbfs(both, RATE, 440) == pytest.approx(-20, abs=0.1)
    assert tone_dbfs(both, RATE, 600) == pytest.approx(-30, abs=0.1)


def test_reference_is_found_where_it_is() -> None:
    reference = noise.normal(0, 0.1, RATE)
    received = noise.normal(0, 0.01, 4 * RATE)
    received[RATE : 2 * RATE] += 0.5 * reference
    found = likeness(received, reference, RATE)
    assert found.offset_seconds == 1.0
    assert found.peak > 0.97
    assert likeness(noise.normal(0, 0.1, 4 * RATE), reference, RATE).peak < 0.1


def test_gap_is_found_and_outer_silence_is_none() -> None:
    sound = tone(440, 1.0)
    sound[int(0.4 * RATE) : int(0.46 * RATE)] = 0
    samples = np.concatenate([np.zeros(RATE), sound, np.zeros(RATE)])
    ((start, length),) = gaps(samples, RATE)
    assert start == pytest.approx(1.4, abs=0.006)
    assert length == pytest.approx(60, abs=5)
    assert gaps(tone(440, 1.0), RATE) == []


def test_clipping() -> None:
    assert clipped_runs(tone(440, 0.1, dbfs=-4)) == 0
    assert clipped_runs(np.clip(2 * tone(440, 0.1, dbfs=-4), -1, 1)) == pytest.approx(88, abs=1)


def test_wav_round_trip(tmp_path: Path) -> None:
    samples, rate = read_wav(write_wav(tmp_path / "a.wav", tone(440, 0.5, 16000), 16000))
    assert rate == 16000
    assert np.max(np.abs(samples - tone(440, 0.5, 16000))) < 1e-4
