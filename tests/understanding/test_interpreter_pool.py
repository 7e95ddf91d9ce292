"""PoolInterpreter: what it sends to the pool and what it gives back."""

from __future__ import annotations

from typing import Any, cast

import pytest

from voicebot.errors import SpeechWorkerBusy
from voicebot.interpreter_pool import PoolInterpreter
from voicebot.speech_workers import WorkerPool
from voicebot.understanding.interpretation import Expectation, Interpretation


class Pool:
    """Takes calls in place of worker processes."""

    def __init__(self, answer: object) -> None:
        self.answer, self.calls = answer, list[tuple[Any, ...]]()

    async def call(self, *arguments: Any) -> object:
        self.calls.append(arguments)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_the_text_goes_to_the_engine_and_the_meaning_comes_back() -> None:
    meaning = Interpretation("ja", "nl", None, 0.0, {"yes_no": "yes"})
    pool = Pool(meaning)
    interpreter = PoolInterpreter(cast(WorkerPool, pool))
    assert await interpreter.interpret("ja", "nl", Expectation.YES_NO, "2026-11-22") is meaning
    assert pool.calls == [("interpret", "ja", "nl", Expectation.YES_NO, "2026-11-22")]


async def test_a_busy_pool_is_told_to_the_caller() -> None:
    interpreter = PoolInterpreter(cast(WorkerPool, Pool(SpeechWorkerBusy("full"))))
    with pytest.raises(SpeechWorkerBusy):
        await interpreter.interpret("ja", "nl", Expectation.ANYTHING, "2026-11-22")
