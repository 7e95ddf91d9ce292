"""What the media side sees of SIP: one object a dialog (call), its events, and the endpoint that makes them.

`transport.py` implements these protocols over the I/O-free user agent; `media/sip_leg.py` uses them.
SDP bodies pass through as text: `sdp_answer.py` makes and reads them. All on one asyncio loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CallFacts:
    """Facts of a dialog from its first request.

    `caller`/`called`: user part of P-Asserted-Identity or From, and of the Request-URI. `display_name` as
    received. `source`: (ip, port) of the datagram or stream. `offer`: SDP of the INVITE, None when delayed.
    `headers`: a few of interest in lower case ('diversion', 'user-agent', 'x-...').
    """

    call_id: str
    inbound: bool
    caller: str
    called: str
    display_name: str
    source: tuple[str, int]
    offer: str | None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ringing:
    """A provisional response to our INVITE (180, 183); `sdp` when it carries early media."""

    status: int
    sdp: str | None


@dataclass(frozen=True, slots=True)
class Answered:
    """2xx to our INVITE (then `sdp` is the answer), or the ACK of ours with a delayed offer's answer."""

    sdp: str | None


@dataclass(frozen=True, slots=True)
class SetupFailed:
    """Our INVITE ended without an answer.

    `status`: final code, 408 for a time-out, 503 for a dead transport.
    """

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Reoffered:
    """A re-INVITE or UPDATE with an offer came in; answer it with `answer_reoffer` (or refuse)."""

    sdp: str | None


@dataclass(frozen=True, slots=True)
class InfoReceived:
    """An INFO in the dialog (application/dtmf-relay, application/dtmf …), already answered with 200."""

    content_type: str
    body: str


@dataclass(frozen=True, slots=True)
class ReferProgressed:
    """A NOTIFY to our REFER: status of the new call; `is_final` ends the subscription."""

    status: int
    is_final: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """The dialog is over. `by`: 'peer', 'us', 'network' (timer, transport), `detail`: code and reason."""

    by: str
    detail: str = ""


CallControlEvent = Ringing | Answered | SetupFailed | Reoffered | InfoReceived | ReferProgressed | Ended


class CallControl(Protocol):
    """One SIP call. `events()` has one consumer and ends after Ended or SetupFailed."""

    @property
    def facts(self) -> CallFacts:
        """Facts of the first request."""

    @property
    def can_be_referred(self) -> bool:
        """The peer allows REFER (its Allow says so)."""

    @property
    def can_replace(self) -> bool:
        """The peer understands Replaces (RFC 3891; its Supported says so)."""

    @property
    def replaces(self) -> str:
        """The Replaces value by which another takes our place in this dialog; '' without one."""

    def events(self) -> AsyncIterator[CallControlEvent]:
        """What happens, in order; bounded."""

    def ring(self) -> None:
        """Send 180 (inbound)."""

    async def accept(self, sdp: str) -> str | None:
        """Send 200 with `sdp` (answer, or our offer when theirs was delayed) and wait for the ACK.

        Returns the SDP in the ACK (delayed offer), else None. Raises SipError when the caller cancelled or
        no ACK came within 64*T1.
        """

    def reject(self, status: int, reason: str = "") -> None:
        """Final refusal (inbound, before accept)."""

    def answer_reoffer(self, sdp: str | None, status: int = 200) -> None:
        """Answer the last Reoffered (200 with SDP, or 488 and the like with None)."""

    async def reinvite(self, sdp: str) -> str | None:
        """Offer anew (hold, resume); returns the answer. Raises SipError with the refusal; handles 491."""

    async def refer(self, target: str, *, replaces: str = "") -> int:
        """Send REFER; returns its final status (202 …); NOTIFYs come as ReferProgressed."""

    async def send_info(self, content_type: str, body: str) -> int:
        """Send INFO; returns its final status."""

    async def hang_up(self, status: int = 0) -> None:
        """BYE, CANCEL or refusal, whatever the state needs; idempotent; bounded time."""


IncomingCall = Callable[[CallControl], Awaitable[None]]


class SipEndpointProtocol(Protocol):
    """The running SIP stack."""

    async def invite(
        self,
        uri: str,
        *,
        sdp: str,
        from_user: str = "voicebot",
        display_name: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> CallControl:
        """Start an outbound call, through the trunk that serves the URI if any; events() tells the rest."""

    async def close(self, grace_seconds: float = 2.0) -> None:
        """Hang up what is left, unregister, close sockets."""
