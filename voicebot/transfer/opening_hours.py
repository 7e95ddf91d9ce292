"""Opening hours of branches and of the human desk: pure, the moment is an argument.

A day's hours come from, in this order: a special day, one of every year, a public holiday of the branch's
country (package `holidays`), the weekday.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from voicebot.events import Language

DAYS_AHEAD = 21
"""How far `next_opening` looks."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Open from `opens` until just before `closes`, local time."""

    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class DayHours:
    """Hours of one day; no interval means closed. `holiday`: its Dutch name, '' on other days.

    `is_special`: from the list of special days.
    """

    intervals: tuple[Interval, ...]
    holiday: str = ""
    is_special: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """A place, or the human desk, with hours.

    `name`: as spoken, per language. `country`: ISO code of its holiday calendar. `weekly`: 0 is Monday.
    `special`: exceptions by date; `yearly`: by (month, day). `open_holidays`: Dutch names of holidays on
    which it opens as usual; `holiday_hours`: of those with hours of their own.
    """

    branch_id: str
    name: Mapping[Language, str]
    country: str
    timezone: ZoneInfo
    weekly: Mapping[int, tuple[Interval, ...]]
    special: Mapping[date, tuple[Interval, ...]] = field(default_factory=dict)
    open_holidays: frozenset[str] = frozenset()
    yearly: Mapping[tuple[int, int], tuple[Interval, ...]] = field(default_factory=dict)
    holiday_hours: Mapping[str, tuple[Interval, ...]] = field(default_factory=dict)

    def local(self, moment: datetime) -> datetime:
        """Return the branch's local time; a naive moment is taken as local already."""
        return moment.astimezone(self.timezone) if moment.tzinfo else moment.replace(tzinfo=self.timezone)

    def hours_on(self, day: date) -> DayHours:
        """Return the hours of that day."""
        holiday = holiday_name(self.country, day, "nl")
        if day in self.special:
            return DayHours(self.special[day], holiday, is_special=True)
        if (day.month, day.day) in self.yearly:
            return DayHours(self.yearly[day.month, day.day], holiday, is_special=True)
        if holiday in self.holiday_hours:
            return DayHours(self.holiday_hours[holiday], holiday, is_special=True)
        if holiday and holiday not in self.open_holidays:
            return DayHours((), holiday)
        return DayHours(self.weekly.get(day.weekday(), ()))

    def is_open(self, moment: datetime) -> bool:
        """Whether it is open at that moment."""
        return self.closes_at(moment) is not None

    def closes_at(self, moment: datetime) -> datetime | None:
        """When it closes, if it is open at that moment."""
        local = self.local(moment)
        for interval in self.hours_on(local.date()).intervals:
            if interval.opens <= local.time() < interval.closes:
                return self._next(local.date(), interval.closes, local)
        return None

    def next_opening(self, moment: datetime) -> datetime | None:
        """When it opens next after that moment; None when not within three weeks."""
        local = self.local(moment)
        for ahead in range(DAYS_AHEAD + 1):
            day = local.date() + timedelta(days=ahead)
            for interval in self.hours_on(day).intervals:
                opens = self._next(day, interval.opens, local)
                if opens is not None:
                    return opens
        return None

    def _next(self, day: date, clock: time, moment: datetime) -> datetime | None:
        """Return when the clock shows that time after `moment`; on a night in autumn it does so twice."""
        first = datetime.combine(day, clock, self.timezone)
        for found in (first, first.replace(fold=1)):
            if found.astimezone(UTC) > moment.astimezone(UTC):
                return found
        return None

    def after_open_seconds(self, moment: datetime, seconds: float) -> datetime:
        """Return the moment at which it has been open for so long since `moment`: when a promise is due.

        Real time, so an hour of opening is an hour in the night of the summer time too. A place that does not
        open within three weeks gives `moment` a day later.
        """
        left, at = timedelta(seconds=seconds), moment.astimezone(UTC)
        for _ in range(DAYS_AHEAD * 4):
            closes = self.closes_at(at)
            if closes is not None:
                there = closes.astimezone(UTC) - at
                if left <= there:
                    return self.local(at + left)
                left, at = left - there, closes.astimezone(UTC)
                continue
            opens = self.next_opening(at)
            if opens is None:
                break
            at = opens.astimezone(UTC)
        return self.local(moment + timedelta(days=1))


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Hours of all branches (by id, in the order in which they are spoken) and of the human desk.

    `queues`: schedules that only queues refer to, never spoken of as a place.
    """

    branches: Mapping[str, Branch]
    desk: Branch
    queues: Mapping[str, Branch] = field(default_factory=dict)

    def schedule(self, name: str) -> Branch:
        """Return the hours of a queue that names a schedule, a branch, or nothing (the desk's hours)."""
        return self.queues.get(name) or self.branches.get(name) or self.desk

    @property
    def schedule_names(self) -> tuple[str, ...]:
        """Return every name that a queue's hours may have."""
        return ("desk", *self.queues, *self.branches)


@lru_cache(maxsize=64)
def _calendar(country: str, year: int, locale: str) -> Mapping[date, str]:
    return dict(holidays.country_holidays(country, years=year, language=locale))


def holiday_name(country: str, day: date, language: Language) -> str:
    """Name of the public holiday on that day, '' when there is none or the country is ''."""
    if not country:
        return ""
    return _calendar(country, day.year, "nl" if language == "nl" else "en_US").get(day, "")
