"""A SIP call and endpoint in memory: the test is the peer's signalling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from voicebot.errors import SipError
from voicebot.sip.call_control import CallControl, CallControlEvent, CallFacts, Ended, SetupFailed


class FakeCallControl:
    """Implements `CallControl`. `sent`: what the leg asked for, in order."""

    def __init__(self, *, offer: str | None = None, inbound: bool = True) -> None:
        self._facts = CallFacts(
            "call-1@test", inbound, "+31201234567", "100", "Anna", ("127.0.0.1", 5071), offer
        )
        self._events: asyncio.Queue[CallControlEvent] = asyncio.Queue()
        self.sent: list[tuple[object, ...]] = []
        self.ack_sdp: str | None = None
        self.accept_error: SipError | None = None
        self.ack: asyncio.Event | None = None
        """Set by the test when the ACK comes; None: at once."""
        self.refer_status = 202
        self.can_be_referred = self.can_replace = True
        self.replaces = "call-1@test;to-tag=theirs;from-tag=ours"
        self.hang_ups = 0

    def happens(self, event: CallControlEvent) -> None:
        self._events.put_nowait(event)

    @property
    def facts(self) -> CallFacts:
        return self._facts

    async def events(self) -> AsyncIterator[CallControlEvent]:
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, Ended | SetupFailed):
                return

    def ring(self) -> None:
        self.sent.append(("ring",))

    async def accept(self, sdp: str) -> str | None:
        self.sent.append(("accept", sdp))
        if self.ack is not None:
            await self.ack.wait()
        if self.accept_error is not None:
            raise self.accept_error
        return self.ack_sdp

    def reject(self, status: int, reason: str = "") -> None:
        self.sent.append(("reject", status))

    def answer_reoffer(self, sdp: str | None, status: int = 200) -> None:
        self.sent.append(("answer_reoffer", sdp, status))

    async def reinvite(self, sdp: str) -> str | None:
        self.sent.append(("reinvite", sdp))
        return None

    async def refer(self, target: str, *, replaces: str = "") -> int:
        self.sent.append(("refer", target, replaces) if replaces else ("refer", target))
        return self.refer_status

    async def send_info(self, content_type: str, body: str) -> int:
        self.sent.append(("info", content_type, body))
        return 200

    async def hang_up(self, status: int = 0) -> None:
        self.hang_ups += 1
        if self.hang_ups == 1:
            self.happens(Ended("us"))


class FakeEndpoint:
    """Implements `SipEndpointProtocol`: hands out `control` and remembers the offers."""

    def __init__(self, control: FakeCallControl | None = None) -> None:
        self.control = control or FakeCallControl(inbound=False)
        self.offers: list[tuple[str, str]] = []
        self.error: SipError | None = None
        self.invited = asyncio.Event()

    async def invite(
        self,
        uri: str,
        *,
        sdp: str,
        from_user: str = "voicebot",
        display_name: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> CallControl:
        if self.error is not None:
            raise self.error
        self.offers.append((uri, sdp))
        self.invited.set()
        return self.control

    async def close(self, grace_seconds: float = 2.0) -> None:
        return
