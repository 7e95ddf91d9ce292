"""A call from ring to the last answer: the greeting, questions, keys, tasks, silence."""

from __future__ import annotations

from tests.call_world import World, bilingual
from tests.fakes.virtual_time import in_virtual_time
from voicebot.dialogue.actions import TaskOutcome
from voicebot.events import (
    CallAnswered,
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
