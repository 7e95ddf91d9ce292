"""Speaking in order, stopping at once, and what is left of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.fakes.leg import FakeLeg
from tests.fakes.virtual_time import in_virtual_time
from tests.fakes.voice import FakeVoice, stretches
from voicebot.call_saying import Saying
from voicebot.call_speech import MAX_WAITING, Speaker
from voicebot.dialogue.actions import Say
from voicebot.errors import SpeechWorkerDied


class Bench:
    def __init__(self) -> None:
        self.leg, self.voice = FakeLeg(answered=True), FakeVoice()
        self.finished: list[Saying] = []
        self.failed: list[str] = []
        self.lost = 0
        self.speaker = Speaker(
            self.leg, self.voice, on_finished=self.finished.append, on_failed=self.failed.append
        )
        self.speaker.on_lost = self.note_lost

    def note_lost(self) -> None:
        self.lost += 1

    def names(self) -> list[str]:
        return [each.name for each in stretches([self.voice.name_of(each) for each in self.leg.played])]

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            self.leg.clock.slots += 1
            self.leg.tick()


@asynccontextmanager
async def speaking() -> AsyncIterator[Bench]:
    bench = Bench()
    tasks = {asyncio.create_task(bench.speaker.run()), asyncio.create_task(bench.tick())}
    try:
        yield bench
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await bench.leg.hang_up()
        await bench.speaker.close()


@in_virtual_time
async def test_prompts_come_in_order_rendered_or_not() -> None:
    async with speaking() as bench:
        bench.voice.uncached = {"anything_else"}
        for prompt in ("anything_else", "goodbye", "help"):
            bench.speaker.say(Say(prompt, "en"))
        await bench.speaker.silent()
        assert [name.partition("[")[0] for name in dict.fromkeys(bench.names())][:2] == [
            "anything_else",
            "goodbye",
        ]
        assert [each.say.prompt_id for each in bench.finished] == ["anything_else", "goodbye", "help"]
        assert all(each.frames_sent == each.frames_total for each in bench.finished)
        assert not bench.speaker.is_speaking


@in_virtual_time
async def test_a_stop_does_not_wait_for_what_is_being_rendered() -> None:
    async with speaking() as bench:
        bench.voice.uncached, bench.voice.latency_seconds = {"help"}, 10.0
        bench.speaker.say(Say("help", "en"))
        await asyncio.sleep(1)
        bench.speaker.stop()
        assert not bench.speaker.is_speaking
        bench.speaker.say(Say("goodbye", "en"))
        await asyncio.sleep(0.1)
        assert bench.names() == ["goodbye[0]"]


@in_virtual_time
async def test_a_stop_spares_what_may_not_be_interrupted_playing_or_waiting() -> None:
    async with speaking() as bench:
        for language in ("nl", "en"):
            bench.speaker.say(Say("disclosure", language, can_be_interrupted=False))
            bench.speaker.say(Say("anything_else", language))
        assert not bench.speaker.can_be_interrupted
        await asyncio.sleep(0.5)
        assert bench.speaker.stop() == ()
        await bench.speaker.silent()
        assert {name.partition("[")[0] for name in bench.names()} == {"disclosure"}
        played = [each for each in bench.finished if each.say.prompt_id == "disclosure"]
        assert [each.say.language for each in played] == ["nl", "en"]
        assert all(each.frames_sent == each.frames_total for each in played)


@in_virtual_time
async def test_a_stop_tells_how_much_was_heard() -> None:
    async with speaking() as bench:
        saying = bench.speaker.say(Say("goodbye", "en"))
        await asyncio.sleep(0.305)
        (first, *_) = bench.speaker.stop()
        assert first.frames_sent == 15
        await saying.done.wait()
        assert saying.was_dropped
        assert saying.frames_sent == 15 < saying.frames_total


@in_virtual_time
async def test_a_voice_that_fails_twice_says_no_more_of_it() -> None:
    async with speaking() as bench:
        bench.voice.uncached = {"help"}
        bench.voice.failures = [SpeechWorkerDied("killed")] * 2
        saying = bench.speaker.say(Say("help", "en"))
        dropped = bench.speaker.say(Say("anything_else", "en"))
        await bench.speaker.silent()
        assert saying.has_failed
        assert saying.frames_sent < saying.frames_total
        assert dropped.was_dropped
        assert (bench.failed, bench.lost, bench.speaker.failures_in_a_row) == (["worker.died"] * 2, 1, 1)
        assert bench.names().count("emergency") == 1
        assert saying.text_heard == ""
        bench.speaker.say(Say("goodbye", "en"))
        await bench.speaker.silent()
        assert bench.speaker.failures_in_a_row == 0


@in_virtual_time
async def test_too_many_prompts_are_dropped_oldest_first() -> None:
    async with speaking() as bench:
        says = [bench.speaker.say(Say("goodbye", "en")) for _ in range(MAX_WAITING + 3)]
        assert bench.speaker.dropped == 3
        assert all(each.was_dropped for each in says[:3])
        assert not says[3].was_dropped


@in_virtual_time
async def test_louder_is_louder_and_never_clips() -> None:
    async with speaking() as bench:
        bench.speaker.gain_db = 8.0
        bench.speaker.say(Say("goodbye", "en"))
        await asyncio.sleep(0.3)
        quiet = bench.voice.ready(
            bench.voice.sentences(bench.voice.text_of(Say("goodbye", "en")), "en")[0], "en", 1.0
        )
        assert quiet is not None
        before = int.from_bytes(quiet.pcm[400:402], "little", signed=True)
        after = int.from_bytes(bench.leg.played[10][400:402], "little", signed=True)
        assert 2.4 * before < after < 2.6 * before


@in_virtual_time
async def test_everything_is_settled_at_the_end_of_the_leg() -> None:
    async with speaking() as bench:
        playing = bench.speaker.say(Say("help", "en"))
        waiting = bench.speaker.say(Say("goodbye", "en"))
        await asyncio.sleep(0.3)
    assert playing.done.is_set()
    assert waiting.done.is_set()
    assert len(bench.finished) == 2
    assert playing.frames_sent < playing.frames_total
