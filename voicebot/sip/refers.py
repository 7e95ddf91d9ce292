"""The REFERs of one call and their NOTIFYs: RFC 3515, in the dialog of the call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiosipua.message import SipRequest

from voicebot.errors import TransferRefused
from voicebot.sip.addressing import parse_name_addr
from voicebot.sip.core import Done, Outcome
from voicebot.sip.messages import first
from voicebot.sip.refer import ReferState, ReferSubscription, refer_headers
from voicebot.sip.timers import Timer
from voicebot.sip.transactions import ServerTransaction

if TYPE_CHECKING:
    from voicebot.sip.call_session import CallSession

MAX_REFERS = 4


class Refers:
    """Sends REFERs and turns NOTIFYs into ReferProgressed events."""

    def __init__(self, call: CallSession) -> None:
        self._call = call
        self._open: list[tuple[ReferSubscription, Timer]] = []

    def send(self, target: str, replaces: str, done: Done) -> None:
        """Send a REFER to `target`, which the caller took from the allow-list (law S2)."""
        dialog = self._call.dialog
        # those that have ended answered repeated NOTIFYs until now
        self._open = [each for each in self._open if each[0].state is not ReferState.DONE]
        if dialog is None or len(self._open) >= MAX_REFERS:
            done(Outcome(481 if dialog is None else 503, "no REFER possible"))
            return
        own_uri = parse_name_addr(dialog.local).uri
        try:
            headers = refer_headers(target, {target}, referred_by=own_uri, replaces=replaces)
        except TransferRefused as error:
            done(Outcome(606, str(error)))
            return
        core = self._call.core
        patience = core.config.refer_patience_seconds
        subscription = ReferSubscription(dialog.local_cseq + 1, core.timers.now, patience)
        timer = core.timers.after(patience, lambda: self._timed_out(subscription))
        self._open.append((subscription, timer))

        def answered(outcome: Outcome) -> None:
            done(outcome)
            progress = subscription.response_received(outcome.status)
            if progress is not None:
                timer.cancel()
                self._open.remove((subscription, timer))
                self._call.emit(progress)

        fields = [("Contact", core.contact(dialog.flow)), *headers.items()]
        self._call.request_in_dialog("REFER", fields, "", answered)

    def receive_notify(self, request: SipRequest, transaction: ServerTransaction) -> None:
        """Answer a NOTIFY: 489 for other packages, 481 without a REFER of ours."""
        event = first(request, "event")
        if event.partition(";")[0].strip().lower() != "refer":
            self._call.reply(transaction, request, 489, headers=[("Allow-Events", "refer")])
            return
        # the id is the CSeq of the REFER, which a 407 has raised; with one REFER there is no doubt anyway
        event = "refer" if len(self._open) == 1 else event
        status = 481
        for subscription, timer in self._open:
            reply = subscription.notify_received(event, first(request, "subscription-state"), request.text)
            status = reply.status
            if status != 481:
                if reply.progress is not None and reply.progress.is_final:
                    timer.cancel()
                if reply.progress is not None:
                    self._call.emit(reply.progress)
                break
        self._call.reply(transaction, request, status)

    def stop(self) -> None:
        """End all subscriptions with the dialog; the Ended that follows says by whom."""
        for subscription, timer in self._open:
            timer.cancel()
            subscription.dialog_ended()
        self._open.clear()

    def _timed_out(self, subscription: ReferSubscription) -> None:
        progress = subscription.tick(self._call.core.timers.now)
        if progress is not None:
            self._call.emit(progress)
