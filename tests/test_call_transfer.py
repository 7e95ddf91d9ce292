"""Being put through, as the caller lives it: music, a word now and then, an agent, or a choice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import groupby

from tests.call_world import AGENT, World
from tests.dialogue.conversation import CLOSED, LINE
from tests.fakes.virtual_time import in_virtual_time
from tests.fakes.voice import stretches
from voicebot.errors import DialFailure, MediaError, SpeechWorkerError
from voicebot.events import (
    CallbackRequested,
    Disposition,
    HumanRequested,
    NoInput,
    SpeechWorkerFailed,
    TransferProgressed,
    TransferRequested,
)
from voicebot.media.bridge import BridgeEnd
from voicebot.media.leg import Leg, ReferOutcome
from voicebot.transfer.execute import BRIEFING_LIMIT_SECONDS, TransferTimes


async def put_through(world: World) -> None:
    await world.until_said("how_can_i_help")
    await world.ask("ik wil een medewerker spreken")
    await world.until_said("transferring")


def states(world: World) -> list[str]:
    return [each.state for each in world.of(TransferProgressed)]


def heard_by_agent(world: World) -> list[str]:
    names = [world.voice.name_of(frame) for frame in world.agent.played]
    return [name for name, _ in groupby(each.name.partition("[")[0] for each in stretches(names))]


@in_virtual_time
async def test_music_until_the_agent_has_heard_the_briefing_and_pressed_one() -> None:
    async with World(rings=True) as world:
        await put_through(world)
        await world.wait(3000)
        assert world.names()[-1] == "music"
        world.dialler.ring_out()
        await world.wait(8000)
        assert heard_by_agent(world)[:3] == ["agent_briefing", "agent_keys", "agent_briefing"]
        assert world.names()[-1] == "music"
        world.agent.press("1")
        await world.wait(500)
        assert world.names()[-1] == "music"
        assert len(world.leg.played) * 20 - world.line[-1].end_ms >= 400  # it has stopped
        world.say("hallo")
        await world.wait(1000)
        assert "hallo" not in [turn.heard for turn in world.turns]
        assert any(frame != world.agent.played[0] for frame in world.agent.played[-30:])
        world.agent.peer_hangs_up()
        await world.until_said("transfer_returned")
    assert states(world) == [
        "announced",
        "ringing",
        "answered",
        "briefed",
        "accepted",
        "joined",
        "returned",
    ]
    assert [each.reason for each in world.of(TransferRequested)] == ["human_request"]
    assert world.ended.disposition == Disposition.TRANSFERRED
    assert not world.of(NoInput)


@in_virtual_time
async def test_both_hear_one_another_and_the_caller_s_end_is_the_call_s() -> None:
    async with World() as world:
        await put_through(world)
        await world.until(lambda: world.agent.played)
        world.agent.press("1")
        await world.wait(200)
        world.agent.feed(world.voice.emergency_clip("nl").pcm)
        await world.until(lambda: world.heard("emergency"))
        world.leg.peer_hangs_up()
        outcome = await world.until_over()
    assert (outcome.disposition, outcome.ended_by) == (Disposition.TRANSFERRED, "caller")
    assert states(world)[-1] == "ended"


@in_virtual_time
async def test_who_waits_is_told_so_and_loses_no_music() -> None:
    async with World(rings=True) as world:
        await put_through(world)
        await world.wait(45_000)
        names = world.names()
        assert names[names.index("music") :] == ["music", "still_waiting", "music", "still_waiting", "music"]
    assert world.ended.disposition == Disposition.ABANDONED_WAITING
    assert world.dialler.cancelled == [AGENT]


@in_virtual_time
async def test_each_failure_leaves_the_caller_with_a_choice() -> None:
    for failure, prompt in (
        (DialFailure.BUSY, "transfer_failed_busy"),
        (DialFailure.NO_ANSWER, "transfer_failed_no_answer"),
        (DialFailure.DECLINED, "transfer_failed_other"),
        (DialFailure.UNREACHABLE, "transfer_failed_other"),
    ):
        async with World() as world:
            world.dialler._outcomes[AGENT] = [failure]
            await put_through(world)
            await world.until_said("transfer_choice")
            assert prompt in world.names()
        assert world.of(TransferProgressed)[-1].failure == failure
        assert world.ended.disposition == Disposition.ABANDONED_WAITING  # law K1


@in_virtual_time
async def test_the_agent_may_decline_hang_up_or_do_nothing() -> None:
    async with World() as declined:
        await put_through(declined)
        await declined.until(lambda: declined.agent.played)
        declined.agent.press("5")
        declined.agent.press("2")
        await declined.until_said("transfer_choice")
    assert declined.of(TransferProgressed)[-1].failure == DialFailure.DECLINED
    async with World() as gone:
        await put_through(gone)
        await gone.until(lambda: gone.agent.played)
        gone.agent.peer_hangs_up()
        await gone.until_said("transfer_choice")
    assert gone.of(TransferProgressed)[-1].failure == DialFailure.HUNG_UP
    async with World() as idle:
        await put_through(idle)
        await idle.until(lambda: idle.agent.is_ended)
        assert idle.names()[-1] == "music"  # up to the end of the agent's leg
        await idle.until_said("transfer_choice")
    assert idle.of(TransferProgressed)[-1].failure == DialFailure.REFUSED_BRIEFING


@in_virtual_time
async def test_an_agent_whose_leg_will_not_end_does_not_leave_the_caller_in_silence() -> None:
    async with World() as world:

        async def hang_up(reason: str = "normal") -> None:
            await asyncio.Event().wait()

        world.agent.hang_up = hang_up  # type: ignore[method-assign]
        await put_through(world)
        await world.until(lambda: world.agent.played)
        world.agent.press("2")
        await world.until_said("transfer_choice")
        music = [each for each in world.line if each.name == "music"][-1]
        said = next(each for each in world.line if each.start_ms >= music.end_ms)
        assert said.start_ms - music.end_ms <= 2_200
        world.agent.peer_hangs_up()


@in_virtual_time
async def test_again_after_a_failure_and_then_a_callback() -> None:
    async with World() as world:
        world.interpreter.knows("probeer het nog eens", None, choice="again")
        world.interpreter.knows("bel mij terug", "callback")
        world.dialler._outcomes[AGENT] = [DialFailure.BUSY]
        await put_through(world)
        await world.until_said("transfer_choice")
        await world.ask("probeer het nog eens")
        await world.until(lambda: len(world.dialler.dialled) == 2)
        await world.until_said("transfer_choice", times=1)
        await world.wait(6000)
        await world.ask("bel mij terug")
        await world.until_said("callback_stored")
    assert len(world.of(CallbackRequested)) == 1
    assert world.ended.disposition == Disposition.CALLBACK


@in_virtual_time
async def test_a_key_chooses_after_a_failure() -> None:
    async with World() as world:
        world.dialler._outcomes[AGENT] = [DialFailure.BUSY]
        await put_through(world)
        await world.until_said("transfer_choice")
        world.leg.press("2")
        await world.until_said("callback_stored")
    assert world.ended.disposition == Disposition.CALLBACK


@in_virtual_time
async def test_a_callback_is_offered_in_time_however_long_it_may_ring() -> None:
    times = TransferTimes(ring_seconds=500, accept_seconds=20, offer_seconds=150)
    needed = BRIEFING_LIMIT_SECONDS + 20
    assert times.ring_for(0) == 150 - needed
    assert times.ring_for(150 - needed - 5) == 10
    assert times.ring_for(150 - needed + 1) == 500  # the offer was due and has been made
    asked: list[float] = []
    async with World(times=times) as world:
        dial = world.dialler.dial

        async def dial_for(uri: str, *, timeout_seconds: float = 25.0, **_: object) -> Leg:
            asked.append(timeout_seconds)
            return await dial(uri)

        world.dialler.dial = dial_for  # type: ignore[method-assign]
        await put_through(world)
        await world.until(lambda: asked)
    assert 145 - needed < asked[0] < 150 - needed  # the announcement took a part of it


@in_virtual_time
async def test_outside_the_hours_nobody_is_dialled_and_a_callback_is_offered() -> None:
    async with World(now=CLOSED) as world:
        await world.until_said("how_can_i_help")
        world.leg.press("0")
        await world.until_said("offer_callback")
        await world.ask("ja")
        await world.until_said("callback_stored")
    assert not world.dialler.dialled
    assert [each.by for each in world.of(HumanRequested)] == ["key"]
    assert world.ended.disposition == Disposition.CALLBACK


@in_virtual_time
async def test_a_full_destination_counts_as_busy() -> None:
    async with World() as world:
        caps = world.destinations.caps
        for _ in range(caps.limits.destination_at_once):
            assert caps.admit("", "medewerker", 0.0) is None
        await put_through(world)
        await world.until_said("transfer_failed_busy")
        for _ in range(caps.limits.destination_at_once):
            caps.leave("medewerker")
    assert not world.dialler.dialled


@in_virtual_time
async def test_without_a_dialler_the_caller_gets_the_choice_at_once() -> None:
    async with World(dialler=False) as world:
        await put_through(world)
        await world.until_said("transfer_choice")


@in_virtual_time
async def test_a_blind_transfer_that_is_accepted_ends_the_call() -> None:
    async with World(kind="blind") as world:
        await world.until_said("how_can_i_help")
        world.leg.press("0")
        outcome = await world.until_over()
        assert world.names()[-1] == "transferring"
    assert (outcome.disposition, outcome.ended_by) == (Disposition.TRANSFERRED, "bot")
    assert world.leg.referred_to == [AGENT]
    assert states(world) == ["announced", "ringing", "accepted", "ended"]


@in_virtual_time
async def test_a_caller_whose_phone_leaves_while_it_is_referred_is_put_through_unconfirmed() -> None:
    async with World(kind="blind") as world:
        ringing = asyncio.get_running_loop().create_future()

        async def refer(target: str) -> ReferOutcome:
            return await ringing

        world.leg.refer = refer  # type: ignore[method-assign]
        await world.until_said("how_can_i_help")
        world.leg.press("0")
        await world.until(lambda: "ringing" in states(world))
        await world.wait(3000)
        ringing.set_result(ReferOutcome(True, 180))
        world.leg.leaves_referred()
        outcome = await world.until_over()
    assert (outcome.disposition, outcome.detail) == (Disposition.TRANSFERRED, "unconfirmed")
    assert states(world)[:3] == ["announced", "ringing", "accepted"]


@in_virtual_time
async def test_a_blind_transfer_that_is_refused_or_impossible_leaves_a_choice() -> None:
    async with World(kind="blind") as refused:
        refused.leg.refer_outcome = ReferOutcome(False, 486)
        await put_through(refused)
        await refused.until_said("transfer_failed_busy")
    async with World(kind="blind") as impossible:
        impossible.leg.refer_outcome = None
        await put_through(impossible)
        await impossible.until_said("transfer_choice")


@in_virtual_time
async def test_a_bridge_that_breaks_gives_the_caller_back() -> None:
    async def bridge(caller: Leg, agent: Leg) -> BridgeEnd:
        raise MediaError("no socket")

    async with World(bridge=bridge) as world:
        await put_through(world)
        await world.until(lambda: world.agent.played)
        world.agent.press("1")
        await world.until_said("transfer_choice")
        world.leg.press("2")  # the leg is listened to again
        await world.until_said("callback_stored")
    assert world.agent.is_ended


@in_virtual_time
async def test_an_agent_who_hears_nothing_because_no_voice_works_is_joined() -> None:
    async with World() as world:
        await world.until_said("how_can_i_help")
        world.voice.is_dead = True
        world.voice.uncached = {"agent_briefing", "agent_keys"}
        await world.ask("ik wil een medewerker spreken")
        await world.until(lambda: "joined" in states(world))


@in_virtual_time
async def test_a_dead_voice_apologises_once_and_puts_through() -> None:
    async with World(rings=True) as world:
        world.voice.is_dead = True
        world.voice.uncached = {"hours_open_until", "hours_opens_today", "anything_else"}
        await world.until_said("how_can_i_help")
        await world.ask("wat zijn de openingstijden")
        await world.until(lambda: world.dialler.dialled)
        assert world.heard("emergency") == 1
        assert "anything_else" not in world.names()
    assert [each.code for each in world.of(SpeechWorkerFailed)] == ["worker"] * 2
    assert [each.by for each in world.of(HumanRequested)] == ["fallback"]


@in_virtual_time
async def test_a_voice_that_fails_once_says_the_sentence_again() -> None:
    async with World() as world:
        world.voice.uncached = {"anything_else"}
        world.voice.failures = [SpeechWorkerError("killed")]
        await world.until_said("how_can_i_help")
        await world.ask("wat zijn de openingstijden")
        await world.until(lambda: world.heard("anything_else", complete=True) >= 2)
        names = world.names()
    assert names[-3:] == ["anything_else", "emergency", "anything_else"]
    assert not world.of(HumanRequested)
    assert world.turns[-1].frames_sent == world.turns[-1].frames_total


@in_virtual_time
async def test_without_voice_and_without_a_person_a_callback_ends_it() -> None:
    async with World(now=CLOSED) as world:
        world.voice.is_cached, world.voice.is_dead = False, True
        outcome = await world.until_over()
        assert world.heard("emergency") == 1
    assert outcome.disposition == Disposition.CALLBACK
    assert len(world.of(CallbackRequested)) == 1


@in_virtual_time
async def test_the_briefing_is_spoken_in_the_agent_s_language() -> None:
    async with World(line=replace(LINE, language="en")) as world:
        await world.until_said("how_can_i_help")
        world.leg.press("0")
        await world.until(lambda: "agent_keys" in heard_by_agent(world))
        assert any("Toets een" in text for text in world.voice._levels)
