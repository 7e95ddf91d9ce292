"""The agent desk over HTTP: the page at /desk, and one WebSocket for each open page.

The socket carries JSON both ways (desk_messages.py says what the page may say). It is asked for a sign of
life every few seconds, so that a page whose network is gone does not count as present.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from contextlib import suppress
from pathlib import Path

from fastapi import APIRouter, Request, Response, WebSocket, WebSocketDisconnect

from voicebot.web.desk_login import DeskLogin
from voicebot.web.desk_services import DeskServices
from voicebot.web.desk_tabs import Tab
from voicebot.web.desks import Desks

STATIC = Path(__file__).parent / "static"
PING_SECONDS = 5.0
SILENT_SECONDS = 13.0
"""Without a word from a page for so long, it is gone."""
MAX_MESSAGES = 200
"""That a page may send in one SILENT_SECONDS."""
GOING_AWAY = 1001
"""What a browser closes with when its page is closed or left (RFC 6455 §7.4.1)."""
NOT_LOGGED_IN = 4401
"""Close codes of our own (RFC 6455 §7.4.2: 4000-4999)."""
TOO_MANY_PAGES = 4429
CLOSE_CODES = {"logged_out": NOT_LOGGED_IN, "expired": NOT_LOGGED_IN, "replaced": 4409}
_FILES = {
    "/desk": ("desk.html", "text/html; charset=utf-8"),
    "/desk/desk.css": ("desk.css", "text/css; charset=utf-8"),
    **{
        f"/desk/{name}": (name, "text/javascript; charset=utf-8")
        for name in (
            "desk.js",
            "desk-call.js",
            "desk-link.js",
            "desk-view.js",
            "desk-words.js",
            "desk-wrap-up.js",
        )
    },
}
_SAFETY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; media-src 'self' blob: mediastream:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_TAB_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


def build_desk(services: DeskServices, desks: Desks, *, ping_seconds: float = PING_SECONDS) -> APIRouter:
    """Return the routes of the desk; the files are read now, not in the loop."""
    login = DeskLogin(services, desks)
    router = APIRouter()
    for path, (name, kind) in _FILES.items():
        _serve_file(router, path, (STATIC / name).read_bytes(), kind)
    router.include_router(login.routes())

    @router.websocket("/desk/socket")
    async def socket(websocket: WebSocket, tab: str = "") -> None:
        if not login.is_ours(websocket) or not _TAB_ID.fullmatch(tab):
            desks.counts["refused_foreign_page"] += 1
            await websocket.close()  # before accepting: HTTP 403
            return
        session = login.session(websocket)
        await websocket.accept()
        if session is None:
            desks.counts["opened_without_session"] += 1
            await websocket.close(NOT_LOGGED_IN)
            return
        page = Tab(tab, session)
        if not desks.open(page):
            await websocket.close(TOO_MANY_PAGES)
            return
        try:
            await _Connection(websocket, page, desks, login, ping_seconds).run()
        finally:
            desks.close(page)

    return router


def _serve_file(router: APIRouter, path: str, body: bytes, kind: str) -> None:
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    headers = {**_SAFETY, "ETag": tag}

    @router.get(path, include_in_schema=False)
    async def file(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=kind, headers=headers)


class _Connection:
    """One WebSocket while it is open."""

    def __init__(
        self, websocket: WebSocket, tab: Tab, desks: Desks, login: DeskLogin, ping_seconds: float
    ) -> None:
        self._websocket, self._tab, self._desks, self._login = websocket, tab, desks, login
        self._ping_seconds = ping_seconds
        self._silent_seconds = ping_seconds * SILENT_SECONDS / PING_SECONDS

    async def run(self) -> None:
        """Serve it until either side ends it."""
        tasks = [
            asyncio.create_task(job, name=f"desk-{name}")
            for name, job in (("send", self._send()), ("receive", self._receive()), ("ping", self._ping()))
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(RuntimeError, WebSocketDisconnect):  # the peer has closed it already
            await self._websocket.close(CLOSE_CODES.get(self._tab.closed_because, 1001))
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect):
                raise result

    async def _send(self) -> None:
        async for message in self._tab.messages():
            await self._websocket.send_text(message)

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self._ping_seconds)
            self._tab.send({"type": "ping"})

    async def _receive(self) -> None:
        loop = asyncio.get_running_loop()
        since, count = loop.time(), 0
        while True:
            try:
                async with asyncio.timeout(self._silent_seconds):
                    text = await self._websocket.receive_text()
            except WebSocketDisconnect as left:
                self._tab.has_left = left.code == GOING_AWAY
                return
            except (TimeoutError, KeyError):  # a binary message has no text
                self._tab.close("silent")
                return
            if self._tab.session.expires_at <= self._login.seconds():
                self._tab.close("expired")
                return
            if loop.time() - since > self._silent_seconds:
                since, count = loop.time(), 0
            count += 1
            if count > MAX_MESSAGES:
                self._tab.close("flood")
                return
            self._desks.wishes.received(self._tab, text)
