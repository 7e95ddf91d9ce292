"""Responses that the UA core itself repeats, without I/O.

2xx to INVITE until its ACK (RFC 3261 section 13.3.1.4), reliable 1xx until its PRACK (RFC 3262 section 3).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from aiosipua.message import SipRequest, SipResponse

from voicebot.sip.core import CallCore
from voicebot.sip.messages import first
from voicebot.sip.timers import Timer, cancel
from voicebot.sip.transactions import ServerTransaction

MAX_WAITING_PROVISIONALS = 4


class _Repetition:
    """Sends a response at T1, 2*T1, 4*T1 … and gives up after 64*T1; `longest`: cap of the interval."""

    def __init__(
        self,
        core: CallCore,
        send: Callable[[], None],
        on_give_up: Callable[[], None],
        longest: float,
    ) -> None:
        self._core, self._send, self._longest = core, send, longest
        self._on_give_up = on_give_up
        values = core.config.timer_values
        self._interval = values.t1
        self._timer: Timer | None = core.timers.after(self._interval, self._repeat)
        self._end = core.timers.after(values.transaction_timeout, self._give_up)
        send()

    def stop(self) -> None:
        cancel(self._timer)
        self._end.cancel()

    def _give_up(self) -> None:
        self.stop()
        self._on_give_up()

    def _repeat(self) -> None:
        self._interval = min(self._interval * 2, self._longest)
        self._timer = self._core.timers.after(self._interval, self._repeat)
        self._send()


class UnackedAnswer:
    """A 2xx to INVITE on its way. Exactly one of `on_ack` and `on_give_up` is called, unless stopped."""

    def __init__(
        self,
        core: CallCore,
        transaction: ServerTransaction,
        response: SipResponse,
        on_ack: Callable[[SipRequest], None],
        on_give_up: Callable[[], None],
    ) -> None:
        self._on_ack = on_ack
        longest = core.config.timer_values.t2
        self._repetition = _Repetition(core, lambda: transaction.respond(response), on_give_up, longest)

    def acked(self, ack: SipRequest) -> None:
        """Take the ACK."""
        self._repetition.stop()
        self._on_ack(ack)

    def stop(self) -> None:
        """Stop without a word: the call is over."""
        self._repetition.stop()


class ReliableProvisionals:
    """The reliable 1xx of one INVITE, one at a time; `on_give_up`: no PRACK came within 64*T1."""

    def __init__(
        self,
        core: CallCore,
        transaction: ServerTransaction,
        invite_cseq: str,
        on_give_up: Callable[[], None],
    ) -> None:
        self._core, self._transaction, self._on_give_up = core, transaction, on_give_up
        self._invite_cseq = invite_cseq.split()
        self._rseq = 1 + int(core.jitter() * 1_000_000)
        self._waiting: deque[SipResponse] = deque(maxlen=MAX_WAITING_PROVISIONALS)
        self._repetition: _Repetition | None = None

    def send(self, response: SipResponse) -> None:
        """Send now, or after the PRACK of the one before."""
        if self._repetition is not None:
            self._waiting.append(response)
            return
        self._rseq += 1
        response.set_header("RSeq", str(self._rseq))
        response.add_header("Require", "100rel")
        self._repetition = _Repetition(
            self._core, lambda: self._transaction.respond(response), self._on_give_up, float("inf")
        )

    def pracked(self, prack: SipRequest) -> bool:
        """Take a PRACK; False when it answers nothing of ours (481)."""
        if first(prack, "rack").split() != [str(self._rseq), *self._invite_cseq]:
            return False
        self.stop()
        if self._waiting and not self._transaction.is_answered:
            self.send(self._waiting.popleft())
        return True

    def stop(self) -> None:
        """A final response ends the repetition; a late PRACK still matches."""
        if self._repetition is not None:
            self._repetition.stop()
            self._repetition = None
