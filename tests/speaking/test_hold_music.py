from __future__ import annotations

import numpy as np
import pytest

from voicebot.audio import FRAME_BYTES, SAMPLE_RATE, AudioClip
from voicebot.speaking.hold_music import EARCON_DBFS, MUSIC_DBFS, attention_tone, connecting_tone, hold_music
from voicebot.speaking.levels import from_pcm


@pytest.fixture(scope="module")
def music() -> AudioClip:
    return hold_music()


def rms_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2)))


def test_loop_has_its_length_and_level(music: AudioClip) -> None:
    assert music.duration_ms == 16_000
    assert len(music.pcm) % FRAME_BYTES == 0
    samples = from_pcm(music.pcm)
    assert rms_db(samples) == pytest.approx(MUSIC_DBFS, abs=0.1)
    assert float(np.abs(samples).max()) < 0.7


def test_seam_is_no_louder_than_any_other_place(music: AudioClip) -> None:
    samples = from_pcm(music.pcm)
    steps = np.abs(np.diff(np.concatenate([samples, samples[:1]])))
    assert steps[-1] <= np.quantile(steps[:-1], 0.999)
    bends = np.abs(np.diff(np.concatenate([samples[-200:], samples[:200]]), 2))
    assert float(bends.max()) <= float(np.abs(np.diff(samples, 2)).max())


def test_music_lies_in_the_phone_band(music: AudioClip) -> None:
    power = np.abs(np.fft.rfft(from_pcm(music.pcm))) ** 2
    hertz = np.fft.rfftfreq(len(music.pcm) // 2, 1 / SAMPLE_RATE)
    inside = power[(hertz > 280) & (hertz < 3400)].sum() / power.sum()
    assert inside > 0.995


def test_music_never_falls_silent(music: AudioClip) -> None:
    blocks = from_pcm(music.pcm).reshape(-1, SAMPLE_RATE // 5)
    assert min(rms_db(block) for block in blocks) > -45


def test_music_is_the_same_each_time(music: AudioClip) -> None:
    assert hold_music() == music


@pytest.mark.parametrize("clip", [connecting_tone(), attention_tone()], ids=lambda clip: clip.name)
def test_earcons_are_short_whole_frames_without_edges(clip: AudioClip) -> None:
    samples = from_pcm(clip.pcm)
    assert 250 <= clip.duration_ms <= 600
    assert len(clip.pcm) % FRAME_BYTES == 0
    assert rms_db(samples) == pytest.approx(EARCON_DBFS, abs=0.1)
    assert abs(samples[0]) < 0.01
    assert abs(samples[-1]) < 0.01
