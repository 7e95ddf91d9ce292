"""One-click call back: ring the agent, brief, then the caller's number through the trunk, and join the two.

Whatever goes wrong, both legs are ended, the agent is free again, and the callback is on the list with what
came of it: nobody who was promised a call is forgotten (law H5). The number is checked before anybody rings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from voicebot.errors import StorageError, TransferRefused
from voicebot.events import Language
from voicebot.storage.records import CallbackRecord
from voicebot.transfer.call_back_call import CallBackCall
from voicebot.transfer.call_back_parts import CallBackEnd, CallBackParts, CallBackResult, CallBackStart
from voicebot.transfer.queue import Offer, Ticket

log = structlog.get_logger()

CAP_NAME = "callback"


class CallBacks:
    """All calls back of one media process."""

    def __init__(self, parts: CallBackParts) -> None:
        self._parts = parts
        self._tasks: set[asyncio.Task[None]] = set()
        self._active: set[str] = set()

    async def begin(self, callback_id: str, agent_id: str) -> CallBackStart:
        """Claim the callback, check the number, reserve the agent; the calls follow by themselves."""
        if callback_id in self._active:
            return CallBackStart.BUSY  # pressed twice
        self._active.add(callback_id)
        start = CallBackStart.FAILED
        try:
            start = await self._begin(callback_id, agent_id)
        except StorageError as error:
            log.warning("callback not begun", action="callback", code=error.code)
        finally:
            if start is not CallBackStart.STARTED:
                self._active.discard(callback_id)
        return start

    async def _begin(self, callback_id: str, agent_id: str) -> CallBackStart:
        parts = self._parts
        record = await parts.claims.claim(callback_id, agent_id)
        if record is None:
            return CallBackStart.GONE
        try:
            uri = self._admit(record)
        except TransferRefused as refused:
            await parts.claims.note_refused(callback_id, str(refused), actor=agent_id)
            await parts.claims.release(callback_id, agent_id)
            return CallBackStart.NOT_ALLOWED
        language: Language = "en" if record.language == "en" else "nl"
        ticket = Ticket(f"callback-{callback_id}", "", language, parts.clock(), agent_id)
        offer = parts.pool.reserve(agent_id, ticket)
        if offer is None:
            parts.caps.leave(CAP_NAME)
            await parts.claims.release(callback_id, agent_id)
            return CallBackStart.BUSY
        task = asyncio.create_task(self._run(record, uri, offer), name="call-back")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return CallBackStart.STARTED

    def _admit(self, record: CallbackRecord) -> str:
        """Return what to dial, counted towards the caps. Raises TransferRefused."""
        uri = self._parts.numbers.uri(record.contact)
        cap = self._parts.caps.admit(record.contact, CAP_NAME, self._parts.clock())
        if cap is not None:
            raise TransferRefused(cap)
        return uri

    async def close(self) -> None:
        """End all of them: legs are hung up, agents free, callbacks on the list."""
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))

    @property
    def active(self) -> int:
        """How many are going on."""
        return len(self._tasks)

    async def _run(self, record: CallbackRecord, uri: str, offer: Offer) -> None:
        call = CallBackCall(self._parts, record, uri)
        agent_id = offer.agent.agent_id
        result: CallBackResult | None = None
        try:
            result = await call.run(offer)
        finally:
            self._parts.caps.leave(CAP_NAME)
            await _shielded(call.end())
            await _shielded(self._note(record, agent_id, result))
            self._active.discard(record.callback_id)
        if self._parts.on_end is not None:
            self._parts.on_end(result)

    async def _note(self, record: CallbackRecord, agent_id: str, result: CallBackResult | None) -> None:
        """Write what came of it; while the database is away the claim lapses by itself."""
        parts, claims = self._parts, self._parts.claims
        try:
            match result:
                case CallBackResult(end=CallBackEnd.CALLER_NOT_REACHED, failure=failure):
                    await claims.note_attempt(
                        record.callback_id,
                        failure.value if failure is not None else "failed",
                        parts.due_again(parts.now()),
                        tried_by=agent_id,
                        max_attempts=parts.max_attempts,
                    )
                case CallBackResult(end=CallBackEnd.TALKED, talked_seconds=seconds):
                    if seconds >= parts.done_after_seconds:
                        await claims.done(record.callback_id, done_by=agent_id, outcome="talked")
                case _:
                    await claims.release(record.callback_id, agent_id)
        except StorageError as error:
            log.warning("callback not noted", action="callback", code=error.code)


async def _shielded(work: Coroutine[Any, Any, None]) -> None:
    """Finish what must be done, also when cancelled meanwhile."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
