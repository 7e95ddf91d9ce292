"""The user agent core (RFC 3261 sections 8, 11, 12.2.2, 18.1.2): datagrams and time in; datagrams, calls out.

Without I/O and without a clock: the owner calls `advance(now)` before everything else, and again at
`next_deadline`. Whatever comes in, nothing is raised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import structlog
from aiosipua.message import SipRequest, SipResponse

from voicebot.errors import SipError, SipParseError
from voicebot.sip.addressing import (
    Hop,
    bracketed,
    note_source,
    parse_top_via,
    response_hop,
    user_of,
)
from voicebot.sip.admission import Admission, Verdict
from voicebot.sip.call_control import CallFacts
from voicebot.sip.call_session import CallSession
from voicebot.sip.core import DigestAnswers, Forgettable, SipStatistics, Surroundings, UserAgentConfig
from voicebot.sip.facts import facts_of
from voicebot.sip.inbound_call import InboundCall
from voicebot.sip.messages import (
    ALLOWED_METHODS,
    SDP_TYPE,
    SUPPORTED_OPTIONS,
    BadRequest,
    first,
    from_tag,
    make_response,
    parse_cseq,
    parse_message,
    to_tag,
)
from voicebot.sip.outbound_call import Destination, OutboundCall
from voicebot.sip.request_checks import refusal_of
from voicebot.sip.session_timer import SessionTimer
from voicebot.sip.timers import TimerQueue
from voicebot.sip.transaction_table import BRANCH_COOKIE, TransactionTable
from voicebot.sip.transactions import ClientTransaction, InviteServer, ServerTransaction, State, Wire

log = structlog.get_logger()


class UserAgent:
    """All calls and transactions of one endpoint."""

    def __init__(
        self,
        config: UserAgentConfig,
        surroundings: Surroundings,
        admission: Admission,
        now: float = 0.0,
    ) -> None:
        self.config = config
        self.timers = TimerQueue(now)
        self.admission = admission
        self.is_closing = False
        self._around = surroundings
        self._stateless_tag = surroundings.token()
        wire = Wire(self.timers, config.timer_values, surroundings.send)
        self._table = TransactionTable(wire, config.max_transactions)
        self._calls: dict[tuple[str, str], CallSession] = {}
        self._inviting: dict[ServerTransaction, InboundCall] = {}
        self._dropped: Counter[str] = Counter()
        self._refused: Counter[int] = Counter()
        self._ignored: Counter[str] = Counter()
        self.on_ignored: Callable[[str], None] = lambda _: None
        self._calls_received = self._calls_made = 0

    # --- the owner's side ---

    @property
    def next_deadline(self) -> float | None:
        """When `advance` is due next."""
        return self.timers.next_deadline

    @property
    def calls(self) -> list[CallSession]:
        """Calls of which anything is left."""
        return list(self._calls.values())

    def advance(self, now: float) -> None:
        """Take note of the time (seconds, monotonic) and do what is due."""
        self.timers.advance(now)

    def statistics(self) -> SipStatistics:
        """Count what there is."""
        return SipStatistics(
            calls=len(self._calls),
            transactions=len(self._table),
            timers=len(self.timers),
            calls_received=self._calls_received,
            calls_made=self._calls_made,
            dropped=dict(self._dropped),
            ignored=dict(self._ignored),
            refused=dict(self._refused),
        )

    def note_ignored(self, what: str) -> None:
        """Count what others wanted to lead a call elsewhere by (law S1): 'refer', 'replaces', 'redirect'."""
        self._ignored[what] += 1
        self.on_ignored(what)

    def note_dropped(self, reason: str) -> None:
        """Count something that the transport dropped."""
        self._dropped[reason] += 1

    def invite(self, destination: Destination, sdp: str, digest: DigestAnswers | None = None) -> OutboundCall:
        """Make a call; `start()` it when its `on_event` is set. Raises SipError."""
        if self.is_closing or len(self._calls) >= self.config.max_calls:
            raise SipError("no more calls can be made")
        facts = CallFacts(
            call_id=f"{self.token()}@{self._around.local_address(destination.hop)[0]}",
            inbound=False,
            caller=user_of(destination.from_uri),
            called=user_of(destination.uri),
            display_name=destination.display_name,
            source=(destination.hop.host, destination.hop.port),
            offer=None,
        )
        call = OutboundCall(self, facts, destination, sdp, digest)
        self._calls[call.call_id, call.local_tag] = call
        self._calls_made += 1
        return call

    def abandon_all(self) -> None:
        """Drop what is left: the endpoint closes."""
        for call in self.calls:
            call.abandon()
        self._table.abandon_all()

    def transport_failed(self, hop: Hop) -> None:
        """Take note that nothing can be sent there."""
        self._table.transport_failed(hop)

    def connection_lost(self, hop: Hop) -> None:
        """Take note that a stream closed."""
        self._table.connection_lost(hop)

    # --- for calls (CallCore) ---

    def token(self) -> str:
        """Make a new unguessable token."""
        return self._around.token()

    def jitter(self) -> float:
        """Draw a random number, 0 to 1."""
        return self._around.jitter()

    def contact(self, hop: Hop) -> str:
        """Contact value of ours as seen from `hop`."""
        host, port = self._around.local_address(hop)
        transport = "" if hop.transport == "udp" else f";transport={hop.transport}"
        return f"<sip:{self.config.user}@{bracketed(host)}:{port}{transport}>"

    def send_request(
        self,
        request: SipRequest,
        hop: Hop,
        on_response: Callable[[SipResponse], None],
        on_failure: Callable[[int], None],
        *,
        keeps_via: bool = False,
    ) -> ClientTransaction | None:
        """Send in a new transaction; None when the table is full."""
        if not keeps_via:
            request.set_header("Via", self._via(hop))
        transaction = self._table.start_client(request, hop, on_response, on_failure)
        if transaction is None:
            self._dropped["table_full"] += 1
        return transaction

    def send_ack(self, ack: SipRequest, hop: Hop) -> None:
        """Send the ACK of a 2xx, outside any transaction."""
        if not first(ack, "via"):
            ack.set_header("Via", self._via(hop))
        self._around.send(bytes(ack), hop)

    def forget(self, call: Forgettable) -> None:
        """Note that nothing is left of this call."""
        self._calls.pop((call.call_id, call.local_tag), None)
        if isinstance(call, InboundCall):
            self._inviting.pop(call.invite_transaction, None)

    def _via(self, hop: Hop) -> str:
        host, port = self._around.local_address(hop)
        branch = BRANCH_COOKIE + self.token()
        return f"SIP/2.0/{hop.transport.upper()} {bracketed(host)}:{port};rport;branch={branch}"

    # --- what comes in ---

    def receive(self, data: bytes, source: Hop) -> None:
        """Take one datagram, or one message of a stream."""
        verdict = self.admission.judge(source.host, self.timers.now)
        if verdict is Verdict.LIMITED:
            self._dropped["rate"] += 1
            return
        if not 1 <= source.port <= 65535:
            self._dropped["source"] += 1  # spoofed: no answer could be sent
            return
        if not data.strip(b"\r\n\0 \t"):
            return  # keep-alive
        try:
            message = parse_message(data)
        except BadRequest as bad:
            if verdict is Verdict.ADMITTED:
                self._refuse_statelessly(bad.request, source, bad.status)
            else:
                self._dropped["source"] += 1
            return
        except SipParseError:
            self._dropped["garbage"] += 1
            return
        if isinstance(message, SipResponse):
            self._receive_response(message)
        elif verdict is Verdict.ADMITTED or self._call_of(message) is not None:
            self._receive_request(message, source)
        else:
            self._turn_away(message, source)

    def _turn_away(self, request: SipRequest, source: Hop) -> None:
        """Answer a source outside the allow-list with silence, or the configured status."""
        self._dropped["source"] += 1
        count = self.admission.refusals_to_log(self.timers.now)
        if count:
            log.warning("sip source refused", source=source.host, transport=source.transport, count=count)
        if self.admission.stranger_status and request.method != "ACK":
            self._refuse_statelessly(request, source, self.admission.stranger_status)

    def _receive_response(self, response: SipResponse) -> None:
        if len(response.headers.get("via")) != 1:
            self._dropped["stray_response"] += 1  # section 8.1.3.3: not ours
            return
        transaction = self._table.find_client(response)
        if transaction is not None:
            transaction.receive(response)
            return
        call = self._calls.get((first(response, "call-id"), from_tag(response)))
        is_answer = 200 <= response.status_code < 300 and parse_cseq(response)[1] == "INVITE"
        if is_answer and call is not None:
            call.receive_late_answer(response)
        else:
            self._dropped["stray_response"] += 1

    def _receive_request(self, request: SipRequest, source: Hop) -> None:
        vias = request.headers.get("via")
        vias[0] = note_source(parse_top_via(vias[0]), source)
        transaction = self._table.find_server(request)
        if request.method == "ACK":
            self._receive_ack(request, transaction)
        elif transaction is not None:
            transaction.receive_again()
        elif request.method == "CANCEL":
            self._receive_cancel(request, source)
        elif to_tag(request):
            self._receive_in_dialog(request, source)
        else:
            self._receive_outside(request, source)

    def _receive_ack(self, ack: SipRequest, transaction: ServerTransaction | None) -> None:
        if isinstance(transaction, InviteServer) and transaction.state in (State.COMPLETED, State.CONFIRMED):
            transaction.receive_ack()
            return
        call = self._call_of(ack)
        if call is None or not call.receive_ack(ack):
            self._dropped["stray_ack"] += 1

    def _receive_cancel(self, request: SipRequest, source: Hop) -> None:
        invite = self._table.find_cancelled(request)
        transaction = self._open(request, source, is_known=invite is not None)
        if transaction is None:
            return
        if invite is None:
            self._refuse(request, transaction, 481)
            return
        call = self._inviting.get(invite) or self._call_of(request)
        tag = call.local_tag if call is not None else self.token()
        transaction.respond(make_response(request, 200, tag=tag))
        if call is not None:
            call.receive_cancel(invite)

    def _receive_in_dialog(self, request: SipRequest, source: Hop) -> None:
        call = self._call_of(request)
        if call is None and request.method == "OPTIONS":
            self._refuse_statelessly(request, source, 481)
            return
        transaction = self._open(request, source, is_known=call is not None)
        if transaction is None:
            return
        if call is None:
            self._refuse(request, transaction, 481)
            return
        refusal = refusal_of(request, is_in_dialog=True, refer_status=self.config.refer_refusal_status)
        if refusal is not None:
            self._note_intent(request)
            self._refuse(request, transaction, refusal.status, refusal.reason, refusal.headers)
        elif request.method == "OPTIONS":
            transaction.respond(self._options_answer(request))
        else:
            call.receive_request(request, transaction, source)

    def _receive_outside(self, request: SipRequest, source: Hop) -> None:
        refusal = refusal_of(request, is_in_dialog=False, refer_status=self.config.refer_refusal_status)
        if request.method == "OPTIONS" and refusal is None:
            # section 8.2.7: idempotent, so no state, and a flood of pings costs no memory
            self._send_statelessly(self._options_answer(request), source)
            return
        if self._table.is_merged(request):
            self._refuse_statelessly(request, source, 482)
            return
        transaction = self._open(request, source, is_known=False)
        if transaction is None:
            return
        self._note_intent(request)
        if refusal is not None:
            self._refuse(request, transaction, refusal.status, refusal.reason, refusal.headers)
        else:
            self._receive_invite(request, transaction, source)

    def _note_intent(self, request: SipRequest) -> None:
        """Count a REFER, and an INVITE with Replaces, which is taken as an ordinary call."""
        if request.method == "REFER":
            self.note_ignored("refer")
        elif request.headers.get("replaces"):
            self.note_ignored("replaces")

    def _receive_invite(self, invite: SipRequest, transaction: ServerTransaction, source: Hop) -> None:
        if self.is_closing or len(self._calls) >= self.config.max_calls:
            self._refuse(invite, transaction, 503, headers=(("Retry-After", "10"),))
            return
        timer = SessionTimer(self.config.session_expires_seconds, self.config.min_se_seconds)
        if timer.too_short(invite):
            self._refuse(invite, transaction, 422, headers=tuple(timer.refusal_headers()))
            return
        transaction.respond(make_response(invite, 100))
        try:
            facts = facts_of(invite, source)
            digest = self._around.digest_for(source)
            call = InboundCall(self, facts, invite, transaction, source, digest=digest)
        except SipParseError:
            self._refuse(invite, transaction, 400, "Unusable Contact or Record-Route")
            return
        self._calls[call.call_id, call.local_tag] = call
        self._inviting[transaction] = call
        self._calls_received += 1
        self._around.on_call(call)

    # --- answers without a call ---

    def _call_of(self, request: SipRequest) -> CallSession | None:
        return self._calls.get((first(request, "call-id"), to_tag(request)))

    def _open(self, request: SipRequest, source: Hop, *, is_known: bool) -> ServerTransaction | None:
        transaction = self._table.start_server(request, source, is_known=is_known)
        if transaction is None:
            self._dropped["table_full"] += 1
            self._refuse_statelessly(request, source, 503)
        return transaction

    def _refuse(
        self,
        request: SipRequest,
        transaction: ServerTransaction,
        status: int,
        reason: str = "",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self._refused[status] += 1
        transaction.respond(make_response(request, status, tag=self.token(), reason=reason, headers=headers))

    def _refuse_statelessly(self, request: SipRequest, source: Hop, status: int) -> None:
        self._refused[status] += 1
        vias = request.headers.get("via")
        vias[0] = note_source(parse_top_via(vias[0]), source)
        headers = [("Retry-After", "10")] if status == 503 else []
        self._send_statelessly(
            make_response(request, status, tag=self._stateless_tag, headers=headers), source
        )

    def _send_statelessly(self, response: SipResponse, source: Hop) -> None:
        self._around.send(bytes(response), response_hop(parse_top_via(first(response, "via")), source))

    def _options_answer(self, request: SipRequest) -> SipResponse:
        headers = [
            ("Allow", ALLOWED_METHODS),
            ("Accept", SDP_TYPE),
            ("Supported", SUPPORTED_OPTIONS),
            ("User-Agent", self.config.user_agent),
        ]
        is_full = self.is_closing or len(self._calls) >= self.config.max_calls
        return make_response(request, 503 if is_full else 200, tag=self._stateless_tag, headers=headers)
