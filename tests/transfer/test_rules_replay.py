"""Replaying recorded calls: what a draft would have changed, and what cannot be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.transfer.rule_samples import CALENDAR
from voicebot.storage.records import CallRecord, EventRecord, TransferRecord, TurnRecord
from voicebot.transfer.rules import OfferCallback, RuleSet, TransferTo
from voicebot.transfer.rules_file import read_rules
from voicebot.transfer.rules_replay import moments_of, replay

START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def rule_set(*rules: str) -> RuleSet:
    text = "groups: {vip: ['+31612345678']}\nrules:\n" + "\n".join(rules)
    return read_rules(text, Path("rules")).rule_set(CALENDAR)


def a_rule(name: str, when: str, then: str = "[offer_callback]") -> str:
    return f"- {{name: {name}, when: {{{when}}}, then: {then}}}"


ASKS = a_rule("asks", "asked_for_human: true", "[{transfer: queue:service}, offer_callback]")


def turn(number: int, at_ms: int, heard: str, intent: str | None = None, **other: object) -> TurnRecord:
    found = TurnRecord(number, at_ms, "nl", heard, "Ja.", "Ja.", 10, 10, intent, 0.9)
    return replace(found, **other)  # type: ignore[arg-type]


def a_call(*turns: TurnRecord, events: tuple[EventRecord, ...] = (), **other: object) -> CallRecord:
    record = CallRecord(
        call_id="c1",
        started_at=START - timedelta(seconds=1),
        answered_at=START,
        ended_at=START + timedelta(minutes=2),
        leg_kind="sip",
        codec="PCMA",
        line="nl",
        languages=("nl",),
        disposition="completed",
        ended_by="caller",
        turns=turns,
        events=events,
    )
    return replace(record, **other)  # type: ignore[arg-type]


def test_the_first_difference_is_told_with_what_happened_in_fact() -> None:
    record = a_call(
        turn(1, 5000, "waar is mijn bestelling", "order_status"),
        turn(2, 15000, "ik ga naar mijn advocaat", "complaint"),
        turn(3, 25000, "en naar de krant", "complaint"),
        transfers=(TransferRecord("medewerker", "bridged", "repair", 30000, failure="busy"),),
    )
    draft = rule_set(ASKS, a_rule("law", "words: advocaat", "[{transfer: agent:anna}, offer_callback]"))
    found = replay(record, rule_set(ASKS), draft, caller="")
    assert found.difference is not None
    assert (found.difference.at_ms, found.difference.happening) == (15000, "turn")
    assert (found.difference.before.rule, found.difference.after.rule) == ("", "law")
    assert found.difference.after.actions == (TransferTo("agent:anna"), OfferCallback())
    assert found.difference.really == "transfer to medewerker (busy); completed"
    assert found.difference.is_certain
    assert (found.moments, found.applied_before, found.applied_after) == (3, (), ("law",))


def test_the_same_rules_change_nothing_and_a_new_name_is_no_change() -> None:
    record = a_call(turn(1, 5000, "ik wil een medewerker spreken", "human"))
    renamed = rule_set(ASKS.replace("asks", "another name"))
    for draft in (rule_set(ASKS), renamed):
        found = replay(record, rule_set(ASKS), draft, caller="")
        assert found.difference is None
        assert (found.requests, found.unserved) == (1, 0)


def test_a_request_that_a_draft_leaves_unanswered_is_counted() -> None:
    record = a_call(
        turn(1, 5000, "een mens graag", "human"),
        events=(
            EventRecord("HumanRequested", 5010, {"by": "words"}),
            EventRecord("KeyPressed", 9000, {"is_zero": True}),
            EventRecord("HumanRequested", 9000, {"by": "key"}),
            EventRecord("HumanRequested", 20000, {"by": "fallback"}),
        ),
    )
    found = replay(record, rule_set(ASKS), rule_set(a_rule("x", "loop: true")), caller="")
    assert (found.requests, found.unserved, found.moments) == (3, 3, 3)
    assert found.applied_before == ("asks", "asks", "asks")


def test_a_yes_to_the_offer_of_a_person_is_a_request() -> None:
    record = a_call(
        turn(1, 5000, "ja graag", None), events=(EventRecord("HumanRequested", 5020, {"by": "words"}),)
    )
    assert [moment.situation.asked_for_human for moment in moments_of(record, "")] == [True]


def test_silences_failures_and_tasks_are_rebuilt() -> None:
    record = a_call(
        turn(1, 5000, "blabla", None),
        turn(2, 30000, "", None, prompt_ids=("no_input",)),
        turn(3, 40000, "mijn bestelling", "order_status", prompt_ids=("task_unavailable",)),
        events=(
            EventRecord("NoMatch", 5005, {"failures": 1}),
            EventRecord("NoInput", 20000, {"silence_ms": 7000}),
            EventRecord("NoInput", 30000, {"silence_ms": 7000}),
            EventRecord("TransferProgressed", 35000, {"state": "failed"}),
        ),
    )
    found = list(moments_of(record, ""))
    assert [moment.happening for moment in found] == ["turn", "silence", "silence", "turn", "task"]
    assert [moment.situation.failed_turns for moment in found] == [1, 2, 3, 0, 0]
    assert [moment.situation.silences for moment in found] == [0, 1, 2, 0, 0]
    task = found[-1].situation
    assert task.task is not None
    assert (task.task.name, task.task.status, task.intent) == ("order_status", "unavailable", "order_status")
    assert task.transfer_failures == 1
    assert found[0].situation.moment == START + timedelta(seconds=5)


@pytest.mark.parametrize("when", ["loop: true", "queue_waiting: {service: 3}", "entity: {branch: any}"])
def test_what_a_record_does_not_hold_is_a_maybe_and_no_guess(when: str) -> None:
    record = a_call(turn(1, 5000, "ik heb een klacht", "complaint"))
    draft = rule_set(ASKS, a_rule("maybe", f"{when}, intent: complaint"), a_rule("no", f"{when}, intent: x"))
    found = replay(record, rule_set(ASKS), draft, caller="")
    assert found.difference is not None
    assert not found.difference.is_certain
    assert (found.difference.after.rule, found.difference.after.maybe) == ("", ("maybe",))
    assert found.applied_after == ()


def test_a_certain_difference_is_told_before_one_that_hangs_on_the_unknown() -> None:
    record = a_call(turn(1, 5000, "goedemorgen"), turn(2, 9000, "mijn advocaat"))
    draft = rule_set(ASKS, a_rule("loop", "loop: true"), a_rule("law", "words: advocaat"))
    found = replay(record, rule_set(ASKS), draft, caller="").difference
    assert found is not None
    assert (found.at_ms, found.is_certain) == (9000, True)
    assert (found.after.rule, found.after.maybe) == ("law", ("loop",))


def test_the_caller_is_known_only_where_a_group_tells() -> None:
    record = a_call(turn(1, 5000, "ik heb een klacht", "complaint"))
    draft = rule_set(ASKS, a_rule("vip", "caller: vip"))
    verdicts = {
        caller: replay(record, rule_set(ASKS), draft, caller=caller).difference
        for caller in ("+31612345678", "", "other", None)
    }
    assert verdicts["+31612345678"] is not None
    assert verdicts["+31612345678"].is_certain
    assert verdicts[""] is verdicts["other"] is None
    unknown = verdicts[None]
    assert unknown is not None
    assert unknown.after.maybe == ("vip",)


def test_a_line_that_stands_for_the_rest_tells_no_number() -> None:
    draft = rule_set(ASKS, a_rule("line", "dialled: nl"))
    call = a_call(turn(1, 5000, "ik heb een klacht", "complaint"))
    certain = replay(call, rule_set(ASKS), draft, caller="").difference
    unsure = replay(replace(call, line="*"), rule_set(ASKS), draft, caller="").difference
    assert certain is not None
    assert certain.is_certain
    assert unsure is not None
    assert not unsure.is_certain


def test_a_rule_is_applied_once_in_a_replayed_call_too() -> None:
    record = a_call(turn(1, 5000, "mijn advocaat"), turn(2, 9000, "mijn advocaat"))
    found = replay(record, rule_set(ASKS), rule_set(ASKS, a_rule("law", "words: advocaat")), caller="")
    assert found.applied_after == ("law",)


def test_redacted_words_do_not_matter() -> None:
    record = a_call(turn(1, 5000, "mijn nummer is [nummer] en ik ben slechthorend"))
    found = replay(record, rule_set(ASKS), rule_set(ASKS, a_rule("v", "vulnerable: hearing")), caller="")
    assert found.applied_after == ("v",)


def test_a_call_without_turns_or_answer() -> None:
    found = replay(a_call(answered_at=None), rule_set(ASKS), rule_set(ASKS), caller=None)
    assert (found.moments, found.difference) == (0, None)
