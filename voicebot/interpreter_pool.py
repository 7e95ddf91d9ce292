"""The Interpreter over a pool of worker processes: no model is imported here."""

from __future__ import annotations

from voicebot.events import Language
from voicebot.speech_workers import WorkerPool
from voicebot.understanding.interpretation import Expectation, Interpretation


class PoolInterpreter:
    """Sends each text to an InterpreterEngine in a worker. `pool`: started and closed by its owner."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    async def interpret(
        self, text: str, language: Language | None, expectation: Expectation, today: str
    ) -> Interpretation:
        """Raise SpeechWorkerDied or SpeechWorkerBusy; never hang longer than the pool's time limit."""
        answer = await self._pool.call("interpret", text, language, expectation, today)
        assert isinstance(answer, Interpretation)
        return answer
