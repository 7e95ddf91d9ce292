"""A YAML file that is being read: finds the line of a mistake and says how to mend it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from voicebot import yaml_text
from voicebot.errors import ConfigError


class YamlFile:
    """One file. Fields are named with dots from the root ('queues.service.hours'). Raises ConfigError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.text = path.read_text(encoding="utf-8")
            self._node = yaml_text.compose(self.text)
            self.root: object = yaml_text.load(self.text)
        except OSError as cause:
            raise ConfigError(f"cannot be read ({cause.strerror})", mend="create it", file=path) from cause
        except UnicodeDecodeError as cause:
            raise ConfigError("is not UTF-8 text", mend="save the file as UTF-8", file=path) from cause
        except (yaml.YAMLError, ValueError) as cause:  # ValueError: a date such as 2026-02-30
            mark = getattr(cause, "problem_mark", None)
            problem = getattr(cause, "problem", None) or str(cause) or "unreadable"
            raise ConfigError(
                f"is not YAML: {problem}",
                mend="correct that line",
                file=path,
                line=mark.line + 1 if mark else None,
            ) from cause
        self._refuse_twins(self._node, "", depth=0)

    def _refuse_twins(self, node: yaml.Node | None, field: str, *, depth: int) -> None:
        """A key given twice would silently win over the first."""
        if not isinstance(node, yaml.MappingNode) or depth > 20:
            return
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            inner = f"{field}.{name}".lstrip(".")
            if name in seen:
                raise ConfigError(
                    "is there twice",
                    mend="keep one",
                    file=self.path,
                    line=key.start_mark.line + 1,
                    field=inner,
                )
            seen.add(name)
            self._refuse_twins(value, inner, depth=depth + 1)

    def mapping(self, value: object, field: str, known: frozenset[str] | None = None) -> dict[str, Any]:
        """Return a mapping with text keys as it is; `known`: the only keys it may have."""
        if not isinstance(value, dict):
            raise self.wrong("is missing or no mapping", "see the commented example file", field)
        for key in value:
            if known is not None and key not in known:
                raise self.wrong(
                    "is no field here", f"use {', '.join(sorted(known))}", f"{field}.{key}".lstrip(".")
                )
        return value

    def text_of(self, value: object, field: str) -> str:
        """Return a text that is not empty."""
        if not isinstance(value, str) or not value.strip():
            raise self.wrong("is missing or no text", "write it, in quotes if need be", field)
        return value.strip()

    def names(self, value: object, field: str) -> tuple[str, ...]:
        """Return a list of texts."""
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong("is no list of names", "write [one, two]", field)
        return tuple(value)

    def number(self, value: object, field: str, *, least: float, most: float) -> float:
        """Return a number within bounds."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not least <= float(str(value)) <= most:
            raise self.wrong(
                f"'{value}' is no number from {least:g} to {most:g}", "write such a number", field
            )
        return float(str(value))

    def wrong(self, problem: str, mend: str, field: str) -> ConfigError:
        """Return the error to raise."""
        return ConfigError(problem, mend=mend, file=self.path, line=self.line_of(field), field=field)

    def line_of(self, field: str) -> int | None:
        """Return the line (1-based) of the field, or of the nearest mapping around it that is there."""
        node, line = self._node, None
        rest = field
        while rest and isinstance(node, yaml.MappingNode):
            # a key may hold dots itself (a date range), so the longest key that fits is taken
            fits = [
                (key, value)
                for key, value in node.value
                if rest == str(key.value) or rest.startswith(f"{key.value}.")
            ]
            if not fits:
                break
            key, node = max(fits, key=lambda pair: len(str(pair[0].value)))
            line, rest = key.start_mark.line + 1, rest[len(str(key.value)) + 1 :]
        return line
