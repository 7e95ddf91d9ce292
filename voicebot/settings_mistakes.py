"""What is wrong with the settings, where it stands, and how to mend it. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from voicebot.errors import ConfigError

PREFIX = "VOICEBOT_"
REFERENCE = "docs/configuration.md"


def variable_of(location: Iterable[str]) -> str:
    """Name the environment variable of a field."""
    return PREFIX + "__".join(location).upper()


def first_mistake(
    error: ValidationError, file: Path, text: str, environment: Mapping[str, str]
) -> ConfigError:
    """Return the first mistake with its place in the file or the environment, naming the others."""
    mistakes = error.errors(include_url=False, include_input=False)
    first = mistakes[0]
    location = tuple(str(part) for part in first["loc"])
    mend = _mend(first, ".".join(location))
    if len(mistakes) > 1:
        others = (".".join(str(part) for part in other["loc"]) or "the whole" for other in mistakes[1:6])
        mend += f" (also wrong: {', '.join(others)})"
    problem = str(first["msg"]).removeprefix("Value error, ")
    return located(ConfigError(problem, field=".".join(location), mend=mend), file, text, environment)


def located(error: ConfigError, file: Path, text: str, environment: Mapping[str, str]) -> ConfigError:
    """Say where a field got its value: from a variable, or from a line of the file."""
    location = tuple(error.field.split(".")) if error.field else ()
    for depth in range(len(location), 0, -1):
        wanted = variable_of(location[:depth])
        found = next((name for name in environment if name.upper() == wanted), None)
        if found is not None:
            return ConfigError(error.problem, field=found, mend=error.mend)
    line = line_of(text, location)
    return ConfigError(error.problem, file=file, line=line, field=error.field, mend=error.mend)


def check_variables(
    environment: Mapping[str, str], sections: Collection[str], json_fields: Collection[str]
) -> None:
    """Refuse variables that would be ignored, or that cannot be read. Raises ConfigError.

    `sections`: names at the top of the file; `json_fields`: dotted fields that are lists or tables.
    """
    for name in sorted(environment):
        if not name.upper().startswith(PREFIX):
            continue
        location = name.upper().removeprefix(PREFIX).lower().split("__")
        if len(location) > 1 and location[0] not in sections:
            raise ConfigError(
                f"there is no section '{location[0]}'",
                field=name,
                mend=f"correct the name, or remove the variable; sections are {', '.join(sorted(sections))}",
            )
        if ".".join(location) in json_fields and not _is_json(environment[name]):
            raise ConfigError(
                "is not JSON",
                field=name,
                mend='write lists as ["a", "b"] and tables as {"field": "value"}',
            )


def _is_json(value: str) -> bool:
    try:
        json.loads(value)
    except ValueError:
        return False
    return True


def _mend(mistake: Any, field: str) -> str:
    kind, message = str(mistake["type"]), str(mistake["msg"])
    if kind == "extra_forbidden":
        return f"remove '{field}' or correct its spelling; {REFERENCE} lists all fields"
    if kind == "missing":
        return f"add '{field}'; {REFERENCE} shows an example"
    if kind == "value_error":
        return "change it as the message says"
    return f"change '{field}' so that: {message[0].lower()}{message[1:]}"


def line_of(text: str, location: tuple[str, ...]) -> int | None:
    """Find the 1-based line of a dotted field in TOML text, or of the nearest table that should hold it."""
    best: tuple[int, int] | None = None  # (depth matched, line)
    table: tuple[str, ...] = ()
    array_index: dict[str, int] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.split("#")[0].strip()
        if line.startswith("[["):
            name = line.strip("[]").strip()
            array_index[name] = array_index.get(name, -1) + 1
            table = (*name.split("."), str(array_index[name]))
        elif line.startswith("["):
            table = tuple(part.strip().strip('"') for part in line.strip("[]").split("."))
        elif "=" in line:
            key = tuple(part.strip().strip('"') for part in line.split("=")[0].split("."))
            path = (*table, *key)
            depth = _common_depth(path, location)
            if depth == len(path) and (best is None or depth > best[0]):
                best = (depth, number)
            continue
        else:
            continue
        if table == location[: len(table)] and (best is None or len(table) > best[0]):
            best = (len(table), number)
    return best[1] if best else None


def _common_depth(path: tuple[str, ...], location: tuple[str, ...]) -> int:
    depth = 0
    for ours, theirs in zip(path, location, strict=False):
        if ours != theirs:
            break
        depth += 1
    return depth
