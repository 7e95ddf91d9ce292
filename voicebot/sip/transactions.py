"""The four transaction state machines: RFC 3261 section 17, with the Accepted states of RFC 6026.

No I/O, no clock: timers come from a TimerQueue, bytes go to `TransactionLayer.send`. Each machine calls
`on_over` exactly once, when nothing of it is left.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from aiosipua.message import SipRequest, SipResponse

from voicebot.sip.addressing import Hop
from voicebot.sip.messages import cseq_number, first, make_request
from voicebot.sip.timers import Timer, TimerQueue, TimerValues, cancel


class State(enum.StrEnum):
    """States of figures 5 to 8 and of RFC 6026."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class Wire:
    """What a transaction needs of its surroundings."""

    timers: TimerQueue
    values: TimerValues
    send: Callable[[bytes, Hop], None]


def ack_for_failure(invite: SipRequest, response: SipResponse) -> SipRequest:
    """ACK of a non-2xx final response (section 17.1.1.3): part of the INVITE's transaction."""
    headers = [("Route", route) for route in invite.headers.get("route")]
    headers += [
        ("From", first(invite, "from")),
        ("To", first(response, "to")),
        ("Call-ID", first(invite, "call-id")),
        ("CSeq", f"{cseq_number(invite)} ACK"),
    ]
    ack = make_request("ACK", invite.uri, headers)
    ack.set_header("Via", first(invite, "via"))
    return ack


class _Transaction:
    """What clients and servers share: a state, the timer that ends it, and an end that is told once."""

    def __init__(self, state: State, hop: Hop, wire: Wire, on_over: Callable[[], None]) -> None:
        self.state, self.hop = state, hop
        self._wire, self._on_over = wire, on_over
        self._timeout: Timer | None = None

    def abandon(self) -> None:
        """End at once, without telling the user."""
        self._terminate()

    def _linger(self, seconds: float) -> None:
        cancel(self._timeout)
        if seconds <= 0:
            self._terminate()
        else:
            self._timeout = self._wire.timers.after(seconds, self._terminate)

    def _terminate(self) -> None:
        if self.state is State.TERMINATED:
            return
        self.state = State.TERMINATED
        cancel(self._timeout)
        self._on_over()


class ClientTransaction(_Transaction):
    """What both client machines share. Failures: 408 (timer B or F), 503 (transport)."""

    first_state = State.TRYING

    def __init__(
        self,
        request: SipRequest,
        hop: Hop,
        wire: Wire,
        on_response: Callable[[SipResponse], None],
        on_failure: Callable[[int], None],
        *,
        on_over: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(self.first_state, hop, wire, on_over)
        self.request = request
        self._data = bytes(request)
        self._on_response, self._on_failure = on_response, on_failure
        self._interval = wire.values.t1
        self._retransmission: Timer | None = None
        self._was_resent = False

    def start(self) -> None:
        """Send the request and arm A or E, and B or F."""
        timers, values = self._wire.timers, self._wire.values
        self._timeout = timers.after(values.transaction_timeout, self._timed_out)
        if not self.hop.is_reliable:
            self._retransmission = timers.after(self._interval, self._retransmit)
        self._send()

    def receive(self, response: SipResponse) -> None:
        """Take a response that matches."""
        raise NotImplementedError

    def transport_failed(self) -> None:
        """The request could not be sent (section 17.1.4)."""
        if self.state in (State.CALLING, State.TRYING, State.PROCEEDING):
            self._fail(503)

    def connection_lost(self) -> None:
        """Send once more over a new connection; a second loss is a failure."""
        if self.state not in (State.CALLING, State.TRYING):
            return
        if self._was_resent:
            self._fail(503)
            return
        self._was_resent = True
        self._send()

    def _send(self) -> None:
        self._wire.send(self._data, self.hop)

    def _retransmit(self) -> None:
        raise NotImplementedError

    def _timed_out(self) -> None:
        self._fail(408)

    def _fail(self, status: int) -> None:
        self._terminate()
        self._on_failure(status)

    def _linger(self, seconds: float) -> None:
        cancel(self._retransmission)
        super()._linger(seconds)

    def _terminate(self) -> None:
        cancel(self._retransmission)
        super()._terminate()


class InviteClient(ClientTransaction):
    """Figure 5 with RFC 6026 figure 3: timers A, B, D, M; the ACK of failures is sent here."""

    first_state = State.CALLING
    _ack: bytes | None = None

    def receive(self, response: SipResponse) -> None:
        """Provisional and 2xx responses go up, the latter also again and from other forks."""
        status = response.status_code
        if self.state in (State.CALLING, State.PROCEEDING):
            self._receive_before_final(response, status)
        elif self.state is State.ACCEPTED and 200 <= status < 300:
            self._on_response(response)
        elif self.state is State.COMPLETED and status >= 300 and self._ack is not None:
            self._wire.send(self._ack, self.hop)

    def _receive_before_final(self, response: SipResponse, status: int) -> None:
        values = self._wire.values
        if status < 200:
            self.state = State.PROCEEDING
            cancel(self._retransmission)
            cancel(self._timeout)
        elif status < 300:
            self.state = State.ACCEPTED
            self._linger(values.transaction_timeout)
        else:
            self.state = State.COMPLETED
            self._ack = bytes(ack_for_failure(self.request, response))
            self._wire.send(self._ack, self.hop)
            self._linger(0 if self.hop.is_reliable else values.transaction_timeout)
        self._on_response(response)

    def _retransmit(self) -> None:
        self._interval *= 2
        self._retransmission = self._wire.timers.after(self._interval, self._retransmit)
        self._send()


class NonInviteClient(ClientTransaction):
    """Figure 6: timers E, F, K."""

    def receive(self, response: SipResponse) -> None:
        """Provisional responses and the first final one go up."""
        if self.state not in (State.TRYING, State.PROCEEDING):
            return
        if response.status_code < 200:
            self.state = State.PROCEEDING
        else:
            self.state = State.COMPLETED
            self._linger(0 if self.hop.is_reliable else self._wire.values.t4)
        self._on_response(response)

    def _retransmit(self) -> None:
        t2 = self._wire.values.t2
        self._interval = t2 if self.state is State.PROCEEDING else min(self._interval * 2, t2)
        self._retransmission = self._wire.timers.after(self._interval, self._retransmit)
        self._send()


class ServerTransaction(_Transaction):
    """What both server machines share. `method` and `hop` stay; the request itself is not kept."""

    def __init__(self, method: str, hop: Hop, wire: Wire, on_over: Callable[[], None] = lambda: None) -> None:
        super().__init__(State.PROCEEDING if method == "INVITE" else State.TRYING, hop, wire, on_over)
        self.method = method
        self._last: bytes | None = None

    @property
    def is_answered(self) -> bool:
        """A final response was given."""
        return self.state not in (State.TRYING, State.PROCEEDING)

    def respond(self, response: SipResponse) -> None:
        """Send a response; a second final one is dropped, but for 2xx to INVITE sent again."""
        raise NotImplementedError

    def receive_again(self) -> None:
        """The request was retransmitted: send the last response anew."""
        if self._last is not None and self.state in (State.PROCEEDING, State.COMPLETED):
            self._wire.send(self._last, self.hop)

    def _send(self, response: SipResponse) -> None:
        self._last = bytes(response)
        self._wire.send(self._last, self.hop)


class InviteServer(ServerTransaction):
    """Figure 7 with RFC 6026 figure 4: timers G, H, I, L."""

    _retransmission: Timer | None = None
    _interval = 0.0

    def respond(self, response: SipResponse) -> None:
        """Send a response. The UA core repeats a 2xx until its ACK; a failure is repeated here."""
        status = response.status_code
        if self.state is State.ACCEPTED and 200 <= status < 300:
            self._send(response)
        if self.state is not State.PROCEEDING:
            return
        values = self._wire.values
        if status >= 300:
            self.state = State.COMPLETED
            self._interval = values.t1
            if not self.hop.is_reliable:
                self._retransmission = self._wire.timers.after(self._interval, self._retransmit)
            self._linger(values.transaction_timeout)
        elif status >= 200:
            self.state = State.ACCEPTED
            self._linger(values.transaction_timeout)
        self._send(response)

    def receive_ack(self) -> None:
        """ACK of a failure: stop repeating it and soak up further ACKs for T4."""
        if self.state is State.COMPLETED:
            self.state = State.CONFIRMED
            cancel(self._retransmission)
            self._linger(0 if self.hop.is_reliable else self._wire.values.t4)

    def _retransmit(self) -> None:
        self._interval = min(self._interval * 2, self._wire.values.t2)
        self._retransmission = self._wire.timers.after(self._interval, self._retransmit)
        if self._last is not None:
            self._wire.send(self._last, self.hop)

    def _terminate(self) -> None:
        cancel(self._retransmission)
        super()._terminate()


class NonInviteServer(ServerTransaction):
    """Figure 8: timer J."""

    def respond(self, response: SipResponse) -> None:
        """Send a response and keep a final one for 64*T1."""
        if self.is_answered:
            return
        is_final = response.status_code >= 200
        self.state = State.COMPLETED if is_final else State.PROCEEDING
        self._send(response)
        if is_final:
            self._linger(0 if self.hop.is_reliable else self._wire.values.transaction_timeout)
