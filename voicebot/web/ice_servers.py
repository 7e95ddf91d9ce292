"""STUN and TURN for our legs and for browsers; passwords may expire (coturn's use-auth-secret)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

from voicebot.media.webrtc_link import IceServer

CREDENTIAL_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class IceServers:
    """`urls`: stun:… and turn:…. Either `user` and `password`, or a `secret` shared with the server."""

    urls: tuple[str, ...] = ()
    user: str = ""
    password: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)

    def at(self, now: float) -> tuple[IceServer, ...]:
        """The servers with credentials that are good for an hour; `now`: seconds since 1970."""
        user, password = self.user, self.password
        if self.secret:
            user = f"{int(now) + CREDENTIAL_SECONDS}:voicebot"
            digest = hmac.digest(self.secret.encode(), user.encode(), hashlib.sha1)
            password = base64.b64encode(digest).decode()
        return tuple(
            IceServer(url, user, password) if url.startswith("turn") else IceServer(url) for url in self.urls
        )


def link_header(server: IceServer) -> str:
    """Write a server as WHIP tells it (RFC 9725 §4.6)."""
    link = f'<{server.url}>; rel="ice-server"'
    if server.user:
        link += f'; username="{server.user}"; credential="{server.password}"; credential-type="password"'
    return link
