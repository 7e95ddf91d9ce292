"""What is wrong with a rule set; nothing is saved while a problem is left (law H3, S2). Pure.

The heart is law H3: whatever else the rules say, a caller who asks for a person reaches one or is called
back. That part of the check takes no opening hours for granted, because they may change later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from types import MappingProxyType

from voicebot.transfer.rules import REQUEST, OfferCallback, Rule, RuleSet, TransferTo
from voicebot.transfer.rules_actions_check import action_problems
from voicebot.transfer.rules_conditions import OpenNow, Term
from voicebot.transfer.rules_logic import Logic
from voicebot.transfer.rules_moments import Moments
from voicebot.transfer.rules_names import KnownNames, name_problems
from voicebot.transfer.rules_problem import Problem

NO_LINES: Mapping[str, int] = MappingProxyType({})
_EXAMPLE = (
    "add a rule with 'when: {asked_for_human: true}', nothing else under 'when', no 'unless', and under "
    "'then' a transfer and 'offer_callback'"
)


def check_rules(
    rules: RuleSet, names: KnownNames, today: date, lines: Mapping[str, int] = NO_LINES
) -> tuple[Problem, ...]:
    """Return every problem. `today`: conditions of time must be possible in the year after it."""
    used = [term.condition for rule in rules.rules for term in rule.terms]
    moments = Moments(used, rules.calendar, today)
    logic = Logic(moments)
    found = list(_request_problems(rules, Logic(moments, hours_may_change=True), names))
    earlier: list[Rule] = []
    for place, rule in enumerate(rules.rules):
        if any(rule.name == other.name for other in rules.rules[:place]):
            found.append(Problem("unknown_name", rule.name, "has the name of another rule", "rename one"))
        found += action_problems(rule)
        found += name_problems(rule, rules, names)
        problem = _never_applied(rule, earlier, logic)
        if problem is not None:
            found.append(problem)
        elif rule.enabled:
            earlier.append(rule)
    return tuple(replace(problem, line=lines.get(problem.rule)) for problem in found)


def _never_applied(rule: Rule, earlier: Sequence[Rule], logic: Logic) -> Problem | None:
    clash = logic.contradiction(rule.terms)
    if clash:
        together = "' and '".join(str(term) for term in clash)
        mend = "remove or change one of the conditions"
        return Problem("contradiction", rule.name, f"can never hold: '{together}'", mend)
    if not rule.enabled or logic.is_reachable(rule.terms, earlier):
        return None
    cover = next((other for other in earlier if not logic.is_reachable(rule.terms, [other])), None)
    what = f"rule '{cover.name}'" if cover else "the rules"
    decides = "decides" if cover else "decide"
    problem = f"is never reached: {what} above it always {decides} first"
    return Problem("unreachable", rule.name, problem, "move it up, or remove it")


def _request_problems(rules: RuleSet, logic: Logic, names: KnownNames) -> Iterator[Problem]:
    """Law H3: the request rule is there, it helps, and nothing above it stands in its way."""
    requests = [n for n, rule in enumerate(rules.rules) if rule.terms == (REQUEST,)]
    place = next((n for n in requests if rules.rules[n].enabled), None)
    if place is None and requests:
        problem = "answers requests for a person, so it cannot be disabled (law H3)"
        mend = "write 'enabled: true', or remove that line"
        yield Problem("request_rule", rules.rules[requests[0]].name, problem, mend)
    elif place is None:
        yield Problem("request_rule", "", "no rule answers every request for a person (law H3)", _EXAMPLE)
    earlier: list[Rule] = []
    for rule in rules.rules[: len(rules.rules) if place is None else place + 1]:
        asked = tuple(dict.fromkeys((*rule.terms, REQUEST)))
        if not rule.enabled or logic.contradiction(asked):
            continue
        if not rule.reaches_human:
            yield _no_way_to_a_person(rule)
        elif _may_be_closed(rule, asked, earlier, logic, names):
            problem = "leads nowhere for who asks for a person while all it names are closed (law H5)"
            yield Problem("no_callback", rule.name, problem, "add '- offer_callback' at the end of 'then:'")
        if rule.answers_request:  # others are applied once in a call, so they may be out of the way
            earlier.append(rule)


def _no_way_to_a_person(rule: Rule) -> Problem:
    if rule.terms == (REQUEST,):
        return Problem(
            "request_rule",
            rule.name,
            "answers a request for a person without a person or a callback (law H3)",
            "add a transfer or '- offer_callback' under 'then:'",
        )
    return Problem(
        "shadows_request",
        rule.name,
        "can take a caller who asks for a person and leads to nobody (law H3)",
        "add 'asked_for_human: false' to its 'when:', or move it below the rule that answers requests",
    )


def _may_be_closed(
    rule: Rule, asked: tuple[Term, ...], earlier: Sequence[Rule], logic: Logic, names: KnownNames
) -> bool:
    """Whether the rule can decide while all its targets are closed, with no callback to offer."""
    if any(isinstance(action, OfferCallback) for action in rule.actions):
        return False
    targets = [action.target for action in rule.actions if isinstance(action, TransferTo)]
    closed = (Term(OpenNow(names.hours_of(target)), is_wanted=False) for target in targets)
    return logic.is_reachable(tuple(dict.fromkeys((*asked, *closed))), earlier)
