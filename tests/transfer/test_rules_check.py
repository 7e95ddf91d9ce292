"""What must not be saved, and that what may be saved is not refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transfer.rule_samples import CALENDAR, GROUPS, NAMES, TODAY
from voicebot.transfer.rules import REQUEST, EndCall, Rule, RuleSet, SayText, TransferTo
from voicebot.transfer.rules_check import check_rules
from voicebot.transfer.rules_file import read_rules
from voicebot.transfer.rules_problem import Problem

REQUEST_YAML = (
    "- {name: asks, when: {asked_for_human: true}, then: [{transfer: queue:service}, offer_callback]}"
)


def problems(*rules: str, groups: str = "{vip: ['+31612345678']}") -> list[Problem]:
    text = "rules:\n" + "\n".join(rules) + f"\ngroups: {groups}\n"
    found = read_rules(text, Path("rules.yaml"))
    return list(check_rules(found.rule_set(CALENDAR), NAMES, TODAY, found.lines))


def a_rule(when: str, then: str = "[offer_callback]", more: str = "", name: str = "one") -> str:
    return f"- {{name: {name}, when: {{{when}}}, then: {then}{more}}}"


def codes(*rules: str) -> list[tuple[str, str]]:
    return [(each.code, each.rule) for each in problems(*rules)]


def test_the_smallest_rule_set() -> None:
    assert problems(REQUEST_YAML) == []


@pytest.mark.parametrize(
    "rule",
    [
        a_rule("asked_for_human: true, open: desk", "[{transfer: queue:service}]"),
        a_rule("asked_for_human: true, caller: vip", "[{transfer: agent:anna}, offer_callback]"),
        a_rule("asked_for_human: false, intent: complaint", "[take_message]"),
        a_rule("intent: complaint", "[{transfer: reception}, offer_callback]"),
        a_rule("closed: desk, asked_for_human: true", "[offer_callback, take_message]"),
        a_rule("language: en", "[{say: {nl: Hallo, en: Hi}}]", ", unless: {asked_for_human: true}"),
        a_rule("asked_for_human: false, silences: 2, failed_turns: 1", "[take_message]"),
        a_rule("asked_for_human: false, task: {any: unavailable}, intent: order_status", "[take_message]"),
        a_rule("asked_for_human: true, holiday: NL, open: late", "[{transfer: queue:nights}]"),
    ],
)
def test_rules_that_may_stand_above_the_request_rule(rule: str) -> None:
    assert problems(rule, REQUEST_YAML) == []


@pytest.mark.parametrize(
    ("rules", "code", "rule"),
    [
        ((a_rule("loop: true"),), "request_rule", ""),
        ((REQUEST_YAML.replace("asks,", "asks, enabled: false,"),), "request_rule", "asks"),
        ((a_rule("asked_for_human: true", "[take_message]"),), "request_rule", "one"),
        ((a_rule("asked_for_human: true, open: desk", "[{transfer: reception}]"),), "request_rule", ""),
        ((a_rule("asked_for_human: true", more=", unless: {language: en}"),), "request_rule", ""),
        ((a_rule("intent: complaint", "[take_message]"), REQUEST_YAML), "shadows_request", "one"),
        ((a_rule("language: en", "[{end: {nl: a, en: b}}]"), REQUEST_YAML), "shadows_request", "one"),
        ((a_rule("key: 0", "[{say: {nl: a, en: b}}]"), REQUEST_YAML), "shadows_request", "one"),
        ((a_rule("asked_for_human: true", "[{transfer: reception}]"),), "no_callback", "one"),
        (  # the rule above is applied once in a call: who asks again after it gets no callback
            (
                a_rule("closed: desk", name="closed"),
                a_rule("asked_for_human: true", "[{transfer: reception}]"),
            ),
            "no_callback",
            "one",
        ),
        (
            (a_rule("asked_for_human: true, open: desk", "[{transfer: queue:nights}]"), REQUEST_YAML),
            "no_callback",
            "one",
        ),
        ((REQUEST_YAML, a_rule("asked_for_human: true, loop: true")), "unreachable", "one"),
        (
            (REQUEST_YAML, a_rule("loop: true"), a_rule("loop: true, language: en", name="two")),
            "unreachable",
            "two",
        ),
        (
            (
                REQUEST_YAML,
                a_rule("loop: true, language: en"),
                a_rule("loop: true, language: nl", name="two"),
                a_rule("loop: true", name="three"),
            ),
            "unreachable",
            "three",
        ),
        (
            (REQUEST_YAML, a_rule("failed_turns: 2"), a_rule("failed_turns: 3", name="two")),
            "unreachable",
            "two",
        ),
        (
            (
                REQUEST_YAML,
                a_rule("days: mon-fri"),
                a_rule("days: [sat, sun]", name="two"),
                a_rule("time: 09:00-10:00", name="three"),
            ),
            "unreachable",
            "three",
        ),
        ((REQUEST_YAML, a_rule("days: [sat, sun], open: desk")), "contradiction", "one"),
        ((REQUEST_YAML, a_rule("time: 18:00-20:00, open: desk")), "contradiction", "one"),
        ((REQUEST_YAML, a_rule("holiday: NL, open: desk")), "contradiction", "one"),
        ((REQUEST_YAML, a_rule("dates: 2026-12-24, time: 13:00-14:00, open: desk")), "contradiction", "one"),
        ((REQUEST_YAML, a_rule("open: desk, closed: desk")), "contradiction", "one"),
        (
            (REQUEST_YAML, a_rule("failed_turns: 3", more=", unless: {failed_turns: 2}")),
            "contradiction",
            "one",
        ),
        ((REQUEST_YAML, a_rule("loop: true", more=", unless: {language: [nl, en]}")), "contradiction", "one"),
        ((REQUEST_YAML, a_rule("key: 1, intent: complaint")), "contradiction", "one"),
        ((REQUEST_YAML, a_rule("silences: 1, words: help")), "contradiction", "one"),
        (
            (REQUEST_YAML, a_rule("caller: vip", more=", unless: {caller: [vip, anonymous]}")),
            "contradiction",
            "one",
        ),
        (
            (REQUEST_YAML, a_rule("entity: {branch: utrecht}", more=", unless: {entity: {branch: any}}")),
            "contradiction",
            "one",
        ),
        (
            (
                REQUEST_YAML,
                a_rule("task: {order_status: unavailable}", more=", unless: {task: {any: unavailable}}"),
            ),
            "contradiction",
            "one",
        ),
        (
            (REQUEST_YAML, a_rule("vulnerable: hearing", more=", unless: {vulnerable: true}")),
            "contradiction",
            "one",
        ),
        ((REQUEST_YAML, a_rule("intent: complaints")), "unknown_name", "one"),
        ((REQUEST_YAML, a_rule("entity: {brunch: any}")), "unknown_name", "one"),
        ((REQUEST_YAML, a_rule("task: {order_state: done}")), "unknown_name", "one"),
        ((REQUEST_YAML, a_rule("queue_waiting: {sales: 3}")), "unknown_name", "one"),
        ((REQUEST_YAML, a_rule("caller: friends")), "unknown_name", "one"),
        ((REQUEST_YAML, a_rule("open: gent")), "unknown_name", "one"),
        ((REQUEST_YAML, a_rule("loop: true", "[{transfer: sales}]")), "destination", "one"),
        ((REQUEST_YAML, a_rule("loop: true", "[{transfer: queue:sales}]")), "destination", "one"),
        ((REQUEST_YAML, a_rule("loop: true", "[{transfer: agent:piet}]")), "destination", "one"),
        ((REQUEST_YAML, a_rule("loop: true", "[{transfer: '0900'}]")), "destination", "one"),
        ((REQUEST_YAML, a_rule("loop: true", "[offer_callback, {transfer: reception}]")), "actions", "one"),
        ((REQUEST_YAML, a_rule("loop: true", "[take_message, take_message]")), "actions", "one"),
        (
            (REQUEST_YAML, a_rule("intent: complaint", "[take_message, {end: {nl: a, en: b}}]")),
            "actions",
            "one",
        ),
        ((REQUEST_YAML, a_rule("loop: true", "[{end: {nl: a, en: b}}]")), "actions", "one"),
        ((REQUEST_YAML, a_rule("silences: 3", "[{end: {nl: a, en: b}}]")), "actions", "one"),
        ((REQUEST_YAML, a_rule("queue_waiting: {service: 9}", "[{end: {nl: a, en: b}}]")), "actions", "one"),
        (
            (REQUEST_YAML, a_rule("loop: true", "[{transfer: {to: queue:service, how: blind}}]")),
            "actions",
            "one",
        ),
        ((REQUEST_YAML, a_rule("loop: true", "[]")), "actions", "one"),
    ],
)
def test_what_must_not_be_saved(rules: tuple[str, ...], code: str, rule: str) -> None:
    found = problems(*rules)
    assert [(each.code, each.rule) for each in found] == [(code, rule)]
    assert found[0].mend
    assert found[0].line == (
        2 + [r.split(",")[0] for r in rules].index(f"- {{name: {rule}") if rule else None
    )


def test_a_request_may_not_be_answered_by_hanging_up() -> None:
    end = a_rule("asked_for_human: true", "[{end: {nl: a, en: b}}]")
    assert codes(end) == [("request_rule", "one"), ("actions", "one")]


def test_every_problem_is_told_at_once() -> None:
    bad = a_rule("intent: x, open: y", "[{transfer: z}]")
    assert [each.code for each in problems(bad, REQUEST_YAML)] == [
        "no_callback", "unknown_name", "unknown_name", "destination",
    ]  # fmt: skip


def test_hours_that_may_change_do_not_break_the_law_later() -> None:
    """A desk that is open day and night now may close one day: a callback is wanted all the same."""
    rules = a_rule("asked_for_human: true", "[{transfer: reception}]")
    assert codes(rules) == [("no_callback", "one")]


def test_a_desk_that_never_closes_leaves_rules_about_closing_alone() -> None:
    from datetime import time

    from tests.transfer.rule_samples import branch
    from voicebot.transfer.opening_hours import Interval
    from voicebot.transfer.rules_facts import Calendar

    always = Calendar(
        {"desk": branch("desk", dict.fromkeys(range(7), (Interval(time(0), time.max),)), country="")}
    )
    found = read_rules(
        "rules:\n" + a_rule("closed: desk, asked_for_human: true") + "\n" + REQUEST_YAML, Path("r")
    )
    assert check_rules(found.rule_set(always), NAMES, TODAY) == ()


def test_texts_and_names_of_rules_made_by_a_program_are_checked_too() -> None:
    asks = Rule("a", (REQUEST,), (TransferTo("queue:service"), SayText("", "x")))
    twin = Rule("a", (REQUEST.negated(),), (EndCall("x", " "),))
    found = {each.code for each in check_rules(RuleSet((asks, twin), GROUPS, CALENDAR), NAMES, TODAY)}
    assert {"text", "unknown_name", "actions", "no_callback"} <= found


def test_agents_may_be_unknown_here() -> None:
    from dataclasses import replace

    found = read_rules(
        f"rules:\n{a_rule('asked_for_human: false, loop: true', '[{transfer: agent:piet}]')}\n{REQUEST_YAML}",
        Path("r"),
    )
    rules = found.rule_set(CALENDAR)
    assert [each.code for each in check_rules(rules, NAMES, TODAY)] == ["destination"]
    assert check_rules(rules, replace(NAMES, agents=None), TODAY) == ()


def test_many_rules_are_checked_in_reasonable_time() -> None:
    """The search gives up before it becomes slow; what it cannot show to be wrong is let through."""
    rules = [
        a_rule(
            f"failed_turns: {1 + n % 3}, silences: {1 + n % 2}",
            more=f", unless: {{words: [w{n}, v{n}]}}",
            name=f"r{n}",
        )
        for n in range(60)
    ]
    assert all(each.code == "unreachable" for each in problems(REQUEST_YAML, *rules))
