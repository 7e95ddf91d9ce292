"""Deciding: each condition, what is told of it, and how a situation goes from happening to happening."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.transfer.rule_samples import CALENDAR, GROUPS
from voicebot.transfer.rules import (
    REQUEST,
    Calendar,
    EndCall,
    OfferCallback,
    QueueFacts,
    Rule,
    RuleSet,
    Situation,
    TakeMessage,
    TaskFact,
    TransferTo,
    decide,
    explain,
)
from voicebot.transfer.rules_conditions import (
    AtLeast,
    CallerIn,
    Choice,
    Condition,
    Entity,
    Flag,
    QueueAtLeast,
    Said,
    TaskEnded,
    Term,
    Vulnerable,
)
from voicebot.transfer.rules_facts import Facts, number_key

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
SAID = Situation(words="Ik wil géén gedoe: bel mijn advocaten, of de small  claims court!")


@pytest.mark.parametrize(
    ("condition", "situation", "expected"),
    [
        (Flag("asked_for_human"), Situation(asked_for_human=True), True),
        (Flag("asked_for_human"), Situation(is_loop=True), False),
        (Flag("is_loop"), Situation(is_loop=True), True),
        (Choice("intent", frozenset({"a", "b"})), Situation(intent="b"), True),
        (Choice("intent", frozenset({"a"})), Situation(), False),
        (Choice("language", frozenset({"en"})), Situation(), False),
        (Choice("key", frozenset({"5"})), Situation(key="5"), True),
        (Choice("dialled", frozenset({"+31302345678"})), Situation(dialled="sip:0302345678@pbx"), True),
        (Choice("dialled", frozenset({"nl"})), Situation(dialled="nl"), True),
        (AtLeast("failed_turns", 2), Situation(failed_turns=1), False),
        (AtLeast("failed_turns", 2), Situation(failed_turns=2), True),
        (AtLeast("silences", 1), Situation(silences=3), True),
        (AtLeast("transfer_failures", 1), Situation(), False),
        (QueueAtLeast("service", "waiting", 3), Situation(queues={"service": QueueFacts(3)}), True),
        (QueueAtLeast("service", "waiting", 3), Situation(queues={"other": QueueFacts(9)}), False),
        (
            QueueAtLeast("service", "wait_seconds", 60),
            Situation(queues={"service": QueueFacts(9, 60.0)}),
            True,
        ),
        (QueueAtLeast("service", "wait_seconds", 60), Situation(queues={"service": QueueFacts(9)}), False),
        (Said(frozenset({"advoca*"})), SAID, True),
        (Said(frozenset({"advocaat"})), SAID, False),
        (Said(frozenset({"Small Claims"})), SAID, True),
        (Said(frozenset({"claims small"})), SAID, False),
        (Said(frozenset({"geen gedoe"})), SAID, True),
        (Said(frozenset({"ik"})), SAID, True),
        (Said(frozenset({"court"})), SAID, True),
        (Said(frozenset({"edoe"})), SAID, False),
        (Said(frozenset({"a.c"})), Situation(words="abc"), False),
        (Said(frozenset({"x"})), Situation(), False),
        (Entity("branch", frozenset({"any"})), Situation(entities={"branch": "gent"}), True),
        (Entity("branch", frozenset({"utrecht"})), Situation(entities={"branch": "gent"}), False),
        (Entity("branch", frozenset({"any"})), Situation(entities={"branch": ""}), False),
        (TaskEnded(frozenset({("any", "unavailable")})), Situation(task=TaskFact("x", "unavailable")), True),
        (TaskEnded(frozenset({("y", "unavailable")})), Situation(task=TaskFact("x", "unavailable")), False),
        (TaskEnded(frozenset({("any", "done")})), Situation(), False),
        (Vulnerable(frozenset({"hearing"})), Situation(vulnerable=frozenset({"hearing", "sight"})), True),
        (Vulnerable(frozenset({"hearing"})), Situation(vulnerable=frozenset({"sight"})), False),
        (CallerIn(frozenset({"anonymous"})), Situation(), True),
        (CallerIn(frozenset({"anonymous"})), Situation(caller="+31612345678"), False),
        (CallerIn(frozenset({"vip"})), Situation(caller="0612345678"), True),
        (CallerIn(frozenset({"vip"})), Situation(caller="sip:+31612345678@trunk"), True),
        (CallerIn(frozenset({"belgian"})), Situation(caller="003232345678"), True),
        (CallerIn(frozenset({"belgian"})), Situation(caller="+31612345678"), False),
        (CallerIn(frozenset({"nobody"})), Situation(caller="+31612345678"), False),
    ],
)
def test_each_condition(condition: Condition, situation: Situation, expected: bool) -> None:
    facts = Facts(situation, Calendar(), GROUPS)
    assert condition.holds(facts) is expected
    assert Term(condition).holds(facts) is expected
    assert Term(condition).negated().holds(facts) is not expected


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("030-2345678", "+31302345678"),
        ("+31 (0)30 2345678", "+31302345678"),
        ("0031302345678", "+31302345678"),
        ("SIP:Jan@host;user=phone", "jan"),
        ("tel:+3232345678", "+3232345678"),
        ("1001", "1001"),
        ("+3247*", "+3247*"),
        ("06*", "+316*"),
        ("", ""),
        ("anonymous", "anonymous"),
    ],
)
def test_numbers_have_one_form(written: str, key: str) -> None:
    assert number_key(written) == key


RULES = RuleSet(
    (
        Rule("off", (REQUEST,), (TakeMessage(),), enabled=False),
        Rule("vip asks", (REQUEST, Term(CallerIn(frozenset({"vip"})))), (TransferTo("agent:anna"),)),
        Rule("asks", (REQUEST,), (TransferTo("queue:service"), OfferCallback())),
        Rule("loop", (Term(Flag("is_loop")), REQUEST.negated()), (TakeMessage(),)),
        Rule("end", (Term(AtLeast("silences", 3)),), (EndCall("Dag", "Bye"),)),
    ),
    GROUPS,
    CALENDAR,
)


def test_the_first_that_holds_decides_and_says_why() -> None:
    decision = decide(RULES, Situation(asked_for_human=True, caller="+31301111111"))
    assert decision is not None
    assert (decision.rule, decision.actions) == ("asks", RULES.rules[2].actions)
    assert decision.reaches_human
    told = [
        (
            finding.rule,
            finding.outcome,
            [str(term) for term in finding.held],
            [str(t) for t in finding.failed],
        )
        for finding in decision.explanation
    ]
    assert told == [
        ("off", "disabled", [], []),
        ("vip asks", "did_not_hold", ["the caller asks for a person"], ["the caller is vip"]),
        ("asks", "applied", ["the caller asks for a person"], []),
    ]


def test_no_rule_no_decision() -> None:
    assert decide(RULES, Situation()) is None
    assert decide(RuleSet(), Situation(asked_for_human=True)) is None
    assert [finding.outcome for finding in explain(RULES, Situation())][1:] == ["did_not_hold"] * 4


def test_explain_goes_on_below_the_rule_that_decides() -> None:
    findings = explain(RULES, Situation(asked_for_human=True, caller="+31612345678"))
    assert [finding.outcome for finding in findings] == [
        "disabled", "applied", "not_tried", "did_not_hold", "did_not_hold",
    ]  # fmt: skip


def test_a_rule_is_applied_once_but_a_request_is_answered_each_time() -> None:
    looping = Situation(is_loop=True)
    first = decide(RULES, looping)
    assert first is not None
    again = looping.with_applied(first.rule)
    assert decide(RULES, again) is None
    assert explain(RULES, again)[3].outcome == "applied_before"
    asking = Situation(asked_for_human=True).with_applied("asks")
    answered = decide(RULES, asking)
    assert answered is not None
    assert answered.rule == "asks"


def test_nothing_that_was_said_is_in_an_explanation() -> None:
    situation = Situation(
        words="mijn geheim", caller="+31612345678", entities={"order_number": "53821"}, asked_for_human=True
    )
    assert "geheim" not in repr(decide(RULES, situation))
    assert "612345678" not in repr(decide(RULES, situation))
    for secret in ("geheim", "612345678", "53821"):
        assert secret not in repr(situation)


def test_facts_of_a_moment_go_and_facts_of_the_call_stay() -> None:
    start = Situation(caller="+31612345678", dialled="nl")
    heard = start.heard(
        "ik ben slechthorend, waar is mijn bestelling",
        NOW,
        language="nl",
        intent="order_status",
        entities={"order_number": "53821"},
        vulnerable=frozenset({"hearing"}),
        failed_turns=1,
    )
    assert (heard.intent, heard.failed_turns, set(heard.vulnerable)) == ("order_status", 1, {"hearing"})
    done = heard.task_ended("order_status", "unavailable", NOW)
    assert (done.task, done.intent, done.words) == (
        TaskFact("order_status", "unavailable"),
        "order_status",
        "",
    )
    silent = done.was_silent(NOW, failed_turns=2).was_silent(NOW, failed_turns=3)
    assert (silent.silences, silent.task, silent.intent, silent.failed_turns) == (2, None, "", 3)
    pressed = silent.pressed("0", NOW, asked_for_human=True)
    assert (pressed.key, pressed.silences, pressed.asked_for_human) == ("0", 0, True)
    again = pressed.heard("nee", NOW, language="en", intent=None)
    assert (again.key, again.asked_for_human, again.intent, again.language) == ("", False, "", "en")
    assert again.vulnerable == {"hearing"}
    assert again.caller == "+31612345678"


def test_a_request_is_a_further_fact_of_the_same_happening() -> None:
    heard = Situation().heard("over de reparatie", NOW, language="nl", intent="complaint")
    asked = heard.request(NOW)
    assert (asked.words, asked.intent, asked.asked_for_human) == ("over de reparatie", "complaint", True)
    queues = {"service": QueueFacts(2, 30.0)}
    assert asked.elsewhere(queues=queues).queues == queues
    assert asked.elsewhere(transfer_failures=1).elsewhere(queues=queues).transfer_failures == 1
