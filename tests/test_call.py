"""A call from ring to record: the greeting, a question, the end, in each phase and by whomever."""

from __future__ import annotations

import asyncio

import structlog

from tests.call_world import World, bilingual
from tests.fakes.virtual_time import in_virtual_time
from voicebot.call import CallLimits
from voicebot.dialogue.actions import Action, TaskOutcome
from voicebot.events import (
    CallAnswered,
    CallbackRequested,
    CallEnded,
    DisclosurePlayed,
    Disposition,
    HumanRequested,
    KeyPressed,
    NoInput,
    NoMatch,
    TurnTaken,
)


@in_virtual_time
async def test_the_disclosure_begins_in_the_first_slots_and_the_question_follows_it() -> None:
    async with World() as world:
        await world.until_said("how_can_i_help")
        assert world.line[0].name == "disclosure[0]"
        assert world.line[0].start_ms <= 20  # law D1: within 300 ms
        assert world.names()[-1] == "how_can_i_help"
    (played,) = world.of(DisclosurePlayed)
    assert (played.language, played.frames_sent) == ("nl", played.frames_total)
    assert played.text_version == world.voice.text_version("disclosure", "nl")
    assert isinstance(world.events[0], CallAnswered)
    assert (world.ended.disposition, world.ended.ended_by) == (Disposition.ABANDONED, "caller")


@in_virtual_time
async def test_a_question_is_answered_and_the_turn_is_recorded_with_its_timings() -> None:
    async with World() as world:
        await world.until_said("how_can_i_help")
        await world.ask("wat zijn de openingstijden")
        await world.until_said("anything_else")
    greeting, answer = world.turns
    assert greeting.prompt_ids == ("disclosure", "how_can_i_help")
    assert greeting.said_heard == greeting.said
    assert (answer.heard, answer.intent) == ("wat zijn de openingstijden", "opening_hours")
    assert answer.prompt_ids[-1] == "anything_else"
    assert answer.frames_sent == answer.frames_total > 0
    timings = answer.timings
    assert timings.transcription == 100
    assert timings.understanding == 20
    assert timings.last_speech_to_first_audio is not None
    assert 300 <= timings.last_speech_to_first_audio <= 640
    assert world.ended.disposition == Disposition.COMPLETED


@in_virtual_time
async def test_both_languages_are_disclosed_before_any_question_on_a_line_without_one() -> None:
    async with World(line=bilingual()) as world:
        await world.until_said("how_can_i_help", times=2)
        names = world.names()
        assert names.index("how_can_i_help") > max(
            place for place, name in enumerate(names) if name == "disclosure"
        )
    assert [each.language for each in world.of(DisclosurePlayed)] == ["nl", "en"]


@in_virtual_time
async def test_a_caller_who_hangs_up_in_the_disclosure_has_heard_a_part_of_it() -> None:
    async with World(line=bilingual()) as world:
        await world.wait(1000)
    dutch, english = sorted(world.of(DisclosurePlayed), key=lambda each: each.frames_sent, reverse=True)
    assert (dutch.language, dutch.frames_sent) == ("nl", 50)
    assert dutch.frames_sent < dutch.frames_total
    assert (english.language, english.frames_sent) == ("en", 0)
    assert english.frames_total > 100
    (greeting,) = world.turns
    assert greeting.said.startswith(greeting.said_heard)
    assert 0 < len(greeting.said_heard) < len(greeting.said)


@in_virtual_time
async def test_a_disclosure_cut_off_while_it_is_rendered_does_not_count_as_whole() -> None:
    world = World()
    world.voice.is_cached, world.voice.latency_seconds = False, 0.2
    async with world:
        await world.wait(700)  # half of the first sentence is made
    (played,) = world.of(DisclosurePlayed)
    assert 0 < played.frames_sent < played.frames_total
    assert played.frames_total > 100


@in_virtual_time
async def test_a_request_during_the_disclosure_is_followed_right_after_it() -> None:
    async with World(rings=True) as world:
        await world.wait(200)
        world.say("ik wil een medewerker spreken")
        await world.until_said("transferring")
        assert "how_can_i_help" not in world.names()
        await world.until(lambda: world.dialler.dialled)
    (played,) = world.of(DisclosurePlayed)
    assert played.frames_sent == played.frames_total
    assert [each.by for each in world.of(HumanRequested)] == ["words"]
    assert world.ended.disposition == Disposition.ABANDONED_WAITING
    assert world.dialler.cancelled


@in_virtual_time
async def test_zero_during_the_disclosure_of_two_languages_leads_to_a_person_after_both() -> None:
    async with World(line=bilingual()) as world:
        await world.wait(100)
        world.leg.press("0")
        await world.until(lambda: world.dialler.dialled)
        assert set(world.names()) - {"music"} == {"disclosure", "transferring"}
    assert all(each.frames_sent == each.frames_total for each in world.of(DisclosurePlayed))
    assert [each.is_zero for each in world.of(KeyPressed)] == [True]
    assert [each.by for each in world.of(HumanRequested)] == ["key"]


@in_virtual_time
async def test_hello_over_the_disclosure_is_no_failure() -> None:
    async with World() as world:
        await world.wait(500)
        world.say("hallo daar")
        await world.until_said("how_can_i_help")
        assert "no_match" not in world.names()
        await world.ask("wat zijn de openingstijden")
        await world.until_said("anything_else")
    assert not world.of(NoMatch)
    assert [turn.heard for turn in world.turns if turn.heard] == ["hallo daar", "wat zijn de openingstijden"]


@in_virtual_time
async def test_digits_of_a_number_are_no_requests_and_leave_no_trace() -> None:
    async with World() as world:
        world.backend.outcomes["order_status"] = TaskOutcome(
            "order_status", "done", {"status": "shipped", "number": "50210"}
        )
        await world.until_said("how_can_i_help")
        await world.ask("waar blijft mijn bestelling")
        await world.until_said("ask_order_number")
        for digit in "50210#":
            world.leg.press(digit)
            await world.wait(200)
        await world.until(lambda: world.backend.calls)
        await world.until_said("anything_else")
    assert world.backend.calls == [("order_status", {"order_number": "50210"})]
    assert not world.of(HumanRequested)
    assert not any(each.is_zero for each in world.of(KeyPressed))
    assert "50210" not in repr([event for event in world.events if not isinstance(event, TurnTaken)])


@in_virtual_time
async def test_a_slow_task_is_announced_and_spoken_of_again_while_it_lasts() -> None:
    async with World() as world:
        world.backend.latency_seconds = 9.0
        await world.until_said("how_can_i_help")
        world.interpreter.knows("bestelling een twee drie vier vijf", "order_status", order_number="12345")
        await world.ask("bestelling een twee drie vier vijf")
        await world.until_said("one_moment")
        await world.until_said("still_looking")
        await world.until_said("order_not_found")
        longest = max(b.start_ms - a.end_ms for a, b in zip(world.line, world.line[1:], strict=False))
        assert longest < 6500
    assert not world.of(NoInput)


@in_virtual_time
async def test_a_caller_who_hangs_up_during_a_task_ends_the_task() -> None:
    async with World() as world:
        world.backend.latency_seconds = 60.0
        await world.until_said("how_can_i_help")
        world.interpreter.knows("bestelling vijf", "order_status", order_number="12345")
        await world.ask("bestelling vijf")
        await world.until(lambda: world.backend.calls)
    assert world.backend.cancelled == 1
    assert world.ended.disposition == Disposition.ABANDONED


@in_virtual_time
async def test_silence_leads_over_prompts_that_differ_to_a_person() -> None:
    async with World(rings=True) as world:
        await world.until_said("how_can_i_help")
        await world.until(lambda: world.dialler.dialled, limit_ms=60_000)
        assert world.heard("no_input") + world.heard("no_input", complete=True) > 0
    assert [each.silence_ms for each in world.of(NoInput)] == [7000, 7000, 7000]
    assert [each.by for each in world.of(HumanRequested)] == ["repair"]
    assert not world.of(NoMatch)


@in_virtual_time
async def test_no_match_is_counted_and_leads_to_a_person() -> None:
    async with World(rings=True) as world:
        await world.until_said("how_can_i_help")
        for number in range(3):
            await world.ask("blauwe banaan")
            await world.until(lambda: len(world.of(NoMatch)) > number)  # noqa: B023
            await world.wait(8000)
        await world.until(lambda: world.dialler.dialled)
    assert [each.failures for each in world.of(NoMatch)] == [1, 2, 3]


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
