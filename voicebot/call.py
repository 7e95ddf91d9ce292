"""One call from ring to record: the file to read first.

A leg rings. It is answered, a Conversation runs on it (call_conversation.py: hear, think, speak, transfer),
and whatever happens the leg is ended and CallEnded is the last event. A fault of ours does not drop the
caller: the bot apologises from memory and puts the caller through; if even that breaks, it does so without
any dialogue.

This module sees protocols only; `app.py` chooses what is behind them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import structlog

from voicebot.call_conversation import Conversation
from voicebot.call_outcome import CallOutcome, CallStory
from voicebot.call_record import TurnLog
from voicebot.call_rules import CallRules
from voicebot.call_saying import Saying
from voicebot.call_services import CallLimits, CallServices, Dialogue, TaskBackend
from voicebot.call_speech import Speaker
from voicebot.call_transfer import CallerCare, CallTransfer
from voicebot.dialogue.actions import Transfer
from voicebot.errors import VoicebotError
from voicebot.events import (
    CallAnswered,
    CallbackRequested,
    CallEnded,
    DisclosurePlayed,
    Disposition,
    EventSink,
    HumanRequested,
    SpeechWorkerFailed,
)
from voicebot.faults import log_fault
from voicebot.media.leg import Leg, LegEndCause, LegEnded

__all__ = ["Call", "CallLimits", "CallOutcome", "CallServices", "Dialogue", "TaskBackend"]

log = structlog.get_logger()

DISCLOSURE = "disclosure"
CLOSE_SECONDS = 5.0
"""Signalling may take so long at the end; then the record is written without it."""


class Call:
    """One caller on one leg."""

    def __init__(
        self,
        leg: Leg,
        dialogue: Dialogue,
        services: CallServices,
        sink: EventSink,
        limits: CallLimits | None = None,
    ) -> None:
        self._leg, self._dialogue, self._services, self._sink = leg, dialogue, services, sink
        self._limits = limits or CallLimits()
        self._answered_at: float | None = None
        self._story = CallStory()
        self._turns = TurnLog(sink, self._at_ms)
        self._speaker = Speaker(leg, services.voice, on_finished=self._said, on_failed=self._voice_failed)
        self._transfer = CallTransfer(leg, services.transfer, services.voice, sink, self._at_ms)
        info = leg.info
        self._rules = CallRules(services.rules, info.caller, info.called, sink, self._at_ms)

    async def run(self) -> CallOutcome:
        """Answer, talk, end. Always ends the leg and emits CallEnded, once, last."""
        outcome = CallOutcome(Disposition.FAILED, "error", "cancelled")
        try:
            outcome = await self._answer_and_talk()
        except Exception as error:  # noqa: BLE001 - the edge of a call: a mistake of ours becomes a disposition
            log_fault(error, "the call's last resort failed", "call.fault")
            outcome = CallOutcome(Disposition.FAILED, "error", _kind_of(error))
        finally:
            await _finish(self._close(outcome))
        return outcome

    async def _answer_and_talk(self) -> CallOutcome:
        try:
            await self._leg.answer()
        except VoicebotError as error:
            await self._leg.hang_up()
            ended = await self._end_of_leg()
            if ended.cause is LegEndCause.PEER:
                return self._story.outcome_of(ended)
            return CallOutcome(Disposition.FAILED, "error", error.code)
        self._answered_at = self._services.clock()
        info = self._leg.info
        self._sink(CallAnswered(self._at_ms(), leg_kind=info.kind, codec=info.codec))
        return await self._talk()

    async def _talk(self) -> CallOutcome:
        try:
            return await self._conversation().run()
        except Exception as error:  # noqa: BLE001 - the edge of a conversation: the caller must not suffer for it
            log_fault(error, "conversation failed", "call.fault")
        self._speaker.abandon()
        self._apologise()
        try:
            return await self._conversation().run(after_fault=True)
        except Exception as error:  # noqa: BLE001 - as above, for the last time
            log_fault(error, "second conversation failed", "call.fault")
            return await self._dial_without_dialogue(_kind_of(error))

    def _conversation(self) -> Conversation:
        return Conversation(
            self._leg,
            self._dialogue,
            self._services,
            self._limits,
            speaker=self._speaker,
            transfer=self._transfer,
            rules=self._rules,
            turns=self._turns,
            story=self._story,
            sink=self._sink,
            at_ms=self._at_ms,
        )

    def _apologise(self) -> None:
        self._leg.playout.stop()
        self._leg.playout.play(self._services.voice.emergency_clip(self._dialogue.language))

    async def _dial_without_dialogue(self, detail: str) -> CallOutcome:
        """Put the caller through with nothing but the leg and the dialler (law H2)."""
        self._speaker.abandon()
        self._apologise()
        language = self._dialogue.language
        self._sink(HumanRequested(self._at_ms(), by="fallback", language=language))
        self._story.is_waiting = True
        gone = asyncio.create_task(self._end_of_leg(), name="end-of-leg")

        async def let_go() -> None:
            gone.cancel()
            await asyncio.wait({gone})

        action = Transfer("", "worker_failure", language, "")
        self._transfer.ask(action)
        transfer = asyncio.create_task(self._transfer.run(action, CallerCare(let_go)), name="transfer")
        try:
            await asyncio.wait({gone, transfer}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done() and not gone.cancelled():
                return self._story.outcome_of(gone.result())
            result = await transfer
        finally:
            gone.cancel()
            transfer.cancel()
            await asyncio.wait({gone, transfer})
        if result.joined:
            by = "bot" if result.ended_by == "referred" else result.ended_by
            return CallOutcome(Disposition.TRANSFERRED, by, detail)
        return self._call_back_later(detail)

    def _call_back_later(self, detail: str) -> CallOutcome:
        """Nothing works any more: at least a person learns of the caller."""
        if not self._story.has_callback and self._leg.info.caller:
            self._story.callback_stored()
            self._sink(CallbackRequested(self._at_ms(), "worker_failure", self._dialogue.language))
        return self._story.outcome_of_fault(detail)

    async def _end_of_leg(self) -> LegEnded:
        """Wait for the leg's last signal."""
        async for signal in self._leg.signals():
            if isinstance(signal, LegEnded):
                return signal
        raise VoicebotError("a leg's signals ended without its end")

    async def _close(self, outcome: CallOutcome) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._leg.hang_up()  # settles every playback
                await self._speaker.close()
        except (VoicebotError, OSError, TimeoutError) as error:
            log.warning("leg did not end in order", action="call.close", error=type(error).__name__)
        finally:
            self._turns.flush()
            self._sink(
                CallEnded(
                    self._at_ms(),
                    disposition=outcome.disposition.value,
                    ended_by=outcome.ended_by,
                    detail=outcome.detail,
                )
            )

    def _at_ms(self) -> int:
        if self._answered_at is None:
            return 0
        return round((self._services.clock() - self._answered_at) * 1000)

    # -- what the speaker tells -------------------------------------------------------------------------

    def _said(self, saying: Saying) -> None:
        say = saying.say
        if say.prompt_id == DISCLOSURE:
            self._sink(
                DisclosurePlayed(
                    self._at_ms(),
                    language=say.language,
                    text_version=self._services.voice.text_version(say.prompt_id, say.language),
                    frames_sent=saying.frames_sent,
                    frames_total=saying.frames_total,
                )
            )
        self._turns.settle()

    def _voice_failed(self, code: str) -> None:
        self._sink(SpeechWorkerFailed(self._at_ms(), what="synthesis", code=code))


async def _finish(job: Coroutine[None, None, None]) -> None:
    """Run a job to its end even when we are cancelled meanwhile; the cancellation comes after it."""
    task = asyncio.create_task(job, name="close-call")
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError


def _kind_of(error: BaseException) -> str:
    """Name the first real error in nested groups; its message may hold a caller's words."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error.code if isinstance(error, VoicebotError) else type(error).__name__
