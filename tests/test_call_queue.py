"""Waiting in a queue for agents on telephones and at desks: nobody is lost, no agent is left busy."""

from __future__ import annotations

import pytest

from tests.call_world import AGENT
from tests.dialogue.conversation import CLOSED
from tests.fakes.virtual_time import in_virtual_time
from tests.queue_world import DESK, LEGS, PHONE, QueueWorld
from voicebot.call import CallLimits
from voicebot.call_rules import RulesOfCall
from voicebot.dialogue.actions import Say
from voicebot.errors import DialFailure, SpeechWorkerDied
from voicebot.events import (
    CallbackOffered,
    CallbackRequested,
    CallEvent,
    Disposition,
    HumanRequested,
    RuleApplied,
    RulesFailed,
    TransferDenied,
    TransferProgressed,
    TransferRequested,
    TransferSkipped,
)
from voicebot.media.leg import HandOn, HoldRequested, ReferOutcome, ResumeRequested
from voicebot.transfer.agents import AgentState
from voicebot.transfer.rules import (
    REQUEST,
    OfferCallback,
    Rule,
    RuleSet,
    SayText,
    TransferTo,
)


@in_virtual_time
async def test_a_desk_takes_the_call_without_a_spoken_briefing() -> None:
    async with QueueWorld(DESK) as world:
        taken = await world.joined()
        assert world.states == ["announced", "queued", "ringing", "accepted", "joined"]
        assert not [name for name in map(world.voice.name_of, taken.played) if name]
        assert world.state_of("anna") is AgentState.BUSY
        briefing = world.dialler.briefings[-1]
        assert briefing is not None
        assert (briefing.queue, briefing.language, briefing.caller) == ("service", "nl", "+31201234567")
        assert briefing.last_lines[0].speaker == "bot"
        world.leg.peer_hangs_up()
        await world.until_over()
        assert world.state_of("anna") is AgentState.AFTER_CALL
    assert world.ended.disposition == Disposition.TRANSFERRED
    assert world.of(TransferRequested)[0].destination == "queue:service"
    assert [each.rule for each in world.of(RuleApplied)] == ["person"]


@in_virtual_time
async def test_a_telephone_of_the_queue_is_briefed_and_presses_one() -> None:
    async with QueueWorld(PHONE) as world:
        await world.joined()
        assert world.states[1:] == ["queued", "ringing", "answered", "briefed", "accepted", "joined"]
        assert {each.agent for each in world.of(TransferProgressed)[2:]} == {"bert"}


@pytest.mark.parametrize("contact", LEGS.values(), ids=LEGS)
@pytest.mark.parametrize("failure", sorted(set(DialFailure) - {DialFailure.CLOSED, DialFailure.FULL}))
def test_whatever_fails_at_the_only_agent_the_caller_gets_the_choice(
    contact: str, failure: DialFailure
) -> None:
    @in_virtual_time
    async def run() -> None:
        async with QueueWorld(contact) as world:
            world.dialler._outcomes[contact] = [failure]
            assert world.pool is not None
            await world.request()
            await world.until(lambda: "queued" in world.states[2:])
            agent_id = "anna" if contact == DESK else "bert"
            world.pool.set_state(agent_id, AgentState.OFFLINE)  # goes home; else the queue goes on trying
            await world.until_said("transfer_choice", times=1)
            assert world.state_of(agent_id) is AgentState.OFFLINE
            world.leg.press("2")
            await world.until_said("callback_stored")
        assert world.states[-1] == "failed"
        assert world.ended.disposition == Disposition.CALLBACK

    run()


@pytest.mark.parametrize("failure", [DialFailure.NO_ANSWER, DialFailure.DECLINED, DialFailure.UNREACHABLE])
def test_the_next_agent_of_the_queue_takes_it(failure: DialFailure) -> None:
    @in_virtual_time
    async def run() -> None:
        async with QueueWorld(DESK, PHONE) as world:
            world.dialler._outcomes[DESK] = [failure]
            world.dialler._outcomes[PHONE] = [world.legs[PHONE]]
            await world.request()
            await world.until(lambda: world.legs[PHONE].played)
            world.legs[PHONE].press("1")
            await world.until(lambda: "joined" in world.states)
            assert world.state_of("bert") is AgentState.BUSY
            assert world.state_of("anna") is not AgentState.RINGING
        assert world.of(TransferProgressed)[-1].failure is None

    run()


@pytest.mark.parametrize("contact", LEGS.values(), ids=LEGS)
@pytest.mark.parametrize("how", ["peer_hangs_up", "lose_network", "lose_media"])
def test_an_agent_who_drops_brings_the_caller_back_and_another_is_offered(contact: str, how: str) -> None:
    @in_virtual_time
    async def run() -> None:
        async with QueueWorld(contact) as world:
            taken = await world.joined()
            getattr(taken, how)()
            await world.until_said("transfer_returned")
            await world.until_said("transfer_choice")
            assert world.state_of("anna" if contact == DESK else "bert") is AgentState.AFTER_CALL
        assert world.states[-1] == "returned"

    run()


@pytest.mark.parametrize("contact", LEGS.values(), ids=LEGS)
def test_an_agent_who_hangs_up_at_the_moment_of_joining(contact: str) -> None:
    @in_virtual_time
    async def run() -> None:
        async with QueueWorld(contact) as world:
            await world.request()
            await world.until(lambda: world.dialler.answered)
            taken = world.legs[contact]
            if contact == PHONE:
                await world.until(lambda: taken.played)
                taken.press("1")
            taken.peer_hangs_up()
            await world.until(lambda: world.heard("transfer_returned") or world.heard("music") > 1, 60_000)
            assert world.state_of("anna" if contact == DESK else "bert") is not AgentState.BUSY

    run()


@pytest.mark.parametrize("contact", LEGS.values(), ids=LEGS)
@pytest.mark.parametrize(
    "state", ["announced", "queued", "ringing", "answered", "briefed", "accepted", "joined"]
)
def test_a_caller_who_hangs_up_at_any_state_leaves_nothing_behind(contact: str, state: str) -> None:
    @in_virtual_time
    async def run() -> None:
        async with QueueWorld(contact, rings=True) as world:

            def leave(event: CallEvent) -> None:
                if isinstance(event, TransferProgressed) and event.state == state:
                    world.leg.peer_hangs_up()

            world.when = leave
            await world.until_said("how_can_i_help")
            world.leg.press("0")
            await world.wait(6000)
            world.dialler.ring_out()
            await world.wait(1000)
            world.legs[contact].press("1")
            if contact == DESK and state in {"answered", "briefed"}:
                world.leg.peer_hangs_up()  # desks have no such states
            await world.until_over()
        expected = Disposition.TRANSFERRED if "joined" in world.states else Disposition.ABANDONED_WAITING
        assert world.ended.disposition == expected
        assert world.states[-1] == "ended"

    run()


@in_virtual_time
async def test_the_position_is_told_soon_and_zero_is_answered_in_the_music() -> None:
    async with QueueWorld(PHONE, rings=True) as world:
        await world.request()
        await world.until(lambda: world.heard("queue_next", complete=True), limit_ms=4_000)
        await world.until(lambda: world.names()[-1] == "music")
        world.leg.press("0")
        await world.until(lambda: world.heard("queue_next") == 2, limit_ms=2_000)
        await world.until(lambda: world.names()[-1] == "music")
        await world.ask("ik wil een medewerker spreken")
        await world.until(lambda: world.heard("queue_next") == 3, limit_ms=4_000)
    assert [each.by for each in world.of(HumanRequested)] == ["key", "key", "words"]
    assert world.ended.disposition == Disposition.ABANDONED_WAITING


@in_virtual_time
async def test_with_all_speech_workers_dead_key_zero_still_leads_to_the_queue() -> None:
    async with QueueWorld(DESK) as world:
        await world.until_said("how_can_i_help")
        world.voice.is_dead = True
        world.voice.uncached = {"transferring", "queue_next", "still_waiting"}
        world.transcriber.failures = [SpeechWorkerDied("killed")] * 50
        world.leg.press("0")
        await world.until(lambda: "joined" in world.states)


@in_virtual_time
async def test_a_callback_is_offered_after_the_queue_s_time_and_taken_by_key_or_word() -> None:
    for way in ("key", "yes", "word"):
        async with QueueWorld(PHONE, rings=True) as world:
            world.interpreter.knows("bel mij maar terug", "callback_request")
            await world.request()
            await world.until(lambda: world.of(CallbackOffered), limit_ms=70_000)
            assert 59_000 <= world.of(CallbackOffered)[0].waited_ms <= 66_000
            await world.wait(500)
            if way == "key":
                world.leg.press("2")
            else:
                await world.ask("ja" if way == "yes" else "bel mij maar terug")
            await world.until_said("callback_stored")
            assert world.state_of("bert") is AgentState.AVAILABLE  # no blame, and free at once
        assert world.states[-1] == "ended"
        assert len(world.of(CallbackRequested)) == 1
        assert world.ended.disposition == Disposition.CALLBACK


@in_virtual_time
async def test_a_message_can_be_left_instead_of_waiting() -> None:
    async with QueueWorld(PHONE, rings=True) as world:
        await world.request()
        await world.wait(2000)
        world.leg.press("3")
        await world.until_said("ask_message")
        await world.ask("mijn band is lek")
        await world.until_said("message_stored")
    assert world.of(CallbackRequested)[0].message == "mijn band is lek"


@in_virtual_time
async def test_the_agent_hands_the_caller_on_and_holds() -> None:
    async with QueueWorld(DESK, PHONE) as world:
        world.dialler._outcomes[PHONE] = [DialFailure.BUSY, world.legs[PHONE]]
        await world.request()
        await world.until(lambda: world.dialler.answered)
        desk = world.dialler.answered[0]
        if desk is not world.legs[DESK]:
            return  # the longest idle was the telephone; the order is the queue's matter
        await world.until(lambda: "joined" in world.states)
        desk._signals.push(HoldRequested())
        await world.until(lambda: world.names()[-1] == "music")
        desk._signals.push(ResumeRequested())
        await world.wait(500)
        desk.feed(world.voice.emergency_clip("nl").pcm)
        await world.until(lambda: world.heard("emergency"))
        desk._signals.push(HandOn("agent:bert"))
        await world.until_said("transfer_handed_on")
        assert world.state_of("anna") is AgentState.AFTER_CALL
        await world.until_said("transfer_failed_busy")
        world.leg.press("1")  # again: to whom it was handed on, unless a rule knows better
        await world.until(lambda: len(world.dialler.dialled) >= 3)
    assert [each.reason for each in world.of(TransferRequested)][:2] == ["human_request", "handed_on"]


@in_virtual_time
async def test_a_caller_who_hangs_up_on_hold_ends_the_call() -> None:
    async with QueueWorld(DESK) as world:
        desk = await world.joined()
        desk._signals.push(HoldRequested())
        await world.until(lambda: world.names()[-1] == "music")
        world.leg.peer_hangs_up()
        await world.until_over()
        assert desk.is_ended
    assert (world.ended.disposition, world.ended.ended_by) == (Disposition.TRANSFERRED, "caller")


@in_virtual_time
async def test_queues_with_nobody_there_are_left_out_and_the_next_step_is_taken() -> None:
    async with QueueWorld(DESK, targets=("queue:service", "medewerker")) as world:
        assert world.pool is not None
        world.pool.set_state("anna", AgentState.OFFLINE)
        await world.request()
        await world.until(lambda: world.dialler.dialled == [AGENT])
    assert [(each.destination, each.cause) for each in world.of(TransferSkipped)] == [
        ("queue:service", "absent")
    ]
    assert [each.destination for each in world.of(TransferRequested)] == ["medewerker"]


@in_virtual_time
async def test_a_queue_that_empties_while_callers_wait_lets_them_go_on() -> None:
    async with QueueWorld(DESK, targets=("queue:service", "medewerker"), rings=True) as world:
        assert world.pool is not None
        await world.request()
        await world.until(lambda: world.dialler.dialled == [DESK])
        world.dialler._outcomes[DESK] = [DialFailure.UNREACHABLE]
        world.dialler.ring_out()
        world.pool.set_state("anna", AgentState.OFFLINE)
        await world.until(lambda: AGENT in world.dialler.dialled, limit_ms=30_000)
    assert world.of(TransferRequested)[-1].destination == "medewerker"


@in_virtual_time
async def test_a_closed_queue_offers_a_callback() -> None:
    async with QueueWorld(DESK, now=CLOSED) as world:
        await world.until_said("how_can_i_help")
        world.leg.press("0")
        await world.until_said("offer_callback")
        world.leg.press("1")
        await world.until_said("callback_stored")
    assert world.states[-1:] == ["failed"]
    assert world.of(TransferProgressed)[-1].failure == DialFailure.CLOSED


@in_virtual_time
async def test_rules_that_break_or_name_nobody_fall_back_to_the_default_person() -> None:
    async with QueueWorld(DESK, targets=("queue:nope", "agent:nobody", "nowhere")) as unknown:
        await unknown.request()
        await unknown.until(lambda: unknown.dialler.dialled == [AGENT])
    assert {each.cause for each in unknown.of(TransferDenied)} == {"unknown"}

    class Broken:
        @property
        def rules(self) -> tuple[Rule, ...]:
            raise KeyError("rules")

    async with QueueWorld(DESK) as broken:
        broken.call._rules._parts = RulesOfCall(Broken())  # type: ignore[arg-type]
        await broken.request()
        await broken.until(lambda: broken.dialler.dialled == [AGENT])
    assert broken.of(RulesFailed)


@in_virtual_time
async def test_a_rule_speaks_first_and_only_then_it_rings() -> None:
    first = SayText("Ik zoek iemand voor u.", "I am looking for somebody.")
    async with QueueWorld(DESK) as world:
        world.call._rules._parts = RulesOfCall(
            RuleSet((Rule("person", (REQUEST,), (first, TransferTo("medewerker"), OfferCallback())),))
        )
        world.dialler._outcomes[AGENT] = [DialFailure.NO_ANSWER]
        await world.until_said("how_can_i_help")
        world.leg.press("0")
        await world.until(lambda: world.dialler.dialled)
        dialled_ms = len(world.leg.played) * 20
        said = {each.name: each for each in world.line}
        assert said["rule_text[0]"].end_ms <= said["transferring[0]"].start_ms
        assert said["transferring[0]"].frames == len(world.voice.text_of(Say("transferring", "nl")))
        assert said["transferring[0]"].end_ms <= dialled_ms
        await world.until_said("offer_callback")  # what the rule names next


@pytest.mark.parametrize("outcome", [None, ReferOutcome(False, 603), ReferOutcome(False, 486)])
def test_attended_transfers_join_where_refer_does_not_work(outcome: ReferOutcome | None) -> None:
    @in_virtual_time
    async def run() -> None:
        async with QueueWorld(PHONE, kind="attended") as world:
            world.leg.refer_outcome = outcome
            await world.joined()
            assert world.state_of("bert") is AgentState.BUSY

    run()


@in_virtual_time
async def test_an_attended_transfer_that_works_leaves_the_bot_and_frees_the_agent() -> None:
    async with QueueWorld(PHONE, kind="attended") as world:
        await world.request()
        await world.until(lambda: world.legs[PHONE].played)
        world.legs[PHONE].press("1")
        outcome = await world.until_over()
        assert (outcome.disposition, outcome.ended_by) == (Disposition.TRANSFERRED, "bot")
    assert world.leg.referred_to == [PHONE]
    assert world.states[-2:] == ["accepted", "ended"]


@in_virtual_time
async def test_who_waits_or_talks_longer_than_a_call_may_last_is_not_disconnected() -> None:
    limits = CallLimits(max_seconds=30, grace_seconds=5)
    async with QueueWorld(PHONE, rings=True, limits=limits) as world:
        await world.request()
        world.leg.hold()
        await world.wait(60_000)
        assert not world.task.done()
        world.leg.unhold()
        world.dialler.ring_out()
        await world.until(lambda: world.legs[PHONE].played)
        world.legs[PHONE].press("1")
        await world.until(lambda: "joined" in world.states)
        await world.wait(20_000)
        assert not world.task.done()
