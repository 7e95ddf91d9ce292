"""Reads `when` and `unless` of a rule into terms. The names are those of docs/transfer-rules.md. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from typing import cast

from voicebot.events import LANGUAGES
from voicebot.transfer.rules_conditions import (
    ANY,
    DAYS,
    AtLeast,
    CallerIn,
    Choice,
    ChoiceName,
    CountName,
    Entity,
    Flag,
    FlagName,
    OnDates,
    OnDays,
    OpenNow,
    PublicHoliday,
    QueueAtLeast,
    QueueCount,
    Said,
    TaskEnded,
    Term,
    TimeOfDay,
    Vulnerable,
)
from voicebot.transfer.rules_facts import folded_words, number_key
from voicebot.transfer.rules_nodes import Place
from voicebot.transfer.rules_situation import TASK_STATUSES
from voicebot.understanding.vulnerable import VULNERABLE_SIGNALS, VulnerableSignal

HOME_COUNTRIES = frozenset({"NL", "BE"})
KEYS = frozenset("0123456789*#")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_WINDOW = re.compile(r"(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)")


def terms_of(place: Place, *, are_wanted: bool) -> tuple[Term, ...]:
    """Read the conditions of `when` (wanted) or `unless`. Raises ConfigError."""
    terms: list[Term] = []
    for name, value in place.fields(READERS).items():
        terms += (term if are_wanted else term.negated() for term in READERS[name](value))
    return tuple(terms)


def _flag(name: FlagName) -> Callable[[Place], Iterable[Term]]:
    return lambda place: [Term(Flag(name), place.flag())]


def _choice(name: ChoiceName, read: Callable[[Place], str]) -> Callable[[Place], Iterable[Term]]:
    return lambda place: [Term(Choice(name, frozenset(read(each) for each in place.texts())))]


def _count(name: CountName) -> Callable[[Place], Iterable[Term]]:
    return lambda place: [Term(AtLeast(name, place.number(1, 100)))]


def _queue(what: QueueCount) -> Callable[[Place], Iterable[Term]]:
    return lambda place: [
        Term(QueueAtLeast(name, what, number.number())) for name, number in _named(place).items()
    ]


def _name(place: Place) -> str:
    value = place.text()
    if not _NAME.fullmatch(value):
        raise place.wrong(f"'{value}' is no name", "use letters, digits, '_' and '-'")
    return value


def _named(place: Place) -> Mapping[str, Place]:
    found = place.fields()
    if not found or not all(_NAME.fullmatch(name) for name in found):
        raise place.wrong("needs a name and a value", "write it as {service: 5}")
    return found


def _words(place: Place) -> Iterable[Term]:
    phrases: list[str] = []
    for each in place.texts():
        phrase = each.text(80)
        if not folded_words(phrase.replace("*", " ")).strip() or re.search(r"(?:^|\s)\*|\*\S", phrase):
            raise each.wrong(
                f"'{phrase}' are no words", "write words as callers say them; '*' only at the end of a word"
            )
        phrases.append(phrase)
    return [Term(Said(frozenset(phrases)))]


def _entity(place: Place) -> Iterable[Term]:
    return [
        Term(Entity(name, frozenset(each.text(80) for each in values.texts())))
        for name, values in _named(place).items()
    ]


def _task(place: Place) -> Iterable[Term]:
    outcomes = {
        (name, each.one_of(TASK_STATUSES))
        for name, statuses in _named(place).items()
        for each in statuses.texts()
    }
    return [Term(TaskEnded(frozenset(outcomes)))]


def _vulnerable(place: Place) -> Iterable[Term]:
    places = place.texts()
    if len(places) == 1 and places[0].text().lower() in {"true", "false", "yes", "no", ANY}:
        is_wanted = places[0].text().lower() in {"true", "yes", ANY}
        return [Term(Vulnerable(frozenset(VULNERABLE_SIGNALS)), is_wanted)]
    named = frozenset(each.one_of(VULNERABLE_SIGNALS) for each in places)
    return [Term(Vulnerable(cast("frozenset[VulnerableSignal]", named)))]


def _caller(place: Place) -> Iterable[Term]:
    return [Term(CallerIn(frozenset(_name(each) for each in place.texts())))]


def _time(place: Place) -> Iterable[Term]:
    return [Term(TimeOfDay(tuple(_window(each) for each in place.texts(20))))]


def _window(place: Place) -> tuple[time, time]:
    match = _WINDOW.fullmatch(place.text())
    if match is not None:
        hours, minutes, to_hours, to_minutes = map(int, match.groups())
        if (to_hours, to_minutes) == (24, 0):
            to_hours = 0
        if max(hours, to_hours) < 24 and max(minutes, to_minutes) < 60:
            return time(hours, minutes), time(to_hours, to_minutes)
    raise place.wrong(f"'{place.text()}' is no time of day", 'write "09:00-17:30", in quotes')


def _days(place: Place) -> Iterable[Term]:
    days: set[int] = set()
    for each in place.texts(7):
        first, _, last = each.text().lower().partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise each.wrong(f"'{each.text()}' is no day", f"use {', '.join(DAYS)}, or mon-fri")
        start, length = DAYS.index(first), (DAYS.index(last or first) - DAYS.index(first)) % 7
        days |= {(start + step) % 7 for step in range(length + 1)}
    return [Term(OnDays(frozenset(days)))]


def _dates(place: Place) -> Iterable[Term]:
    dates: set[date] = set()
    for each in place.texts():
        try:
            dates.add(date.fromisoformat(each.text()))
        except ValueError as cause:
            raise each.wrong(f"'{each.text()}' is no date", "write 2026-12-24") from cause
    return [Term(OnDates(frozenset(dates)))]


def _holiday(place: Place) -> Iterable[Term]:
    places = place.texts(20)
    if len(places) == 1 and places[0].text().lower() in {"true", "false"}:
        return [Term(PublicHoliday(HOME_COUNTRIES), places[0].flag())]
    return [Term(PublicHoliday(frozenset(each.one_of(HOME_COUNTRIES) for each in places)))]


READERS: Mapping[str, Callable[[Place], Iterable[Term]]] = {
    "asked_for_human": _flag("asked_for_human"),
    "loop": _flag("is_loop"),
    "intent": _choice("intent", _name),
    "language": _choice("language", lambda place: place.one_of(LANGUAGES)),
    "key": _choice("key", lambda place: place.one_of(KEYS)),
    "dialled": _choice("dialled", lambda place: number_key(place.text(60))),
    "words": _words,
    "entity": _entity,
    "failed_turns": _count("failed_turns"),
    "silences": _count("silences"),
    "transfer_failures": _count("transfer_failures"),
    "queue_waiting": _queue("waiting"),
    "queue_wait_seconds": _queue("wait_seconds"),
    "task": _task,
    "vulnerable": _vulnerable,
    "caller": _caller,
    "time": _time,
    "days": _days,
    "dates": _dates,
    "open": lambda place: [Term(OpenNow(_name(place)))],
    "closed": lambda place: [Term(OpenNow(_name(place)), is_wanted=False)],
    "holiday": _holiday,
}
"""Each condition's name in the file, and how its value is read."""
