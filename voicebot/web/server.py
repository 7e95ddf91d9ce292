"""The web gateway: pages for callers and agents, WHIP, and the desk's socket, in the media process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from voicebot import __version__
from voicebot.http_server import HttpServer

STATIC = Path(__file__).parent / "static"
_PAGE_FILES = {
    "/call": ("call.html", "text/html; charset=utf-8"),
    "/call/call.css": ("call.css", "text/css; charset=utf-8"),
    "/call/call.js": ("call.js", "text/javascript; charset=utf-8"),
    "/call/words.js": ("call-words.js", "text/javascript; charset=utf-8"),
    "/call/whip.js": ("call-whip.js", "text/javascript; charset=utf-8"),
}
SAFE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; media-src 'self' blob: mediastream:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class CallerPage:
    """What the page at /call says. `needs_token`: it must be opened as /call#token=…."""

    organisation: str
    needs_token: bool = False

    def routes(self) -> APIRouter:
        """Return the page's files, which are read now, and its facts."""
        router = APIRouter()
        for path, (name, kind) in _PAGE_FILES.items():
            serve_file(router, path, (STATIC / name).read_bytes(), kind, is_shared=name == "call-whip.js")

        @router.get("/call/about.json")
        async def about() -> dict[str, object]:
            return {"organisation": self.organisation, "needsToken": self.needs_token}

        @router.get("/")
        async def root() -> Response:
            return RedirectResponse("/call", 302)

        return router


def serve_file(router: APIRouter, path: str, body: bytes, kind: str, *, is_shared: bool = False) -> None:
    """Serve a file from memory, with what keeps foreign code out. `is_shared`: other sites may load it."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    headers = {**SAFE_HEADERS, "ETag": tag}
    if is_shared:
        headers["Access-Control-Allow-Origin"] = "*"

    @router.get(path, name=path)
    async def file(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=kind, headers=headers)


def build_web(*routers: APIRouter) -> FastAPI:
    """Return the application."""
    app = FastAPI(title="voicebot", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    for router in routers:
        app.include_router(router)
    return app


@dataclass(frozen=True, slots=True)
class WebAddress:
    """Where to listen. `trusted_proxies`: networks whose X-Forwarded-For is believed."""

    host: str
    port: int
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: tuple[str, ...] = ()


class WebServer(HttpServer):
    """The gateway on the media loop."""

    def __init__(self, routers: Iterable[APIRouter], address: WebAddress) -> None:
        super().__init__(
            build_web(*routers),
            address.host,
            address.port,
            name="the web gateway",
            setting="web.port",
            ws="websockets-sansio",
            ws_max_size=65_536,
            proxy_headers=bool(address.trusted_proxies),
            forwarded_allow_ips=list(address.trusted_proxies),
            ssl_certfile=address.tls_certificate,
            ssl_keyfile=address.tls_key,
        )
