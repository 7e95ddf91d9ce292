"""Whether conditions of time can ever hold together: looks at each moment at which one of them can change.

Between two such moments nothing changes, so what holds at none of them holds never. Pure: `today` is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache, reduce
from zoneinfo import ZoneInfo

from voicebot.transfer.opening_hours import Branch, holiday_name
from voicebot.transfer.rules_conditions import Condition, OnDates, OpenNow, Term, TimeOfDay
from voicebot.transfer.rules_facts import Calendar, Facts
from voicebot.transfer.rules_situation import Situation

DAYS_AHEAD = 400
"""A year and a month: each holiday comes by."""
_COUNTRIES = frozenset({"NL", "BE"})
_DEFAULT_ZONE = ZoneInfo("Europe/Amsterdam")


class Moments:
    """The moments of the coming year that matter to a set of conditions; a bit for each says who holds.

    Opening hours change more often than rules. Where `hours_may_change` any branch may be open or closed at
    any moment; elsewhere only one that is always open, or always closed, now.
    """

    def __init__(self, conditions: Iterable[Condition], calendar: Calendar, today: date) -> None:
        found = list(conditions)
        self._facts = [
            Facts(Situation(moment=moment), calendar, {}) for moment in _moments(found, calendar, today)
        ]
        self._everywhen = (1 << len(self._facts)) - 1
        self._holds: dict[Condition, int] = {}

    def can_hold(self, terms: Iterable[Term], *, hours_may_change: bool = False) -> bool:
        """Whether there is a moment at which all terms hold."""
        bound: list[Term] = []
        free: set[Term] = set()
        for term in terms:
            is_free = isinstance(term.condition, OpenNow) and (
                hours_may_change or self._bits(Term(term.condition)) in {0, self._everywhen}
            )
            (free.add if is_free else bound.append)(term)
        if any(term.negated() in free for term in free):
            return False
        return reduce(lambda left, term: left & self._bits(term), bound, self._everywhen) != 0

    def _bits(self, term: Term) -> int:
        condition = term.condition
        bits = self._holds.get(condition)
        if bits is None:
            bits = 0
            for place, facts in enumerate(self._facts):
                if condition.holds(facts):
                    bits |= 1 << place
            self._holds[condition] = bits
        return bits if term.is_wanted else self._everywhen & ~bits


def _moments(conditions: list[Condition], calendar: Calendar, today: date) -> list[datetime]:
    zone = calendar.desk.timezone if calendar.desk else _DEFAULT_ZONE
    special: set[date] = set()
    edges: dict[tzinfo, set[time]] = {zone: {time.min}}
    branches = [
        calendar.branches[each.branch]
        for each in conditions
        if isinstance(each, OpenNow) and each.branch in calendar.branches
    ]
    for branch in branches:
        special |= set(branch.special)
        edges.setdefault(branch.timezone, {time.min}).update(_edges(branch))
    for condition in conditions:
        if isinstance(condition, TimeOfDay):
            edges[zone] |= {edge for window in condition.windows for edge in window}
        elif isinstance(condition, OnDates):
            special |= condition.dates
    days = _telling_days(today, special, branches)
    return sorted(
        datetime.combine(day, edge, where) for where, times in edges.items() for day in days for edge in times
    )


def _telling_days(today: date, special: set[date], branches: Iterable[Branch]) -> set[date]:
    """Return every day that is like no other, and one ordinary week: ordinary Mondays are all alike."""
    yearly = {each for branch in branches for each in branch.yearly}
    odd = special | _holidays(_COUNTRIES | {branch.country for branch in branches}, today)
    if yearly:
        odd |= {day for day in _days(today) if (day.month, day.day) in yearly}
    ordinary: dict[int, date] = {}
    for day in _days(today):
        if len(ordinary) == 7:
            break
        if day not in odd:
            ordinary.setdefault(day.weekday(), day)
    return {*odd, *ordinary.values()}


def _days(today: date) -> Iterator[date]:
    return (today + timedelta(days=ahead) for ahead in range(-1, DAYS_AHEAD))


@lru_cache(maxsize=64)
def _holidays(countries: frozenset[str], today: date) -> frozenset[date]:
    return frozenset(day for day in _days(today) if any(holiday_name(each, day, "nl") for each in countries))


def _edges(branch: Branch) -> set[time]:
    """When the branch may open or close; the end of a day is the midnight of the next."""
    days = (
        *branch.weekly.values(),
        *branch.special.values(),
        *branch.yearly.values(),
        *branch.holiday_hours.values(),
    )
    found = {edge for intervals in days for each in intervals for edge in (each.opens, each.closes)}
    return found - {time.max}
