"""Counting the silence of both sides."""

from __future__ import annotations

from voicebot.call_inputs import Silent
from voicebot.call_silence import SilenceCounter
from voicebot.dialogue.actions import Listen
from voicebot.understanding.interpretation import Expectation

SHORT = Listen(Expectation.ANYTHING, 100)


def run(counter: SilenceCounter, frames: int, *, bot: bool = False, caller: bool = False) -> list[Silent]:
    steps = [counter.step(bot_is_busy=bot, caller_is_heard=caller) for _ in range(frames)]
    return [step for step in steps if step is not None]


def test_it_tells_once_and_waits_for_the_next_listen() -> None:
    counter = SilenceCounter()
    assert not run(counter, 50)
    counter.expect(SHORT)
    assert run(counter, 4) == []
    assert run(counter, 50) == [Silent(100)]
    counter.expect(SHORT)
    assert run(counter, 5) == [Silent(100)]


def test_the_bot_s_own_words_begin_it_anew_and_a_cough_only_holds_it() -> None:
    counter = SilenceCounter()
    counter.expect(SHORT)
    run(counter, 3)
    run(counter, 1, bot=True)
    assert run(counter, 4) == []
    run(counter, 20, caller=True)
    assert run(counter, 1) == [Silent(100)]
