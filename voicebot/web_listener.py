"""The web gateway of a media process, put together from the settings: WHIP, the caller page, the rest."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import APIRouter

from voicebot.kept_token import kept_token
from voicebot.media.leg import Leg
from voicebot.media.ticker import Ticker
from voicebot.media.webrtc import WebRtcParts, WebRtcSettings
from voicebot.settings import Settings
from voicebot.web.ice_servers import IceServers
from voicebot.web.server import CallerPage, WebAddress, WebServer
from voicebot.web.whip import WhipCalls
from voicebot.web.whip_guard import WhipAccess, WhipGuard

WEB_TOKEN_FILE = Path("var/web-token")


class WebListener:
    """Calls from browsers and WHIP gateways. `parts`: what WebRTC legs are made with, agents' too.

    `whip`: the calls themselves. `add()` further routes (the agents' desk) before `start()`.
    """

    def __init__(self, settings: Settings, on_leg: Callable[[Leg], Awaitable[None]], ticker: Ticker) -> None:
        web = settings.web
        servers = IceServers(web.ice_servers, web.turn_user, web.turn_password, web.turn_secret)
        self._settings = settings
        self.parts = WebRtcParts(
            ticker,
            WebRtcSettings(codecs=web.codecs, media_timeout_seconds=web.media_timeout_seconds),
            lambda: servers.at(time.time()),
        )
        access = WhipAccess(
            token=web.token or kept_token(WEB_TOKEN_FILE),
            origins=web.origins,
            is_public=web.public,
            public_url=web.public_url,
            calls_per_minute=web.calls_per_minute,
            calls_per_address=web.calls_per_address,
        )
        self.whip = WhipCalls(self.parts, WhipGuard(access), on_leg)
        page = CallerPage(settings.organisation, needs_token=not web.public)
        self._routers = [self.whip.routes(), page.routes()]
        self._server: WebServer | None = None

    def add(self, router: APIRouter) -> None:
        """Serve more."""
        self._routers.append(router)

    async def start(self) -> None:
        """Listen. Raises VoicebotError when the port is taken."""
        web = self._settings.web
        self._server = WebServer(
            self._routers,
            WebAddress(
                web.host,
                web.port,
                web.tls_certificate,
                web.tls_key,
                tuple(str(network) for network in web.trusted_proxies),
            ),
        )
        await self._server.start()

    async def close(self) -> None:
        """Hang up what is left and stop listening."""
        await self.whip.close()
        if self._server is not None:
            await self._server.close()

    @property
    def address(self) -> str:
        """The address of the pages, without a path."""
        web = self._settings.web
        if web.public_url:
            return web.public_url.rstrip("/")
        scheme = "https" if web.tls_certificate else "http"
        port = self._server.port if self._server is not None else web.port
        host = "localhost" if web.host in {"0.0.0.0", "::", "127.0.0.1"} else web.host  # noqa: S104 - compared
        return f"{scheme}://{host}:{port}"

    def statistics(self) -> dict[str, int]:
        """Return counts of calls and of refusals by their code."""
        return dict(self.whip.counts)
