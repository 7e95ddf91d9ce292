"""`voicebot understand`: what texts mean, one JSON object a line.

Exit codes: 0 done, 2 wrong usage, input or configuration.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import date
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.events import Language
from voicebot.understanding.interpretation import Expectation

if TYPE_CHECKING:
    from voicebot.understanding.interpretation import Interpretation

BATCH = 64
"""Lines that are embedded together."""
LONGEST = 2_000
"""Characters of one line: far more than anybody says in a turn."""


class TextLanguage(StrEnum):
    """Choices of --language."""

    NL = "nl"
    EN = "en"


def understand(
    texts: Annotated[list[str] | None, typer.Argument(metavar="TEXT…", help="Texts, each one turn.")] = None,
    *,
    language: Annotated[
        TextLanguage | None, typer.Option(help="Language of the texts; default: found for each.")
    ] = None,
    stdin: Annotated[bool, typer.Option("--stdin", help="Read one text a line from standard input.")] = False,
    expect: Annotated[Expectation, typer.Option(help="What the bot has just asked.")] = Expectation.ANYTHING,
    today: Annotated[str, typer.Option(help="ISO date that 'morgen' counts from; default: today.")] = "",
    config: Annotated[Path, typer.Option(help="Folder with intents/ and knowledge/.")] = Path("config"),
    cache: Annotated[Path, typer.Option(help="Folder for the vectors of training phrases.")] = Path(
        "var/embeddings"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines; the output is always that.")] = False,
) -> None:
    """Print intent, confidence, slots and whether a person is asked for; one JSON object a line."""
    if stdin == bool(texts):
        raise typer.BadParameter("give texts, or --stdin and no texts", param_hint="TEXT…")
    day = _day(today)
    if texts is not None:
        _check(texts)
    from voicebot.understanding.engine import InterpreterEngine

    engine = InterpreterEngine(str(config), str(cache))
    if engine.is_degraded:
        sys.stderr.write("voicebot: the embedding model is missing, only rules and slots are used\n")
    spoken: Language | None = None if language is None else ("nl" if language is TextLanguage.NL else "en")
    started, count = time.perf_counter(), 0
    for batch in _batches(_lines() if stdin else texts or []):
        for meaning in engine.interpret_many(batch, spoken, expect, day):
            sys.stdout.write(json.dumps(_row(meaning), ensure_ascii=False) + "\n")
        sys.stdout.flush()
        count += len(batch)
    if stdin and count:
        seconds = time.perf_counter() - started
        sys.stderr.write(f"voicebot: {count} lines, {count / max(seconds, 1e-6):.0f} lines/s\n")


def _row(meaning: Interpretation) -> dict[str, object]:
    return {
        "text": meaning.text,
        "language": meaning.language,
        "intent": meaning.intent,
        "confidence": meaning.confidence,
        "slots": dict(meaning.slots),
        "wants_human": meaning.wants_human,
        "asks_if_robot": meaning.asks_if_robot,
        "is_backchannel": meaning.is_backchannel,
        "requested_language": meaning.requested_language,
    }


def _day(today: str) -> str:
    if not today:
        return date.today().isoformat()  # noqa: DTZ011 - 'tomorrow' is the operator's local day
    try:
        return date.fromisoformat(today).isoformat()
    except ValueError as error:
        raise typer.BadParameter(f"'{today}' is no date like 2026-12-31", param_hint="--today") from error


def _check(texts: Iterable[str]) -> None:
    for number, text in enumerate(texts, start=1):
        if not text.strip():
            raise typer.BadParameter(f"text {number} is empty", param_hint="TEXT…")
        if len(text) > LONGEST:
            raise typer.BadParameter(f"text {number} is longer than {LONGEST} characters", param_hint="TEXT…")


def _lines() -> Iterator[str]:
    """Lines of standard input; empty ones are skipped."""
    reader = sys.stdin.buffer
    for number, raw in enumerate(reader, start=1):
        try:
            line = raw.decode("utf-8").strip().strip("\ufeff")
        except UnicodeDecodeError as error:
            raise typer.BadParameter(f"line {number} is not UTF-8", param_hint="--stdin") from error
        if len(line) > LONGEST:
            raise typer.BadParameter(
                f"line {number} is longer than {LONGEST} characters", param_hint="--stdin"
            )
        if line:
            yield line


def _batches(lines: Iterable[str]) -> Iterator[list[str]]:
    source = iter(lines)
    while batch := list(islice(source, BATCH)):
        yield batch
