"""Who may open a media stream and how much may come through it: decisions without I/O and without a clock."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from voicebot.errors import ConfigError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAX_SOURCES = 10_000


@dataclass(frozen=True, slots=True)
class Access:
    """What opens the door: a shared `token`, or the gateway's signature made with `signing_key`.

    `public_url`: scheme and host under which the gateway reaches us ('wss://bot.example'), which its
    signature covers. `allow`: networks; empty allows all. `failures_per_minute`: refused attempts of one
    source before it is told to slow down; they never shut out one who has the credentials.
    """

    token: str = field(default="", repr=False)
    signing_key: str = field(default="", repr=False)
    public_url: str = ""
    allow: tuple[Network, ...] = ()
    failures_per_minute: int = 30

    def __post_init__(self) -> None:
        """Refuse a door without a lock."""
        if not self.token and not self.signing_key:
            raise ConfigError(
                "the media gateway has neither token nor signing key",
                mend="set gateway.token, or gateway.signing_key with gateway.public_url",
                field="gateway.token",
            )
        if self.signing_key and not self.public_url:
            raise ConfigError(
                "a signature covers the public address, which is not set",
                mend="set gateway.public_url to the wss:// address that the gateway dials",
                field="gateway.public_url",
            )


class Doorkeeper:
    """Judges connection attempts. Seconds are monotonic."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._attempts: OrderedDict[str, Allowance] = OrderedDict()

    def judge(self, source: str, target: str, headers: Mapping[str, str], now: float) -> HTTPStatus | None:
        """Return why an upgrade request is refused, None when it may pass.

        `source`: IP address. `target`: path and query of the request. `headers`: case-insensitive.
        """
        if not self._is_allowed(source):
            return HTTPStatus.FORBIDDEN
        if self._has_token(target, headers) or self._is_signed(target, headers):
            return None
        if not self._allowance(source).take(1, now):
            return HTTPStatus.TOO_MANY_REQUESTS
        return HTTPStatus.UNAUTHORIZED

    def _is_allowed(self, source: str) -> bool:
        if not self._access.allow:
            return True
        try:
            address = ipaddress.ip_address(source.split("%", 1)[0])
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._access.allow)

    def _allowance(self, source: str) -> Allowance:
        limit = self._access.failures_per_minute
        allowance = self._attempts.pop(source, None) or Allowance(limit / 60, limit)
        self._attempts[source] = allowance
        if len(self._attempts) > _MAX_SOURCES:
            self._attempts.popitem(last=False)
        return allowance

    def _has_token(self, target: str, headers: Mapping[str, str]) -> bool:
        if not self._access.token:
            return False
        scheme, _, credentials = headers.get("Authorization", "").partition(" ")
        offered = credentials.strip() if scheme.lower() == "bearer" else ""
        if not offered:
            values = parse_qs(urlsplit(target).query, max_num_fields=20).get("token", [""])
            offered = values[0]
        return hmac.compare_digest(offered.encode("utf-8", "replace"), self._access.token.encode())

    def _is_signed(self, target: str, headers: Mapping[str, str]) -> bool:
        """Twilio's 'Validating requests': base64 of HMAC-SHA1 over the URL; a WebSocket has no POST fields.

        Twilio adds a slash to some stream URLs before signing, so both forms are taken.
        """
        offered = headers.get("X-Twilio-Signature", "")
        if not self._access.signing_key or not offered:
            return False
        url = self._access.public_url.rstrip("/") + target
        path, mark, query = url.partition("?")
        other = (path.rstrip("/") if path.endswith("/") else path + "/") + mark + query
        expected = [signature(self._access.signing_key, form).encode() for form in (url, other)]
        given = offered.encode("utf-8", "replace")
        return any(hmac.compare_digest(given, one) for one in expected)


def signature(signing_key: str, url: str) -> str:
    """Compute Twilio's signature of a URL."""
    digest = hmac.digest(signing_key.encode(), url.encode("utf-8", "replace"), hashlib.sha1)
    return base64.b64encode(digest).decode()


class Allowance:
    """A bucket of `burst` units that fills by `per_second`. Full at first; seconds are monotonic."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second, self._burst = per_second, burst
        self._left = burst
        self._last: float | None = None

    def take(self, amount: float, now: float) -> bool:
        """Take units; False, and nothing taken, when there are not enough."""
        if self._last is not None:
            self._left = min(self._burst, self._left + max(0.0, now - self._last) * self._per_second)
        self._last = now
        if amount > self._left:
            return False
        self._left -= amount
        return True
