"""Logging in to the agent desk: signed session cookies, limits on guessing, and whose page is asking.

A session is a signed value in an HttpOnly, SameSite=Strict cookie; requests that change something must also
come from our own pages (Origin, OWASP 'Cross-Site Request Forgery Prevention'). Passwords are checked by
whoever keeps them, outside the media loop.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

COOKIE = "voicebot_desk"
SESSION_SECONDS = 12 * 3600.0
"""A long shift; then one logs in again."""
MAX_REVOKED = 10_000
MAX_COOKIE = 512
"""Characters; ours are under 200."""


class Credentials(Protocol):
    """Who may log in."""

    async def check_password(self, agent_id: str, password: str) -> bool:
        """Compare with the stored hash, in a thread; takes as long for an agent that is not there."""


class AuditNote(Protocol):
    """Adds a link to the audit chain (law L1); returns at once."""

    def __call__(self, actor: str, action: str, subject: str, facts: Mapping[str, str]) -> None:
        """Note who did what to whom."""


@dataclass(frozen=True, slots=True)
class Session:
    """Someone who is logged in. `expires_at`: seconds since 1970."""

    session_id: str
    agent_id: str
    expires_at: float


class Sessions:
    """Makes and reads cookies. `secret`: 32 bytes, for HMAC-SHA-256. Times are seconds since 1970."""

    def __init__(self, secret: bytes, *, lifetime_seconds: float = SESSION_SECONDS) -> None:
        self._secret, self._lifetime = secret, lifetime_seconds
        self._revoked: OrderedDict[str, None] = OrderedDict()

    def begin(self, agent_id: str, now: float) -> str:
        """Return the cookie of a new session."""
        content = {"s": secrets.token_urlsafe(16), "a": agent_id, "e": now + self._lifetime}
        body = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
        return f"{body}.{self._signature(body)}"

    def read(self, cookie: str, now: float) -> Session | None:
        """Return the session, None for a cookie that is not ours, has expired or was logged out."""
        body, _, signature = cookie[:MAX_COOKIE].partition(".")
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), self._signature(body).encode()):
            return None
        try:
            content = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (binascii.Error, ValueError):
            return None
        session = Session(str(content["s"]), str(content["a"]), float(content["e"]))
        if session.expires_at <= now or session.session_id in self._revoked:
            return None
        return session

    def revoke(self, session: Session) -> None:
        """Make its cookie worthless."""
        self._revoked[session.session_id] = None
        while len(self._revoked) > MAX_REVOKED:
            self._revoked.popitem(last=False)

    def _signature(self, body: str) -> str:
        return hmac.new(self._secret, body.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


class GuessLimiter:
    """Bounds failed logins: per agent from one address, per address, and per agent from everywhere.

    The last is wide, so that nobody can lock a colleague out from one place. `window_seconds`: how long a
    failure counts. At most `max_keys` counters are kept, the longest unused go first.
    """

    def __init__(
        self,
        *,
        each: int = 5,
        per_address: int = 20,
        per_agent: int = 50,
        window_seconds: float = 300.0,
        max_keys: int = 10_000,
    ) -> None:
        self._limits = {"each": each, "address": per_address, "agent": per_agent}
        self._window, self._max_keys = window_seconds, max_keys
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def wait_seconds(self, agent_id: str, address: str, now: float) -> float:
        """Return how long to wait before the next try; 0 when one may try now."""
        longest = 0.0
        for key in _keys(agent_id, address):
            failures = self._recent(key, now)
            limit = self._limits[key[0]]
            if len(failures) >= limit:
                longest = max(longest, failures[-limit] + self._window - now)
        return longest

    def failed(self, agent_id: str, address: str, now: float) -> None:
        """Count a failure."""
        for key in _keys(agent_id, address):
            limit = self._limits[key[0]]
            self._failures.setdefault(key, deque(maxlen=limit)).append(now)
            self._failures.move_to_end(key)
        while len(self._failures) > self._max_keys:
            self._failures.popitem(last=False)

    def succeeded(self, agent_id: str, address: str) -> None:
        """Forget this agent's failures at this address."""
        self._failures.pop(_keys(agent_id, address)[0], None)

    def _recent(self, key: tuple[str, str], now: float) -> deque[float]:
        failures = self._failures.get(key, deque())
        while failures and failures[0] + self._window <= now:
            failures.popleft()
        return failures


def _keys(agent_id: str, address: str) -> tuple[tuple[str, str], ...]:
    return ("each", f"{agent_id}@{address}"), ("address", address), ("agent", agent_id)


def is_from_our_page(headers: Mapping[str, str], public_url: str = "") -> bool:
    """Say whether a page of ours sent a request: Origin names the host that was asked, or `public_url`.

    A reverse proxy that changes Host needs `public_url`. No Origin, or 'null': not ours.
    """
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = urlsplit(headers.get("origin", ""))
    if not origin.netloc or origin.scheme not in {"http", "https"}:
        return False
    if public_url:
        ours = urlsplit(public_url)
        if (origin.scheme, origin.netloc) == (ours.scheme, ours.netloc):
            return True
    return origin.netloc == headers.get("host", "")
