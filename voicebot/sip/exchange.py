"""One request of ours inside a dialog, until its final response: RFC 3261 sections 12.2.1 and 22.2."""

from __future__ import annotations

from collections.abc import Callable

from aiosipua.message import SipRequest, SipResponse

from voicebot.errors import SipParseError
from voicebot.sip.core import CallCore, DigestAnswers
from voicebot.sip.dialog import Dialog
from voicebot.sip.timers import Timer, cancel
from voicebot.sip.transactions import ClientTransaction, State

OnFinal = Callable[[SipRequest, SipResponse | None, int], None]


def retry_of(request: SipRequest, cseq: int, headers: dict[str, str]) -> SipRequest:
    """Make the same request anew, with every header and the body, a new CSeq and `headers` set."""
    again = SipRequest(request.headers.copy(), request.body, request.method, request.uri)
    again.set_header("CSeq", f"{cseq} {request.method}")
    for name, value in headers.items():
        again.set_header(name, value)
    return again


class Exchange:
    """Sends `request`, answers 401 and 407, and reports (request sent, final response or None, status).

    For INVITE every 2xx is reported, the retransmitted ones too. Failures without a response: 408, 503.
    """

    def __init__(
        self,
        core: CallCore,
        dialog: Dialog,
        request: SipRequest,
        digest: DigestAnswers | None,
        on_final: OnFinal,
    ) -> None:
        self._core, self._dialog, self._digest, self._on_final = core, dialog, digest, on_final
        self._request = request
        self._answers_given = 0
        self.transaction: ClientTransaction | None = None
        self._limit: Timer | None = None
        self._send()

    def _send(self) -> None:
        try:
            hop = self._dialog.next_hop()
        except SipParseError:
            self._failed(503)
            return
        self.transaction = self._core.send_request(self._request, hop, self._received, self._failed)
        if self.transaction is None:
            self._failed(503)
        elif self._request.method == "INVITE":
            # an INVITE that has had its 100 has no timer of its own (section 17.1.1.2)
            cancel(self._limit)
            timeout = self._core.config.timer_values.transaction_timeout
            self._limit = self._core.timers.after(timeout, self._overdue)

    def _received(self, response: SipResponse) -> None:
        status = response.status_code
        if status < 200:
            return
        cancel(self._limit)
        if status in (401, 407) and self._digest is not None:
            headers = self._digest.answer(self._request, response, self._answers_given)
            if headers is not None:
                self._answers_given += 1
                self._dialog.local_cseq += 1
                self._request = retry_of(self._request, self._dialog.local_cseq, headers)
                self._send()
                return
        self._on_final(self._request, response, status)

    def _overdue(self) -> None:
        transaction = self.transaction
        if transaction is not None and transaction.state in (State.CALLING, State.PROCEEDING):
            transaction.abandon()
            self._failed(408)

    def _failed(self, status: int) -> None:
        cancel(self._limit)
        self._on_final(self._request, None, status)
