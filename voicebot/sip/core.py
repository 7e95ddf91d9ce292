"""What the parts of the user agent need of one another: settings, outcomes, and the core that calls see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from aiosipua.message import SipRequest, SipResponse

from voicebot.sip.addressing import Hop
from voicebot.sip.timers import TimerQueue, TimerValues
from voicebot.sip.transactions import ClientTransaction

if TYPE_CHECKING:
    from voicebot.sip.inbound_call import InboundCall


@dataclass(frozen=True, slots=True)
class UserAgentConfig:
    """Behaviour of the user agent.

    `user`: user part of our Contact. `max_calls`: at once, more are refused with 503; `max_transactions`:
    of requests outside dialogs. `max_ringing_seconds`: a call that is not answered by then is given up.
    `reoffer_answer_seconds`: a re-INVITE or UPDATE that the media side leaves unanswered gets 500.
    `session_expires_seconds`, `min_se_seconds`: RFC 4028. `has_reliable_provisionals`: RFC 3262 also where
    the peer only supports it. `refer_patience_seconds`: wait for the last NOTIFY.
    """

    user: str = "voicebot"
    user_agent: str = "voicebot"
    max_calls: int = 500
    max_transactions: int = 4096
    max_ringing_seconds: float = 180.0
    reoffer_answer_seconds: float = 10.0
    session_expires_seconds: int = 1800
    min_se_seconds: int = 90
    has_reliable_provisionals: bool = True
    refer_patience_seconds: float = 60.0
    refer_refusal_status: int = 603
    timer_values: TimerValues = field(default_factory=TimerValues)


@dataclass(frozen=True, slots=True)
class Outcome:
    """End of something that we asked of the peer.

    `status`: final code; ours are 408 for a time-out, 481 or 487 for a call that is over, 503 for no way.
    """

    status: int
    reason: str = ""
    sdp: str | None = None

    @property
    def is_success(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300


Done = Callable[[Outcome], None]


class DigestAnswers(Protocol):
    """Answers 401 and 407 (`digest.DigestClient`)."""

    def answer(
        self, request: SipRequest, response: SipResponse, answers_given: int = 0
    ) -> dict[str, str] | None:
        """Headers for the retry, None when refused."""

    def preemptive(self, method: str, uri: str) -> dict[str, str]:
        """Headers that spare a round trip."""


class Forgettable(Protocol):
    """A call, for the core's table."""

    call_id: str
    local_tag: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the core is given instead of sockets and randomness.

    `send(data, hop)` must not call back. `token`: a new unguessable word. `jitter`: 0 to 1.
    `local_address(hop)`: (host, port) of ours as seen from there. `on_call`: a new inbound call.
    `digest_for(source)`: who answers challenges in calls from there.
    """

    send: Callable[[bytes, Hop], None]
    token: Callable[[], str]
    jitter: Callable[[], float]
    local_address: Callable[[Hop], tuple[str, int]]
    on_call: Callable[[InboundCall], None]
    digest_for: Callable[[Hop], DigestAnswers | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class SipStatistics:
    """Counts: live ones, then those since the start, by reason."""

    calls: int
    transactions: int
    timers: int
    calls_received: int
    calls_made: int
    dropped: Mapping[str, int]
    ignored: Mapping[str, int]
    refused: Mapping[int, int]


class CallCore(Protocol):
    """What a call sees of the user agent."""

    @property
    def config(self) -> UserAgentConfig:
        """Settings."""

    @property
    def timers(self) -> TimerQueue:
        """All timers."""

    def token(self) -> str:
        """Make a new unguessable token for tags, branches and Call-IDs."""

    def jitter(self) -> float:
        """Draw a random number, 0 to 1."""

    def contact(self, hop: Hop) -> str:
        """Contact value of ours as seen from `hop`."""

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

    def send_ack(self, ack: SipRequest, hop: Hop) -> None:
        """Send the ACK of a 2xx; its Via is set at the first sending."""

    def note_ignored(self, what: str) -> None:
        """Count something that others wanted to lead a call elsewhere by: 'refer', 'replaces', 'redirect'."""

    def forget(self, call: Forgettable) -> None:
        """Note that nothing is left of this call."""
