"""Whether terms can hold together, and whether a rule can ever be reached. Pure.

What is called impossible is impossible; what is called possible may, in rare cases, not be (words and numbers
are compared as written, and the search gives up after a while), so that no good rule is refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

from voicebot.events import LANGUAGES
from voicebot.transfer.rules import Rule
from voicebot.transfer.rules_conditions import (
    ANONYMOUS,
    ANY,
    AtLeast,
    CallerIn,
    Choice,
    Condition,
    Entity,
    QueueAtLeast,
    Said,
    TaskEnded,
    Term,
    Vulnerable,
)
from voicebot.transfer.rules_moments import Moments

MOST_STEPS = 5_000
"""Of one search; after that the rule counts as reachable."""
_AT_ONE_MOMENT = ("key", "silences", "words", "task")
"""A key, a silence, words and a task's outcome are happenings: only one of them is the newest."""
_DOMAINS = {"language": frozenset(LANGUAGES)}


class Logic:
    """Judges terms. `moments`: of all conditions of time; `hours_may_change`: see there."""

    def __init__(self, moments: Moments, *, hours_may_change: bool = False) -> None:
        self._moments, self._hours_may_change = moments, hours_may_change
        self._at_one_moment: dict[tuple[Term, ...], bool] = {}
        self._steps = 0

    def contradiction(self, terms: Iterable[Term]) -> tuple[Term, ...]:
        """Return terms that can never hold together, () when all can."""
        by_subject: dict[str, list[Term]] = defaultdict(list)
        for term in terms:
            by_subject[term.condition.subject].append(term)
        for subject, found in by_subject.items():
            if not self._can_hold(subject, tuple(found)):
                return tuple(found)
        happening = [
            term
            for subject, found in by_subject.items()
            if subject in _AT_ONE_MOMENT or _is_entity(subject)
            for term in found
            if term.is_wanted
        ]
        kinds = {
            "words" if _is_entity(term.condition.subject) else term.condition.subject for term in happening
        }
        if "words" not in kinds and "task" not in kinds:  # the intent that began a task is kept
            happening += [term for term in by_subject.get("intent", ()) if term.is_wanted]
            kinds |= {"words"} if any(term.condition.subject == "intent" for term in happening) else set()
        return tuple(happening) if len(kinds) > 1 else ()

    def is_reachable(self, terms: tuple[Term, ...], earlier: Sequence[Rule]) -> bool:
        """Whether there is a situation in which the terms hold and none of the earlier rules does."""
        self._steps = 0
        return self._search(terms, earlier)

    def _search(self, terms: tuple[Term, ...], earlier: Sequence[Rule]) -> bool:
        self._steps += 1
        if self._steps > MOST_STEPS:
            return True
        if self.contradiction(terms):
            return False
        for place, rule in enumerate(earlier):
            if self.contradiction((*terms, *rule.terms)):
                continue  # cannot hold any more: no need to make it fail
            ways = [term.negated() for term in rule.terms if term not in terms]
            return any(self._search((*terms, way), earlier[place + 1 :]) for way in ways)
        return True

    def _can_hold(self, subject: str, terms: tuple[Term, ...]) -> bool:
        if subject != "moment":
            return _can_hold_together(subject, terms)
        known = self._at_one_moment.get(terms)
        if known is None:
            known = self._moments.can_hold(terms, hours_may_change=self._hours_may_change)
            self._at_one_moment[terms] = known
        return known


@lru_cache(maxsize=8192)
def _can_hold_together(subject: str, terms: tuple[Term, ...]) -> bool:
    """Whether terms of one subject can; the search asks for the same ones again and again."""
    wanted = [term.condition for term in terms if term.is_wanted]
    unwanted = [term.condition for term in terms if not term.is_wanted]
    if any(condition in unwanted for condition in wanted):
        return False
    match terms[0].condition:
        case Choice():
            return _choices_can_hold(subject, wanted, unwanted)
        case AtLeast() | QueueAtLeast():
            return _counts_can_hold(wanted, unwanted)
        case Entity():
            return _entities_can_hold(wanted, unwanted)
        case Said():
            return _left(_each(wanted, Said, "phrases"), _each(unwanted, Said, "phrases"))
        case Vulnerable():
            return _left(_each(wanted, Vulnerable, "signals"), _each(unwanted, Vulnerable, "signals"))
        case CallerIn():
            return _callers_can_hold(wanted, unwanted)
        case TaskEnded():
            return _tasks_can_hold(wanted, unwanted)
        case _:
            return True


def _callers_can_hold(wanted: Iterable[Condition], unwanted: Iterable[Condition]) -> bool:
    groups = _each(wanted, CallerIn, "groups")
    refused = _union(_each(unwanted, CallerIn, "groups"))
    if not _left(groups, [refused]):
        return False
    kinds = [{group == ANONYMOUS for group in each - refused} for each in groups]
    return not kinds or bool(set.intersection(*kinds))


def _happening(subject: str) -> str:
    return "words" if subject == "intent" or _is_entity(subject) else subject


def _is_entity(subject: str) -> bool:
    return subject.startswith("entity:")


def _each(conditions: Iterable[Condition], kind: type, field: str) -> list[frozenset[str]]:
    return [getattr(condition, field) for condition in conditions if isinstance(condition, kind)]


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)


def _left(wanted: Iterable[frozenset[str]], unwanted: Iterable[frozenset[str]]) -> bool:
    """Of a fact with several values: each wanted set keeps a value that is not ruled out."""
    refused = _union(unwanted)
    return all(each - refused for each in wanted)


def _choices_can_hold(subject: str, wanted: list[Condition], unwanted: list[Condition]) -> bool:
    """Of a fact with one value."""
    sets = _each(wanted, Choice, "values")
    if subject in _DOMAINS:
        sets.append(_DOMAINS[subject])
    refused = _union(_each(unwanted, Choice, "values"))
    return not sets or bool(frozenset.intersection(*sets) - refused)


def _counts_can_hold(wanted: list[Condition], unwanted: list[Condition]) -> bool:
    least = max((c.number for c in wanted if isinstance(c, AtLeast | QueueAtLeast)), default=0)
    below = min((c.number for c in unwanted if isinstance(c, AtLeast | QueueAtLeast)), default=None)
    return below is None or least < below


def _entities_can_hold(wanted: list[Condition], unwanted: list[Condition]) -> bool:
    sets = _each(wanted, Entity, "values")
    refused = _union(_each(unwanted, Entity, "values"))
    named = [each for each in sets if ANY not in each]
    if not sets:
        return True
    return ANY not in refused and (not named or bool(frozenset.intersection(*named) - refused))


def _tasks_can_hold(wanted: list[Condition], unwanted: list[Condition]) -> bool:
    refused = {pair for each in unwanted if isinstance(each, TaskEnded) for pair in each.outcomes}
    left = [
        {pair for pair in each.outcomes if pair not in refused and (ANY, pair[1]) not in refused}
        for each in wanted
        if isinstance(each, TaskEnded)
    ]
    if not all(left):
        return False
    return all(
        any(_same_outcome(one, two) for one in first for two in second)
        for place, first in enumerate(left)
        for second in left[place + 1 :]
    )


def _same_outcome(one: tuple[str, str], two: tuple[str, str]) -> bool:
    return one[1] == two[1] and (one[0] == two[0] or ANY in {one[0], two[0]})
