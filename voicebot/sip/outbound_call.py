"""A call of ours, until it is answered: RFC 3261 sections 9.1, 13.2, 22; forks; PRACK (RFC 3262). No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiosipua.message import SipRequest, SipResponse

from voicebot.errors import SipParseError
from voicebot.sip.addressing import Hop
from voicebot.sip.call_control import Answered, CallFacts, Ended, Ringing, SetupFailed
from voicebot.sip.call_session import CallSession
from voicebot.sip.core import CallCore, DigestAnswers
from voicebot.sip.dialog import Dialog
from voicebot.sip.exchange import Exchange, retry_of
from voicebot.sip.messages import (
    cseq_number,
    first,
    make_request,
    reason_of,
    sdp_of,
    set_sdp,
    to_tag,
    tokens,
)
from voicebot.sip.timers import Timer, cancel
from voicebot.sip.transactions import ClientTransaction, ServerTransaction, State

MAX_FORKS = 16
MAX_INTERVAL_RETRIES = 2


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an outbound call goes.

    `uri`: Request-URI and To. `hop`: first hop. `routes`: Route values (an outbound proxy). `from_uri`,
    `display_name`: who calls. `headers`: extra ones, kept on every retry.
    """

    uri: str
    hop: Hop
    from_uri: str
    display_name: str = ""
    routes: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


class OutboundCall(CallSession):
    """Sends its INVITE in `start`. Raises SipParseError for headers or URIs that cannot be sent."""

    is_inbound = False

    def __init__(
        self,
        core: CallCore,
        facts: CallFacts,
        destination: Destination,
        sdp: str,
        digest: DigestAnswers | None = None,
    ) -> None:
        super().__init__(core, facts, facts.call_id, core.token(), digest)
        self.local_sdp = sdp
        self._destination = destination
        self._transaction: ClientTransaction | None = None
        self._forks: dict[str, Dialog] = {}
        self._rseqs: dict[str, int] = {}
        self._answers_given = 0
        self._interval_retries = 0
        self._is_cancelling = False
        self._has_sent_cancel = False
        self._limit: Timer | None = None
        self._cancel_limit: Timer | None = None
        self._invite = self._make_invite()

    def start(self) -> None:
        """Send the INVITE."""
        self._limit = self.core.timers.after(self.core.config.max_ringing_seconds, self._unanswered)
        self._send()

    def hang_up(self, status: int = 0) -> None:
        """CANCEL while it rings, BYE after the answer."""
        if self.has_ended:
            return
        if self.dialog is not None:
            super().hang_up(status)
            return
        self.end_with(Ended("us", "cancelled"))
        self._cancel()

    def abandon(self) -> None:
        """Drop the call: the endpoint closes."""
        cancel(self._limit)
        cancel(self._cancel_limit)
        super().abandon()

    def flow(self) -> Hop:
        """Where the peer's messages come from; before the answer where ours go."""
        return self.dialog.flow if self.dialog is not None else self._destination.hop

    def dialog_of(self, remote_tag: str) -> Dialog | None:
        """Find the dialog or, before the answer, the fork."""
        return super().dialog_of(remote_tag) or self._forks.get(remote_tag)

    def on_bye(self, request: SipRequest, transaction: ServerTransaction) -> None:
        """Take a BYE; the called party must not send one before its answer (section 15)."""
        if self.dialog is None:
            self.reply(transaction, request, 481)
        else:
            super().on_bye(request, transaction)

    def receive_late_answer(self, response: SipResponse) -> None:
        """Take a 2xx whose transaction is gone; one of a fork not seen before is hung up."""
        if self.dialog is not None and cseq_number(response) == cseq_number(self._invite):
            self._answered(self._invite, response)
        else:
            super().receive_late_answer(response)

    def _make_invite(self) -> SipRequest:
        to = self._destination
        display = to.display_name.replace("\\", "").replace('"', "")
        origin = f'"{display}" <{to.from_uri}>' if display else f"<{to.from_uri}>"
        headers = [("Route", route) for route in to.routes]
        headers += [
            ("From", f"{origin};tag={self.local_tag}"),
            ("To", f"<{to.uri}>"),
            ("Call-ID", self.call_id),
            ("CSeq", "1 INVITE"),
        ]
        names = {name.lower() for name, _ in headers}
        contact = ("Contact", self.core.contact(to.hop))
        headers += [contact, *self.capabilities(), *self.session_timer.request_headers()]
        headers += [(name, value) for name, value in to.headers.items() if name.lower() not in names]
        invite = make_request("INVITE", to.uri, headers)
        if self.digest is not None:
            for name, value in self.digest.preemptive("INVITE", to.uri).items():
                invite.set_header(name, value)
        set_sdp(invite, self.local_sdp)
        return invite

    def _send(self) -> None:
        self._transaction = self.core.send_request(
            self._invite, self._destination.hop, self._received, self._failed
        )
        if self._transaction is None:
            self._failed(503)

    # --- responses ---

    def _received(self, response: SipResponse) -> None:
        status = response.status_code
        if status < 200:
            self._progressed(response, status)
        elif status < 300:
            self._answered(self._invite, response)
        elif not self._retried(response, status):
            if 300 <= status < 400:
                self.core.note_ignored("redirect")  # law S2: only what is on the allow-list is dialled
            self._failed(status, response.reason_phrase)

    def _progressed(self, response: SipResponse, status: int) -> None:
        if self._is_cancelling:
            self._cancel()
            return
        tag = to_tag(response)
        if status == 100 or self.dialog is not None:
            return
        fork = self._fork_of(tag, response) if tag else None
        if fork is not None and "100rel" in tokens(response, "require") and not self._prack(fork, response):
            return
        self.note_peer(response)
        self.emit(Ringing(status, sdp_of(response)))

    def _fork_of(self, tag: str, response: SipResponse) -> Dialog | None:
        """Find or open the early dialog of this tag; None for an unusable Contact or too many forks."""
        if tag not in self._forks and len(self._forks) < MAX_FORKS:
            try:
                self._forks[tag] = Dialog.of_uac(self._invite, response, self._destination.hop)
            except SipParseError:
                return None
        return self._forks.get(tag)

    def _prack(self, fork: Dialog, response: SipResponse) -> bool:
        """Acknowledge a reliable provisional (RFC 3262 section 4); False for one again or out of order."""
        raw = first(response, "rseq").strip()
        if not (raw.isascii() and raw.isdigit() and len(raw) <= 10):
            return False
        rseq, last = int(raw), self._rseqs.get(fork.remote_tag)
        if last is not None and rseq != last + 1:
            return False
        self._rseqs[fork.remote_tag] = rseq
        headers = [("RAck", f"{rseq} {first(response, 'cseq')}"), ("User-Agent", self.core.config.user_agent)]
        Exchange(self.core, fork, fork.request("PRACK", headers), self.digest, lambda *_: None)
        return True

    def _answered(self, invite: SipRequest, response: SipResponse) -> None:
        tag = to_tag(response)
        if self.dialog is not None and tag == self.dialog.remote_tag:
            self.acknowledge(invite, response)
            return
        if tag not in self._forks and len(self._forks) >= MAX_FORKS:
            return
        fork = self._confirmed_fork(tag, response)
        if self.dialog is not None or self.has_ended:
            # another phone answered as well, or we had hung up: section 13.2.2.4
            if self.acknowledge(invite, response):
                bye = fork.request("BYE", [("User-Agent", self.core.config.user_agent)])
                Exchange(self.core, fork, bye, self.digest, lambda *_: self._close_if_unanswered())
            return
        self.dialog = fork
        cancel(self._limit)
        self.note_peer(response)
        self.acknowledge(invite, response)
        self.session_refreshed(response)
        self.emit(Answered(sdp_of(response)))

    def _confirmed_fork(self, tag: str, response: SipResponse) -> Dialog:
        fork = self._forks.get(tag)
        try:
            if fork is None:
                fork = Dialog.of_uac(self._invite, response, self._destination.hop)
            fork.confirm(response, self._destination.hop)
        except SipParseError:
            # no usable Contact or route: the Request-URI is the best that is left
            response.remove_header("Record-Route")
            response.set_header("Contact", f"<{self._invite.uri}>")
            fork = Dialog.of_uac(self._invite, response, self._destination.hop)
        self._forks[tag] = fork
        return fork

    def _retried(self, response: SipResponse, status: int) -> bool:
        """Send the INVITE again, with credentials or a longer session interval; False when that is no use."""
        if self._is_cancelling or self.has_ended:
            return False
        headers: dict[str, str] | None = None
        if status in (401, 407) and self.digest is not None:
            headers = self.digest.answer(self._invite, response, self._answers_given)
            self._answers_given += 1
        elif status == 422 and self._interval_retries < MAX_INTERVAL_RETRIES:
            self._interval_retries += 1
            if self.session_timer.raise_minimum(response):
                headers = dict(self.session_timer.request_headers())
        if headers is None:
            return False
        self._invite = retry_of(self._invite, cseq_number(self._invite) + 1, headers)
        self._forks.clear()
        self._rseqs.clear()
        self._send()
        return True

    def _failed(self, status: int, reason: str = "") -> None:
        cancel(self._limit)
        cancel(self._cancel_limit)
        if self.dialog is None:
            self.end_with(SetupFailed(status, reason or reason_of(status)))
            self._close()

    # --- giving up ---

    def _unanswered(self) -> None:
        if self.dialog is None and not self.has_ended:
            self.end_with(SetupFailed(408, "no answer"))
            self._cancel()

    def _cancel(self) -> None:
        """Send CANCEL as soon as a provisional response has come (section 9.1), once."""
        cancel(self._limit)
        self._is_cancelling = True
        transaction = self._transaction
        if self._has_sent_cancel or transaction is None or transaction.state is not State.PROCEEDING:
            return
        self._has_sent_cancel = True
        invite = transaction.request
        headers = [("Route", route) for route in invite.headers.get("route")]
        headers += [
            ("From", first(invite, "from")),
            ("To", first(invite, "to")),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq_number(invite)} CANCEL"),
        ]
        request = make_request("CANCEL", invite.uri, headers)
        request.set_header("Via", first(invite, "via"))
        self.core.send_request(request, transaction.hop, lambda _: None, lambda _: None, keeps_via=True)
        timeout = self.core.config.timer_values.transaction_timeout
        self._cancel_limit = self.core.timers.after(timeout, self._cancel_unanswered)

    def _cancel_unanswered(self) -> None:
        if self.dialog is None and self._transaction is not None:
            self._transaction.abandon()
            self._close()

    def _close_if_unanswered(self) -> None:
        if self.dialog is None:
            cancel(self._cancel_limit)
            self._close()

    def _dialog_to_ack(self, remote_tag: str) -> Dialog:
        return self._forks.get(remote_tag) or self.confirmed_dialog()
