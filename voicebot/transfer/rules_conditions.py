"""What a rule can ask for. Each condition says whether it holds of `Facts`, and what it is in words. Pure.

A rule is a conjunction of terms: conditions that must hold (`when`) or must not (`unless`). Two terms can
only contradict each other when their conditions have the same `subject` (rules_logic.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache
from typing import Literal, Protocol

from voicebot.transfer.opening_hours import holiday_name
from voicebot.transfer.rules_facts import Facts, folded_words
from voicebot.understanding.vulnerable import VulnerableSignal

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ANY = "any"
MOST_NAMED = 6
"""Values of a condition that are named in an explanation."""
ANONYMOUS = "anonymous"
FlagName = Literal["asked_for_human", "is_loop"]
ChoiceName = Literal["intent", "language", "key", "dialled"]
CountName = Literal["failed_turns", "silences", "transfer_failures"]
QueueCount = Literal["waiting", "wait_seconds"]
_FLAGS: dict[FlagName, str] = {
    "asked_for_human": "the caller asks for a person",
    "is_loop": "the conversation goes round in circles",
}
_CHOICES: dict[ChoiceName, str] = {
    "intent": "the caller's wish",
    "language": "the language",
    "key": "the key pressed",
    "dialled": "the dialled number",
}
_COUNTS: dict[CountName, str] = {
    "failed_turns": "failed turns in a row",
    "silences": "silences in a row",
    "transfer_failures": "failed transfers in this call",
}


class Condition(Protocol):
    """What every condition is: a hashable value."""

    @property
    def subject(self) -> str:
        """What it is about."""

    def holds(self, facts: Facts) -> bool:
        """Whether it is so."""

    def __str__(self) -> str:
        """Say what it asks for, in words."""

    def __hash__(self) -> int:
        """Tell equal conditions."""


@dataclass(frozen=True, slots=True)
class Term:
    """A condition that must hold, or must not (`is_wanted` False)."""

    condition: Condition
    is_wanted: bool = True

    def holds(self, facts: Facts) -> bool:
        """Whether the term is met."""
        return self.condition.holds(facts) is self.is_wanted

    def negated(self) -> Term:
        """Return the opposite."""
        return Term(self.condition, not self.is_wanted)

    def __str__(self) -> str:
        if isinstance(self.condition, OpenNow) and not self.is_wanted:
            return f"{self.condition.branch} is closed"
        return str(self.condition) if self.is_wanted else f"not: {self.condition}"


@dataclass(frozen=True, slots=True)
class Flag:
    """Something that is so or not."""

    name: FlagName

    @property
    def subject(self) -> str:
        """The flag."""
        return self.name

    def holds(self, facts: Facts) -> bool:
        """Whether it is set."""
        return bool(getattr(facts.situation, self.name))

    def __str__(self) -> str:
        return _FLAGS[self.name]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some values; dialled numbers are in one form (`number_key`)."""

    name: ChoiceName
    values: frozenset[str]

    @property
    def subject(self) -> str:
        """The fact that has one value."""
        return self.name

    def holds(self, facts: Facts) -> bool:
        """Whether the fact has one of the values."""
        value = facts.dialled if self.name == "dialled" else getattr(facts.situation, self.name)
        return value in self.values

    def __str__(self) -> str:
        return f"{_CHOICES[self.name]} is {_either(self.values)}"


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A count has come so far."""

    name: CountName
    number: int

    @property
    def subject(self) -> str:
        """The count."""
        return self.name

    def holds(self, facts: Facts) -> bool:
        """Whether it has."""
        return bool(getattr(facts.situation, self.name) >= self.number)

    def __str__(self) -> str:
        return f"{_COUNTS[self.name]}: {self.number} or more"


@dataclass(frozen=True, slots=True)
class QueueAtLeast:
    """A queue is so long, or its expected wait (seconds). What is not known does not hold."""

    queue: str
    what: QueueCount
    number: int

    @property
    def subject(self) -> str:
        """That count of that queue."""
        return f"queue_{self.what}:{self.queue}"

    def holds(self, facts: Facts) -> bool:
        """Whether it is known and so long."""
        queue = facts.situation.queues.get(self.queue)
        if queue is None:
            return False
        value = queue.waiting if self.what == "waiting" else queue.wait_seconds
        return value is not None and value >= self.number

    def __str__(self) -> str:
        unit = "callers waiting" if self.what == "waiting" else "seconds of expected wait"
        return f"queue {self.queue}: {self.number} or more {unit}"


@dataclass(frozen=True, slots=True)
class Said:
    """One of some phrases was said: whole words in this order; 'advoca*' is any word that begins so."""

    phrases: frozenset[str]

    @property
    def subject(self) -> str:
        """The words of the turn."""
        return "words"

    def holds(self, facts: Facts) -> bool:
        """Whether one of them was said in this turn."""
        words = facts.words
        return bool(words) and any(_pattern(phrase).search(words) is not None for phrase in self.phrases)

    def __str__(self) -> str:
        return f"the caller says {_either(self.phrases)}"


@dataclass(frozen=True, slots=True)
class Entity:
    """Something named in this turn: an order number (any), a branch (one of some)."""

    name: str
    values: frozenset[str]

    @property
    def subject(self) -> str:
        """The entity."""
        return f"entity:{self.name}"

    def holds(self, facts: Facts) -> bool:
        """Whether it was named, with one of the values or any."""
        value = facts.situation.entities.get(self.name, "")
        return bool(value) and (ANY in self.values or value in self.values)

    def __str__(self) -> str:
        return f"{self.name} is named" if ANY in self.values else f"{self.name} is {_either(self.values)}"


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """A task has just ended in one of these ways: (task, status); the task may be 'any'."""

    outcomes: frozenset[tuple[str, str]]

    @property
    def subject(self) -> str:
        """The task's outcome."""
        return "task"

    def holds(self, facts: Facts) -> bool:
        """Whether it has."""
        task = facts.situation.task
        return task is not None and not self.outcomes.isdisjoint(
            {(task.name, task.status), (ANY, task.status)}
        )

    def __str__(self) -> str:
        return f"a task ended with {_either(frozenset(f'{task} {status}' for task, status in self.outcomes))}"


@dataclass(frozen=True, slots=True)
class Vulnerable:
    """The caller has said in words that a call is hard for them, for one of these causes."""

    signals: frozenset[VulnerableSignal]

    @property
    def subject(self) -> str:
        """What the caller has said so far."""
        return "vulnerable"

    def holds(self, facts: Facts) -> bool:
        """Whether one of them was said in this call."""
        return not self.signals.isdisjoint(facts.situation.vulnerable)

    def __str__(self) -> str:
        # Causes may tell of somebody's health: what goes into records says no more than needed.
        return "the caller says that a call is difficult for them"


@dataclass(frozen=True, slots=True)
class CallerIn:
    """The caller's number is in one of these groups; 'anonymous' is a withheld number."""

    groups: frozenset[str]

    @property
    def subject(self) -> str:
        """The caller."""
        return "caller"

    def holds(self, facts: Facts) -> bool:
        """Whether it is."""
        if not facts.situation.caller:
            return ANONYMOUS in self.groups
        return any(facts.is_caller_in(group) for group in self.groups)

    def __str__(self) -> str:
        return f"the caller is {_either(self.groups)}"


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """From `start` until just before `end` on the desk's clock; past midnight when `end` is not later."""

    windows: tuple[tuple[time, time], ...]

    @property
    def subject(self) -> str:
        """The moment."""
        return "moment"

    def holds(self, facts: Facts) -> bool:
        """Whether it is that time now."""
        if facts.local is None:
            return False
        now = facts.local.time()
        return any(
            start <= now < end if start < end else (now >= start or now < end) for start, end in self.windows
        )

    def __str__(self) -> str:
        return "the time is " + " or ".join(f"{start:%H:%M}-{end:%H:%M}" for start, end in self.windows)


@dataclass(frozen=True, slots=True)
class OnDays:
    """On these days of the week, 0 is Monday, on the desk's clock."""

    days: frozenset[int]

    @property
    def subject(self) -> str:
        """The moment."""
        return "moment"

    def holds(self, facts: Facts) -> bool:
        """Whether it is one of them."""
        return facts.local is not None and facts.local.weekday() in self.days

    def __str__(self) -> str:
        return "the day is " + " or ".join(DAYS[day] for day in sorted(self.days))


@dataclass(frozen=True, slots=True)
class OnDates:
    """On these dates, on the desk's clock."""

    dates: frozenset[date]

    @property
    def subject(self) -> str:
        """The moment."""
        return "moment"

    def holds(self, facts: Facts) -> bool:
        """Whether it is one of them."""
        return facts.local is not None and facts.local.date() in self.dates

    def __str__(self) -> str:
        return "the date is " + " or ".join(day.isoformat() for day in sorted(self.dates))


@dataclass(frozen=True, slots=True)
class OpenNow:
    """A branch, or the desk, is open: weekly hours, special days and its country's holidays count."""

    branch: str

    @property
    def subject(self) -> str:
        """The moment."""
        return "moment"

    def holds(self, facts: Facts) -> bool:
        """Whether it is open."""
        return facts.is_open(self.branch)

    def __str__(self) -> str:
        return f"{self.branch} is open"


@dataclass(frozen=True, slots=True)
class PublicHoliday:
    """Today is a public holiday in one of these countries (ISO codes)."""

    countries: frozenset[str]

    @property
    def subject(self) -> str:
        """The moment."""
        return "moment"

    def holds(self, facts: Facts) -> bool:
        """Whether it is."""
        if facts.local is None:
            return False
        today = facts.local.date()
        return any(holiday_name(country, today, "nl") for country in self.countries)

    def __str__(self) -> str:
        return f"today is a public holiday in {_either(self.countries)}"


def _either(values: frozenset[str]) -> str:
    named = sorted(values)
    if len(named) > MOST_NAMED:
        named = [*named[: MOST_NAMED - 1], f"{len(named) - MOST_NAMED + 1} others"]
    return " or ".join(named)


@lru_cache(maxsize=2048)
def _pattern(phrase: str) -> re.Pattern[str]:
    parts = [folded_words(part).strip() for part in phrase.split("*")]
    body = " ".join("[a-z0-9]*".join(parts).split())
    return re.compile(f" {body} ")
