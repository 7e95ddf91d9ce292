"""How a call ends: goodbye, time is up, hold, the end of the leg, faults of ours; and that it is recorded."""

from __future__ import annotations

import asyncio

import structlog

from tests.call_world import World
from tests.fakes.virtual_time import in_virtual_time
from voicebot.call import CallLimits
from voicebot.dialogue.actions import Action
from voicebot.events import (
    CallbackRequested,
    CallEnded,
    DisclosurePlayed,
    Disposition,
    HumanRequested,
    NoInput,
)


@in_virtual_time
async def test_goodbye_is_said_to_its_end_before_the_bot_hangs_up() -> None:
    async with World() as world:
        await world.until_said("how_can_i_help")
        await world.ask("wat zijn de openingstijden")
        await world.until_said("anything_else")
        await world.ask("tot ziens")
        outcome = await world.until_over()
        assert world.names()[-1] == "goodbye"
    assert (outcome.disposition, outcome.ended_by) == (Disposition.COMPLETED, "bot")
    assert world.turns[-1].said_heard == world.turns[-1].said


@in_virtual_time
async def test_more_to_say_during_the_goodbye_keeps_the_call_up() -> None:
    async with World() as world:
        await world.until_said("how_can_i_help")
        await world.ask("tot ziens")
        await world.until(lambda: world.heard("goodbye"))
        await world.ask("wat zijn de openingstijden")
        await world.until_said("anything_else")
        await world.ask("tot ziens")
        outcome = await world.until_over()
    assert outcome.disposition == Disposition.COMPLETED
    assert [turn.intent for turn in world.turns if turn.heard] == ["goodbye", "opening_hours", "goodbye"]


@in_virtual_time
async def test_a_late_backend_answer_does_not_stop_the_goodbye() -> None:
    async with World() as world:
        world.backend.latency_seconds = 3.9
        await world.until_said("how_can_i_help")
        world.interpreter.knows("bestelling vijf", "order_status", order_number="12345")
        await world.ask("bestelling vijf")
        await world.until_said("one_moment")
        await world.ask("tot ziens")
        outcome = await world.until_over()
    assert outcome.ended_by == "bot"


@in_virtual_time
async def test_the_bot_does_not_hang_up_on_endless_noise_nor_wait_for_it_for_ever() -> None:
    async with World() as world:
        await world.until_said("how_can_i_help")
        await world.ask("tot ziens")
        await world.until(lambda: world.heard("goodbye"))
        world.say(" ".join(["bla", "blabla"] * 100))
        outcome = await world.until_over()
    assert outcome.ended_by == "bot"


@in_virtual_time
async def test_time_is_up_warns_first_and_then_ends_with_a_person() -> None:
    async with World(limits=CallLimits(max_seconds=5, grace_seconds=6), rings=True) as world:
        await world.until_said("time_warning")
        assert not world.dialler.dialled
        await world.until_said("time_is_up")
        await world.until(lambda: world.dialler.dialled)
        await world.wait(60_000)  # and a caller who waits is left in peace
        assert world.heard("time_is_up") == 1


@in_virtual_time
async def test_who_only_holds_the_line_is_let_go_when_the_time_is_up() -> None:
    async with World(limits=CallLimits(max_seconds=20, grace_seconds=15)) as world:
        await world.until_said("how_can_i_help")
        world.leg.hold()
        outcome = await world.until_over()
    assert (outcome.disposition, outcome.detail) == (Disposition.TIMED_OUT, "on hold")
    assert not world.of(NoInput)


@in_virtual_time
async def test_hold_stops_the_bot_in_mid_word_and_it_goes_on_after() -> None:
    async with World() as world:
        await world.wait(600)
        world.leg.hold()
        await world.wait(20_000)
        assert not world.of(NoInput)
        world.leg.unhold()
        await world.until_said("how_can_i_help")
        await world.ask("wat zijn de openingstijden")
        await world.until_said("anything_else")
    assert world.of(DisclosurePlayed)[0].frames_sent == world.of(DisclosurePlayed)[0].frames_total


@in_virtual_time
async def test_each_end_of_the_leg_has_its_disposition() -> None:
    async with World() as lost:
        await lost.wait(400)
        lost.leg.lose_media()
    assert (lost.ended.disposition, lost.ended.ended_by) == (Disposition.MEDIA_LOST, "network")
    async with World() as network:
        await network.wait(400)
        network.leg.lose_network()
    assert (network.ended.disposition, network.ended.ended_by) == (Disposition.ABANDONED, "network")
    async with World() as operator:
        await operator.wait(400)
        await operator.leg.hang_up()
    assert (operator.ended.disposition, operator.ended.ended_by) == (Disposition.ABANDONED, "bot")


@in_virtual_time
async def test_a_caller_who_hangs_up_before_the_answer_is_recorded_as_that() -> None:
    world = World()
    world.leg.peer_hangs_up("CANCEL")
    async with world:
        outcome = await world.until_over()
    assert (outcome.disposition, outcome.ended_by, outcome.detail) == (
        Disposition.ABANDONED,
        "caller",
        "CANCEL",
    )
    assert [type(event) for event in world.events] == [CallEnded]


@in_virtual_time
async def test_a_call_that_is_cancelled_from_outside_is_closed_all_the_same() -> None:
    async with World() as world:
        await world.wait(1000)
        world.task.cancel()
        await asyncio.wait({world.task})
        assert world.task.cancelled()
    assert world.leg.hang_up_reason == "normal"
    assert (world.ended.disposition, world.ended.ended_by) == (Disposition.FAILED, "error")
    assert world.of(DisclosurePlayed)


@in_virtual_time
async def test_a_second_cancellation_does_not_lose_the_end() -> None:
    async with World() as world:
        slow = asyncio.Event()

        async def hang_up(reason: str = "normal") -> None:
            await slow.wait()

        world.leg.hang_up = hang_up  # type: ignore[method-assign]
        await world.wait(1000)
        world.task.cancel()
        await world.wait(100)
        world.task.cancel()
        await world.wait(100)
        assert not world.of(CallEnded)
        await world.wait(6000)
        assert world.of(CallEnded)  # the leg never ended: the record does not wait for it
        world.leg.peer_hangs_up()


@in_virtual_time
async def test_a_fault_of_ours_leads_to_an_apology_and_a_person() -> None:
    async with World(rings=True) as world:
        await world.until_said("how_can_i_help")
        world.backend.error = RuntimeError("mijn nummer is 12345")
        world.interpreter.knows("bestelling vijf", "order_status", order_number="12345")
        with structlog.testing.capture_logs() as logged:
            await world.ask("bestelling vijf")
            await world.until(lambda: world.dialler.dialled)
        assert world.names()[-3:] == ["emergency", "transferring", "music"]
        assert "12345" not in str(logged)
        assert any(entry["error"] == "RuntimeError" for entry in logged)
        world.dialler.ring_out()
        await world.until(lambda: world.agent.played)
        world.agent.press("1")
        await world.wait(1000)
    assert [each.by for each in world.of(HumanRequested)] == ["fallback"]
    assert (world.ended.disposition, world.ended.ended_by) == (Disposition.TRANSFERRED, "caller")


@in_virtual_time
async def test_without_any_dialogue_the_caller_still_reaches_a_person() -> None:
    async with World() as world:
        broken(world)
        await world.until(lambda: world.agent.played)
        await world.wait(1000)
        world.agent.press("1")
        await world.wait(1000)
        world.agent.peer_hangs_up()
        outcome = await world.until_over()
    assert (outcome.disposition, outcome.ended_by, outcome.detail) == (
        Disposition.TRANSFERRED,
        "agent",
        "ZeroDivisionError",
    )


@in_virtual_time
async def test_without_any_dialogue_a_caller_who_hangs_up_is_not_dialled_for() -> None:
    async with World(rings=True) as world:
        broken(world)
        await world.until(lambda: world.dialler.dialled)
    assert world.dialler.cancelled
    assert world.ended.disposition == Disposition.ABANDONED_WAITING


@in_virtual_time
async def test_when_nothing_works_a_callback_is_left() -> None:
    async with World(dialler=False) as world:
        broken(world)
        outcome = await world.until_over()
    assert outcome.disposition == Disposition.CALLBACK
    assert [each.reason for each in world.of(CallbackRequested)] == ["worker_failure"]


def broken(world: World) -> None:
    """Let every decision of the dialogue fail."""

    def fail(*_: object, **__: object) -> tuple[Action, ...]:
        return (1 // 0,)  # type: ignore[return-value]

    world.dialogue.begin = world.dialogue.broken = fail  # type: ignore[method-assign]
