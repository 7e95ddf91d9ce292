from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.audio import SAMPLE_RATE
from voicebot.speaking.levels import (
    CEILING,
    LONGEST_PAUSE_MS,
    TARGET_DBFS,
    Samples,
    active_level,
    from_pcm,
    levelled,
    limited,
    to_pcm,
    trimmed,
)


def tone(seconds: float, amplitude: float = 0.1, hertz: float = 440.0) -> Samples:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def test_level_of_a_sine_is_three_decibels_under_its_peak() -> None:
    assert active_level(tone(1, 0.5)) == pytest.approx(-9.03, abs=0.05)


def test_pauses_do_not_count_as_level() -> None:
    spread = np.concatenate([tone(0.5), silence(2), tone(0.5)])
    assert active_level(spread) == pytest.approx(active_level(tone(1)), abs=0.1)


@given(st.floats(0.001, 1.0))
@settings(max_examples=20, deadline=None)
def test_any_speech_comes_to_the_target(amplitude: float) -> None:
    assert active_level(levelled(tone(0.5, amplitude))) == pytest.approx(TARGET_DBFS, abs=0.1)


def test_silence_stays_silence() -> None:
    assert not levelled(silence(0.2)).any()
    assert active_level(silence(0.001)) == -120.0
    assert len(trimmed(silence(0.5), lead_ms=20, tail_ms=60)) == 0


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 8.0))
@settings(max_examples=30, deadline=None)
def test_limiter_never_lets_a_peak_through(seed: int, gain: float) -> None:
    noise = np.random.default_rng(seed).standard_normal(4001).astype(np.float32) * np.float32(gain)
    assert float(np.abs(limited(noise)).max()) <= CEILING + 1e-6


def test_limiter_leaves_quiet_speech_alone_and_does_not_jump() -> None:
    quiet = tone(0.2, 0.5)
    assert np.array_equal(limited(quiet), quiet)
    burst = np.concatenate([tone(0.1, 0.3), tone(0.05, 3.0), tone(0.1, 0.3)])
    done = limited(burst)
    assert float(np.abs(np.diff(done)).max()) < 2 * CEILING * 2 * np.pi * 440 / SAMPLE_RATE


def test_edges_are_trimmed_to_length() -> None:
    clip = trimmed(np.concatenate([silence(0.4), tone(0.5), silence(0.7)]), lead_ms=20, tail_ms=60)
    assert len(clip) == pytest.approx(0.58 * SAMPLE_RATE, abs=2 * SAMPLE_RATE // 200)
    loud = np.flatnonzero(np.abs(clip) > 0.01)
    assert loud[0] == pytest.approx(0.02 * SAMPLE_RATE, abs=SAMPLE_RATE // 150)


def test_long_pauses_inside_are_cut_and_short_ones_kept() -> None:
    long = trimmed(np.concatenate([tone(0.3), silence(1.5), tone(0.3)]), lead_ms=0, tail_ms=0)
    assert len(long) / SAMPLE_RATE == pytest.approx(0.6 + LONGEST_PAUSE_MS / 1000, abs=0.02)
    short = trimmed(np.concatenate([tone(0.3), silence(0.3), tone(0.3)]), lead_ms=0, tail_ms=0)
    assert len(short) / SAMPLE_RATE == pytest.approx(0.9, abs=0.02)


def test_pcm_round_trip() -> None:
    sound = tone(0.1, 0.9)
    assert np.allclose(from_pcm(to_pcm(sound)), sound, atol=1 / 32767)
