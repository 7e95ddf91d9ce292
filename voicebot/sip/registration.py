"""Registration at a trunk: RFC 3261 section 10 (client side), without I/O and without a clock.

Calls in: `start`, `stop`, `response_received`, `request_failed`, `transport_failed`, `transport_restored`,
`tick`. Each returns the REGISTER to send now, or None. `deadline` says when `tick` is due. `now`, everywhere,
is seconds on a monotonic clock. The requests lack Via: the transaction layer adds it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from aiosipua.headers import Address, parse_uri, stringify_cseq
from aiosipua.headers import CSeq as CSeqHeader
from aiosipua.message import SipRequest, SipResponse

from voicebot.sip.digest import DigestClient

MAX_EXPIRES_SECONDS = 86_400
_HOPELESS = frozenset({401, 403, 404, 407, 416})
"""Refusals that patience does not mend: the longest wait between attempts applies at once."""


class RegistrationState(enum.StrEnum):
    """Where the registration is. A refresh under way is still REGISTERED until the binding runs out."""

    IDLE = "idle"
    REGISTERING = "registering"
    REGISTERED = "registered"
    WAITING_TO_RETRY = "waiting_to_retry"
    UNREGISTERING = "unregistering"


@dataclass(frozen=True, slots=True)
class RegistrationSettings:
    """One address-of-record at one registrar.

    `aor`, `registrar_uri`, `contact_uri`: SIP URIs ('sip:user@host', 'sip:host', 'sip:user@ip:port').
    `expires_seconds`: asked for. `refresh_fraction`: of what was granted. Waits after failures double from
    `first_retry_seconds` to `longest_retry_seconds`. `response_timeout_seconds`: a net below the 32 s of
    RFC 3261's timer F, should the transaction layer never report.
    """

    aor: str
    registrar_uri: str
    contact_uri: str
    expires_seconds: int = 300
    refresh_fraction: float = 0.75
    first_retry_seconds: float = 2.0
    longest_retry_seconds: float = 120.0
    response_timeout_seconds: float = 40.0
    user_agent: str = ""

    def __post_init__(self) -> None:
        if not 0.1 <= self.refresh_fraction <= 0.95:
            raise ValueError("refresh_fraction must lie between 0.1 and 0.95")
        if not 1 <= self.expires_seconds <= MAX_EXPIRES_SECONDS:
            raise ValueError(f"expires_seconds must lie between 1 and {MAX_EXPIRES_SECONDS}")


class Registration:
    """The state machine of one binding.

    All requests share Call-ID and From tag with a rising CSeq (section 10.2); never two at once. `jitter`
    returns 0..1 and spreads the retries of many trunks after an outage (RFC 5626 section 4.5).
    """

    def __init__(
        self,
        settings: RegistrationSettings,
        *,
        call_id: str,
        from_tag: str,
        digest: DigestClient | None = None,
        jitter: Callable[[], float] = lambda: 1.0,
    ) -> None:
        self.state = RegistrationState.IDLE
        self.deadline: float | None = None
        self.last_failure = ""
        self.failures_in_a_row = 0
        self._settings = settings
        self._contact_uri = settings.contact_uri
        self._call_id, self._from_tag = call_id, from_tag
        self._digest, self._jitter = digest, jitter
        self._cseq = 0
        self._expires_seconds = settings.expires_seconds
        self._pending: SipRequest | None = None
        self._answers_given = 0
        self._raised_expires = False
        self._is_wanted = False
        self._bound_until: float | None = None

    def is_bound(self, now: float) -> bool:
        """Say whether the registrar holds our contact, as far as we were told."""
        return self._bound_until is not None and now < self._bound_until

    @property
    def call_id(self) -> str:
        """For matching responses; CSeq is checked here."""
        return self._call_id

    def start(self, now: float) -> SipRequest | None:
        """Register, or refresh now."""
        self._is_wanted = True
        return self._register(now) if self._pending is None else None

    def stop(self, now: float) -> SipRequest | None:
        """Remove the binding. While a REGISTER is under way its end is awaited first (section 10.2)."""
        self._is_wanted = False
        if self._pending is not None:
            return None
        if self.is_bound(now):
            return self._unregister(now)
        self._become_idle()
        return None

    def response_received(self, response: SipResponse, now: float) -> SipRequest | None:
        """Take a response to one of our requests; provisional, late and foreign ones change nothing."""
        if self._pending is None or response.status_code < 200 or not self._answers_pending(response):
            return None
        request, self._pending = self._pending, None
        status = response.status_code
        if status in (401, 407):
            retry = self._authenticated(request, response, now)
            if retry is not None:
                return retry
        if self.state is RegistrationState.UNREGISTERING:
            return self._unregistered(now)
        if 200 <= status < 300:
            return self._bound(response, now)
        if status == 423 and self._raise_expires(response):
            return self._register(now, anew=False)
        return self._failed(f"{status} {response.reason_phrase}".strip(), now, _wait_asked(response), status)

    def request_failed(self, reason: str, now: float) -> SipRequest | None:
        """Take a time-out of the transaction (timer F) or a broken transport."""
        if self._pending is None:
            return None
        self._pending = None
        return self._failed(reason, now)

    def transport_failed(self, now: float) -> SipRequest | None:
        """Take the loss of the connection: with it goes, for TCP and TLS, the way back to us."""
        self._bound_until = None
        self._pending = None
        return self._failed("transport lost", now)

    def transport_restored(self, now: float, contact_uri: str = "") -> SipRequest | None:
        """Register at once: the connection is back, perhaps with another local address."""
        self._contact_uri = contact_uri or self._contact_uri
        if not self._is_wanted:
            return None
        self._pending = None
        return self._register(now)

    def tick(self, now: float) -> SipRequest | None:
        """Do what is due at `deadline`; nothing before."""
        if self.deadline is None or now < self.deadline:
            return None
        if self._pending is not None:
            return self.request_failed("no response", now)
        return self._register(now)

    def _bound(self, response: SipResponse, now: float) -> SipRequest | None:
        granted = self._granted_seconds(response)
        if granted <= 0:
            return self._failed("accepted without a binding", now)
        self.failures_in_a_row, self.last_failure = 0, ""
        self._bound_until = now + granted
        if not self._is_wanted:
            return self._unregister(now)
        self.state = RegistrationState.REGISTERED
        self.deadline = now + max(1.0, granted * self._settings.refresh_fraction)
        return None

    def _granted_seconds(self, response: SipResponse) -> int:
        """Our contact's expires, else the Expires header, else what we asked for (section 10.2.4)."""
        fallback = _seconds(response.get_header("expires"))
        fallback = self._expires_seconds if fallback is None else fallback
        contacts = response.contact
        for contact in contacts:
            if self._is_ours(contact):
                own = _seconds(contact.params.get("expires"))
                return fallback if own is None else own
        return 0 if contacts else fallback

    def _is_ours(self, contact: Address) -> bool:
        """Section 19.1.4 in short: user is case-sensitive, host is not, a missing port is 5060."""
        mine, theirs = parse_uri(self._contact_uri), contact.uri
        return (mine.user, mine.host.lower(), mine.port or 5060) == (
            theirs.user,
            theirs.host.lower(),
            theirs.port or 5060,
        )

    def _raise_expires(self, response: SipResponse) -> bool:
        """423 Interval Too Brief: go up to Min-Expires, once an attempt."""
        minimum = _seconds(response.get_header("min-expires"))
        if (
            self._raised_expires
            or minimum is None
            or not self._expires_seconds < minimum <= MAX_EXPIRES_SECONDS
        ):
            return False
        self._raised_expires = True
        self._expires_seconds = minimum
        return True

    def _authenticated(self, request: SipRequest, response: SipResponse, now: float) -> SipRequest | None:
        if self._digest is None:
            return None
        answer = self._digest.answer(request, response, self._answers_given)
        if answer is None:
            return None
        self._answers_given += 1
        kept = {name: request.get_header(name) for name in ("Authorization", "Proxy-Authorization")}
        expires = 0 if self.state is RegistrationState.UNREGISTERING else self._expires_seconds
        return self._send(expires, {name: value for name, value in kept.items() if value} | answer, now)

    def _failed(self, reason: str, now: float, wait_asked: float = 0.0, status: int = 0) -> SipRequest | None:
        if not self._is_wanted or self.state is RegistrationState.UNREGISTERING:
            return self._unregistered(now)
        self.last_failure = reason
        self.failures_in_a_row += 1
        settings = self._settings
        longest = settings.longest_retry_seconds
        doubled = settings.first_retry_seconds * 2 ** min(self.failures_in_a_row - 1, 16)
        wait = longest if status in _HOPELESS else min(longest, max(doubled, wait_asked))
        self.deadline = now + wait * (0.5 + 0.5 * self._jitter())
        if status in _HOPELESS:
            self._bound_until = None
        self.state = RegistrationState.WAITING_TO_RETRY
        return None

    def _register(self, now: float, *, anew: bool = True) -> SipRequest:
        if anew:
            self._answers_given, self._raised_expires = 0, False
        is_refresh = self.state is RegistrationState.REGISTERED and self.is_bound(now)
        if not is_refresh:
            self.state = RegistrationState.REGISTERING
        return self._send(self._expires_seconds, self._preemptive(), now)

    def _unregister(self, now: float) -> SipRequest:
        self._answers_given = 0
        self.state = RegistrationState.UNREGISTERING
        return self._send(0, self._preemptive(), now)

    def _unregistered(self, now: float) -> SipRequest | None:
        self._become_idle()
        return self._register(now) if self._is_wanted else None

    def _become_idle(self) -> None:
        self.state, self.deadline, self._bound_until = RegistrationState.IDLE, None, None

    def _preemptive(self) -> dict[str, str]:
        return self._digest.preemptive("REGISTER", self._settings.registrar_uri) if self._digest else {}

    def _send(self, expires: int, extra: dict[str, str], now: float) -> SipRequest:
        settings = self._settings
        self._cseq += 1
        request = SipRequest(method="REGISTER", uri=settings.registrar_uri)
        headers = {
            "Max-Forwards": "70",
            "From": f"<{settings.aor}>;tag={self._from_tag}",
            "To": f"<{settings.aor}>",
            "Call-ID": self._call_id,
            "CSeq": stringify_cseq(CSeqHeader(self._cseq, "REGISTER")),
            "Contact": f"<{self._contact_uri}>;expires={expires}",
            "Expires": str(expires),
            **({"User-Agent": settings.user_agent} if settings.user_agent else {}),
            **extra,
            "Content-Length": "0",
        }
        for name, value in headers.items():
            request.set_header(name, value)
        self._pending = request
        self.deadline = now + settings.response_timeout_seconds
        return request

    def _answers_pending(self, response: SipResponse) -> bool:
        raw = response.get_header("cseq") or ""
        return response.call_id == self._call_id and raw.split() == [str(self._cseq), "REGISTER"]


def _seconds(raw: str | None) -> int | None:
    """delta-seconds (section 25.1), None when missing or malformed; never more than a day."""
    if raw is None or not (raw.strip().isascii() and raw.strip().isdigit()):
        return None
    return min(int(raw.strip()[:10]), MAX_EXPIRES_SECONDS)


def _wait_asked(response: SipResponse) -> float:
    """Retry-After in seconds (section 20.33); comments and parameters are left out."""
    raw = response.get_header("retry-after") or ""
    return float(_seconds(raw.split(";")[0].split("(")[0]) or 0)
