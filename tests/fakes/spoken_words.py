"""Speech that a fake can understand: each word is a square wave whose amplitude is its number.

What the transcriber makes of it therefore depends on the audio that really reached it, cut words and all.
"""

from __future__ import annotations

import numpy as np

from voicebot.audio import FRAME_BYTES, FRAME_SAMPLES, SILENCE, pcm_of, samples_of

FRAMES_PER_WORD = 10
_LOWEST, _STEP = 3000, 20
_words: list[str] = []


def spoken(text: str, frames_per_word: int = FRAMES_PER_WORD) -> bytes:
    """Audio of some words, each 200 ms and 20 ms of silence."""
    pcm = b""
    for word in text.split():
        if word not in _words:
            _words.append(word)
        amplitude = _LOWEST + _STEP * _words.index(word)
        wave = np.where(np.arange(FRAME_SAMPLES) % 2, amplitude, -amplitude).astype(np.int16)
        pcm += pcm_of(wave) * frames_per_word + SILENCE
    return pcm


def words_in(pcm: bytes) -> list[str]:
    """Words of which at least half can be heard."""
    counts: list[tuple[int, int]] = []
    for start in range(0, len(pcm), FRAME_BYTES):
        number = (loudness(pcm[start : start + FRAME_BYTES]) - _LOWEST) // _STEP
        if counts and counts[-1][0] == number:
            counts[-1] = (number, counts[-1][1] + 1)
        else:
            counts.append((number, 1))
    return [_words[number] for number, count in counts if 0 <= number < len(_words) and count >= 5]


def loudness(pcm: bytes) -> int:
    return round(float(np.abs(samples_of(pcm).astype(np.int32)).mean())) if pcm else 0
