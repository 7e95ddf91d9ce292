"""One call back: the agent's leg, the caller's, the two joined, the agent who hands on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

import structlog

from voicebot.errors import DialFailed, DialFailure, MediaError, SipError, TransferRefused, VoicebotError
from voicebot.events import Language
from voicebot.media.leg import Leg, LegEnded
from voicebot.storage.records import CallbackRecord
from voicebot.transfer.agents import AgentBriefing
from voicebot.transfer.call_back_parts import CallBackEnd, CallBackParts, CallBackResult
from voicebot.transfer.queue import Offer, StaleOffer, Ticket
from voicebot.transfer.spoken_briefing import Briefing, brief

log = structlog.get_logger()

HANG_UP_SECONDS = 2.0
WORDS_SECONDS = 15.0
"""Longest that something is said to a leg before it is hung up."""
HAND_ON_SECONDS = 150.0
"""A caller who is handed on waits so long for the next agent; then the call is promised again."""


class AgentLeft(Exception):
    """The agent hung up while the caller's telephone rang."""


class CallBackCall:
    """One of them. `end` leaves nothing behind, wherever it is called."""

    def __init__(self, parts: CallBackParts, record: CallbackRecord, uri: str) -> None:
        self._parts, self._record, self._uri = parts, record, uri
        self._language: Language = "en" if record.language == "en" else "nl"
        self._offer: Offer | None = None
        self._has_accepted = False
        self._agent: Leg | None = None
        self._caller: Leg | None = None
        self._talked = 0.0

    async def run(self, offer: Offer) -> CallBackResult:
        """Ring the agent, then the caller, join them; go on while agents hand on."""
        first = offer.agent.agent_id

        def result(end: CallBackEnd, failure: DialFailure | None = None) -> CallBackResult:
            return CallBackResult(self._record.callback_id, first, end, failure, self._talked)

        failure = await self._bring_agent(offer)
        if failure is not None:
            return result(CallBackEnd.AGENT_NOT_REACHED, failure)
        try:
            self._caller = await self._reach_caller()
        except AgentLeft:
            return result(CallBackEnd.AGENT_NOT_REACHED, DialFailure.HUNG_UP)
        except DialFailed as failed:
            assert self._agent is not None
            await self._say(self._agent, "callback_not_reached", self._parts.agent_language)
            return result(CallBackEnd.CALLER_NOT_REACHED, failed.reason)
        while True:
            target = await self._talk()
            if not target:
                return result(CallBackEnd.TALKED)
            if not await self._hand_on(target):
                return result(CallBackEnd.PROMISED_AGAIN)

    async def end(self) -> None:
        """Hang up what is up, free the agent."""
        await self._free_agent(None)
        caller, self._caller = self._caller, None
        if caller is not None:
            await _hang_up(caller)

    # -- the agent --------------------------------------------------------------------------------------

    async def _bring_agent(self, offer: Offer) -> DialFailure | None:
        """Ring and brief; None when the agent is there."""
        self._offer = offer
        parts, contact = self._parts, offer.agent.contact
        try:
            parts.check_contact(contact)
            self._agent = await parts.dialler.dial(
                contact, timeout_seconds=parts.ring_seconds, briefing=self._shown()
            )
            failure = None
            if not contact.startswith("desk:"):
                failure = await brief(self._agent, self._spoken(), parts.accept_seconds)
        except DialFailed as failed:
            failure = failed.reason
        except (SipError, MediaError, TransferRefused) as error:
            log.warning("agent not rung", action="callback", code=error.code)
            failure = DialFailure.FAILED
        if failure is None:
            try:
                parts.pool.accepted(offer)
                self._has_accepted = True
            except StaleOffer:
                failure = DialFailure.FAILED
        if failure is not None:
            await self._free_agent(failure)
        return failure

    async def _free_agent(self, failure: DialFailure | None) -> None:
        """Hang up the agent and say to the pool what became of the offer."""
        offer, self._offer = self._offer, None
        agent, self._agent = self._agent, None
        if offer is not None:
            if self._has_accepted:
                self._parts.pool.call_ended(offer.agent.agent_id, offer.ticket.call_id)
            elif failure is not None:
                self._parts.pool.failed(offer, failure)
            else:
                self._parts.pool.withdrawn(offer)
        self._has_accepted = False
        if agent is not None:
            await _hang_up(agent)

    def _shown(self) -> AgentBriefing:
        record = self._record
        waited = (self._parts.now() - record.created_at).total_seconds()
        nl = self._parts.agent_language == "nl"
        return AgentBriefing(
            call_id=f"callback-{record.callback_id}",
            caller=record.contact,
            language=self._language,
            reason="Terugbelverzoek" if nl else "Promised call",
            asked=record.message or record.reason,
            tried=(),
            last_lines=(),
            queue="",
            waited_seconds=max(0.0, waited),
        )

    def _spoken(self) -> Briefing:
        parts, language = self._parts, self._parts.agent_language
        prompt_id = f"callback_briefing_{self._language}"

        async def audio() -> AsyncIterator[bytes]:
            for each in (prompt_id, "agent_keys"):
                async for chunk in parts.words(each, language, {}):
                    yield chunk

        return audio

    # -- the caller -------------------------------------------------------------------------------------

    async def _reach_caller(self) -> Leg:
        """Call the number while the agent hears music. Raises DialFailed, or AgentLeft."""
        parts, agent = self._parts, self._agent
        assert agent is not None
        agent.playout.loop(parts.music)
        dialling = asyncio.create_task(
            parts.dialler.dial(self._uri, timeout_seconds=parts.ring_seconds), name="dial-caller"
        )
        leaving = asyncio.create_task(_left(agent), name="agent-leaves")
        try:
            await asyncio.wait({dialling, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                raise AgentLeft
            return dialling.result()
        except (SipError, MediaError) as error:
            raise DialFailed(DialFailure.FAILED, error.code) from error
        finally:
            leaving.cancel()
            dialling.cancel()
            await asyncio.wait({dialling, leaving})
            agent.playout.stop()
            answered = not dialling.cancelled() and dialling.exception() is None
            if answered and leaving.done() and not leaving.cancelled():
                await _hang_up(dialling.result())

    async def _talk(self) -> str:
        """Join the two; returns whom the agent hands on to, '' when it is over."""
        assert self._agent is not None
        assert self._caller is not None
        began = self._parts.clock()
        try:
            end = await self._parts.bridge(self._caller, self._agent)
        finally:
            self._talked += self._parts.clock() - began
        return end.target if end.by == "handed_on" else ""

    async def _hand_on(self, target: str) -> bool:
        """Find the next agent while the caller hears music; False when nobody came or the caller left."""
        await self._free_agent(None)
        caller = self._caller
        assert caller is not None
        caller.playout.loop(self._parts.music)
        finding = asyncio.create_task(self._next_agent(target), name="callback-hand-on")
        leaving = asyncio.create_task(_left(caller), name="caller-leaves")
        try:
            await asyncio.wait(
                {finding, leaving}, timeout=HAND_ON_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            found = finding.done() and finding.result()
        finally:
            finding.cancel()
            leaving.cancel()
            await asyncio.wait({finding, leaving})
            caller.playout.stop()
        if not found:
            await self._free_agent(None)
            await self._say(caller, "callback_again", self._language)
        return found

    async def _next_agent(self, target: str) -> bool:
        kind, _, name = target.partition(":")
        ticket = Ticket(
            f"callback-{self._record.callback_id}", "", self._language, self._parts.clock(), agent_id=name
        )
        if kind == "queue":
            ticket = replace(ticket, queue=name, agent_id="")
        while True:
            try:
                offer = await self._parts.pool.next_agent(ticket)
            except TransferRefused:
                return False
            if await self._bring_agent(offer) is None:
                return True

    async def _say(self, leg: Leg, prompt_id: str, language: Language) -> None:
        """Say something to a leg before it is hung up; a dead voice must not hold it."""
        playback = leg.playout.begin(prompt_id)
        with suppress(TimeoutError, VoicebotError, OSError):
            async with asyncio.timeout(WORDS_SECONDS):
                async for chunk in self._parts.words(prompt_id, language, {}):
                    playback.write(chunk)
                playback.close()
                await playback.finished()


async def _left(leg: Leg) -> None:
    """Return when the leg has ended."""
    async for signal in leg.signals():
        if isinstance(signal, LegEnded):
            return


async def _hang_up(leg: Leg) -> None:
    try:
        async with asyncio.timeout(HANG_UP_SECONDS):
            await leg.hang_up()
    except (MediaError, SipError, TimeoutError) as error:
        log.warning("leg did not end in order", action="callback", error=type(error).__name__)
