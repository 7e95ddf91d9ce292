"""The names that rules may use, and the use of others: destinations off the allow-list (law S2). Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from voicebot.transfer.rules import Rule, RuleSet, TransferTo
from voicebot.transfer.rules_conditions import (
    ANONYMOUS,
    ANY,
    CallerIn,
    Choice,
    Condition,
    Entity,
    OpenNow,
    QueueAtLeast,
    TaskEnded,
)
from voicebot.transfer.rules_facts import DESK
from voicebot.transfer.rules_problem import Problem


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What the organisation has.

    `queues`: to each the branch whose hours it keeps ('' the desk's). `agents` None: not known, any goes.
    """

    intents: frozenset[str] = frozenset()
    entities: frozenset[str] = frozenset()
    tasks: frozenset[str] = frozenset()
    destinations: frozenset[str] = frozenset()
    queues: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    agents: frozenset[str] | None = None

    def hours_of(self, target: str) -> str:
        """Return the branch whose hours a target keeps: a queue its own, everybody else the desk's."""
        return (target.startswith("queue:") and self.queues.get(target.removeprefix("queue:"))) or DESK


def name_problems(rule: Rule, rules: RuleSet, names: KnownNames) -> Iterator[Problem]:
    """Find names that nothing has."""
    for term in rule.terms:
        for sort, name, known in _used(term.condition, rules, names):
            if name not in known:
                yield Problem("unknown_name", rule.name, f"there is no {sort} '{name}'", _mend(name, known))
    for action in rule.actions:
        if isinstance(action, TransferTo):
            yield from _target_problems(rule.name, action.target, names)


def _used(
    condition: Condition, rules: RuleSet, names: KnownNames
) -> Iterator[tuple[str, str, Collection[str]]]:
    match condition:
        case Choice(name="intent", values=values):
            yield from (("intent", value, names.intents) for value in sorted(values))
        case Entity(name=name):
            yield "entity", name, names.entities
        case TaskEnded(outcomes=outcomes):
            yield from (("task", task, names.tasks) for task, _ in sorted(outcomes) if task != ANY)
        case QueueAtLeast(queue=queue):
            yield "queue", queue, names.queues
        case CallerIn(groups=groups):
            known = {*rules.groups, ANONYMOUS}
            yield from (("group of callers", group, known) for group in sorted(groups))
        case OpenNow(branch=branch):
            yield "branch with opening hours", branch, rules.calendar.branches
        case _:
            return


def _target_problems(rule: str, target: str, names: KnownNames) -> Iterator[Problem]:
    sort, colon, name = target.partition(":")
    if not colon:
        if target not in names.destinations:
            mend = _mend(target, names.destinations)
            problem = f"there is no destination '{target}' on the allow-list"
            yield Problem(
                "destination",
                rule,
                problem,
                f"{mend}; or add [transfer.destinations.{target}] to the settings",
            )
    elif sort == "queue":
        if name not in names.queues:
            yield Problem("destination", rule, f"there is no queue '{name}'", _mend(name, names.queues))
    elif sort == "agent":
        if names.agents is not None and name not in names.agents:
            yield Problem("destination", rule, f"there is no agent '{name}'", _mend(name, names.agents))
    else:
        mend = "write queue:NAME, agent:NAME or the name of a destination; numbers and addresses never"
        yield Problem("destination", rule, f"'{target}' is no name of a destination", mend)


def _mend(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"use one of: {', '.join(sorted(known))}" if known else "remove it; there are none"
