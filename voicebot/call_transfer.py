"""Transfers as one call sees them: by name, in company, recorded step by step, briefed in the agent's ear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from voicebot.audio import AudioClip
from voicebot.call_speech import Voice
from voicebot.dialogue.actions import Say, Transfer
from voicebot.errors import DialFailure, TransferRefused, VoicebotError
from voicebot.events import EventSink, Language, TransferProgressed, TransferRequested
from voicebot.media.leg import Dialler, Leg
from voicebot.transfer.destinations import Destinations
from voicebot.transfer.execute import Bridger, TransferExecution, TransferResult, TransferTimes

REASSURE_SECONDS = 20.0
"""Music is interrupted so often to say that the call still goes on."""


@dataclass(frozen=True, slots=True)
class TransferParts:
    """What a transfer needs.

    `dialler` None: no outbound calls, only blind transfers can succeed. `agent_language`: of the briefing;
    the same as the dialogue's, which writes the summary.
    """

    destinations: Destinations
    dialler: Dialler | None
    bridge: Bridger
    hold_music: AudioClip
    times: TransferTimes
    agent_language: Language = "nl"


@dataclass(frozen=True, slots=True)
class CallerCare:
    """What the call does for its caller around a transfer.

    `reassure`: say that one is still waiting; returns when said. `let_go`: between the agent's acceptance and
    the bridge, give the caller's frames and signals away. `waited_seconds`: since the request for a person.
    """

    let_go: Callable[[], Awaitable[None]]
    reassure: Callable[[], Awaitable[None]] | None = None
    waited_seconds: float = 0.0


class CallTransfer:
    """The transfers of one call."""

    def __init__(
        self, leg: Leg, parts: TransferParts, voice: Voice, sink: EventSink, at_ms: Callable[[], int]
    ) -> None:
        self._leg, self._parts, self._voice, self._sink, self._at_ms = leg, parts, voice, sink, at_ms

    async def run(self, action: Transfer, care: CallerCare) -> TransferResult:
        """Carry out one transfer."""
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
        self._progress(destination.name, "announced")
        if not parts.destinations.occupy(destination.name):
            self._progress(destination.name, "failed", DialFailure.BUSY.value)
            return TransferResult(failure=DialFailure.BUSY)

        async def bridge(caller: Leg, agent: Leg) -> str:
            await care.let_go()
            return await parts.bridge(caller, agent)

        execution = TransferExecution(
            caller=self._leg,
            dialler=parts.dialler,
            bridge=bridge,
            company=lambda: self._company(care),
            ring_seconds=parts.times.ring_for(care.waited_seconds),
            accept_seconds=parts.times.accept_seconds,
            progress=lambda state, failure=None: self._progress(destination.name, state, failure),
        )
        try:
            result = await execution.run(
                destination, lambda: _briefing(action, parts.agent_language, self._voice)
            )
        finally:
            parts.destinations.free(destination.name)
        if result.joined:
            self._progress(destination.name, "returned" if result.ended_by == "agent" else "ended")
        return result

    def _progress(self, destination: str, state: str, failure: str | None = None) -> None:
        self._sink(TransferProgressed(self._at_ms(), destination, state, failure))

    @asynccontextmanager
    async def _company(self, care: CallerCare) -> AsyncIterator[None]:
        """Music, and now and then a word, until left."""
        task = asyncio.create_task(self._entertain(care), name="hold-music")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            self._leg.playout.stop()
            if not task.cancelled():
                task.result()

    async def _entertain(self, care: CallerCare) -> None:
        self._leg.playout.loop(self._parts.hold_music)
        while care.reassure is not None:
            await asyncio.sleep(REASSURE_SECONDS)
            self._leg.playout.stop()
            await care.reassure()
            self._leg.playout.loop(self._parts.hold_music)


async def _briefing(action: Transfer, language: Language, voice: Voice) -> AsyncIterator[bytes]:
    """Yield what the agent hears: the summary, then which keys to press.

    A dead voice must not stop a transfer: what cannot be rendered is left out.
    """
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
            except (VoicebotError, OSError):
                break
