"""Reads config/opening_hours.yaml into `OpeningHours`; each mistake is a ConfigError with line and field."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from voicebot import yaml_text
from voicebot.errors import ConfigError
from voicebot.events import LANGUAGES
from voicebot.transfer.opening_hours import Branch, Interval, OpeningHours, holiday_name

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CHECKED_YEARS = range(2026, 2029)


def load_opening_hours(path: Path) -> OpeningHours:
    """Read the file. Raises ConfigError."""
    return _File(path).load()


class _File:
    """One file being read: keeps the path and the text to say where a mistake is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.text = path.read_text(encoding="utf-8")
            loaded = yaml_text.load(self.text)
        except OSError as cause:
            raise ConfigError(f"cannot be read ({cause.strerror})", mend="create it", file=path) from cause
        except yaml.MarkedYAMLError as cause:
            line = cause.problem_mark.line + 1 if cause.problem_mark else None
            raise ConfigError(
                f"is not YAML: {cause.problem}", mend="correct that line", file=path, line=line
            ) from cause
        self.root = loaded

    def load(self) -> OpeningHours:
        root = self._mapping(self.root, "")
        desk = self._branch("desk", root.get("desk"), "desk")
        found = self._mapping(root.get("branches"), "branches")
        if not found:
            raise self._wrong("no branch is listed", "list at least one", "branches")
        branches = {
            str(name): self._branch(str(name), entry, f"branches.{name}") for name, entry in found.items()
        }
        return OpeningHours(branches, desk)

    def _branch(self, branch_id: str, entry: object, field: str) -> Branch:
        found = self._mapping(entry, field)
        names = self._mapping(found.get("name"), f"{field}.name")
        for language in LANGUAGES:
            if not isinstance(names.get(language), str):
                raise self._wrong(f"has no name in '{language}'", "add it", f"{field}.name")
        try:
            zone = ZoneInfo(str(found.get("timezone", "Europe/Amsterdam")))
        except (ZoneInfoNotFoundError, ValueError) as cause:
            raise self._wrong("is unknown", "use a name like Europe/Brussels", f"{field}.timezone") from cause
        country = self._country(found, field)
        special = self._mapping(found.get("special_days") or {}, f"{field}.special_days")
        return Branch(
            branch_id,
            {language: str(names[language]) for language in LANGUAGES},
            country,
            zone,
            self._weekly(found.get("weekly"), f"{field}.weekly"),
            {self._date(day, field): self._intervals(v, f"{field}.{day}") for day, v in special.items()},
            self._open_holidays(found, country, field),
        )

    def _country(self, found: dict[str, Any], field: str) -> str:
        country = str(found.get("country", ""))
        try:
            holiday_name(country, date(CHECKED_YEARS.start, 1, 1), "nl")
        except NotImplementedError as cause:
            raise self._wrong("is unknown", "use NL, BE or another ISO code", f"{field}.country") from cause
        return country

    def _open_holidays(self, found: dict[str, Any], country: str, field: str) -> frozenset[str]:
        names = found.get("open_holidays") or []
        if not isinstance(names, list):
            raise self._wrong("is no list", "write [Goede vrijdag]", f"{field}.open_holidays")
        known = {
            holiday_name(country, date.fromordinal(number), "nl")
            for year in CHECKED_YEARS
            for number in range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1)
        }
        for name in names:
            if name not in known:
                mend = f"use one of: {', '.join(sorted(known - {''}))}"
                raise self._wrong(f"'{name}' is no holiday there", mend, f"{field}.open_holidays")
        return frozenset(str(name) for name in names)

    def _weekly(self, entry: object, field: str) -> dict[int, tuple[Interval, ...]]:
        weekly: dict[int, tuple[Interval, ...]] = {}
        for key, value in self._mapping(entry, field).items():
            first, _, last = str(key).partition("-")
            if first not in DAYS or (last or first) not in DAYS:
                raise self._wrong(f"'{key}' is no day", "use mon, mon-fri …", field)
            for day in range(DAYS.index(first), DAYS.index(last or first) + 1):
                if day in weekly:
                    raise self._wrong(f"{DAYS[day]} is given twice", "keep one", field)
                weekly[day] = self._intervals(value, f"{field}.{key}")
        missing = [DAYS[day] for day in range(7) if day not in weekly]
        if missing:
            raise self._wrong(f"{', '.join(missing)} missing", 'add the day, with "closed" if closed', field)
        return weekly

    def _intervals(self, value: object, field: str) -> tuple[Interval, ...]:
        if value == "closed":
            return ()
        found: list[Interval] = []
        for part in str(value).split(","):
            try:
                opens, closes = (_time_of_day(edge.strip()) for edge in part.split("-"))
            except ValueError as cause:
                raise self._wrong(f"'{value}' is no opening time", 'write "09:00-18:00"', field) from cause
            if closes <= opens or (found and opens < found[-1].closes):
                raise self._wrong(f"'{value}' runs backwards", "order the times", field)
            found.append(Interval(opens, closes))
        return tuple(found)

    def _date(self, value: object, field: str) -> date:
        if isinstance(value, date):
            return value
        raise self._wrong(f"'{value}' is no date", "write 2026-12-24", f"{field}.special_days")

    def _mapping(self, value: object, field: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        raise self._wrong("is missing or no mapping", "see the commented example file", field)

    def _wrong(self, problem: str, mend: str, field: str) -> ConfigError:
        return ConfigError(problem, mend=mend, file=self.path, line=self._line_of(field), field=field)

    def _line_of(self, field: str) -> int | None:
        """Return the line (1-based) of the field, or of the nearest mapping around it that is there."""
        node, line = yaml_text.compose(self.text), None
        for key in field.split("."):
            if not isinstance(node, yaml.MappingNode):
                break
            found = [(name, value) for name, value in node.value if name.value == key]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        return line


def _time_of_day(text: str) -> time:
    """Read '09:00'; '24:00' is the end of the day. Raises ValueError."""
    return time.max if text == "24:00" else time.fromisoformat(text)
