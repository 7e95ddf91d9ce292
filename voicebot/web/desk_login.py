"""POST /desk/login and /desk/logout: who may open a desk. Each login, failure and logout is audited."""

from __future__ import annotations

import asyncio
import math
from datetime import datetime

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from voicebot.errors import StorageError
from voicebot.web.desk_services import DeskServices
from voicebot.web.desks import Desks
from voicebot.web.login import COOKIE, GuessLimiter, Session, Sessions, is_from_our_page

MAX_CHECKS = 20
"""Password checks that may wait; each takes a thread for some tens of milliseconds."""
PARALLEL_CHECKS = 2
_PATH = "/desk"


class LoginForm(BaseModel):
    """What the login form sends."""

    agent: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=256)


class DeskLogin:
    """Sessions of the desk over HTTP."""

    def __init__(self, services: DeskServices, desks: Desks) -> None:
        self._services, self._desks = services, desks
        self._sessions = Sessions(services.secret)
        self._limiter = GuessLimiter()
        self._checks = asyncio.Semaphore(PARALLEL_CHECKS)
        self._waiting = 0

    def routes(self) -> APIRouter:
        """Return the two routes."""
        router = APIRouter()
        router.add_api_route("/desk/login", self._log_in, methods=["POST"])
        router.add_api_route("/desk/logout", self._log_out, methods=["POST"])
        return router

    def session(self, connection: HTTPConnection) -> Session | None:
        """Return who asks, None when not logged in or no agent with a desk any more."""
        session = self._sessions.read(connection.cookies.get(COOKIE, ""), self.seconds())
        if session is None or self._desks.agent(session.agent_id) is None:
            return None
        return session

    def is_ours(self, connection: HTTPConnection) -> bool:
        """Whether a page of ours asks."""
        return is_from_our_page(connection.headers, self._services.public_url)

    def seconds(self) -> float:
        """Return the time in seconds since 1970."""
        now: datetime = self._services.now()
        return now.timestamp()

    async def _log_in(self, form: LoginForm, request: Request) -> Response:
        if not self.is_ours(request):
            return _problem(403, "foreign_page")
        agent_id, now = form.agent.strip().lower(), self.seconds()
        address = request.client.host if request.client is not None else ""
        wait = self._limiter.wait_seconds(agent_id, address, now)
        if wait > 0 or self._waiting >= MAX_CHECKS:
            self._desks.counts["logins_limited"] += 1
            seconds = math.ceil(wait) or 1
            return _problem(429, "too_many", seconds=seconds, headers={"Retry-After": str(seconds)})
        try:
            is_right = await self._check(agent_id, form.password)
        except StorageError:
            return _problem(503, "storage")
        # Somebody may type a password into the wrong field: unknown names are not written down.
        known = self._desks.agent(agent_id)
        subject = agent_id if known is not None else "unknown"
        if not is_right or known is None:
            self._limiter.failed(agent_id, address, now)
            self._desks.counts["logins_failed"] += 1
            self._services.audit("desk", "login.failed", subject, {"address": address})
            return _problem(401, "wrong")
        self._limiter.succeeded(agent_id, address)
        self._services.audit(agent_id, "login", subject, {"address": address})
        response = JSONResponse({"agent": agent_id, "name": known.name})
        response.set_cookie(
            COOKIE,
            self._sessions.begin(agent_id, now),
            httponly=True,
            samesite="strict",
            secure=self._is_https(request),
            path=_PATH,
        )
        return response

    async def _check(self, agent_id: str, password: str) -> bool:
        self._waiting += 1
        try:
            async with self._checks:
                return await self._services.credentials.check_password(agent_id, password)
        finally:
            self._waiting -= 1

    async def _log_out(self, request: Request) -> Response:
        if not self.is_ours(request):
            return _problem(403, "foreign_page")
        session = self.session(request)
        if session is not None:
            self._sessions.revoke(session)
            self._desks.log_out(session.agent_id)
            self._services.audit(session.agent_id, "logout", session.agent_id, {})
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, path=_PATH)
        return response

    def _is_https(self, request: Request) -> bool:
        return request.url.scheme == "https" or self._services.public_url.startswith("https://")


def _problem(
    status: int, error: str, *, seconds: int = 0, headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse({"error": error, "seconds": seconds}, status_code=status, headers=headers)
