"""Days and times as callers say them -> ISO date and HH:MM. Pure: `today` is passed in.

Works on text whose number words are digits already (`normalise_nl`, `normalise_en`). A clock time without
part of day is taken within business hours: 'half drie' and 'at three' are in the afternoon.
"""

# ruff: noqa: E501 - patterns are read as a whole

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "maandag maandagen maandags monday mondays", "dinsdag dinsdagen dinsdags tuesday tuesdays",
            "woensdag woensdagen woensdags wednesday wednesdays", "donderdag donderdagen thursday thursdays",
            "vrijdag vrijdagen vrijdags friday fridays", "zaterdag zaterdagen zaterdags saturday saturdays",
            "zondag zondagen zondags sunday sundays",
        )
    )
    for name in names.split()
}  # fmt: skip
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "januari january jan", "februari february feb", "maart march", "april", "mei may", "juni june",
            "juli july", "augustus august", "september sept", "oktober october okt oct", "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_DAY = "|".join(WEEKDAYS)
_MONTH = "|".join(MONTHS)
_NEXT_WEEK = r"(?:volgende|aankomende|next|the following)"

Found = tuple[date, tuple[int, int]]


def easter(year: int) -> date:
    """Easter Sunday (anonymous Gregorian computus, Meeus 1991)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (b - (b + 8) // 25 + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    month, day = divmod(h + m - 7 * ((a + 11 * h + 22 * m) // 451) + 114, 31)
    return date(year, month, day + 1)


def _fixed(month: int, day: int) -> Callable[[int], date]:
    return lambda year: date(year, month, day)


def _from_easter(days: int) -> Callable[[int], date]:
    return lambda year: easter(year) + timedelta(days=days)


def _kings_day(year: int) -> date:
    """27 April; the day before when that is a Sunday."""
    day = date(year, 4, 27)
    return day - timedelta(days=1) if day.weekday() == 6 else day


HOLIDAYS: tuple[tuple[str, str, Callable[[int], date]], ...] = (
    ("second_christmas_day", r"2e kerstdag|(?:2th|2nd) christmas day|boxing day", _fixed(12, 26)),
    ("christmas_eve", r"kerstavond|christmas eve", _fixed(12, 24)),
    (
        "christmas_day",
        r"1e kerstdag|kerstdag|kerst(?:mis)?|christmas(?: day)?|kerstdagen|xmas",
        _fixed(12, 25),
    ),
    ("new_years_eve", r"oud(?:jaar|ejaar)(?:sdag|savond)?|oud en nieuw|new year'?s eve", _fixed(12, 31)),
    ("new_years_day", r"nieuwjaar(?:sdag)?|new year'?s?(?: day)?", _fixed(1, 1)),
    ("kings_day", r"koningsdag|king'?s day", _kings_day),
    ("good_friday", r"goede vrijdag|good friday", _from_easter(-2)),
    ("easter_monday", r"paasmaandag|2e paasdag|easter monday", _from_easter(1)),
    ("easter_sunday", r"1e paasdag|pasen|paaszondag|paasdag|easter(?: sunday)?", _from_easter(0)),
    ("labour_day", r"dag van de arbeid|labou?r day", _fixed(5, 1)),
    ("liberation_day", r"bevrijdingsdag|liberation day", _fixed(5, 5)),
    ("ascension_day", r"hemelvaart(?:sdag)?|o\.?l\.?h\.? hemelvaart|ascension(?: day)?", _from_easter(39)),
    ("whit_monday", r"pinkstermaandag|2e pinksterdag|whit monday|pentecost monday", _from_easter(50)),
    ("whit_sunday", r"1e pinksterdag|pinksteren|pinksterdag|pentecost|whit sunday", _from_easter(49)),
    ("belgian_national_day", r"nationale feestdag|belgian national day|21 juli", _fixed(7, 21)),
    ("assumption_day", r"maria hemelvaart|assumption(?: day)?|o\.?l\.?v\.? hemelvaart", _fixed(8, 15)),
    ("all_saints_day", r"allerheiligen|all saints'?(?: day)?", _fixed(11, 1)),
    ("armistice_day", r"wapenstilstand(?:sdag)?|armistice day", _fixed(11, 11)),
    ("sinterklaas", r"sinterklaas(?:avond)?|pakjesavond", _fixed(12, 5)),
)
# 'Maria hemelvaart' must not be taken for Ascension Day.
_HOLIDAYS = tuple(
    (name, re.compile(rf"\b(?:{pattern})\b"), when)
    for name, pattern, when in sorted(HOLIDAYS, key=lambda holiday: holiday[0] != "assumption_day")
)


def find_holiday(text: str, today: date) -> tuple[str, date, tuple[int, int]] | None:
    """Name, next date (today included) and place of a holiday."""
    for name, pattern, when in _HOLIDAYS:
        if found := pattern.search(text):
            day = when(today.year)
            return name, day if day >= today else when(today.year + 1), found.span()
    return None


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _dated(found: re.Match[str], today: date) -> date | None:
    """Day, month and perhaps year by name; without a year the next such day."""
    parts = found.groupdict()
    month = MONTHS[parts["month"]] if parts["month"] in MONTHS else int(parts["month"])
    year = parts.get("year")
    if year:
        return _valid(int(year) + (2000 if len(year) == 2 else 0), month, int(parts["day"]))
    for candidate in (today.year, today.year + 1):
        day = _valid(candidate, month, int(parts["day"]))
        if day is not None and day >= today:
            return day
    return None


def _in_days(found: re.Match[str], today: date) -> date | None:
    count = int(found["count"]) if found["count"].isdigit() else 1
    if count > 366:
        return None
    unit = found["unit"]
    return today + timedelta(days=count * (7 if unit.startswith("we") else 1))


def _next_week(found: re.Match[str], today: date) -> date:
    monday = today - timedelta(days=today.weekday()) + timedelta(days=7)
    return monday + timedelta(days=WEEKDAYS[found["day"]])


def _after_next(found: re.Match[str], today: date) -> date:
    return _coming(found, today) + timedelta(days=7)


def _coming(found: re.Match[str], today: date) -> date:
    """The next such weekday, never today."""
    return today + timedelta(days=(WEEKDAYS[found["day"]] - today.weekday() - 1) % 7 + 1)


def _weekend(_: re.Match[str], today: date) -> date:
    return today + timedelta(days=(5 - today.weekday()) % 7)


def _day_of_month(found: re.Match[str], today: date) -> date | None:
    for months in range(13):
        years, month = divmod(today.month - 1 + months, 12)
        day = _valid(today.year + years, month + 1, int(found["day"]))
        if day is not None and day >= today:
            return day
    return None


def _next_week_either(found: re.Match[str], today: date) -> date:
    monday = today + timedelta(days=7 - today.weekday())
    return monday + timedelta(days=WEEKDAYS[found["day"] or found["day3"]])


_ORDINAL = r"(?:e|ste|de|st|nd|rd|th)?"
_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date], date | None]], ...] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (r"\b(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)\b", _dated),
        (rf"\b(?P<day>\d{{1,2}}) ?{_ORDINAL}(?: of| van)? (?P<month>{_MONTH})(?:,? (?P<year>20\d\d))?\b", _dated),
        (rf"\b(?P<month>{_MONTH})(?: the)? (?P<day>\d{{1,2}}) ?{_ORDINAL}(?:,? (?P<year>20\d\d))?\b", _dated),
        (r"\b(?P<day>\d{1,2})[-/](?P<month>1[0-2]|0?[1-9])(?:[-/](?P<year>20\d\d|\d\d))?\b", _dated),
        (r"\b(?:overmorgen|day after tomorrow)\b", lambda _, today: today + timedelta(days=2)),
        (r"\b(?:morgen(?:ochtend|vroeg|middag|namiddag|avond)?|tomorrow)\b", lambda _, t: t + timedelta(days=1)),
        (r"\b(?:vandaag|vanmiddag|vanavond|vanochtend|vannamiddag|today|tonight|this (?:morning|afternoon|evening))\b",
         lambda _, today: today),
        (rf"\b(?P<day>{_DAY}) over een week\b|\b(?:a )?week (?:on|from) (?P<day2>{_DAY})\b",
         lambda found, today: None if found["day"] is None else _after_next(found, today)),
        (r"\b(?:over|in|binnen) (?P<count>\d{1,3}|een|a|an|1) (?P<unit>dag|dagen|days?|week|weken|weeks?)\b", _in_days),
        (rf"\b{_NEXT_WEEK} week(?: on)? (?:op )?(?P<day>{_DAY})\b", _next_week),
        (rf"\b(?P<day>{_DAY}) (?:in )?{_NEXT_WEEK} week\b|\b(?:volgende|next) (?P<day3>{_DAY})\b",
         _next_week_either),
        (rf"\b(?:aanstaande|komende|coming|this coming) (?P<day>{_DAY})\b", _coming),
        (r"\b(?:weekend|weekeinde)\b", _weekend),
        (rf"\b(?P<day>{_DAY})\b", _coming),
        (r"\b(?:volgende|next) week\b", lambda _, today: today + timedelta(days=7 - today.weekday())),
    )
)  # fmt: skip
_DAY_OF_MONTH = re.compile(r"\b(?:de|the|den) (?P<day>3[01]|[12]?\d) ?(?:e|ste|de|st|nd|rd|th)\b")
_BARE_DAY = re.compile(rf"\b(?P<day>{_DAY})\b")


def find_date(text: str, today: date, *, same_weekday_is_today: bool = False) -> Found | None:
    """Return the first date in normalised text, and its place.

    `same_weekday_is_today`: a bare 'dinsdag' said on a Tuesday is today (opening hours), not in a week.
    """
    for pattern, rule in _RULES:
        found = pattern.search(text)
        if found is None:
            continue
        day = rule(found, today)
        if day is None:
            continue
        is_bare = pattern.pattern == _BARE_DAY.pattern
        if is_bare and same_weekday_is_today and WEEKDAYS[found["day"]] == today.weekday():
            day = today
        return day, found.span()
    if found := _DAY_OF_MONTH.search(text):
        day = _day_of_month(found, today)
        return None if day is None else (day, found.span())
    return None
