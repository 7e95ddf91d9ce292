"""Listening in a call: barge-in, backchannels, speculation, and recognisers that are slow, busy or dead."""

from __future__ import annotations

import asyncio

import pytest

from tests.call_world import World
from tests.fakes.spoken_words import spoken
from tests.fakes.virtual_time import in_virtual_time
from voicebot.call import CallLimits
from voicebot.errors import SpeechWorkerBusy, SpeechWorkerDied, SpeechWorkerError
from voicebot.events import (
    BackchannelHeard,
    BargeIn,
    HumanRequested,
    LanguageChanged,
    NoInput,
    NoMatch,
    SpeechWorkerFailed,
    UtteranceEnded,
)


async def asked(world: World) -> None:
    """The greeting is over, the bot answers at length."""
    await world.until_said("how_can_i_help")
    await world.ask("wat zijn de openingstijden")
    await world.until(lambda: world.heard("hours_open_until"))


async def yes_over_the_offer_of_a_person(world: World) -> None:
    for number in range(2):
        await world.ask("blauwe banaan")
        await world.until(lambda: len(world.of(NoMatch)) > number)  # noqa: B023
        await world.wait(100)
    await world.until(lambda: world.heard("offer_human"))
    await world.ask("ja")
    await world.until(lambda: world.dialler.dialled)
    assert [each.by for each in world.of(HumanRequested)] == ["words"]


@in_virtual_time
async def test_words_over_the_answer_pause_it_stop_it_and_are_answered() -> None:
    async with World() as world:
        await asked(world)
        await world.ask("waar blijft mijn bestelling")
        await world.until_said("ask_order_number")
        answer = next(each for each in world.line if each.name == "hours_open_until[0]")
    first, cut, _ = world.turns
    assert cut.frames_sent < cut.frames_total
    assert cut.said_heard < cut.said
    (barge_in,) = world.of(BargeIn)
    assert 180 <= barge_in.reaction_ms <= 300
    assert barge_in.frames_sent < barge_in.frames_total
    assert first.said_heard == first.said
    assert answer.frames <= cut.frames_sent + 1  # nothing of it came back after the pause


@pytest.mark.parametrize("sound", ["ja", "oké ja", "mhm"])
def test_a_backchannel_pauses_the_answer_and_it_goes_on_from_there(sound: str) -> None:
    @in_virtual_time
    async def run() -> None:
        async with World() as world:
            await asked(world)
            world.say(sound)
            await world.until_said("anything_else")
        answer = world.turns[-1]
        assert answer.heard == "wat zijn de openingstijden"
        assert answer.frames_sent == answer.frames_total
        assert not world.of(BargeIn)
        assert len(world.of(BackchannelHeard)) == 1

    run()


@in_virtual_time
async def test_a_cough_over_the_answer_changes_nothing() -> None:
    async with World() as world:
        await asked(world)
        world.leg.feed(spoken("kuch", 2))
        await world.until_said("anything_else")
    assert world.turns[-1].frames_sent == world.turns[-1].frames_total
    assert not world.of(UtteranceEnded)[1:]


@in_virtual_time
async def test_yes_over_a_yes_or_no_question_is_its_answer() -> None:
    async with World(rings=True) as world:
        await world.until_said("how_can_i_help")
        await yes_over_the_offer_of_a_person(world)


@in_virtual_time
async def test_yes_over_the_offer_of_a_person_counts_while_digits_are_expected() -> None:
    async with World(rings=True) as world:
        await world.until_said("how_can_i_help")
        await world.ask("waar blijft mijn bestelling")
        await world.until_said("ask_order_number")
        await yes_over_the_offer_of_a_person(world)


@in_virtual_time
async def test_a_pause_inside_a_sentence_costs_a_speculation_and_nothing_else() -> None:
    async with World() as world:
        await world.until_said("how_can_i_help")
        world.leg.feed(spoken("wat zijn") + bytes(640 * 12) + spoken("de openingstijden"))
        await world.until_said("anything_else")
    heard = [turn.heard for turn in world.turns if turn.heard]
    assert heard == ["wat zijn de openingstijden"]
    # "wat zijn" means nothing, so it was looked at twice; the whole sentence once
    assert [request.is_thorough for request in world.transcriber.requests] == [False, True, False]
    assert all(request.is_speculative for request in world.transcriber.requests)


@in_virtual_time
async def test_the_first_word_is_not_clipped_and_the_silence_before_it_is_short() -> None:
    async with World() as world:
        await world.until_said("how_can_i_help")
        await world.wait(3000)
        await world.ask("hallo")
        await world.until(lambda: world.transcriber.requests)
    pcm = world.transcriber.requests[0].pcm
    assert pcm.startswith(bytes(640 * 10))
    assert spoken("hallo").strip(b"\0") in pcm
    assert len(pcm) // 640 <= 25 + 10 + 10


@in_virtual_time
async def test_recognition_that_is_still_on_its_way_is_announced() -> None:
    async with World() as world:
        world.transcriber.latency_seconds = 4.0
        await world.until_said("how_can_i_help")
        await world.ask("wat zijn de openingstijden")
        spoke_until = len(world.leg.played) * 20
        await world.until_said("one_moment")
        await world.until_said("anything_else")
        filler = next(each for each in world.line if each.name == "one_moment[0]")
        assert filler.start_ms - spoke_until <= 2_000 + 1_500 + 200
    turn = world.turns[-1]
    assert turn.prompt_ids[0] == "one_moment"
    assert turn.said_heard == turn.said
    felt = turn.timings.last_speech_to_first_audio
    assert felt is not None
    assert felt > 4000  # to the answer: 'one moment' is none
    assert not world.of(NoInput)


@in_virtual_time
async def test_the_announcement_is_not_cut_off_by_the_answer() -> None:
    async with World() as world:
        world.transcriber.latency_seconds = 3.9  # it comes in the middle of 'één moment'
        await world.until_said("how_can_i_help")
        await world.ask("wat zijn de openingstijden")
        await world.until_said("anything_else")
    turn = world.turns[-1]
    assert turn.prompt_ids[0] == "one_moment"
    assert turn.frames_sent == turn.frames_total


@in_virtual_time
async def test_a_worker_that_dies_once_costs_one_moment() -> None:
    async with World() as world:
        world.transcriber.failures = [SpeechWorkerDied("killed")]
        world.transcriber.latency_seconds = 0.5
        await world.until_said("how_can_i_help")
        await world.ask("wat zijn de openingstijden")
        await world.until_said("anything_else")
    assert [each.code for each in world.of(SpeechWorkerFailed)] == ["worker.died"]
    assert world.turns[-1].heard == "wat zijn de openingstijden"
    assert not world.of(HumanRequested)


@in_virtual_time
async def test_a_worker_that_dies_after_the_turn_has_ended_is_bridged_at_once() -> None:
    async with World() as world:
        world.transcriber.failures = [SpeechWorkerDied("killed")]
        world.transcriber.latency_seconds = 2.2  # the turn ends after 2 s without a result
        await world.until_said("how_can_i_help")
        await world.ask("wat zijn de openingstijden")
        await world.until_said("one_moment")
        assert len(world.transcriber.requests) == 2
        assert not world.transcriber.requests[1].is_speculative
        await world.until_said("anything_else")
    assert world.turns[-1].prompt_ids[0] == "one_moment"


@pytest.mark.parametrize("error", [SpeechWorkerDied("killed"), SpeechWorkerError("engine raised")])
def test_a_worker_that_dies_twice_leads_to_a_person(error: SpeechWorkerError) -> None:
    @in_virtual_time
    async def run() -> None:
        async with World(rings=True) as world:
            world.transcriber.failures = [error, error]
            await world.until_said("how_can_i_help")
            await world.ask("wat zijn de openingstijden")
            await world.until_said("ears_failed")
            await world.until(lambda: world.dialler.dialled)
        assert len(world.transcriber.requests) == 2  # one retry, no third try
        assert [each.by for each in world.of(HumanRequested)] == ["fallback"]

    run()


@in_virtual_time
async def test_busy_workers_drop_a_speculation_without_harm() -> None:
    async with World() as world:
        world.transcriber.failures = [SpeechWorkerBusy("full")]
        await world.until_said("how_can_i_help")
        await world.ask("wat zijn de openingstijden")
        await world.until_said("anything_else")
    assert [request.is_speculative for request in world.transcriber.requests] == [True, False]
    assert not world.of(SpeechWorkerFailed)


@in_virtual_time
async def test_a_dead_interpreter_is_not_asked_to_transcribe_again() -> None:
    async with World() as world:
        world.interpreter.failures = [SpeechWorkerDied("killed")]
        await world.until_said("how_can_i_help")
        await world.ask("wat zijn de openingstijden")
        await world.until_said("anything_else")
    assert [each.what for each in world.of(SpeechWorkerFailed)] == ["understanding"]
    assert len(world.transcriber.requests) == 1


@in_virtual_time
async def test_failed_ears_over_a_paused_answer_do_not_leave_it_paused() -> None:
    async with World(rings=True) as world:
        await asked(world)
        world.transcriber.failures = [SpeechWorkerDied("killed"), SpeechWorkerDied("killed")]
        await world.ask("nog een vraag")
        await world.until_said("ears_failed")
        await world.until_said("transferring")
        await world.until(lambda: world.dialler.dialled)


@in_virtual_time
async def test_a_key_while_the_bot_is_paused_is_carried_out() -> None:
    async with World(rings=True) as world:
        await asked(world)
        world.say("eh eh eh eh eh eh")
        await world.wait(300)
        world.leg.press("0")
        await world.until_said("transferring")
        await world.until(lambda: world.names()[-1] == "music")
        await world.wait(5000)
        assert world.names()[-1] == "music"  # nothing that was said before stops it


@in_virtual_time
async def test_a_transfer_while_the_bot_is_paused_does_not_leave_it_paused() -> None:
    async with World(limits=CallLimits(max_seconds=4.75), rings=True) as world:
        world.dialogue._state.time_warnings = 1  # the next one puts through
        await asked(world)
        await world.until(lambda: world.call._at_ms() >= 4_300)
        assert world.names()[-1].startswith("hours")
        world.say("eh eh eh eh")
        await world.until_said("time_is_up")
        await world.until(lambda: world.dialler.dialled)


@in_virtual_time
async def test_after_a_key_over_a_paused_bot_it_can_be_interrupted_as_before() -> None:
    async with World() as world:
        await asked(world)
        world.interpreter.knows("eh eh waar blijft mijn bestelling", "order_status")
        world.transcriber.latency_seconds = 1.0
        world.say("eh eh")
        await world.wait(500)
        world.leg.press("*")
        await world.wait(200)
        assert world.names()[-1] == "hours_open_until"
        spoke_at = len(world.leg.played) * 20
        world.say("waar blijft mijn bestelling")
        await world.until_said("ask_order_number")
        again = [each for each in world.line if each.name.startswith("hours_open_until")][-1]
        assert again.end_ms - spoke_at <= 300


@in_virtual_time
async def test_a_dialogue_that_names_no_wait_is_no_dead_end() -> None:
    async with World() as world:
        world.dialogue.silence = lambda now: ()  # type: ignore[method-assign]
        await world.until(lambda: len(world.of(NoInput)) >= 3)


@in_virtual_time
async def test_two_turns_are_taken_in_the_order_in_which_they_were_said() -> None:
    async with World() as world:
        await world.until_said("how_can_i_help")
        world.transcriber.latency_seconds = 6.0
        await world.ask("waar blijft mijn bestelling")
        await world.wait(2_100)
        world.transcriber.latency_seconds = 0.1
        await world.ask("wat zijn de openingstijden")
        await world.until_said("back_to_task")
    assert [turn.intent for turn in world.turns if turn.heard] == ["order_status", "opening_hours"]


@in_virtual_time
async def test_the_call_goes_on_in_the_caller_s_language() -> None:
    async with World() as world:
        world.interpreter.knows("what are your opening hours please", "opening_hours")
        await world.until_said("how_can_i_help")
        await world.ask("what are your opening hours please", english=True)
        await world.until_said("anything_else")
    assert [each.language for each in world.of(LanguageChanged)] == ["en"]
    assert world.turns[-1].language == "en"
    assert "today" in world.turns[-1].said


@in_virtual_time
async def test_doubtful_digits_are_asked_back() -> None:
    async with World() as world:
        world.interpreter.knows("een twee drie vier vijf", None, order_number="12345")
        await world.until_said("how_can_i_help")
        await world.ask("waar blijft mijn bestelling")
        await world.until_said("ask_order_number")
        world.transcriber.log_probability = -0.9
        await world.ask("een twee drie vier vijf")
        await world.until_said("confirm_number")
    assert not world.backend.calls


@in_virtual_time
async def test_hanging_up_while_a_turn_is_recognised_leaves_nothing_behind() -> None:
    async with World() as world:
        world.transcriber.latency_seconds = 30.0
        await world.until_said("how_can_i_help")
        await world.ask("wat zijn de openingstijden")
        await world.wait(2_500)
        world.leg.peer_hangs_up()
        await world.until_over()
        await asyncio.sleep(0)
    assert world.transcriber.cancelled == 1


@in_virtual_time
async def test_a_caller_who_talks_without_end_is_answered_after_half_a_minute() -> None:
    async with World() as world:
        await world.until_said("how_can_i_help")
        world.leg.feed(spoken("bla blabla " * 160, 9))
        await world.until(lambda: world.of(NoMatch), limit_ms=60_000)
    assert max(len(request.pcm) for request in world.transcriber.requests) <= 30 * 50 * 640
