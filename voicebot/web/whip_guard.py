"""Who may call by WHIP, and how often: decisions without I/O and without a clock."""

from __future__ import annotations

import hmac
import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from voicebot.media.media_stream_guard import Allowance
from voicebot.web.login import is_from_our_page

_MAX_ADDRESSES = 10_000


@dataclass(frozen=True, slots=True)
class WhipAccess:
    """`token`: what gateways and embedding sites show. `origins`: sites that may embed.

    `is_public`: our own page needs no token. `public_url`: how browsers reach us, '' for as we are asked.
    `calls_per_minute`, `calls_per_address`: attempts, and calls at a time, of one address.
    """

    token: str = field(repr=False)
    origins: tuple[str, ...] = ()
    is_public: bool = True
    public_url: str = ""
    calls_per_minute: int = 10
    calls_per_address: int = 5


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a request is refused and what to do about it. `status`: of HTTP. `wait_seconds`: Retry-After."""

    status: int
    code: str
    problem: str
    wait_seconds: int = 0


class WhipGuard:
    """Counts attempts and calls of each address. Seconds are monotonic."""

    def __init__(self, access: WhipAccess) -> None:
        self.access = access
        self._attempts: OrderedDict[str, Allowance] = OrderedDict()
        self._calls: Counter[str] = Counter()

    def judge(self, address: str, headers: Mapping[str, str], now: float) -> Refused | None:
        """Return why a call is refused, None when it may be made. `headers`: keys in lower case."""
        address = network_of(address)
        if not self._allowance(address).take(1, now):
            return Refused(
                429, "too_many_calls", "Too many calls from your address; wait a minute and try again.", 60
            )
        if refused := self.judge_caller(headers):
            return refused
        if self._calls[address] >= self.access.calls_per_address:
            return Refused(
                429, "too_many_at_once", "Too many calls at a time from your address; end one first.", 30
            )
        return None

    def judge_caller(self, headers: Mapping[str, str]) -> Refused | None:
        """Judge by origin and token alone."""
        if self.access.is_public and is_from_our_page(headers, self.access.public_url):
            return None
        origin = headers.get("origin", "")
        if origin and not self.may_embed(origin) and not is_from_our_page(headers, self.access.public_url):
            return Refused(
                403,
                "foreign_page",
                "This site may not embed calls until it is listed in web.origins.",
            )
        scheme, _, offered = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(
            offered.strip().encode("utf-8", "replace"), self.access.token.encode()
        ):
            return None
        return Refused(401, "no_token", "Send the token of this voice bot as 'Authorization: Bearer …'.")

    def may_embed(self, origin: str) -> bool:
        """Whether pages of that origin may read our answers."""
        return origin in self.access.origins

    def call_began(self, address: str) -> None:
        """Count a call."""
        self._calls[network_of(address)] += 1

    def call_ended(self, address: str) -> None:
        """Count it no more."""
        address = network_of(address)
        self._calls[address] -= 1
        if self._calls[address] <= 0:
            del self._calls[address]

    def _allowance(self, address: str) -> Allowance:
        limit = self.access.calls_per_minute
        allowance = self._attempts.pop(address, None) or Allowance(limit / 60, limit)
        self._attempts[address] = allowance
        if len(self._attempts) > _MAX_ADDRESSES:
            self._attempts.popitem(last=False)
        return allowance


def network_of(address: str) -> str:
    """An IPv4 address, or the /64 that one IPv6 subscriber has."""
    try:
        parsed = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)
