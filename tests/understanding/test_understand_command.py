"""`voicebot understand` as users run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tests.understanding.phrases import CONFIG
from tests.understanding.test_engine import WordsEncoder
from voicebot.commands.understand import understand
from voicebot.understanding import engine as engine_module

app = typer.Typer()
app.command()(understand)


@pytest.fixture(autouse=True)
def quick_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "E5Encoder", WordsEncoder)


def run(tmp_path: Path, *arguments: str, stdin: bytes = b"") -> tuple[int, list[dict[str, object]], str]:
    result = CliRunner().invoke(
        app, [*arguments, "--config", str(CONFIG), "--cache", str(tmp_path)], input=stdin
    )
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines() if line], result.stderr


def test_texts_give_a_json_object_each(tmp_path: Path) -> None:
    code, rows, _ = run(tmp_path, "ik wil een mens", "vijf drie acht twee een", "--json")
    assert code == 0
    assert [row["wants_human"] for row in rows] == [True, False]
    assert {"text", "language", "intent", "confidence", "slots", "wants_human"} <= set(rows[0])
    assert rows[1]["slots"] == {"digits": "53821", "order_number": "53821"}


def test_lines_of_standard_input(tmp_path: Path) -> None:
    code, rows, errors = run(
        tmp_path, "--stdin", stdin="agent\n\nwaar is mijn bestelling\r\nmañana €\n".encode()
    )
    assert code == 0
    assert [row["text"] for row in rows] == ["agent", "waar is mijn bestelling", "mañana €"]
    assert "lines/s" in errors


def test_the_language_can_be_forced(tmp_path: Path) -> None:
    _, rows, _ = run(tmp_path, "--language", "en", "half three", "--expect", "time")
    assert rows[0]["language"] == "en"
    assert rows[0]["slots"] == {"time": "15:30"}


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        ((), b""),
        (("tekst", "--stdin"), b"x\n"),
        (("  ",), b""),
        (("x" * 5_000,), b""),
        (("--stdin",), b"\xff\xfe\n"),
        (("--stdin",), b"x" * 5_000),
        (("--language", "de", "tekst"), b""),
        (("--today", "morgen", "tekst"), b""),
    ],
)
def test_wrong_input_is_told_and_exits_with_2(
    tmp_path: Path, arguments: tuple[str, ...], stdin: bytes
) -> None:
    code, rows, errors = run(tmp_path, *arguments, stdin=stdin)
    assert code == 2
    assert rows == []
    assert errors
