"""The transfer rules at every decision point of a call: request, turn, task outcome, silence, key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.call_world import AGENT, World
from tests.dialogue.conversation import HOURS
from tests.fakes.virtual_time import in_virtual_time
from voicebot.dialogue.actions import TaskOutcome
from voicebot.errors import DialFailure
from voicebot.events import (
    CallbackRequested,
    Disposition,
    HumanRequested,
    RuleApplied,
    RulesFailed,
    TransferRequested,
)
from voicebot.transfer.rules import RuleSet
from voicebot.transfer.rules_facts import Calendar
from voicebot.transfer.rules_file import load_rules, read_rules

DEMO = Path(__file__).parents[1] / "config" / "transfer_rules.yaml"
REQUESTS = """
  - name: person
    when: {asked_for_human: true}
    then: [transfer: medewerker, offer_callback, take_message]
"""


def ruled(text: str) -> RuleSet:
    """Rules above the one for requests."""
    return read_rules(f"rules:\n{text}{REQUESTS}", DEMO).rule_set(Calendar.of(HOURS))


async def begun(world: World) -> None:
    await world.until_said("how_can_i_help")


@in_virtual_time
async def test_the_demo_s_rules_lead_a_request_to_the_person_and_then_to_the_choice() -> None:
    rules = load_rules(DEMO).rule_set(Calendar.of(HOURS))
    async with World(rules=rules) as world:
        world.dialler._outcomes[AGENT] = [DialFailure.DECLINED]
        await begun(world)
        world.leg.press("0")
        await world.until_said("transfer_choice")
        names = world.names()
    assert names[-3:] == ["transferring", "transfer_failed_other", "transfer_choice"]
    applied = world.of(RuleApplied)[0]
    assert (applied.rule, applied.point) == ("person requested", "request")
    assert any("held: the caller asks for a person" in line for line in applied.explanation)


@in_virtual_time
async def test_a_turn_that_fits_a_rule_is_put_through_with_its_words_and_once_only() -> None:
    rules = ruled("""
  - name: complaints
    when: {intent: opening_hours}
    then: [say: {nl: Dat is voor een collega., en: A colleague does that.}, transfer: medewerker]
""")
    async with World(rules=rules) as world:
        world.dialler._outcomes[AGENT] = [DialFailure.BUSY]
        await begun(world)
        await world.ask("wat zijn de openingstijden")
        await world.until_said("transfer_choice")
        assert world.heard("rule_text", complete=True)
        await world.wait(3000)
        await world.ask("wat zijn de openingstijden")  # a rule that answers no request is applied once
        await world.wait(4000)
    assert [each.reason for each in world.of(TransferRequested)] == ["rule"]
    assert [each.point for each in world.of(RuleApplied)] == ["turn"]
    assert not world.of(HumanRequested)


@in_virtual_time
async def test_a_task_s_outcome_offers_a_callback() -> None:
    rules = ruled("""
  - name: down
    when: {task: {any: unavailable}}
    then: [offer_callback]
""")
    async with World(rules=rules) as world:
        world.interpreter.knows("een twee drie vier vijf", None, order_number="12345")
        world.backend.outcomes["order_status"] = TaskOutcome("order_status", "unavailable")
        await begun(world)
        await world.ask("waar blijft mijn bestelling")
        await world.until_said("ask_order_number")
        await world.ask("een twee drie vier vijf")
        await world.until_said("offer_callback")
        await world.ask("ja")
        await world.until_said("callback_stored")
    assert [(each.rule, each.point) for each in world.of(RuleApplied)] == [("down", "task")]
    assert world.ended.disposition == Disposition.CALLBACK


@in_virtual_time
async def test_silence_and_keys_are_decision_points() -> None:
    quiet = ruled("""
  - name: quiet
    when: {silences: 1}
    then: [transfer: medewerker]
""")
    async with World(rules=quiet) as world:
        await begun(world)
        await world.until(lambda: world.dialler.dialled == [AGENT])
    assert [(each.rule, each.point) for each in world.of(RuleApplied)] == [("quiet", "silence")]
    keyed = ruled("""
  - name: star
    when: {key: "5"}
    then: [take_message]
""")
    async with World(rules=keyed) as other:
        await begun(other)
        other.leg.press("5")
        await other.until_said("ask_message")
        await other.ask("mijn band is lek")
        await other.until_said("message_stored")
    assert other.of(CallbackRequested)[0].message == "mijn band is lek"


@in_virtual_time
async def test_a_rule_may_end_the_call_with_its_words_but_never_for_who_wants_a_person() -> None:
    ends = """
  - name: wrong number
    when: {%s}
    then: [end: {nl: U bent verkeerd verbonden., en: Wrong number.}]
"""
    async with World(rules=ruled(ends % "intent: opening_hours")) as world:
        await begun(world)
        await world.ask("wat zijn de openingstijden")
        await world.until_over()
        assert world.names()[-1] == "rule_text"
        assert world.turns[-1].said_heard == "U bent verkeerd verbonden."
    assert (world.ended.disposition, world.ended.ended_by) == (Disposition.COMPLETED, "bot")
    async with World(rules=ruled(ends % "asked_for_human: true")) as asked:
        await begun(asked)
        asked.leg.press("0")
        await asked.until(lambda: asked.dialler.dialled == [AGENT])
    assert [each.cause for each in asked.of(RulesFailed)] == ["no human path"]


@pytest.mark.parametrize("kind", ["vulnerable", "failed"])
def test_said_signals_and_failed_turns_are_seen(kind: str) -> None:
    @in_virtual_time
    async def run() -> None:
        when = "vulnerable: [hearing]" if kind == "vulnerable" else "failed_turns: 1"
        rules = ruled(f"""
  - name: seen
    when: {{{when}}}
    then: [transfer: medewerker]
""")
        async with World(rules=rules) as world:
            await begun(world)
            await world.ask("ik ben slechthorend" if kind == "vulnerable" else "blauwe banaan")
            await world.until(lambda: world.dialler.dialled == [AGENT])
        assert [(each.rule, each.point) for each in world.of(RuleApplied)] == [("seen", "turn")]

    run()
