from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.media import tone, tone_dbfs
from voicebot import audio
from voicebot.audio import Resampler, faded, level_dbfs, pcm_of, resample_clip, samples_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    audioop = pytest.importorskip("audioop", reason="the reference tables left Python with 3.13")

ALL_SAMPLES = np.arange(65536, dtype=np.uint16).tobytes()
ALL_CODES = bytes(range(256))
PAIRS = [(8000, 16000), (16000, 8000), (16000, 48000), (48000, 16000), (8000, 48000), (16000, 16000)]


def test_g711_agrees_with_the_reference_for_every_sample_and_code() -> None:
    assert audio.alaw_encode(ALL_SAMPLES) == audioop.lin2alaw(ALL_SAMPLES, 2)
    assert audio.ulaw_encode(ALL_SAMPLES) == audioop.lin2ulaw(ALL_SAMPLES, 2)
    assert audio.alaw_decode(ALL_CODES) == audioop.alaw2lin(ALL_CODES, 2)
    assert audio.ulaw_decode(ALL_CODES) == audioop.ulaw2lin(ALL_CODES, 2)


def test_g711_codes_survive_a_round_trip() -> None:
    assert audio.alaw_encode(audio.alaw_decode(ALL_CODES)) == ALL_CODES
    positive_zero = ALL_CODES.replace(b"\x7f", b"\xff")  # µ-law has two zeros
    assert audio.ulaw_encode(audio.ulaw_decode(ALL_CODES)) == positive_zero


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_20_ms_give_20_ms_at_once(source: int, target: int) -> None:
    resampler = Resampler(source, target)
    chunk = tone(20, rate=source)
    assert [len(resampler.process(chunk)) for _ in range(5)] == [target // 50 * 2] * 5
    assert resampler.delay_ms <= 2.0


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_the_stated_delay_is_the_true_one(source: int, target: int) -> None:
    resampler = Resampler(source, target)
    pulse = np.zeros(source // 50, dtype=np.int16)
    pulse[0] = 20000
    out = samples_of(resampler.process(pulse.tobytes()))
    assert abs(int(np.argmax(out)) * 1000 / target - resampler.delay_ms) <= 1000 / target


@pytest.mark.parametrize(("source", "target"), PAIRS[:-1])
def test_telephone_band_passes_and_what_would_alias_does_not(source: int, target: int) -> None:
    for hertz in (200, 1000, 3000, 3400):
        out = Resampler(source, target).process(tone(500, hertz, rate=source))
        level = tone_dbfs(out[target // 5 :], hertz, target)
        assert abs(level - tone_dbfs(tone(400, hertz, rate=target), hertz, target)) < 0.3
    if target < source:
        blocked = target / 2 * 1.125  # 4.5 kHz going to 8 kHz
        out = Resampler(source, target).process(tone(500, blocked, rate=source))
        assert level_dbfs(out[target // 5 :]) < -60


@given(cuts=st.lists(st.integers(0, 700), min_size=1, max_size=12), pair=st.sampled_from(PAIRS))
def test_the_result_does_not_depend_on_how_the_stream_is_cut(cuts: list[int], pair: tuple[int, int]) -> None:
    whole = np.random.default_rng(3).integers(-20000, 20000, 4200).astype("<i2").tobytes()
    at_once, piecewise = Resampler(*pair), Resampler(*pair)
    out, position = b"", 0
    for cut in cuts:
        out += piecewise.process(whole[position : position + cut * 2])
        position += cut * 2
    out += piecewise.process(whole[position:])
    expected = samples_of(at_once.process(whole)).astype(int)
    assert len(out) == expected.size * 2
    assert np.abs(samples_of(out).astype(int) - expected).max() <= 1  # rounding of float32 sums


def test_rates_that_are_no_multiples_are_refused() -> None:
    with pytest.raises(ValueError, match="multiples"):
        Resampler(16000, 22050)


def test_levels_and_fades() -> None:
    assert level_dbfs(tone(100, amplitude=32767)) == pytest.approx(-3.01, abs=0.02)
    assert level_dbfs(bytes(640)) == level_dbfs(b"") == audio.SILENCE_DBFS
    ramp = samples_of(faded(pcm_of(np.full(320, 1000.0)), 1.0, 0.0))
    assert (ramp[0], ramp[-1]) == (1000, 0)
    assert (np.diff(ramp) <= 0).all()
    assert samples_of(pcm_of(np.array([40000.0, -40000.0]))).tolist() == [32767, -32768]


def test_a_clip_is_resampled_whole() -> None:
    clip = tone(1000, 1000, rate=22050)
    out = resample_clip(clip, 22050)
    assert len(out) == 32000
    assert tone_dbfs(out[3200:-3200], 1000) == pytest.approx(tone_dbfs(tone(800, 1000), 1000), abs=0.1)
    assert resample_clip(clip, 16000) is clip
