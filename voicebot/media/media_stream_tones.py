"""DTMF as sound (ITU-T Q.23), for gateways: the protocol has no message for keys that the bot presses."""

from __future__ import annotations

import numpy as np

from voicebot.audio import SAMPLE_RATE, faded, pcm_of

_LOW = (697, 770, 852, 941)
_HIGH = (1209, 1336, 1477, 1633)
_KEYS = "123A456B789C*0#D"
_AMPLITUDE = 7000
TONE_MS, PAUSE_MS = 120, 80


def dtmf_audio(digits: str) -> bytes:
    """Render keys as s16le 16 kHz; raises ValueError for anything but 0-9 * # A-D."""
    return b"".join(_tone(digit) + bytes(SAMPLE_RATE * PAUSE_MS // 1000 * 2) for digit in digits.upper())


def _tone(digit: str) -> bytes:
    row, column = divmod(_KEYS.index(digit), 4)
    time = np.arange(SAMPLE_RATE * TONE_MS // 1000) / SAMPLE_RATE
    wave = np.sin(2 * np.pi * _LOW[row] * time) + np.sin(2 * np.pi * _HIGH[column] * time)
    pcm = pcm_of(wave * _AMPLITUDE)
    edge = SAMPLE_RATE * 5 // 1000 * 2
    return faded(pcm[:edge], 0.0, 1.0) + pcm[edge:-edge] + faded(pcm[-edge:], 1.0, 0.0)
