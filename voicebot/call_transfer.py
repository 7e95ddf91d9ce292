"""Transfers as one call sees them: by name, recorded step by step, briefed in the agent's ear."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from voicebot.audio import AudioClip
from voicebot.call_speech import Voice
from voicebot.dialogue.actions import Say, Transfer
from voicebot.errors import DialFailure, SpeechWorkerError, TransferRefused
from voicebot.events import EventSink, TransferProgressed, TransferRequested
from voicebot.media.leg import Dialler, Leg
from voicebot.transfer.destinations import Destinations
from voicebot.transfer.execute import Bridger, TransferExecution, TransferResult, TransferTimes

BeforeJoin = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class TransferParts:
    """What a transfer needs. `dialler` None: no outbound calls, only blind transfers can succeed."""

    destinations: Destinations
    dialler: Dialler | None
    bridge: Bridger
    hold_music: AudioClip
    times: TransferTimes


async def _nothing() -> None:
    return


class CallTransfer:
    """The transfers of one call."""

    def __init__(self, leg: Leg, parts: TransferParts, sink: EventSink, at_ms: Callable[[], int]) -> None:
        self._leg, self._parts, self._sink, self._at_ms = leg, parts, sink, at_ms

    async def run(self, action: Transfer, voice: Voice, before_join: BeforeJoin = _nothing) -> TransferResult:
        """Carry out one transfer. `before_join` runs between the agent's acceptance and the bridge."""
        parts = self._parts
        try:
            destination = parts.destinations.resolve(action.destination)
        except TransferRefused:
            self._progress(action.destination, "failed", DialFailure.FAILED.value)
            return TransferResult(failure=DialFailure.FAILED)
        self._sink(
            TransferRequested(
                self._at_ms(), destination=destination.name, reason=action.reason, kind=destination.kind
            )
        )

        async def bridge(caller: Leg, agent: Leg) -> str:
            await before_join()
            return await parts.bridge(caller, agent)

        def progress(state: str, failure: str | None = None) -> None:
            self._progress(destination.name, state, failure)

        execution = TransferExecution(
            caller=self._leg,
            dialler=parts.dialler,
            bridge=bridge,
            hold_music=parts.hold_music,
            times=parts.times,
            progress=progress,
        )
        progress("announced")
        parts.destinations.occupied(destination.name)
        try:
            result = await execution.run(destination, lambda: _briefing(action, voice))
        finally:
            parts.destinations.freed(destination.name)
        if result.joined:
            progress("ended" if result.ended_by != "agent" else "returned")
        return result

    def _progress(self, destination: str, state: str, failure: str | None = None) -> None:
        self._sink(TransferProgressed(self._at_ms(), destination, state, failure))


async def _briefing(action: Transfer, voice: Voice) -> AsyncIterator[bytes]:
    """Yield what the agent hears: the summary, then which keys to press.

    A dead voice must not stop a transfer: what cannot be rendered is left out.
    """
    language = action.language
    for say in (
        Say("agent_briefing", language, values={"summary": action.summary}),
        Say("agent_keys", language),
    ):
        for sentence in voice.sentences(voice.text_of(say), language):
            clip = voice.ready(sentence, language, 1.0)
            if clip is not None:
                yield clip.pcm
                continue
            try:
                async for chunk in voice.stream(sentence, language, 1.0, may_persist=voice.may_persist(say)):
                    yield chunk
            except SpeechWorkerError:
                break
