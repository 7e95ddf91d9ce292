"""What every call can do once it has a dialog, whoever began it: RFC 3261 sections 12.2, 14, 15; INFO, REFER.

Without I/O and without a clock. `inbound_call.py` and `outbound_call.py` add how a call is set up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aiosipua.message import SipRequest, SipResponse

from voicebot.errors import SipParseError
from voicebot.sip.addressing import Hop
from voicebot.sip.answers import UnackedAnswer
from voicebot.sip.call_control import CallControlEvent, CallFacts, Ended, InfoReceived
from voicebot.sip.core import CallCore, DigestAnswers, Done, Outcome
from voicebot.sip.dialog import Dialog
from voicebot.sip.exchange import Exchange
from voicebot.sip.messages import (
    ALLOWED_METHODS,
    SUPPORTED_OPTIONS,
    cseq_number,
    first,
    from_tag,
    make_response,
    reason_of,
    sdp_of,
    set_sdp,
    to_tag,
    tokens,
)
from voicebot.sip.refer import DialogToReplace
from voicebot.sip.refers import Refers
from voicebot.sip.reoffer import Reoffers, ends_dialog
from voicebot.sip.session_timer import SessionTimer
from voicebot.sip.timers import Timer, cancel
from voicebot.sip.transactions import ServerTransaction

MAX_KEPT_ACKS = 8
MAX_BODY_CHARACTERS = 4096


class CallSession:
    """One call.

    `on_event` gets what happens, Ended or SetupFailed last; `on_closed` is called when signalling is done.
    """

    is_inbound = True

    def __init__(
        self,
        core: CallCore,
        facts: CallFacts,
        call_id: str,
        local_tag: str,
        digest: DigestAnswers | None,
    ) -> None:
        self.core, self.facts, self.digest = core, facts, digest
        self.call_id, self.local_tag = call_id, local_tag
        self.dialog: Dialog | None = None
        self.on_event: Callable[[CallControlEvent], None] = lambda _: None
        self.on_closed: Callable[[], None] = lambda: None
        self.has_ended = False
        self.is_closed = False
        self.is_offer_pending = False
        self.peer_allows_update = self.can_be_referred = self.can_replace = False
        self.local_sdp = ""
        config = core.config
        self.session_timer = SessionTimer(config.session_expires_seconds, config.min_se_seconds)
        self.reoffers = Reoffers(self)
        self._answers: dict[int, UnackedAnswer] = {}
        self._acks: dict[tuple[int, str], tuple[SipRequest, Hop]] = {}
        self.refers = Refers(self)
        self._refresh: Timer | None = None
        self._expiry: Timer | None = None
        self._has_bye_to_send = False

    # --- for the parts of a call ---

    def emit(self, event: CallControlEvent) -> None:
        """Tell the media side; nothing after the end."""
        if not self.has_ended:
            self.on_event(event)

    def confirmed_dialog(self) -> Dialog:
        """Return the dialog of an established call."""
        assert self.dialog is not None
        return self.dialog

    def session_headers(self) -> list[tuple[str, str]]:
        """Headers of our INVITE, UPDATE and of 2xx to them."""
        return [("Contact", self.core.contact(self.flow())), *self.capabilities()]

    def flow(self) -> Hop:
        """Where the peer's messages come from."""
        return self.confirmed_dialog().flow

    def capabilities(self) -> list[tuple[str, str]]:
        """Headers that say what we can do."""
        return [
            ("Allow", ALLOWED_METHODS),
            ("Supported", SUPPORTED_OPTIONS),
            ("User-Agent", self.core.config.user_agent),
        ]

    def make_reply(
        self,
        request: SipRequest,
        status: int,
        *,
        reason: str = "",
        headers: Iterable[tuple[str, str]] = (),
        sdp: str | None = None,
    ) -> SipResponse:
        """Build a response with our tag."""
        response = make_response(request, status, tag=self.local_tag, reason=reason, headers=headers)
        if sdp is not None:
            set_sdp(response, sdp)
        return response

    def reply(
        self,
        transaction: ServerTransaction,
        request: SipRequest,
        status: int,
        *,
        reason: str = "",
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Answer without a body."""
        transaction.respond(self.make_reply(request, status, reason=reason, headers=headers))

    def answer_invite(
        self,
        cseq: int,
        transaction: ServerTransaction,
        response: SipResponse,
        on_ack: Callable[[SipRequest], None],
    ) -> None:
        """Send a 2xx to INVITE and repeat it until its ACK."""

        def acked(ack: SipRequest) -> None:
            self._answers.pop(cseq, None)
            on_ack(ack)
            if self._has_bye_to_send and not self._answers:
                self._send_bye()

        def gave_up() -> None:
            self._answers.pop(cseq, None)
            self.answer_unacknowledged()

        self._answers[cseq] = UnackedAnswer(self.core, transaction, response, acked, gave_up)

    def answer_unacknowledged(self) -> None:
        """No ACK in 64*T1: the session ends with a BYE (section 13.3.1.4)."""
        self._finish("network", "no ACK")
        self._send_bye()

    def acknowledge(self, invite: SipRequest, response: SipResponse) -> bool:
        """Send the ACK of a 2xx, or send it again; True at the first."""
        key = (cseq_number(invite), to_tag(response))
        if key in self._acks:
            self.core.send_ack(*self._acks[key])
            return False
        dialog = self._dialog_to_ack(key[1])
        dialog.refresh_target(response)
        credentials = [
            (name, value)
            for name in ("Authorization", "Proxy-Authorization")
            for value in invite.headers.get(name)
        ]
        ack = dialog.request("ACK", credentials, cseq=key[0])
        try:
            hop = dialog.next_hop()
        except SipParseError:
            hop = dialog.flow
        if len(self._acks) >= MAX_KEPT_ACKS:
            del self._acks[next(iter(self._acks))]
        self._acks[key] = (ack, hop)
        self.core.send_ack(ack, hop)
        return True

    def receive_late_answer(self, response: SipResponse) -> None:
        """Take a 2xx whose transaction is gone: send its ACK again."""
        key = (cseq_number(response), to_tag(response))
        if key in self._acks:
            self.core.send_ack(*self._acks[key])

    def session_refreshed(self, response: SipResponse) -> None:
        """A 2xx to our INVITE or UPDATE came."""
        self.confirmed_dialog().refresh_target(response)
        self.session_timer.settle(response)
        self.arm_session_timer()

    def arm_session_timer(self) -> None:
        """Start the session's time anew (RFC 4028 section 10)."""
        cancel(self._refresh)
        cancel(self._expiry)
        if self.has_ended or self.dialog is None or not self.dialog.is_confirmed:
            return
        timers, timer = self.core.timers, self.session_timer
        if timer.refresh_after is not None:
            self._refresh = timers.after(timer.refresh_after, self.reoffers.refresh)
        if timer.expire_after is not None:
            self._expiry = timers.after(timer.expire_after, lambda: self.lost("session timer expired"))

    def refresh_later(self) -> None:
        """Try again before the session expires: the peer was busy, not gone (RFC 4028 section 7.3)."""
        interval = self.session_timer.interval
        if interval and not self.has_ended:
            cancel(self._refresh)
            self._refresh = self.core.timers.after(max(5.0, interval / 10), self.reoffers.refresh)

    def lost(self, detail: str) -> None:
        """The peer is gone as far as we can tell: end, and send a BYE in case it is not."""
        self._finish("network", detail)
        self._send_bye()

    def note_peer(self, message: SipRequest | SipResponse) -> None:
        """Remember what the peer allows."""
        allowed = tokens(message, "allow")
        if allowed:
            self.peer_allows_update, self.can_be_referred = "update" in allowed, "refer" in allowed
        self.can_replace = self.can_replace or "replaces" in tokens(message, "supported")

    # --- requests of the peer in the dialog ---

    def dialog_of(self, remote_tag: str) -> Dialog | None:
        """Find the dialog by the peer's tag."""
        if self.dialog is not None and self.dialog.remote_tag == remote_tag:
            return self.dialog
        return None

    def receive_request(self, request: SipRequest, transaction: ServerTransaction, source: Hop) -> None:
        """Take a checked request with our tag."""
        dialog = self.dialog_of(from_tag(request))
        if dialog is None or (self.has_ended and request.method != "BYE"):
            self.reply(transaction, request, 481)
            return
        if not dialog.takes_cseq(cseq_number(request)):
            self.reply(transaction, request, 500, reason="CSeq out of order")
            return
        dialog.flow = source
        self.note_peer(request)
        takers = {
            "BYE": self.on_bye,
            "INVITE": self.reoffers.receive,
            "UPDATE": self.reoffers.receive,
            "INFO": self._on_info,
            "NOTIFY": self.refers.receive_notify,
            "PRACK": self.on_prack,
        }
        takers[request.method](request, transaction)

    def receive_ack(self, ack: SipRequest) -> bool:
        """Take the ACK of a 2xx; False for a stray."""
        answer = self._answers.get(cseq_number(ack))
        if answer is not None:
            answer.acked(ack)
        return answer is not None

    def receive_cancel(self, transaction: ServerTransaction) -> None:
        """Take a CANCEL of one of the peer's INVITEs (answered with 200 already)."""
        self.reoffers.cancelled(transaction)

    def on_prack(self, request: SipRequest, transaction: ServerTransaction) -> None:
        """Take a PRACK; only a call being set up expects one."""
        self.reply(transaction, request, 481)

    def setup_interrupted(self) -> None:
        """Answer an INVITE that is still open, the call being over."""

    def on_bye(self, request: SipRequest, transaction: ServerTransaction) -> None:
        """Take a BYE."""
        self.reply(transaction, request, 200)
        self.setup_interrupted()
        self._finish("peer", first(request, "reason")[:200] or "BYE")
        self._close()

    def _on_info(self, request: SipRequest, transaction: ServerTransaction) -> None:
        self.reply(transaction, request, 200)
        body = request.text[:MAX_BODY_CHARACTERS]
        self.emit(InfoReceived(first(request, "content-type").lower(), body))

    # --- commands ---

    def answer_reoffer(self, sdp: str | None, status: int = 200) -> None:
        """Answer the last Reoffered."""
        self.reoffers.answer(sdp, status)

    def reinvite(self, sdp: str, done: Done) -> None:
        """Offer anew; the answer comes as the outcome's SDP."""
        if self.has_ended or self.dialog is None or not self.dialog.is_confirmed:
            done(Outcome(481, "no session"))
            return
        self.reoffers.offer(sdp, done)

    def send_info(self, content_type: str, body: str, done: Done) -> None:
        """Send an INFO (RFC 6086 without packages)."""
        self.request_in_dialog("INFO", [("Content-Type", content_type)], body, done)

    @property
    def replaces(self) -> str:
        """The Replaces value by which another takes our place in this dialog; '' without one."""
        dialog = self.dialog
        if dialog is None or not dialog.is_confirmed or self.has_ended:
            return ""
        return DialogToReplace(self.call_id, dialog.remote_tag, dialog.local_tag).as_parameter()

    def refer(self, target: str, replaces: str, done: Done) -> None:
        """Send a REFER; how it goes on comes as ReferProgressed."""
        self.refers.send(target, replaces, done)

    def hang_up(self, status: int = 0) -> None:
        """End the call with a BYE, once a 2xx of ours is acknowledged (section 15)."""
        if self.has_ended:
            return
        self._finish("us", str(status) if status else "", keeps_answers=True)
        if self._answers:
            self._has_bye_to_send = True
        else:
            self._send_bye()

    def abandon(self) -> None:
        """Drop the call without a message: the endpoint closes."""
        self._finish("us", "endpoint closed")
        self._close()

    # --- the end ---

    def request_in_dialog(self, method: str, headers: list[tuple[str, str]], body: str, done: Done) -> None:
        """Send a request with no offer in it; a failure that ends the dialog ends the call."""
        if self.has_ended or self.dialog is None:
            done(Outcome(481, "no session"))
            return
        request = self.dialog.request(method, [*headers, ("User-Agent", self.core.config.user_agent)])
        request.body = body.encode()

        def finished(_: SipRequest, response: SipResponse | None, status: int) -> None:
            reason = response.reason_phrase if response is not None else reason_of(status)
            done(Outcome(status, reason, sdp_of(response) if response is not None else None))
            if not self.has_ended and ends_dialog(status) and method != "REFER":
                self.lost(f"{status} to our {method}")

        Exchange(self.core, self.dialog, request, self.digest, finished)

    def _finish(self, by: str, detail: str, *, keeps_answers: bool = False) -> None:
        if self.has_ended:
            return
        self.refers.stop()
        self.end_with(Ended(by, detail), keeps_answers=keeps_answers)

    def end_with(self, event: CallControlEvent, *, keeps_answers: bool = False) -> None:
        """Emit the last event and stop everything that would go on by itself."""
        if self.has_ended:
            return
        self.emit(event)
        self.has_ended = True
        cancel(self._refresh)
        cancel(self._expiry)
        self.reoffers.stop()
        if not keeps_answers:
            for answer in self._answers.values():
                answer.stop()
            self._answers.clear()

    def _send_bye(self) -> None:
        if self.is_closed:
            return
        self._has_bye_to_send = False
        if self.dialog is None:
            self._close()
            return
        bye = self.dialog.request("BYE", [("User-Agent", self.core.config.user_agent)])
        Exchange(self.core, self.dialog, bye, self.digest, lambda *_: self._close())

    def _close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            for answer in self._answers.values():
                answer.stop()
            self._answers.clear()
            self.core.forget(self)
            self.on_closed()

    def _dialog_to_ack(self, remote_tag: str) -> Dialog:
        return self.confirmed_dialog()
