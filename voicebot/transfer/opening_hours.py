"""Opening hours of branches and of the human desk: pure, the moment is an argument.

A day's hours come from, in this order: a special day, a public holiday of the branch's country (package
`holidays`), the weekday.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
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
    `special`: exceptions by date. `open_holidays`: Dutch names of holidays on which it opens as usual.
    """

    branch_id: str
    name: Mapping[Language, str]
    country: str
    timezone: ZoneInfo
    weekly: Mapping[int, tuple[Interval, ...]]
    special: Mapping[date, tuple[Interval, ...]] = field(default_factory=dict)
    open_holidays: frozenset[str] = frozenset()

    def local(self, moment: datetime) -> datetime:
        """Return the branch's local time; a naive moment is taken as local already."""
        return moment.astimezone(self.timezone) if moment.tzinfo else moment.replace(tzinfo=self.timezone)

    def hours_on(self, day: date) -> DayHours:
        """Return the hours of that day."""
        holiday = holiday_name(self.country, day, "nl")
        if day in self.special:
            return DayHours(self.special[day], holiday, is_special=True)
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
                return datetime.combine(local.date(), interval.closes, self.timezone)
        return None

    def next_opening(self, moment: datetime) -> datetime | None:
        """When it opens next after that moment; None when not within three weeks."""
        local = self.local(moment)
        for ahead in range(DAYS_AHEAD + 1):
            day = local.date() + timedelta(days=ahead)
            for interval in self.hours_on(day).intervals:
                opens = datetime.combine(day, interval.opens, self.timezone)
                if opens > local:
                    return opens
        return None


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
