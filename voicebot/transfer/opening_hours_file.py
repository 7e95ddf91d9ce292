"""Reads config/opening_hours.yaml into `OpeningHours`; each mistake is a ConfigError with line and field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from voicebot.errors import ConfigError
from voicebot.events import LANGUAGES
from voicebot.transfer.opening_hours import Branch, Interval, OpeningHours, holiday_name
from voicebot.transfer.yaml_file import YamlFile

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CHECKED_YEARS = range(2026, 2029)
MAX_RANGE_DAYS = 366
_EVERY_YEAR = re.compile(r"(\d\d)-(\d\d)")


def load_opening_hours(path: Path) -> OpeningHours:
    """Read the file. Raises ConfigError."""
    return _File(path).load()


class _File(YamlFile):
    """The file being read."""

    def load(self) -> OpeningHours:
        root = self.mapping(self.root, "")
        desk = self._branch("desk", root.get("desk"), "desk")
        found = self.mapping(root.get("branches"), "branches")
        if not found:
            raise self.wrong("no branch is listed", "list at least one", "branches")
        branches = {
            str(name): self._branch(str(name), entry, f"branches.{name}") for name, entry in found.items()
        }
        schedules = self.mapping(root.get("queues") or {}, "queues")
        for name in schedules:
            if name in branches or name == "desk":
                raise self.wrong("is the name of a branch too", "give it another name", f"queues.{name}")
        queues = {
            str(name): self._branch(str(name), entry, f"queues.{name}", is_place=False)
            for name, entry in schedules.items()
        }
        return OpeningHours(branches, desk, queues)

    def _branch(self, branch_id: str, entry: object, field: str, *, is_place: bool = True) -> Branch:
        found = self.mapping(entry, field)
        names = self.mapping(found.get("name"), f"{field}.name") if is_place or "name" in found else {}
        for language in LANGUAGES:
            if names.get(language) is None and not is_place:
                names = {**names, language: branch_id}
            if not isinstance(names.get(language), str):
                raise self.wrong(f"has no name in '{language}'", "add it", f"{field}.name")
        try:
            zone = ZoneInfo(str(found.get("timezone", "Europe/Amsterdam")))
        except (ZoneInfoNotFoundError, ValueError) as cause:
            raise self.wrong("is unknown", "use a name like Europe/Brussels", f"{field}.timezone") from cause
        country = self._country(found, field)
        special, yearly = self._special_days(found, f"{field}.special_days")
        return Branch(
            branch_id,
            {language: str(names[language]) for language in LANGUAGES},
            country,
            zone,
            self._weekly(found.get("weekly"), f"{field}.weekly"),
            special,
            self._open_holidays(found, country, field),
            yearly,
            self._holiday_hours(found, country, f"{field}.holiday_hours"),
        )

    def _country(self, found: dict[str, Any], field: str) -> str:
        country = str(found.get("country", ""))
        try:
            holiday_name(country, date(CHECKED_YEARS.start, 1, 1), "nl")
        except NotImplementedError as cause:
            raise self.wrong("is unknown", "use NL, BE or another ISO code", f"{field}.country") from cause
        return country

    def _open_holidays(self, found: dict[str, Any], country: str, field: str) -> frozenset[str]:
        names = found.get("open_holidays") or []
        if not isinstance(names, list):
            raise self.wrong("is no list", "write [Goede vrijdag]", f"{field}.open_holidays")
        for name in names:
            self._check_holiday(str(name), country, f"{field}.open_holidays")
        return frozenset(str(name) for name in names)

    def _holiday_hours(
        self, found: dict[str, Any], country: str, field: str
    ) -> dict[str, tuple[Interval, ...]]:
        hours = self.mapping(found.get("holiday_hours") or {}, field)
        for name in hours:
            self._check_holiday(str(name), country, f"{field}.{name}")
        return {str(name): self._intervals(value, f"{field}.{name}") for name, value in hours.items()}

    def _check_holiday(self, name: str, country: str, field: str) -> None:
        first, last = date(CHECKED_YEARS.start, 1, 1), date(CHECKED_YEARS.stop - 1, 12, 31)
        known = {holiday_name(country, day, "nl") for day in _days(first, last)} - {""}
        if name not in known:
            mend = f"use one of: {', '.join(sorted(known))}"
            raise self.wrong(f"'{name}' is no holiday there", mend, field)

    def _special_days(
        self, found: dict[str, Any], field: str
    ) -> tuple[dict[date, tuple[Interval, ...]], dict[tuple[int, int], tuple[Interval, ...]]]:
        """Return the hours of single dates (ranges spread out), and of dates of every year."""
        special: dict[date, tuple[Interval, ...]] = {}
        yearly: dict[tuple[int, int], tuple[Interval, ...]] = {}
        for key, value in self.mapping(found.get("special_days") or {}, field).items():
            intervals = self._intervals(value, f"{field}.{key}")
            every_year = _EVERY_YEAR.fullmatch(str(key))
            if every_year:
                try:
                    day = date(2028, int(every_year[1]), int(every_year[2]))  # a leap year
                except ValueError as cause:
                    raise self._no_date(key, field) from cause
                yearly[day.month, day.day] = intervals
                continue
            for day in self._dates(key, field):
                if day in special:
                    raise self.wrong(f"{day} is given twice", "keep one", f"{field}.{key}")
                special[day] = intervals
        return special, yearly

    def _dates(self, key: object, field: str) -> list[date]:
        """Return the date, or each of a range '2026-12-27..2027-01-03'."""
        if isinstance(key, date):
            return [key]
        first_text, dots, last_text = str(key).partition("..")
        try:
            first = date.fromisoformat(first_text.strip())
            last = date.fromisoformat(last_text.strip()) if dots else first
        except ValueError as cause:
            raise self._no_date(key, field) from cause
        if not 0 <= (last - first).days < MAX_RANGE_DAYS:
            raise self.wrong(f"'{key}' runs backwards or is over a year", "order the dates", f"{field}.{key}")
        return list(_days(first, last))

    def _no_date(self, key: object, field: str) -> ConfigError:
        mend = 'write 2026-12-24, "2026-12-27..2027-01-03", or "12-24" for every year'
        return self.wrong(f"'{key}' is no date", mend, field)

    def _weekly(self, entry: object, field: str) -> dict[int, tuple[Interval, ...]]:
        weekly: dict[int, tuple[Interval, ...]] = {}
        for key, value in self.mapping(entry, field).items():
            first, _, last = str(key).partition("-")
            if first not in DAYS or (last or first) not in DAYS:
                raise self.wrong(f"'{key}' is no day", "use mon, mon-fri …", field)
            for day in range(DAYS.index(first), DAYS.index(last or first) + 1):
                if day in weekly:
                    raise self.wrong(f"{DAYS[day]} is given twice", "keep one", field)
                weekly[day] = self._intervals(value, f"{field}.{key}")
        missing = [DAYS[day] for day in range(7) if day not in weekly]
        if missing:
            raise self.wrong(f"{', '.join(missing)} missing", 'add the day, with "closed" if closed', field)
        return weekly

    def _intervals(self, value: object, field: str) -> tuple[Interval, ...]:
        if value == "closed":
            return ()
        found: list[Interval] = []
        for part in str(value).split(","):
            try:
                opens, closes = (_time_of_day(edge.strip()) for edge in part.split("-"))
            except ValueError as cause:
                raise self.wrong(f"'{value}' is no opening time", 'write "09:00-18:00"', field) from cause
            if closes <= opens or (found and opens < found[-1].closes):
                raise self.wrong(f"'{value}' runs backwards", "order the times", field)
            found.append(Interval(opens, closes))
        return tuple(found)


def _days(first: date, last: date) -> Iterator[date]:
    for ahead in range((last - first).days + 1):
        yield first + timedelta(days=ahead)


def _time_of_day(text: str) -> time:
    """Read '09:00'; '24:00' is the end of the day. Raises ValueError."""
    return time.max if text == "24:00" else time.fromisoformat(text)
