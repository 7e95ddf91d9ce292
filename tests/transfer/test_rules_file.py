"""Reading the rule file: what can be written, and how each mistake is told."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.errors import ConfigError
from voicebot.transfer.rules import EndCall, OfferCallback, SayText, TakeMessage, TransferTo
from voicebot.transfer.rules_conditions import (
    AtLeast,
    CallerIn,
    Choice,
    Condition,
    Entity,
    Flag,
    OnDates,
    OnDays,
    OpenNow,
    PublicHoliday,
    QueueAtLeast,
    Said,
    TaskEnded,
    Term,
    TimeOfDay,
    Vulnerable,
)
from voicebot.transfer.rules_file import load_rules, read_rules

FILE = Path("rules.yaml")
DEFAULT = Path("config/transfer_rules.yaml")


def rule(when: str, then: str = "[offer_callback]", more: str = "") -> str:
    return f"rules:\n  - name: one\n    when: {when}\n    then: {then}\n{more}"


@pytest.mark.parametrize(
    ("when", "condition"),
    [
        ("{asked_for_human: true}", Flag("asked_for_human")),
        ("{loop: yes}", Flag("is_loop")),
        ("{intent: complaint}", Choice("intent", frozenset({"complaint"}))),
        ("{intent: [a, b]}", Choice("intent", frozenset({"a", "b"}))),
        ("{language: en}", Choice("language", frozenset({"en"}))),
        ("{key: 5}", Choice("key", frozenset({"5"}))),
        ("{key: '#'}", Choice("key", frozenset({"#"}))),
        ("{dialled: +31 30 2345678}", Choice("dialled", frozenset({"+31302345678"}))),
        ("{dialled: 0302345678}", Choice("dialled", frozenset({"+31302345678"}))),
        ("{dialled: nl}", Choice("dialled", frozenset({"nl"}))),
        ("{words: [advoca*, small claims]}", Said(frozenset({"advoca*", "small claims"}))),
        ("{entity: {order_number: any}}", Entity("order_number", frozenset({"any"}))),
        ("{entity: {branch: [utrecht, gent]}}", Entity("branch", frozenset({"utrecht", "gent"}))),
        ("{failed_turns: 2}", AtLeast("failed_turns", 2)),
        ("{silences: 2}", AtLeast("silences", 2)),
        ("{transfer_failures: 1}", AtLeast("transfer_failures", 1)),
        ("{queue_waiting: {service: 5}}", QueueAtLeast("service", "waiting", 5)),
        ("{queue_wait_seconds: {service: 300}}", QueueAtLeast("service", "wait_seconds", 300)),
        ("{task: {any: unavailable}}", TaskEnded(frozenset({("any", "unavailable")}))),
        (
            "{task: {a: [refused, not_found]}}",
            TaskEnded(frozenset({("a", "refused"), ("a", "not_found")})),
        ),
        ("{vulnerable: hearing}", Vulnerable(frozenset({"hearing"}))),
        ("{caller: [vip, anonymous]}", CallerIn(frozenset({"vip", "anonymous"}))),
        ("{time: '09:00-17:30'}", TimeOfDay(((time(9), time(17, 30)),))),
        ("{time: 22:00-24:00}", TimeOfDay(((time(22), time(0)),))),
        ("{days: mon-fri}", OnDays(frozenset(range(5)))),
        ("{days: sat-mon}", OnDays(frozenset({5, 6, 0}))),
        ("{days: [sat, sun]}", OnDays(frozenset({5, 6}))),
        ("{dates: 2026-12-24}", OnDates(frozenset({date(2026, 12, 24)}))),
        ("{open: desk}", OpenNow("desk")),
        ("{holiday: BE}", PublicHoliday(frozenset({"BE"}))),
        ("{holiday: true}", PublicHoliday(frozenset({"NL", "BE"}))),
    ],
)
def test_each_condition_can_be_written(when: str, condition: Condition) -> None:
    assert read_rules(rule(when), FILE).rules[0].terms == (Term(condition),)
    turned = read_rules(rule(when).replace("when:", "unless:"), FILE)
    assert turned.rules[0].terms == (Term(condition, is_wanted=False),)


@pytest.mark.parametrize(
    ("when", "term"),
    [
        ("{asked_for_human: false}", Term(Flag("asked_for_human"), is_wanted=False)),
        ("{closed: desk}", Term(OpenNow("desk"), is_wanted=False)),
        ("{holiday: false}", Term(PublicHoliday(frozenset({"NL", "BE"})), is_wanted=False)),
    ],
)
def test_what_is_denied_is_a_term_that_must_not_hold(when: str, term: Term) -> None:
    assert read_rules(rule(when), FILE).rules[0].terms == (term,)


def test_each_action_can_be_written() -> None:
    text = """
rules:
  - name: all
    note: why
    enabled: false
    when: {loop: true}
    then:
      - say: {nl: "Een moment: ik zoek iemand.", en: One moment.}
      - transfer: queue:service
      - transfer: {to: werkplaats, how: blind}
      - transfer: {to: agent:anna, how: attended}
      - offer_callback
      - take_message
  - name: bye
    when: {loop: true}
    then: [{end: {nl: Dag., en: Bye.}}]
"""
    first, second = read_rules(text, FILE).rules
    assert first.actions == (
        SayText("Een moment: ik zoek iemand.", "One moment."),
        TransferTo("queue:service"),
        TransferTo("werkplaats", "blind"),
        TransferTo("agent:anna", "attended"),
        OfferCallback(),
        TakeMessage(),
    )
    assert (first.enabled, first.note) == (False, "why")
    assert second.actions == (EndCall("Dag.", "Bye."),)


def test_groups_are_numbers_in_one_form() -> None:
    found = read_rules(
        rule("{caller: vip}", more="groups: {vip: [0612345678, '+32 3*', +31 30-2345678]}"), FILE
    )
    assert found.groups == {"vip": frozenset({"+31612345678", "+323*", "+31302345678"})}
    assert found.lines == {"one": 2}


@pytest.mark.parametrize(
    ("text", "line", "field", "problem"),
    [
        ("", None, "", "is empty"),
        ("rules: [", 1, "", "is not YAML"),
        ("rulez: []", 1, "rulez", "there is no 'rulez'"),
        ("groups: {}", 1, "", "has no 'rules:'"),
        ("rules: []", 1, "rules", "must have 1 to"),
        ("rules: 5", 1, "rules", "must be a list"),
        ("rules:\n  - when: {loop: true}\n    then: [offer_callback]", 2, "rules.1", "has no name"),
        ("rules:\n  - name: a\n    then: [offer_callback]", 2, "rules.a", "has no condition"),
        ("rules:\n  - name: a\n    when: {loop: true}", 2, "rules.a", "does nothing"),
        ("rules:\n  - name: a\n    wen: {loop: true}", 3, "rules.a.wen", "there is no 'wen'"),
        (rule("{lop: true}"), 3, "rules.one.when.lop", "there is no 'lop'"),
        (rule("{loop: maybe}"), 3, "rules.one.when.loop", "neither true nor false"),
        (rule("{loop: true, loop: false}"), 3, "rules.one.when.loop", "is given twice"),
        (rule("{failed_turns: two}"), 3, "rules.one.when.failed_turns", "is no number"),
        (rule("{failed_turns: -1}"), 3, "rules.one.when.failed_turns", "is no number"),
        (rule("{language: fr}"), 3, "rules.one.when.language", "'fr' is not known"),
        (rule("{key: A}"), 3, "rules.one.when.key", "'A' is not known"),
        (rule("{time: 9-17}"), 3, "rules.one.when.time", "is no time of day"),
        (rule("{time: '25:00-26:00'}"), 3, "rules.one.when.time", "is no time of day"),
        (rule("{days: monday}"), 3, "rules.one.when.days", "is no day"),
        (rule("{dates: 2026-02-30}"), 3, "rules.one.when.dates", "is no date"),
        (rule("{words: '*'}"), 3, "rules.one.when.words", "are no words"),
        (rule("{words: 'a*b'}"), 3, "rules.one.when.words", "are no words"),
        (rule("{vulnerable: sad}"), 3, "rules.one.when.vulnerable", "'sad' is not known"),
        (rule("{task: unavailable}"), 3, "rules.one.when.task", "must be a list of 'name: value'"),
        (rule("{task: {any: broken}}"), 3, "rules.one.when.task.any", "'broken' is not known"),
        (rule("{holiday: DE}"), 3, "rules.one.when.holiday", "'DE' is not known"),
        (rule("{intent: }"), 3, "rules.one.when.intent", "must be one value"),
        (rule("{loop: true}", "[call_back]"), 4, "rules.one.then.1", "'call_back' is not known"),
        (rule("{loop: true}", "[{transfer: sip:a@b}]"), 4, "rules.one.then.1.transfer", "is an address"),
        (
            rule("{loop: true}", "[{transfer: '+31302345678'}]"),
            4,
            "rules.one.then.1.transfer",
            "is an address",
        ),
        (
            rule("{loop: true}", "[{transfer: {to: a, how: fast}}]"),
            4,
            "rules.one.then.1.transfer.how",
            "'fast' is not known",
        ),
        (rule("{loop: true}", "[{say: {nl: Hallo}}]"), 4, "rules.one.then.1.say", "no text in 'en'"),
        (rule("{loop: true}", "[{say: {nl: '', en: Hi}}]"), 4, "rules.one.then.1.say.nl", "plain text"),
        (rule("{loop: true}", more="groups: {vip: [abc]}"), 5, "groups.vip.1", "'abc' is no number"),
        (rule("{loop: true}", more="groups: {anonymous: [123]}"), 5, "groups.anonymous", "group's name"),
        ("rules: &a\n  - *a", 1, "", "references"),
        ("rules: " + "[" * 50, 1, "", "nested too deeply"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_its_mend(
    text: str, line: int | None, field: str, problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_rules(text, FILE)
    error = caught.value
    assert (error.file, error.line, error.field) == (FILE, line, field)
    assert problem in error.problem
    assert error.mend


def test_a_slip_of_the_pen_gets_the_word_that_was_meant() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'failed_turns'\?"):
        read_rules(rule("{failed_turn: 2}"), FILE)


def test_two_rules_with_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="two rules with the name 'one'"):
        read_rules(rule("{loop: true}") + rule("{loop: true}").removeprefix("rules:\n"), FILE)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"rules: \xe9")
    for path in (tmp_path / "none", tmp_path / "latin", tmp_path):
        with pytest.raises(ConfigError) as caught:
            load_rules(path)
        assert caught.value.file == path


LINES = DEFAULT.read_text(encoding="utf-8").splitlines()


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, len(LINES) - 1),
    st.text(max_size=20) | st.sampled_from(["- ", "x: [", "*", "&a", "!!int", ":"]),
)
def test_a_spoilt_file_is_read_or_refused_and_never_a_fault(place: int, text: str) -> None:
    spoilt = "\n".join([*LINES[:place], text + LINES[place], *LINES[place + 1 :]])
    with suppress(ConfigError):
        assert read_rules(spoilt, FILE).rules


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["name", "when", "then", "transfer", "say", "words", "x"]), inner, max_size=4
            )
        ),
        max_leaves=10,
    )
)
def test_any_yaml_is_read_or_refused(value: object) -> None:
    for text in (yaml.safe_dump({"rules": value}), yaml.safe_dump({"rules": [value]}), yaml.safe_dump(value)):
        with suppress(ConfigError):
            assert read_rules(text, FILE).rules
