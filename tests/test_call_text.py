"""Calls by text (law X1): typed lines are turns, what is said and heard is shown."""

from __future__ import annotations

import pytest

from tests.call_world import World
from tests.fakes.virtual_time import in_virtual_time
from voicebot.errors import SpeechWorkerDied
from voicebot.events import HumanRequested, LanguageChanged, NoInput, SpeechWorkerFailed
from voicebot.media.leg import Captioned


@in_virtual_time
async def test_a_typed_line_is_answered_and_recorded_like_a_spoken_one() -> None:
    async with World() as world:
        await world.until_said("how_can_i_help")
        world.leg.type("wat zijn de openingstijden")
        await world.until_said("anything_else")
    turn = next(turn for turn in world.turns if turn.intent == "opening_hours")
    assert turn.heard == "wat zijn de openingstijden"
    assert turn.said_heard == turn.said


@in_virtual_time
async def test_a_line_typed_over_an_answer_takes_its_place() -> None:
    async with World() as world:
        await world.until_said("how_can_i_help")
        world.leg.type("wat zijn de openingstijden")
        await world.until(lambda: world.heard("hours_open_until"))
        world.leg.type("waar blijft mijn bestelling")
        await world.until_said("ask_order_number")
    cut = next(turn for turn in world.turns if turn.intent == "opening_hours")
    assert cut.frames_sent < cut.frames_total


@in_virtual_time
async def test_a_request_for_a_person_can_be_typed_during_the_disclosure() -> None:
    async with World() as world:
        world.leg.type("ik wil een medewerker spreken")
        await world.until(lambda: bool(world.dialler.answered))
    (asked,) = world.of(HumanRequested)
    assert asked.by == "words"


@in_virtual_time
async def test_english_lines_change_the_language() -> None:
    async with World() as world:
        await world.until_said("how_can_i_help")
        world.interpreter.knows("what are your opening hours", "opening_hours")
        world.leg.type("what are your opening hours")
        await world.until_said("anything_else")
    (changed,) = world.of(LanguageChanged)
    assert changed.language == "en"


@in_virtual_time
async def test_all_that_is_said_and_heard_is_shown() -> None:
    async with World() as world:
        assert isinstance(world.leg, Captioned)
        await world.until_said("how_can_i_help")
        await world.ask("wat zijn de openingstijden")
        await world.until_said("anything_else")
    final = [(speaker, text) for speaker, text, _, is_final in world.leg.captions if is_final]
    assert ("caller", "wat zijn de openingstijden") in final
    said = " ".join(turn.said for turn in world.turns)
    assert " ".join(text for speaker, text in final if speaker == "bot") == said


@in_virtual_time
async def test_one_who_is_typing_is_not_asked_whether_anybody_is_there() -> None:
    async with World() as world:
        await world.until_said("how_can_i_help")
        for _ in range(5):
            world.leg.starts_typing()
            await world.wait(4.0)
        assert not world.of(NoInput)
        world.leg.type("wat zijn de openingstijden")
        await world.until_said("anything_else")


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_dead_interpreter_is_tried_again_and_then_told(deaths: int) -> None:
    @in_virtual_time
    async def run() -> None:
        async with World() as world:
            await world.until_said("how_can_i_help")
            world.interpreter.failures += [SpeechWorkerDied("gone")] * deaths
            world.leg.type("wat zijn de openingstijden")
            if deaths == 1:
                await world.until_said("anything_else")
            else:
                await world.until(lambda: bool(world.dialler.answered))
        assert len(world.of(SpeechWorkerFailed)) == deaths

    run()
