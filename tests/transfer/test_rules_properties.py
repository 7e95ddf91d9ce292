"""What must hold of every rule set: law H3 above all, order, and checks that refuse only what is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from hypothesis import HealthCheck, Phase, assume, event, given, settings
from hypothesis import strategies as st

from tests.transfer.rule_samples import (
    CALENDAR,
    GROUPS,
    NAMES,
    OTHER,
    REQUEST_RULE,
    TODAY,
    rule_sets,
    rules,
    situations,
)
from voicebot.events import LANGUAGES
from voicebot.transfer.rules import (
    REQUEST,
    OfferCallback,
    QueueFacts,
    Rule,
    RuleSet,
    Situation,
    TransferTo,
    decide,
    explain,
)
from voicebot.transfer.rules_check import check_rules

# Rule sets are large values: making a failing one smaller would take longer than the suite may.
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
MANY = settings(max_examples=400, deadline=None, phases=_PHASES, suppress_health_check=list(HealthCheck))
SOME = settings(MANY, max_examples=80)


def repaired(rules: RuleSet) -> RuleSet:
    """Do what the check says until nothing is left to say: a rule set that may be saved."""
    for _ in range(40):
        problems = check_rules(rules, NAMES, TODAY)
        if not problems:
            return rules
        bad = {problem.rule for problem in problems}
        rules = replace(rules, rules=tuple(rule for rule in rules.rules if rule.name not in bad))
        if "" in bad:
            rules = replace(rules, rules=(REQUEST_RULE, *rules.rules))
    raise AssertionError("the check is never content")


@MANY
@given(rule_sets(min_rules=4, max_rules=7), situations(asked=True))
def test_h3_who_asks_for_a_person_gets_one_or_a_callback(found: RuleSet, asking: Situation) -> None:
    """Of each rule set that may be saved, whatever it says besides, at any time, after any rule.

    Each order in which the rules can be turned is a rule set of its own: 400 times about 6 of them.
    """
    for turn in range(len(found.rules)):
        turned = replace(found, rules=(*found.rules[turn:], *found.rules[:turn]))
        rules = repaired(turned)
        event(f"{len(rules.rules)} rules may be saved")
        for situation in (asking, replace(asking, applied=EVERY_RULE), *ASKING, *ASKING_AGAIN):
            decision = decide(rules, situation)
            assert decision is not None
            assert decision.reaches_human
            assert is_reachable_now(decision.actions, situation)


ASKING = tuple(
    Situation(
        moment=moment,
        asked_for_human=True,
        language=language,
        is_loop=is_troubled,
        failed_turns=2 * is_troubled,
        key="0" * (not is_troubled),
        caller=caller,
        vulnerable=frozenset({"hearing"} if is_troubled else ()),
        queues={"service": QueueFacts(5, 99.0)} if is_troubled else {},
    )
    for moment in (
        datetime(2026, 11, 24, 11, 0, tzinfo=UTC),  # all open
        datetime(2026, 11, 24, 19, 0, tzinfo=UTC),  # the desk closed
        datetime(2026, 11, 25, 3, 0, tzinfo=UTC),  # all closed
        datetime(2026, 12, 25, 13, 0, tzinfo=UTC),  # a holiday
    )
    for language in LANGUAGES
    for is_troubled in (False, True)
    for caller in ("", "+31612345678")
)


EVERY_RULE = frozenset({REQUEST_RULE.name, *(f"rule {place}" for place in range(8))})
ASKING_AGAIN = tuple(replace(situation, applied=EVERY_RULE) for situation in ASKING)
"""After every rule was applied once."""


def is_reachable_now(actions: tuple[object, ...], situation: Situation) -> bool:
    """A callback, or somebody who is open at that moment."""
    assert situation.moment is not None
    if any(isinstance(action, OfferCallback) for action in actions):
        return True
    hours = [NAMES.hours_of(action.target) for action in actions if isinstance(action, TransferTo)]
    return any(_is_open(each, situation.moment) for each in hours)


@cache
def _is_open(branch: str, moment: datetime) -> bool:
    return CALENDAR.branches[branch].is_open(moment)


@SOME
@given(rules(actions=OTHER), situations(asked=True))
def test_h3_nothing_that_leads_to_nobody_may_take_a_request(shadow: Rule, asking: Situation) -> None:
    """Put above the request rule, a rule that could take a request is refused."""
    shadow = replace(shadow, name="shadow", enabled=True)
    alone = RuleSet((shadow,), GROUPS, CALENDAR)
    assume(any(decide(alone, situation) is not None for situation in (asking, *ASKING)))
    problems = check_rules(replace(alone, rules=(shadow, REQUEST_RULE)), NAMES, TODAY)
    codes = {each.code for each in problems if each.rule == "shadow"}
    assert codes & {"shadows_request", "request_rule"}


@SOME
@given(rule_sets())
def test_h3_the_request_rule_can_be_neither_disabled_nor_removed_nor_narrowed(found: RuleSet) -> None:
    good = repaired(found)
    for change in (
        lambda rule: replace(rule, enabled=False),
        lambda rule: replace(rule, terms=(*rule.terms, OTHER_TERM)),
        lambda rule: replace(rule, actions=OTHER[0]),
        lambda rule: None,
    ):
        changed = [change(rule) if rule.terms == (REQUEST,) else rule for rule in good.rules]
        bad = replace(good, rules=tuple(rule for rule in changed if rule is not None))
        assert any(each.code == "request_rule" for each in check_rules(bad, NAMES, TODAY))


OTHER_TERM = replace(REQUEST, condition=replace(REQUEST.condition, name="is_loop"))  # type: ignore[type-var]


@SOME
@given(rule_sets(), st.lists(situations(), min_size=12, max_size=12))
def test_rules_that_are_refused_as_dead_never_decide(found: RuleSet, cases: list[Situation]) -> None:
    """The check calls impossible only what is."""
    dead = {
        each.rule
        for each in check_rules(found, NAMES, TODAY)
        if each.code in {"contradiction", "unreachable"}
    }
    event("something is dead" if dead else "all alive")
    for situation in cases:
        decision = decide(found, situation)
        assert decision is None or decision.rule not in dead


@SOME
@given(rule_sets(), situations())
def test_the_first_rule_that_holds_decides(found: RuleSet, situation: Situation) -> None:
    decision = decide(found, situation)
    alone = [decide(replace(found, rules=(rule,)), situation) for rule in found.rules]
    first = next((each for each in alone if each is not None), None)
    assert (decision and decision.rule, decision and decision.actions) == (
        first and first.rule,
        first and first.actions,
    )


@SOME
@given(rule_sets(), situations(), st.randoms(use_true_random=False))
def test_only_rules_above_matter(found: RuleSet, situation: Situation, random: object) -> None:
    """Rules below the one that decides can be in any order, or go."""
    decision = decide(found, situation)
    assume(decision is not None)
    assert decision is not None
    place = [rule.name for rule in found.rules].index(decision.rule)
    below = list(found.rules[place + 1 :])
    random.shuffle(below)  # type: ignore[attr-defined]
    for rest in (below, []):
        again = decide(replace(found, rules=(*found.rules[: place + 1], *rest)), situation)
        assert again == decision


@SOME
@given(rule_sets(), situations())
def test_the_explanation_accounts_for_every_condition(found: RuleSet, situation: Situation) -> None:
    decision, findings = decide(found, situation), explain(found, situation)
    assert [finding.rule for finding in findings] == [rule.name for rule in found.rules]
    for rule, finding in zip(found.rules, findings, strict=True):
        if finding.outcome != "disabled":
            assert set(finding.held) | set(finding.failed) == set(rule.terms)
            assert not set(finding.held) & set(finding.failed)
        if finding.outcome == "did_not_hold":
            assert finding.failed
    applied = [finding.rule for finding in findings if finding.outcome == "applied"]
    assert applied == ([decision.rule] if decision else [])
    if decision is not None:
        assert decision.explanation == findings[: len(decision.explanation)]
        assert decision.explanation[-1].rule == decision.rule


@SOME
@given(rule_sets(), situations(asked=False))
def test_a_rule_that_answers_no_request_is_applied_once(found: RuleSet, situation: Situation) -> None:
    for _ in range(len(found.rules) + 1):
        decision = decide(found, situation)
        if decision is None:
            return
        assert decision.rule not in situation.applied
        situation = situation.with_applied(decision.rule)
    raise AssertionError("rules are applied without end")
