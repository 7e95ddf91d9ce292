from __future__ import annotations

import json
import wave
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from voicebot.commands.speak import speak

app = typer.Typer()
app.command()(speak)


def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), input=stdin)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "x.wav"


def test_writes_a_wav_and_reports_it(tmp_path: Path, output: Path) -> None:
    code, out, err = run(
        "--language", "nl", "Het is 14:30.", "-o", str(output), "--weights", str(tmp_path), "--json"
    )
    assert code == 0
    report = json.loads(out)
    assert report["spoken"] == "Het is veertien uur dertig."
    assert report["voice"].startswith("espeak")
    assert "voicebot models pull" in err
    with wave.open(str(output)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16_000, 1, 2)
        assert sound.getnframes() / 16_000 == pytest.approx(report["seconds"], abs=0.002)


def test_text_from_standard_input(tmp_path: Path, output: Path) -> None:
    code, out, _ = run(
        "--language", "en", "-", "-o", str(output), "--weights", str(tmp_path), "--rate", "0.8", stdin="Hi."
    )
    assert code == 0
    assert "Hi." in out


def test_unwritable_file(tmp_path: Path) -> None:
    code, _, err = run(
        "--language", "nl", "Ja.", "-o", str(tmp_path / "no" / "x.wav"), "--weights", str(tmp_path)
    )
    assert code == 1
    assert "name another with -o" in err


@pytest.mark.parametrize("arguments", [("--language", "nl", "😀"), ("--language", "fr", "Oui.")])
def test_wrong_usage(arguments: tuple[str, ...], output: Path) -> None:
    code, _, _ = run(*arguments, "-o", str(output))
    assert code == 2
    assert not output.exists()
