"""Hold music and earcons, made from sine waves at start: nobody's property, gentle on a phone line.

Everything lies between 300 and 3400 Hz, since a phone passes nothing else, and the tones are plain: G.711
and loss concealment turn dense music into noise. The loop wraps around on itself, so its seam is silent.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from voicebot.audio import FRAME_SAMPLES, SAMPLE_RATE, AudioClip
from voicebot.speaking.levels import to_pcm

MUSIC_DBFS = -26.0
"""RMS of the hold music: 6 dB under speech."""
EARCON_DBFS = -24.0

_BEAT_SECONDS = 0.5
_BAR_BEATS = 4
# Four chords of a quiet turn in G, twice, as MIDI notes from 62 (D4, 294 Hz) up, so that all is in the band.
_BARS = (
    (67, 71, 74, 78),
    (64, 67, 71, 76),
    (64, 67, 72, 79),
    (66, 69, 74, 78),
    (67, 71, 74, 79),
    (64, 71, 74, 76),
    (64, 69, 72, 76),
    (66, 69, 72, 74),
)
_PATTERN = (0, 2, 1, 3)
"""Which note of the chord is picked on each beat, an octave higher."""


def hold_music() -> AudioClip:
    """Return a loop of 16 s to play end to end; about -26 dBFS, the same samples every time."""
    length = round(len(_BARS) * _BAR_BEATS * _BEAT_SECONDS * SAMPLE_RATE)
    loop = np.zeros(length, np.float64)
    for bar, chord in enumerate(_BARS):
        at = bar * _BAR_BEATS * _BEAT_SECONDS
        for note in chord[:3]:
            _add(loop, at, _pad(_hertz(note), _BAR_BEATS * _BEAT_SECONDS) * 0.5)
        for beat, voice in enumerate(_PATTERN):
            _add(loop, at + beat * _BEAT_SECONDS, _bell(_hertz(chord[voice] + 12), 1.8))
    return AudioClip(_at_level(loop, MUSIC_DBFS), name="hold-music")


def connecting_tone() -> AudioClip:
    """Return two rising notes (0.5 s): the caller is about to be joined with a person."""
    return _earcon((76, 81), "earcon-connecting")


def attention_tone() -> AudioClip:
    """Return one short note (0.3 s): the agent is about to hear the briefing."""
    return _earcon((79,), "earcon-attention")


def _earcon(notes: Iterable[int], name: str) -> AudioClip:
    tones = [_bell(_hertz(note), 0.3)[: SAMPLE_RATE // 5] for note in notes]
    sound = np.concatenate([*tones, np.zeros(SAMPLE_RATE // 10)])
    fade = SAMPLE_RATE // 100
    for index in range(len(tones)):
        end = (index + 1) * (SAMPLE_RATE // 5)
        sound[end - fade : end] *= np.linspace(1, 0, fade)
    whole = -(-len(sound) // FRAME_SAMPLES) * FRAME_SAMPLES
    return AudioClip(_at_level(np.pad(sound, (0, whole - len(sound))), EARCON_DBFS), name=name)


def _hertz(note: int) -> float:
    return float(440.0 * 2 ** ((note - 69) / 12))


def _pad(hertz: float, seconds: float) -> NDArray[np.float64]:
    """A soft tone that swells and fades, reaching over into the next bar."""
    length = round(seconds * 1.25 * SAMPLE_RATE)
    time = np.arange(length) / SAMPLE_RATE
    envelope = np.sin(np.pi * np.arange(length) / length) ** 1.2
    tone = np.sin(2 * np.pi * hertz * time) + 0.2 * np.sin(4 * np.pi * hertz * time)
    return np.asarray(tone * envelope, np.float64)


def _bell(hertz: float, seconds: float) -> NDArray[np.float64]:
    """A plucked note: 8 ms attack, exponential decay, faded to nothing at its end."""
    length = round(seconds * SAMPLE_RATE)
    time = np.arange(length) / SAMPLE_RATE
    attack = np.minimum(1.0, time / 0.008)
    release = np.minimum(1.0, (seconds - time) / 0.05)
    tone = np.sin(2 * np.pi * hertz * time) + 0.15 * np.sin(4 * np.pi * hertz * time) * (hertz < 1600)
    return np.asarray(tone * attack * release * np.exp(-3.5 * time), np.float64)


def _add(loop: NDArray[np.float64], at_seconds: float, tone: NDArray[np.float64]) -> None:
    """Add a tone, its tail wrapped around to the loop's beginning."""
    start = round(at_seconds * SAMPLE_RATE)
    np.add.at(loop, (start + np.arange(len(tone))) % len(loop), tone)


def _at_level(sound: NDArray[np.float64], dbfs: float) -> bytes:
    rms = float(np.sqrt(np.mean(sound**2)))
    return to_pcm((sound * 10 ** (dbfs / 20) / rms).astype(np.float32))
