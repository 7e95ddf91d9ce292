"""One call as the media side sees it: `CallControl` over the I/O-free `CallSession`, on one asyncio loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from voicebot.errors import SipError
from voicebot.sip.call_control import CallControlEvent, CallFacts, Ended, SetupFailed
from voicebot.sip.call_session import CallSession
from voicebot.sip.core import Done, Outcome
from voicebot.sip.inbound_call import InboundCall

MAX_WAITING_EVENTS = 64
HANG_UP_WAIT_SECONDS = 4.0
"""A BYE lost once or twice is repeated within this; further repeats go on without anyone waiting."""

Turn = Callable[[], AbstractContextManager[None]]
_Session = TypeVar("_Session", bound=CallSession)


class CallRefused(SipError):
    """The peer, or the end of the call, refused what was asked. `status`: SIP code, 408, 481, 487 or 503."""

    code = "sip.refused"

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(f"{outcome.status} {outcome.reason}".strip())
        self.status, self.reason = outcome.status, outcome.reason


class CallHandle(Generic[_Session]):
    """Implements `CallControl`. `turn` tells the core the time around each command."""

    def __init__(self, session: _Session, turn: Turn) -> None:
        self.session = session
        self.events_dropped = 0
        self._turn = turn
        self._events: deque[CallControlEvent] = deque()
        self._has_news = asyncio.Event()
        self._is_over = False
        self._closed = asyncio.Event()
        session.on_event = self._note
        session.on_closed = self._closed.set

    @property
    def facts(self) -> CallFacts:
        """Facts of the first request."""
        return self.session.facts

    @property
    def can_be_referred(self) -> bool:
        """The peer allows REFER."""
        return self.session.can_be_referred

    @property
    def can_replace(self) -> bool:
        """The peer understands Replaces."""
        return self.session.can_replace

    @property
    def replaces(self) -> str:
        """How another peer names this dialog to take our place in it; '' without one."""
        return self.session.replaces

    @property
    def has_ended(self) -> bool:
        """Ended or SetupFailed was reported."""
        return self.session.has_ended

    async def events(self) -> AsyncIterator[CallControlEvent]:
        """What happens, in order; the oldest is dropped, and counted, when 64 wait."""
        while True:
            while self._events:
                event = self._events.popleft()
                yield event
                if isinstance(event, Ended | SetupFailed):
                    return
            if self._is_over:
                return
            self._has_news.clear()
            await self._has_news.wait()

    def ring(self) -> None:
        """Send 180 (inbound)."""
        if isinstance(self.session, InboundCall):
            with self._turn():
                self.session.ring()

    async def accept(self, sdp: str) -> str | None:
        """Send 200 and wait for the ACK; its SDP, if any. Raises CallRefused (a SipError)."""
        session = self.session
        if not isinstance(session, InboundCall):
            raise SipError("only an inbound call can be accepted")
        outcome = await self._asked(lambda done: session.accept(sdp, done))
        if not outcome.is_success:
            raise CallRefused(outcome)
        return outcome.sdp

    def reject(self, status: int, reason: str = "") -> None:
        """Final refusal (inbound, before accept)."""
        if isinstance(self.session, InboundCall):
            with self._turn():
                self.session.reject(status, reason)

    def answer_reoffer(self, sdp: str | None, status: int = 200) -> None:
        """Answer the last Reoffered."""
        with self._turn():
            self.session.answer_reoffer(sdp, status)

    async def reinvite(self, sdp: str) -> str | None:
        """Offer anew; the answer. Raises CallRefused (a SipError)."""
        outcome = await self._asked(lambda done: self.session.reinvite(sdp, done))
        if not outcome.is_success:
            raise CallRefused(outcome)
        return outcome.sdp

    async def refer(self, target: str, *, replaces: str = "") -> int:
        """Send REFER; its final status."""
        return (await self._asked(lambda done: self.session.refer(target, replaces, done))).status

    async def send_info(self, content_type: str, body: str) -> int:
        """Send INFO; its final status."""
        return (await self._asked(lambda done: self.session.send_info(content_type, body, done))).status

    async def hang_up(self, status: int = 0) -> None:
        """BYE, CANCEL or refusal; returns when the peer has confirmed it, or after 4 s."""
        with self._turn():
            self.session.hang_up(status)
        try:
            async with asyncio.timeout(HANG_UP_WAIT_SECONDS):
                await self._closed.wait()
        except TimeoutError:
            return

    async def _asked(self, ask: Callable[[Done], None]) -> Outcome:
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def done(outcome: Outcome) -> None:
            if not future.done():
                future.set_result(outcome)

        with self._turn():
            ask(done)
        return await future

    def _note(self, event: CallControlEvent) -> None:
        if len(self._events) >= MAX_WAITING_EVENTS:
            self._events.popleft()
            self.events_dropped += 1
        self._events.append(event)
        if isinstance(event, Ended | SetupFailed):
            self._is_over = True
        self._has_news.set()
