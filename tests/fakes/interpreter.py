"""An interpreter with a phrase book; requests for a person and yes/no are found by the real rules."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from voicebot.errors import SpeechWorkerError
from voicebot.events import Language
from voicebot.understanding.human_request import find_request
from voicebot.understanding.interpretation import Expectation, Interpretation
from voicebot.understanding.yes_no import is_backchannel, yes_or_no


class FakeInterpreter:
    """Implements Interpreter. `meanings`: text -> Interpretation (its text and language are filled in)."""

    def __init__(self, latency_seconds: float = 0.02) -> None:
        self.latency_seconds = latency_seconds
        self.meanings: dict[str, Interpretation] = {}
        self.failures: list[SpeechWorkerError | None] = []

    def knows(self, text: str, intent: str | None = None, **slots: str) -> None:
        self.meanings[text] = Interpretation(text, "nl", intent, 0.9, slots)

    async def interpret(
        self, text: str, language: Language | None, expectation: Expectation, today: str
    ) -> Interpretation:
        await asyncio.sleep(self.latency_seconds)
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        found = self.meanings.get(text, Interpretation(text, "nl", None, 0.1))
        said = yes_or_no(text, is_expected=expectation is Expectation.YES_NO)
        slots = dict(found.slots) or ({"yes_no": said} if said is not None else {})
        return replace(
            found,
            language=language or "nl",
            slots=slots,
            wants_human=find_request(text).wants_human,
            is_backchannel=is_backchannel(text),
        )
