"""`voicebot transcribe`: what it reads, how it cuts, how it fails."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from voicebot.audio_file import read_audio
from voicebot.commands import transcribe as command
from voicebot.errors import ConfigError
from voicebot.hearing.transcriber import Transcription, TranscriptionRequest

RATE = 16_000


def wav(path: Path, seconds: float, rate: int = RATE, channels: int = 1) -> Path:
    time = np.arange(int(seconds * rate)) / rate
    samples = (np.sin(2 * np.pi * 440 * time) * 9000).astype("<i2")
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(channels)
        stream.setsampwidth(2)
        stream.setframerate(rate)
        stream.writeframes(np.repeat(samples, channels).tobytes())
    return path


class FakeEngine:
    """Answers with the length of what it was given."""

    def transcribe(self, request: TranscriptionRequest) -> Transcription:
        seconds = len(request.pcm) / 2 / RATE
        language = request.language or "nl"
        return Transcription(f"{seconds:.0f}s", language, {"nl": 0.5, "en": 0.5}, -0.1, 0.0, 0.0)


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(command, "_engine", FakeEngine)
    app = typer.Typer()
    app.command()(command.transcribe)

    def invoke(*arguments: object):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return invoke


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 1), (44100, 2), (48000, 1)])
def test_reads_any_rate_and_number_of_channels(rate, channels, tmp_path):
    pcm = read_audio(wav(tmp_path / "a.wav", 1.0, rate, channels))
    assert len(pcm) / 2 == pytest.approx(RATE, abs=RATE // 100)
    samples = np.frombuffer(pcm, "<i2")
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) * RATE / len(samples) == pytest.approx(440, abs=5)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("none.wav", None, "no such file"),
        ("empty.wav", b"", "empty|cannot be read"),
        ("junk.wav", b"junk" * 99, "cannot be read"),
    ],
)
def test_unreadable_files_are_named(name, content, problem, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=problem) as caught:
        read_audio(tmp_path / name)
    assert name in str(caught.value)


def test_header_without_samples_is_no_audio(tmp_path):
    with pytest.raises(ConfigError, match=r"no audio|cannot be read|empty"):
        read_audio(wav(tmp_path / "a.wav", 0))


def test_one_bad_file_does_not_stop_the_others(run, tmp_path):
    good = wav(tmp_path / "good.wav", 2.0)
    result = run(tmp_path / "none.wav", good, "--json", "--language", "en")
    assert result.exit_code == 1
    failed, done = [json.loads(line) for line in result.stdout.splitlines()]
    assert "no such file" in failed["error"]
    assert (done["file"], done["text"], done["language"], done["seconds"]) == (str(good), "2s", "en", 2.0)
    assert done["elapsed_seconds"] >= 0


def test_all_good_is_exit_code_0_and_text_on_one_line(run, tmp_path):
    result = run(wav(tmp_path / "a.wav", 1.0), "--telephone")
    assert result.exit_code == 0
    assert result.stdout.rstrip().endswith("1s")
    assert result.stdout.count("\n") == 1


def test_wrong_language_is_exit_code_2(run, tmp_path):
    assert run(wav(tmp_path / "a.wav", 1.0), "--language", "fr").exit_code == 2
    assert run().exit_code == 2


def test_long_recordings_are_cut_where_it_is_quiet():
    random = np.random.default_rng(1)
    samples = (random.standard_normal(70 * RATE) * 3000).astype("<i2")
    for second in (26, 50):
        samples[second * RATE : second * RATE + RATE // 2] = 0
    parts = command.windows(samples.tobytes())
    assert b"".join(parts) == samples.tobytes()
    assert all(len(part) <= 29 * RATE * 2 for part in parts)
    first = len(parts[0]) / 2 / RATE
    assert 26 <= first <= 26.5
    assert 50 <= first + len(parts[1]) / 2 / RATE <= 50.5
