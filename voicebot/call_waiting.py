"""The caller while being put through: heard over the music, told how it goes, free to choose otherwise.

From the transfer's decision until its result. Nothing of the dialogue runs meanwhile: only a request for a
person (which is answered with how it goes) and the choices of a waiting caller count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from voicebot.call_inputs import Input
from voicebot.call_outcome import CallStory
from voicebot.call_record import TurnLog
from voicebot.call_saying import Saying
from voicebot.call_services import Dialogue
from voicebot.call_speech import Speaker
from voicebot.call_transfer import CallerCare, CallTransfer
from voicebot.call_understanding import TurnHeard
from voicebot.dialogue.actions import Say, Transfer
from voicebot.dialogue.while_waiting import WaitingChoice
from voicebot.events import CallbackOffered, EventSink, HumanRequested, KeyPressed
from voicebot.media.leg import DigitPressed
from voicebot.transfer.execute import TransferResult
from voicebot.transfer.waiting import WaitFacts

OFFER = "offer_callback_waiting"


@dataclass(frozen=True, slots=True)
class WaitingParts:
    """What a wait needs of its conversation. `let_go`: give the leg's frames and signals away."""

    dialogue: Dialogue
    speaker: Speaker
    transfer: CallTransfer
    turns: TurnLog
    story: CallStory
    sink: EventSink
    at_ms: Callable[[], int]
    clock: Callable[[], float]
    let_go: Callable[[], Awaitable[None]]


class Waiting:
    """One transfer of one caller, as a conversation runs it."""

    def __init__(self, parts: WaitingParts, action: Transfer) -> None:
        self._parts, self._action = parts, action
        self._choice: asyncio.Future[WaitingChoice] = asyncio.get_running_loop().create_future()
        self._wake = asyncio.Event()
        self._is_announced = self._is_taken = False
        by = {"repair": "repair", "worker_failure": "fallback"}.get(action.reason)
        if by is not None:
            self._requested(by)
        parts.story.is_waiting = True
        parts.transfer.ask(action)

    @property
    def listens(self) -> bool:
        """The announcement was played to its end, and nobody has taken the call yet."""
        return self._is_announced and not self._is_taken

    async def run(self) -> TransferResult:
        """Put the caller through; returns when that is over, or when the caller chose otherwise."""
        parts, story = self._parts, self._parts.story
        await parts.speaker.silent()
        self._is_announced = True
        since = story.wants_human_since
        care = CallerCare(
            parts.let_go,
            self._comfort,
            self._wake,
            accepted=self._taken,
            referred=story.referred,
            lines=parts.turns.lines,
            waited_seconds=0.0 if since is None else parts.clock() - since,
        )
        transfer = asyncio.create_task(parts.transfer.run(self._action, care), name="put-through")
        try:
            awaited: set[asyncio.Future[Any]] = {transfer, self._choice}
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not transfer.done():
                transfer.cancel()
                await asyncio.wait({transfer})
        if transfer.cancelled():
            return TransferResult(choice=self._choice.result())
        result = transfer.result()
        if result.joined:
            story.human_met()
        return result

    def take(self, item: Input) -> None:
        """Take what the caller said or pressed meanwhile; everything else counts for nothing."""
        if not self.listens:
            if isinstance(item, DigitPressed) and item.digit == "0":
                self._parts.sink(KeyPressed(self._parts.at_ms(), is_zero=True))
            return
        waiting = self._parts.dialogue.waiting
        choice: WaitingChoice | None = None
        if isinstance(item, DigitPressed):
            choice = waiting.key(item.digit)
            self._parts.sink(KeyPressed(self._parts.at_ms(), is_zero=item.digit == "0"))
        elif isinstance(item, TurnHeard) and item.interpretation is not None:
            choice = waiting.heard(item.interpretation)
            if choice is not None:
                self._parts.turns.open(item)
        if choice == "human":
            self._requested("key" if isinstance(item, DigitPressed) else "words")
            self._wake.set()
        elif choice is not None and not self._choice.done():
            self._choice.set_result(choice)

    def _requested(self, by: str) -> None:
        parts = self._parts
        parts.sink(HumanRequested(parts.at_ms(), by=by, language=parts.dialogue.language))
        parts.story.human_wanted(parts.clock())

    def _taken(self) -> None:
        self._is_taken = True

    async def _comfort(self, facts: WaitFacts) -> None:
        parts = self._parts
        sayings = [self._say(say) for say in parts.dialogue.waiting.words(facts)]
        for saying in sayings:
            await saying.done.wait()
        if any(each.say.prompt_id == OFFER and each.frames_sent for each in sayings):
            parts.sink(CallbackOffered(parts.at_ms(), waited_ms=round(facts.waited_seconds * 1000)))

    def _say(self, say: Say) -> Saying:
        saying = self._parts.speaker.say(say)
        self._parts.turns.add(saying)
        return saying
