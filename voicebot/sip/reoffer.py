"""Offers inside a session, both ways: re-INVITE (RFC 3261 section 14), UPDATE (RFC 3311), glare (491)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from aiosipua.message import SipRequest, SipResponse

from voicebot.sip.call_control import Answered, Reoffered
from voicebot.sip.core import Done, Outcome
from voicebot.sip.exchange import Exchange
from voicebot.sip.messages import cseq_number, reason_of, sdp_of, set_sdp
from voicebot.sip.timers import Timer, cancel
from voicebot.sip.transactions import ServerTransaction

if TYPE_CHECKING:
    from voicebot.sip.call_session import CallSession

MAX_WAITING_OFFERS = 4
MAX_GLARE_RETRIES = 5
_DIALOG_ENDING = frozenset({404, 408, 410, 416, 480, 481, 482, 483, 484, 485, 502, 604})
"""Responses that end the dialog, not the request only (RFC 5057 section 5.1), as far as they apply to us."""


def ends_dialog(status: int) -> bool:
    """Say whether a failure of one request means that the whole dialog is gone."""
    return status in _DIALOG_ENDING - {480, 502}


class Reoffers:
    """The offers of one call. At most one is under way in each direction; ours queue, bounded."""

    def __init__(self, call: CallSession) -> None:
        self._call = call
        self._waiting: deque[tuple[str, Done]] = deque()
        self._ours: tuple[str, Done] | None = None
        self._is_sent = False
        self._is_update_sent = False
        self._retries = 0
        self._retry: Timer | None = None
        self._theirs: tuple[SipRequest, ServerTransaction] | None = None
        self._answer_limit: Timer | None = None

    # --- ours ---

    def offer(self, sdp: str, done: Done) -> None:
        """Send a re-INVITE, after those before it."""
        if len(self._waiting) >= MAX_WAITING_OFFERS:
            done(Outcome(491, "too many offers waiting"))
            return
        self._waiting.append((sdp, done))
        self._next()

    def refresh(self) -> None:
        """Refresh the session (RFC 4028 section 7.4): UPDATE without offer, or re-INVITE with the last."""
        call = self._call
        if not call.peer_allows_update:
            if self._ours is None:
                self.offer(call.local_sdp, self._reinvited)
            return
        dialog = call.confirmed_dialog()
        headers = [*call.session_headers(), *call.session_timer.request_headers()]
        self._is_update_sent = True
        Exchange(call.core, dialog, dialog.request("UPDATE", headers), call.digest, self._refreshed)

    def _reinvited(self, outcome: Outcome) -> None:
        if not outcome.is_success:
            self._call.refresh_later()

    def _refreshed(self, _: SipRequest, response: SipResponse | None, status: int) -> None:
        self._is_update_sent = False
        call = self._call
        if call.has_ended:
            return
        if response is not None and status < 300:
            call.session_refreshed(response)
        elif status == 422 and response is not None and call.session_timer.raise_minimum(response):
            self.refresh()
        elif ends_dialog(status):
            call.lost(f"{status} to the session refresh")
        elif status in (405, 501):
            call.peer_allows_update = False
            self.refresh()
        else:
            call.refresh_later()

    def _next(self) -> None:
        if self._ours is None and self._theirs is None and self._waiting:
            self._ours = self._waiting.popleft()
            self._retries = 0
            self._send()

    def _send(self) -> None:
        call = self._call
        if self._ours is None or call.has_ended:
            return
        dialog = call.confirmed_dialog()
        headers = [*call.session_headers(), *call.session_timer.request_headers()]
        request = dialog.request("INVITE", headers)
        set_sdp(request, self._ours[0])
        self._is_sent = True
        Exchange(call.core, dialog, request, call.digest, self._received)

    def _received(self, request: SipRequest, response: SipResponse | None, status: int) -> None:
        call = self._call
        if response is not None and status < 300:
            is_first = call.acknowledge(request, response)
            if is_first and self._is_sent and not call.has_ended:
                call.local_sdp = self._ours[0] if self._ours else call.local_sdp
                call.session_refreshed(response)
                self._finish(Outcome(status, response.reason_phrase, sdp_of(response)))
            return
        self._is_sent = False
        if call.has_ended:
            return
        if status == 491 and self._retries < MAX_GLARE_RETRIES:
            self._retries += 1
            self._retry = call.core.timers.after(self._glare_wait(), self._send)
        elif status == 422 and response is not None and call.session_timer.raise_minimum(response):
            self._send()
        elif ends_dialog(status):
            call.lost(f"{status} to our re-INVITE")
        else:
            reason = response.reason_phrase if response is not None else reason_of(status)
            self._finish(Outcome(status, reason))

    def _glare_wait(self) -> float:
        """Section 14.1: 2.1-4 s for the owner of the Call-ID, 0-2 s for the other, in steps of 10 ms."""
        jitter = self._call.core.jitter()
        seconds = 2.1 + 1.9 * jitter if not self._call.is_inbound else 2.0 * jitter
        return max(0.01, round(seconds, 2))

    def _finish(self, outcome: Outcome) -> None:
        self._is_sent = False
        ours, self._ours = self._ours, None
        if ours is not None:
            ours[1](outcome)
        self._next()

    # --- theirs ---

    def receive(self, request: SipRequest, transaction: ServerTransaction) -> None:
        """Take a re-INVITE or UPDATE of the dialog."""
        call = self._call
        sdp = sdp_of(request)
        if self._theirs is not None or (call.is_offer_pending and sdp is not None):
            wait = ("Retry-After", str(int(call.core.jitter() * 10)))
            call.reply(transaction, request, 500, headers=[wait])
            return
        if self._is_sent and (request.method == "INVITE" or sdp is not None):
            call.reply(transaction, request, 491)
            return
        if call.session_timer.too_short(request):
            call.reply(transaction, request, 422, headers=call.session_timer.refusal_headers())
            return
        if request.method == "UPDATE" and sdp is None:
            self._accept(request, transaction, None)
            return
        if request.method == "INVITE":
            call.reply(transaction, request, 100)
        self._theirs = (request, transaction)
        limit = call.core.config.reoffer_answer_seconds
        self._answer_limit = call.core.timers.after(limit, lambda: self.answer(None, 500))
        call.emit(Reoffered(sdp))

    def answer(self, sdp: str | None, status: int) -> None:
        """Answer what `receive` reported last; without a body only a refusal is possible."""
        if self._theirs is None:
            return
        request, transaction = self._theirs
        self._theirs = None
        cancel(self._answer_limit)
        if status >= 300 or sdp is None:
            self._call.reply(transaction, request, status if status >= 300 else 488)
        else:
            self._accept(request, transaction, sdp)
        self._next()

    def _accept(self, request: SipRequest, transaction: ServerTransaction, sdp: str | None) -> None:
        call = self._call
        headers = [*call.session_headers(), *call.session_timer.answer(request)]
        if call.dialog is not None:
            call.dialog.refresh_target(request)
        if sdp is not None:
            call.local_sdp = sdp
        response = call.make_reply(request, 200, headers=headers, sdp=sdp)
        if request.method == "INVITE":
            is_delayed = sdp_of(request) is None
            call.answer_invite(
                cseq_number(request),
                transaction,
                response,
                lambda ack: call.emit(Answered(sdp_of(ack))) if is_delayed else None,
            )
        else:
            transaction.respond(response)
        call.arm_session_timer()

    # --- end ---

    def stop(self) -> None:
        """End with the call: refuse what is open (section 15.1.2), tell those who wait."""
        cancel(self._retry)
        cancel(self._answer_limit)
        if self._theirs is not None:
            request, transaction = self._theirs
            self._theirs = None
            self._call.reply(transaction, request, 487)
        waiting = [*([self._ours] if self._ours else []), *self._waiting]
        self._ours = None
        self._waiting.clear()
        for _, done in waiting:
            done(Outcome(481, "the call is over"))

    def cancelled(self, transaction: ServerTransaction) -> None:
        """Take a CANCEL of their re-INVITE: the session stays as it was."""
        if self._theirs is not None and self._theirs[1] is transaction:
            self.answer(None, 487)
