"""What a test caller does, step by step: say, play a file, press keys, wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voicebot.errors import ConfigError
from voicebot.events import Language

StepKind = Literal["say", "play", "dtmf", "wait", "interrupt"]
STEP_KINDS: tuple[StepKind, ...] = ("say", "play", "dtmf", "wait", "interrupt")
DIGITS = frozenset("0123456789*#ABCD")


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    `say`: `content` is text, spoken in `language`. `play`: a file name. `dtmf`: keys. `wait`: seconds of
    silence. `interrupt`: like say, but at once, while the bot is talking (a barge-in).
    """

    kind: StepKind
    content: str
    language: Language | None = None


def parse_step(kind: str, value: str) -> Step:
    """Read one option. `--then` takes 'say:…', 'play:…', 'dtmf:…', 'wait:…', 'interrupt:…' or plain text.

    A text may name its language: 'nl:hallo'. Raises ConfigError.
    """
    content = value
    if kind == "then":
        head, colon, rest = value.partition(":")
        kind, content = (head, rest) if colon and head in STEP_KINDS else ("say", value)
    language: Language | None = None
    if kind in {"say", "interrupt"}:
        head, colon, rest = content.partition(":")
        if colon and head in {"nl", "en"}:
            language, content = ("nl" if head == "nl" else "en"), rest
    content = content.strip()
    _check(kind, content)
    return Step(kind, content, language)  # type: ignore[arg-type]  # _check has refused other kinds


def _check(kind: str, content: str) -> None:
    if kind not in STEP_KINDS:
        raise ConfigError(f"unknown step '{kind}'", mend="use say, play, dtmf, wait or interrupt")
    if not content:
        raise ConfigError(f"step '{kind}' is empty", mend="give it a text, a file, keys or seconds")
    if kind == "dtmf" and not set(content) <= DIGITS:
        raise ConfigError("keys may be 0-9 * # A-D only", mend="for example --dtmf 0")
    if kind == "play" and not Path(content).is_file():
        raise ConfigError("there is no such file", file=Path(content), mend="name an audio file")
    if kind == "wait":
        try:
            seconds = float(content)
        except ValueError:
            seconds = -1.0
        if not 0 < seconds <= 600:
            raise ConfigError("wait takes 0 to 600 seconds", mend="for example --then wait:2")


def steps_in_order(arguments: Sequence[str]) -> tuple[Step, ...]:
    """Read --say, --play, --dtmf, --then and --interrupt from a command line in the order given."""
    steps: list[Step] = []
    known = {f"--{kind}": kind for kind in (*STEP_KINDS, "then")}
    position = 0
    while position < len(arguments):
        name, equals, value = arguments[position].partition("=")
        position += 1
        if name not in known:
            continue
        if not equals:
            if position >= len(arguments):
                break
            value = arguments[position]
            position += 1
        steps.append(parse_step(known[name], value))
    return tuple(steps)
