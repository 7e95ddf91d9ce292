"""Reads config/intents/*.yaml: `id`, `description`, `examples: {nl: […], nl-BE: […], en: […]}`.

`out_of_scope.yaml` teaches what is no intent; `near_misses` of a file (human) are examples against it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from voicebot import yaml_text
from voicebot.errors import ConfigError

OUT_OF_SCOPE = "out_of_scope"
VARIANTS = ("nl", "nl-BE", "en")
_FIELDS = {"id", "description", "examples", "near_misses"}
_ID = re.compile(r"[a-z][a-z0-9_]{1,40}")


@dataclass(frozen=True, slots=True)
class IntentExample:
    """One phrase that a caller may say. `variant`: nl, nl-BE or en."""

    intent: str
    variant: str
    text: str


@dataclass(frozen=True, slots=True)
class IntentFile:
    """One intent and its phrases; `near_misses` look like it and are not."""

    id: str
    description: str
    examples: tuple[IntentExample, ...]
    near_misses: tuple[IntentExample, ...]


def line_of(text: str, key: str, *, first_line: int = 1) -> int | None:
    """The line on which a key stands."""
    for number, line in enumerate(text.splitlines(), start=first_line):
        if line.strip().startswith(f"{key}:"):
            return number
    return None


def as_mapping(file: Path, text: str, *, first_line: int = 1) -> Mapping[str, Any]:
    """Parse YAML that must be a mapping. Raises ConfigError with the line."""
    try:
        values = yaml_text.load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigError(
            f"not valid YAML: {getattr(error, 'problem', '') or 'cannot be read'}",
            mend="check indentation, colons and quotes on this line",
            file=file,
            line=mark.line + first_line if mark else None,
        ) from error
    if not isinstance(values, dict):
        raise ConfigError(
            "must hold fields", mend="write 'id:', 'description:' and so on", file=file, line=first_line
        )
    return values


def require(file: Path, values: Mapping[str, Any], field: str) -> Any:
    """Return a field that must be there. Raises ConfigError."""
    if values.get(field) in (None, "", [], {}):
        raise ConfigError(f"'{field}' is missing", mend=f"add '{field}: …'", file=file, line=1, field=field)
    return values[field]


def read_examples(
    file: Path, text: str, intent: str, listed: object, *, field: str, first_line: int = 1
) -> tuple[IntentExample, ...]:
    """Check and flatten `{nl: [...], en: [...]}`. Raises ConfigError."""
    line = line_of(text, field, first_line=first_line)
    if not isinstance(listed, dict) or not listed:
        raise ConfigError(
            "needs phrases per language", mend=f"write '{field}:' with lists under nl, nl-BE, en", file=file,
            line=line, field=field,
        )  # fmt: skip
    examples: list[IntentExample] = []
    for variant, phrases in listed.items():
        where = line_of(text, str(variant), first_line=first_line) or line
        if variant not in VARIANTS:
            raise ConfigError(
                f"unknown language '{variant}'", mend=f"use {', '.join(VARIANTS)}", file=file, line=where,
                field=f"{field}.{variant}",
            )  # fmt: skip
        if not isinstance(phrases, list) or not phrases:
            raise ConfigError(
                "needs a list of phrases", mend="write one phrase per line, each after '- '", file=file,
                line=where,
                field=f"{field}.{variant}",
            )  # fmt: skip
        for place, phrase in enumerate(phrases):
            if not isinstance(phrase, str) or not phrase.strip():
                raise ConfigError(
                    f"phrase {place + 1} is {phrase!r}, not text",
                    mend='put it in quotes: "yes", "no" and numbers are not text in YAML', file=file,
                    line=where, field=f"{field}.{variant}[{place}]",
                )  # fmt: skip
            examples.append(IntentExample(intent, variant, phrase.strip()))
    return tuple(examples)


def load_intents(directory: Path) -> tuple[IntentFile, ...]:
    """Read every *.yaml of a directory, sorted by id. Raises ConfigError."""
    found: dict[str, IntentFile] = {}
    files = sorted(directory.glob("*.yaml"))
    if not files:
        raise ConfigError("no intents", mend="add config/intents/*.yaml", file=directory)
    for file in files:
        text = file.read_text(encoding="utf-8")
        values = as_mapping(file, text)
        for unknown in sorted(set(values) - _FIELDS):
            raise ConfigError(
                f"unknown field '{unknown}'", mend=f"use only {', '.join(sorted(_FIELDS))}", file=file,
                line=line_of(text, unknown), field=unknown,
            )  # fmt: skip
        name = str(require(file, values, "id"))
        if not _ID.fullmatch(name) or name in found:
            raise ConfigError(
                f"id '{name}' is {'used twice' if name in found else 'not a name'}",
                mend="use a unique id of lower-case letters and _", file=file, line=line_of(text, "id"),
                field="id",
            )  # fmt: skip
        examples = read_examples(file, text, name, values.get("examples"), field="examples")
        misses: tuple[IntentExample, ...] = ()
        if "near_misses" in values:
            misses = read_examples(file, text, OUT_OF_SCOPE, values["near_misses"], field="near_misses")
        found[name] = IntentFile(name, str(require(file, values, "description")), examples, misses)
    return tuple(found[name] for name in sorted(found))
