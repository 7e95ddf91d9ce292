"""Generated sounds and speech as they arrive over an A-law telephone line, and a VAD run over them."""

import importlib.util
import shutil
import subprocess
import wave
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from voicebot.audio import (
    FRAME_BYTES,
    FRAME_MS,
    SAMPLE_RATE,
    AudioFrame,
    alaw_decode,
    alaw_encode,
    resample_clip,
)
from voicebot.hearing.silero import SileroModel
from voicebot.hearing.vad import VadConfig, VoiceActivity
from voicebot.hearing.vad_decision import VadDecision

Wave = npt.NDArray[np.float64]
SECONDS = 6
TIME: Wave = np.arange(SAMPLE_RATE * SECONDS) / SAMPLE_RATE


@lru_cache
def silero() -> SileroModel:
    spec = importlib.util.find_spec("faster_whisper")
    assert spec is not None
    assert spec.origin is not None
    return SileroModel(Path(spec.origin).parent / "assets" / "silero_vad_v6.onnx")


def pcm_of(sound: Wave) -> bytes:
    return np.clip(sound * 32767, -32768, 32767).astype("<i2").tobytes()


def by_telephone(pcm: bytes) -> bytes:
    """16 kHz in and out, through 8 kHz A-law."""
    return resample_clip(alaw_decode(alaw_encode(resample_clip(pcm, 16_000, 8_000))), 8_000, 16_000)


def detect(pcm: bytes, config: VadConfig | None = None) -> list[VadDecision]:
    vad = VoiceActivity(silero().stream(), config)
    return [
        vad.process(AudioFrame(pcm[start : start + FRAME_BYTES], start // FRAME_BYTES * FRAME_MS))
        for start in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)
    ]


def spoken(
    text: str, voice: str = "nl", before_ms: int = 500, after_ms: int = 1_500, tmp: Path | None = None
) -> bytes:
    """Speech by eSpeak NG with line noise around it, by telephone; skips where the program is missing."""
    program = shutil.which("espeak-ng")
    if program is None:
        pytest.skip("espeak-ng is not installed")
    assert tmp is not None
    path = tmp / "speech.wav"
    subprocess.run([program, "-v", voice, "-s", "140", "-w", str(path), text], check=True)
    with wave.open(str(path)) as file:
        speech = resample_clip(file.readframes(file.getnframes()), file.getframerate())
    samples = np.frombuffer(bytes(before_ms * 32) + speech + bytes(after_ms * 32), "<i2").astype(np.float64)
    noise = np.random.default_rng(7).normal(0, 20, len(samples))
    return by_telephone(np.clip(samples + noise, -32768, 32767).astype("<i2").tobytes())


def tones(*frequencies: float) -> Wave:
    return sum((np.sin(2 * np.pi * f * TIME) for f in frequencies), np.zeros_like(TIME)) / len(frequencies)


def white(level: float) -> Wave:
    return np.random.default_rng(1).normal(0, level, len(TIME))


def pink() -> Wave:
    spectrum = np.fft.rfft(np.random.default_rng(2).normal(0, 1, len(TIME)))
    sound = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), len(TIME))
    return sound / np.abs(sound).max()


def hum() -> Wave:
    return 0.3 * sum((np.sin(2 * np.pi * 50 * n * TIME) / n for n in range(1, 25)), np.zeros_like(TIME))


def chords() -> Wave:
    """Three-part music with overtones, as on hold."""
    random = np.random.default_rng(5)
    sound = np.zeros_like(TIME)
    length = SAMPLE_RATE // 4
    envelope = np.exp(-np.arange(length) / 2_500) * np.minimum(1, np.arange(length) / 200)
    for start in range(0, len(TIME) - length, length):
        for frequency in random.choice([262, 294, 330, 349, 392, 440, 494, 523], 3):
            for overtone in range(1, 6):
                note = np.sin(2 * np.pi * frequency * overtone * np.arange(length) / SAMPLE_RATE) / overtone
                sound[start : start + length] += note * envelope
    return 0.4 * sound / np.abs(sound).max()


def clicks() -> Wave:
    random = np.random.default_rng(3)
    sound = np.zeros_like(TIME)
    for place in random.integers(0, len(TIME) - 100, 30):
        sound[place : place + 20] = random.uniform(-0.8, 0.8, 20)
    return sound


def knocks() -> Wave:
    return 0.4 * (tones(150, 300) * ((TIME % 0.7) < 0.03))


NOT_SPEECH: dict[str, Wave] = {
    "silence": np.zeros_like(TIME),
    "faint white noise": white(0.01),
    "white noise": white(0.05),
    "loud white noise": white(0.2),
    "pink noise": pink() * 0.5,
    "breathing": pink() * 0.4 * (np.sin(2 * np.pi * 0.4 * TIME) > 0),
    "hum": hum(),
    "DTMF 5": tones(770, 1336) * 0.4 * ((TIME % 0.4) < 0.2),
    "DTMF 0": tones(941, 1336) * 0.4 * ((TIME % 0.3) < 0.1),
    "ringback": tones(425) * 0.3 * ((TIME % 5) < 1),
    "dial tone": tones(350, 440) * 0.3,
    "music": chords(),
    "clicks": clicks(),
    "knocks": knocks(),
}
