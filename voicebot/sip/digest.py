"""Digest authentication as a client: RFC 3261 section 22, RFC 7616, RFC 8760 (SHA-256).

The hashing is aiosipua's; here is decided whether a challenge is answered at all, and how often. No I/O.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from aiosipua.auth import SipDigestAuth, build_credentials
from aiosipua.headers import AuthChallenge, parse_auth, stringify_auth
from aiosipua.message import SipRequest, SipResponse

MAX_ANSWERS = 3
"""Answers to one request: proxy, then server, then one stale nonce; a server that asks on is refused."""
MAX_REMEMBERED = 16
_ANSWERING_HEADER = {
    401: ("www-authenticate", "Authorization"),
    407: ("proxy-authenticate", "Proxy-Authorization"),
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """A trunk's account. `realm`: the only realm they are given to; None answers any realm.

    Raises ValueError for a double quote, backslash or control character in the user name or realm: they
    would have to be escaped in the header, which peers are known to get wrong.
    """

    username: str
    password: str = field(repr=False)
    realm: str | None = None

    def __post_init__(self) -> None:
        if any(ch in '"\\' or not ch.isprintable() for ch in self.username + (self.realm or "")):
            raise ValueError("user name and realm must be printable, without quote or backslash")


@dataclass(slots=True)
class _Nonce:
    """The last challenge that worked for a realm; `uses` is the nonce count (RFC 7616 section 3.4)."""

    challenge: AuthChallenge
    uses: int = 0


class DigestClient:
    """Answers challenges with one account and reuses the nonce for the requests after.

    `new_cnonce` gives the client nonce; a fixed one makes tests repeatable.
    """

    def __init__(
        self, credentials: Credentials, new_cnonce: Callable[[], str] = lambda: secrets.token_hex(8)
    ) -> None:
        self._credentials = credentials
        self._account = SipDigestAuth(credentials.username, credentials.password)
        self._new_cnonce = new_cnonce
        self._nonces: dict[tuple[str, str], _Nonce] = {}

    def answer(
        self, request: SipRequest, response: SipResponse, answers_given: int = 0
    ) -> dict[str, str] | None:
        """Headers to set on the retry of `request` (as it was sent) after its 401 or 407.

        Keep its own (Proxy-)Authorization headers of other realms, raise its CSeq, give it a new branch.
        `answers_given`: times that this was answered already for the same request. None means refused: no
        account for that realm, an algorithm or qop that we lack, the password is wrong, or too many rounds.
        """
        names = _ANSWERING_HEADER.get(response.status_code)
        if names is None or answers_given >= MAX_ANSWERS:
            return None
        challenge_name, header = names
        sent = _sent_nonces(request, header)
        for raw in response.headers.get(challenge_name):
            challenge = _challenge(raw)
            realm = challenge.params.get("realm", "")
            if self._credentials.realm not in (None, realm):
                continue
            if realm in sent and not self._may_repeat(challenge, header, sent[realm]):
                continue
            value = self._value(challenge, header, request.method, request.uri)
            if value is not None:
                _forget_oldest(self._nonces)
                return {header: value}
        self._nonces.clear()
        return None

    def preemptive(self, method: str, uri: str) -> dict[str, str]:
        """Headers that spare a round trip: the remembered nonces with their next count; may be empty."""
        headers: dict[str, str] = {}
        for (header, _), remembered in list(self._nonces.items()):
            value = self._value(remembered.challenge, header, method, uri)
            if value is not None:
                headers[header] = value
        return headers

    def _may_repeat(self, challenge: AuthChallenge, header: str, sent_nonce: str) -> bool:
        """After credentials were challenged again: only a stale or a reused nonce deserves a retry."""
        if challenge.params.get("nonce", "") == sent_nonce:
            return False
        if challenge.params.get("stale", "").lower() == "true":
            return True
        known = self._nonces.get((header, challenge.params.get("realm", "")))
        return known is not None and known.challenge.params.get("nonce") == sent_nonce and known.uses > 1

    def _value(self, challenge: AuthChallenge, header: str, method: str, uri: str) -> str | None:
        key = (header, challenge.params.get("realm", ""))
        known = self._nonces.get(key)
        if known is None or known.challenge.params.get("nonce") != challenge.params.get("nonce"):
            known = _Nonce(challenge)
        credentials = build_credentials(
            self._account, challenge, method, uri, nonce_count=known.uses + 1, cnonce=self._new_cnonce()
        )
        if credentials is None:
            return None
        known.uses += 1
        self._nonces[key] = known
        return stringify_auth(credentials)


def _challenge(raw: str) -> AuthChallenge:
    """Parse with parameter names in lower case (RFC 3261 section 7.3.1: they are case-insensitive)."""
    parsed = parse_auth(raw)
    return AuthChallenge(parsed.scheme, {name.lower(): value for name, value in parsed.params.items()})


def _sent_nonces(request: SipRequest, header: str) -> dict[str, str]:
    """Realm -> nonce of the credentials that `request` carried."""
    sent = (parse_auth(raw, credentials=True).params for raw in request.headers.get(header))
    return {params.get("realm", ""): params.get("nonce", "") for params in sent}


def _forget_oldest(nonces: dict[tuple[str, str], _Nonce]) -> None:
    """Stay bounded: a hostile server could name a new realm each time."""
    while len(nonces) > MAX_REMEMBERED:
        del nonces[next(iter(nonces))]
