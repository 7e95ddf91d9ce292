"""Reads YAML as nodes, so that each mistake in a rule file is told with its line and field. Pure.

Values are taken as they are written: `+31302345678` stays a number to dial, `no` a word.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from voicebot.errors import ConfigError

LARGEST = 300_000
"""Characters of a rule file."""
DEEPEST = 12
_YES, _NO = frozenset({"true", "yes"}), frozenset({"false", "no"})


@dataclass(frozen=True, slots=True)
class Place:
    """A node with where it stands. `field`: dotted."""

    node: yaml.Node
    field: str
    file: Path

    @property
    def line(self) -> int:
        """The line, from 1."""
        return self.node.start_mark.line + 1

    def wrong(self, problem: str, mend: str) -> ConfigError:
        """Make the error that names this place."""
        return ConfigError(problem, mend=mend, file=self.file, line=self.line, field=self.field)

    def fields(self, known: Collection[str] | None = None) -> dict[str, Place]:
        """Read a mapping. `known`: the names it may have; None is any. Raises ConfigError."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong("must be a list of 'name: value' lines", "see docs/transfer-rules.md")
        found: dict[str, Place] = {}
        for key, value in self.node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            place = Place(value, f"{self.field}.{name}" if self.field else name, self.file)
            at_key = Place(key, place.field, self.file)
            if known is not None and name not in known:
                raise at_key.wrong(f"there is no '{name}' here", _did_you_mean(name, known))
            if name in found:
                raise at_key.wrong("is given twice", "keep one of them")
            found[name] = place
        return found

    def items(self) -> Iterator[Place]:
        """Read a list. Raises ConfigError."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.wrong("must be a list", "begin each item on a new line with '- '")
        for number, item in enumerate(self.node.value, start=1):
            yield Place(item, f"{self.field}.{number}", self.file)

    def text(self, longest: int = 200) -> str:
        """Read one value as written. Raises ConfigError."""
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag.endswith(":null"):
            raise self.wrong("must be one value", "write it on the same line, after the colon")
        value = str(self.node.value).strip()
        if not value or len(value) > longest or not value.isprintable():
            raise self.wrong(
                f"must be 1 to {longest} characters of plain text", "shorten it, and use one line of text"
            )
        return value

    def texts(self, most: int = 200) -> list[Place]:
        """Read one value or a list of values. Raises ConfigError."""
        if isinstance(self.node, yaml.ScalarNode):
            return [self]
        found = list(self.items())
        if not 1 <= len(found) <= most:
            raise self.wrong(f"must have 1 to {most} values", "add or remove values")
        return found

    def flag(self) -> bool:
        """Read true or false. Raises ConfigError."""
        value = self.text().lower()
        if value not in _YES | _NO:
            raise self.wrong(f"'{value}' is neither true nor false", "write true or false")
        return value in _YES

    def number(self, least: int = 1, most: int = 100_000) -> int:
        """Read a whole number. Raises ConfigError."""
        value = self.text()
        if not (value.isascii() and value.isdigit() and len(value) < 9 and least <= int(value) <= most):
            raise self.wrong(
                f"'{value}' is no number from {least} to {most}", "write a whole number without signs"
            )
        return int(value)

    def one_of(self, known: Collection[str]) -> str:
        """Read one of some words. Raises ConfigError."""
        value = self.text()
        if value not in known:
            raise self.wrong(f"'{value}' is not known here", _did_you_mean(value, known))
        return value


def root_of(text: str, file: Path) -> Place:
    """Parse a file. Raises ConfigError: no YAML, too large, too deep, or with anchors."""
    if len(text) > LARGEST:
        raise ConfigError(f"is larger than {LARGEST} characters", mend="remove unused rules", file=file)
    try:
        _check_events(text, file)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as cause:
        line = cause.problem_mark.line + 1 if cause.problem_mark else None
        raise ConfigError(
            f"is not YAML: {cause.problem}",
            mend="correct that line: mind the spaces at its beginning, and put texts with ':' in quotes",
            file=file,
            line=line,
        ) from cause
    except yaml.YAMLError as cause:
        raise ConfigError("has characters that YAML does not allow", mend="remove them", file=file) from cause
    if root is None:
        raise ConfigError("is empty", mend="begin with 'rules:'", file=file)
    return Place(root, "", file)


def _check_events(text: str, file: Path) -> None:
    """Look before composing, which recurses: neither depth nor aliases may blow up."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        problem = ""
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            problem = "uses '&' or '*' references"
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            problem = "is nested too deeply"
        if problem:
            line = event.start_mark.line + 1 if event.start_mark else None
            raise ConfigError(problem, mend="write values out, '*' in quotes", file=file, line=line)


def _did_you_mean(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"did you mean '{close[0]}'?"
    return "use one of: " + ", ".join(sorted(known))
