"""A call that came in, until it is answered: RFC 3261 sections 9.2, 13.3, RFC 3262 (reliable 180). No I/O."""

from __future__ import annotations

import enum

from aiosipua.message import SipRequest, SipResponse

from voicebot.sip.addressing import Hop
from voicebot.sip.answers import ReliableProvisionals
from voicebot.sip.call_control import CallFacts
from voicebot.sip.call_session import CallSession
from voicebot.sip.core import CallCore, DigestAnswers, Done, Outcome
from voicebot.sip.dialog import Dialog
from voicebot.sip.messages import cseq_number, first, make_response, reason_of, sdp_of, tokens
from voicebot.sip.timers import Timer, cancel
from voicebot.sip.transactions import ServerTransaction

PROVISIONAL_EVERY_SECONDS = 60.0
"""Section 13.3.1.1: proxies give up after three minutes without a provisional response."""


class Setup(enum.StrEnum):
    """How far the INVITE has come."""

    OPEN = "open"
    ACCEPTED = "accepted"
    OVER = "over"


class InboundCall(CallSession):
    """Made with the INVITE, which has had its 100. Raises SipParseError for an unusable Contact."""

    is_inbound = True

    def __init__(
        self,
        core: CallCore,
        facts: CallFacts,
        invite: SipRequest,
        transaction: ServerTransaction,
        source: Hop,
        *,
        digest: DigestAnswers | None = None,
    ) -> None:
        super().__init__(core, facts, first(invite, "call-id"), core.token(), digest)
        self.dialog = Dialog.of_uas(invite, self.local_tag, source)
        self.note_peer(invite)
        self.is_offer_pending = sdp_of(invite) is not None
        self._invite, self.invite_transaction = invite, transaction
        self._setup = Setup.OPEN
        self._accept_done: Done | None = None
        self._reliable = ReliableProvisionals(core, transaction, first(invite, "cseq"), self._prack_missing)
        self._limit: Timer | None = core.timers.after(core.config.max_ringing_seconds, self._unanswered)
        self._reminder: Timer | None = None

    def ring(self) -> None:
        """Send 180, reliably where the peer wants it."""
        if self._setup is not Setup.OPEN or self.has_ended:
            return
        if self._needs_reliable():
            if self.is_offer_pending:
                self._reliable.send(self._provisional())
            # without an offer a reliable response would have to hold ours (RFC 3262 section 5): stay at 100
            return
        self.invite_transaction.respond(self._provisional())
        cancel(self._reminder)
        self._reminder = self.core.timers.after(PROVISIONAL_EVERY_SECONDS, self.ring)

    def accept(self, sdp: str, done: Done) -> None:
        """Send the 200; `done` with the ACK (its SDP for a delayed offer) or with what came in between."""
        if self._setup is not Setup.OPEN or self.has_ended:
            done(Outcome(487 if self.has_ended else 500, "the call is over or answered"))
            return
        self._setup = Setup.ACCEPTED
        self._stop_ringing()
        self._accept_done = done
        self.local_sdp = sdp
        headers = [*self.session_headers(), *self.session_timer.answer(self._invite)]
        response = self.make_reply(self._invite, 200, headers=headers, sdp=sdp)
        dialog = self.confirmed_dialog()
        dialog.is_confirmed = True
        self.is_offer_pending = False
        self.answer_invite(cseq_number(self._invite), self.invite_transaction, response, self._acked)
        self.arm_session_timer()

    def reject(self, status: int, reason: str = "") -> None:
        """Refuse the INVITE."""
        if self._setup is not Setup.OPEN or self.has_ended:
            return
        self._refuse(status if 300 <= status <= 699 else 480, reason)
        self._finish("us", f"{status} {reason}".strip())
        self._close()

    def hang_up(self, status: int = 0) -> None:
        """Refuse while ringing, else say BYE."""
        if self._setup is Setup.OPEN and not self.has_ended:
            self.reject(status or 480)
        else:
            super().hang_up(status)
            self._accepted(Outcome(487, "hung up"))

    def receive_cancel(self, transaction: ServerTransaction) -> None:
        """Take the CANCEL: 487 to the INVITE, unless that has its final response."""
        if transaction is not self.invite_transaction:
            super().receive_cancel(transaction)
        elif self._setup is Setup.OPEN:
            self.setup_interrupted()
            self._finish("peer", "cancelled")
            self._close()

    def setup_interrupted(self) -> None:
        """Answer an INVITE that is still open with 487."""
        if self._setup is Setup.OPEN:
            self._refuse(487, "")
        self._accepted(Outcome(487, "the caller left"))

    def on_prack(self, request: SipRequest, transaction: ServerTransaction) -> None:
        """Take the PRACK of our reliable 180."""
        self.reply(transaction, request, 200 if self._reliable.pracked(request) else 481)

    def answer_unacknowledged(self) -> None:
        """No ACK came: tell who waits for it, and end."""
        super().answer_unacknowledged()
        self._accepted(Outcome(408, "no ACK"))

    def abandon(self) -> None:
        """Drop the call: the endpoint closes."""
        if self._setup is Setup.OPEN:
            self._refuse(503, "")
        super().abandon()
        self._accepted(Outcome(487, "endpoint closed"))

    def _needs_reliable(self) -> bool:
        if "100rel" in tokens(self._invite, "require"):
            return True
        is_offered = "100rel" in tokens(self._invite, "supported")
        return is_offered and self.is_offer_pending and self.core.config.has_reliable_provisionals

    def _provisional(self) -> SipResponse:
        contact = self.core.contact(self.confirmed_dialog().flow)
        headers = [("Contact", contact), ("User-Agent", self.core.config.user_agent)]
        return make_response(self._invite, 180, tag=self.local_tag, headers=headers)

    def _acked(self, ack: SipRequest) -> None:
        self._accepted(Outcome(200, "OK", sdp_of(ack)))

    def _accepted(self, outcome: Outcome) -> None:
        done, self._accept_done = self._accept_done, None
        if done is not None:
            done(outcome)

    def _refuse(self, status: int, reason: str) -> None:
        self._setup = Setup.OVER
        self._stop_ringing()
        headers = [("User-Agent", self.core.config.user_agent)]
        if status in (486, 503, 600):
            headers.append(("Retry-After", "10"))
        self.reply(self.invite_transaction, self._invite, status, reason=reason, headers=headers)

    def _stop_ringing(self) -> None:
        self._reliable.stop()
        cancel(self._limit)
        cancel(self._reminder)

    def _prack_missing(self) -> None:
        self._give_up(504, "no PRACK")

    def _unanswered(self) -> None:
        self._give_up(480, "")

    def _give_up(self, status: int, reason: str) -> None:
        if self._setup is Setup.OPEN:
            self._refuse(status, reason)
            self._finish("network", f"{status} {reason or reason_of(status)}")
            self._close()
