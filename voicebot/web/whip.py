"""WHIP (RFC 9725) for calls: POST an offer, get the answer and the call's address, DELETE it to hang up.

Other than in plain WHIP audio goes both ways. PATCH takes trickled candidates, but no ICE restarts.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from voicebot.errors import MediaError, SdpRefused
from voicebot.media.leg import Leg
from voicebot.media.webrtc import WebRtcLeg, WebRtcParts
from voicebot.media.webrtc_sdp import MAX_SDP_BYTES, read_fragment
from voicebot.web.ice_servers import link_header
from voicebot.web.whip_guard import Refused, WhipGuard

log = structlog.get_logger()

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
_LINE = re.compile(r"[A-Za-z0-9+_-]{0,32}")
_TAKE_SECONDS = 12.0
"""So long may it take from the offer to the answer: admission, STUN and TURN."""
_EXPOSED = "Location, ETag, Link, Retry-After, Accept-Patch"
_FULL = Refused(503, "full", "All lines are busy; try again in a minute.", 60)

OnLeg = Callable[[Leg], Awaitable[None]]


class WhipCalls:
    """The calls that came by WHIP. `on_leg` runs one to its end. `counts`: calls, and refusals by code."""

    def __init__(self, parts: WebRtcParts, guard: WhipGuard, on_leg: OnLeg) -> None:
        self._parts, self._guard, self._on_leg = parts, guard, on_leg
        self._calls: dict[str, WebRtcLeg] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.counts: Counter[str] = Counter()
        self.on_refused: Callable[[str], None] = lambda _: None
        """Told the code of each refusal, for a metric (law S3)."""

    def routes(self) -> APIRouter:
        """Return the routes below /whip."""
        router = APIRouter()
        router.add_api_route("/whip", self._offer, methods=["POST"])
        router.add_api_route("/whip", self._options, methods=["OPTIONS"])
        router.add_api_route("/whip/{call}", self._trickle, methods=["PATCH"])
        router.add_api_route("/whip/{call}", self._hang_up, methods=["DELETE"])
        router.add_api_route("/whip/{call}", self._options, methods=["OPTIONS"])
        return router

    async def close(self) -> None:
        """Hang up what is left."""
        for leg in list(self._calls.values()):
            await leg.hang_up("closing")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=3)

    async def _offer(self, request: Request, line: str = "") -> Response:
        address = request.client.host if request.client else ""
        refused = self._guard.judge(address, request.headers, time.monotonic())
        if refused is not None:
            return self._refuse(request, refused)
        if not _is(request, SDP):
            return self._refuse(request, Refused(415, "media_type", f"Send the offer as {SDP}."))
        if not _LINE.fullmatch(line):
            return self._refuse(request, Refused(404, "line", "There is no such line."))
        offer = await _text_of(request)
        if offer is None:
            return self._refuse(request, Refused(413, "too_large", "The offer is larger than 32 kB."))
        try:
            leg = WebRtcLeg(offer, self._parts, called=line)
        except SdpRefused as error:
            status = 400 if error.status == 400 else 422
            return self._refuse(request, Refused(status, "offer", f"The offer cannot be used: {error}."))
        answer = await self._ring(leg, address)
        if answer is None:
            return self._refuse(request, _refusal_of(leg))
        name = secrets.token_urlsafe(18)
        self._calls[name] = leg
        self.counts["calls"] += 1
        leg_ended = asyncio.create_task(self._forget(name, leg), name="whip-forget")
        self._keep(leg_ended)
        return Response(
            answer,
            status_code=201,
            media_type=SDP,
            headers={
                "Location": f"/whip/{name}",
                "ETag": f'"{leg.entity_tag}"',
                "Accept-Patch": FRAGMENT,
                "Cache-Control": "no-store",
                **self._cors(request),
                **self._links(),
            },
        )

    async def _ring(self, leg: WebRtcLeg, address: str) -> str | None:
        """Let the call begin; the answer, or None when it was refused."""
        self._guard.call_began(address)
        self._keep(asyncio.create_task(self._run(leg, address), name=f"whip-{leg.info.leg_id}"))
        try:
            async with asyncio.timeout(_TAKE_SECONDS):
                return await leg.described()
        except TimeoutError:
            await leg.hang_up("no answer in time")
            return None
        except asyncio.CancelledError:
            leg.peer_hung_up("request cancelled")
            raise

    async def _run(self, leg: WebRtcLeg, address: str) -> None:
        try:
            await self._on_leg(leg)
        except MediaError as error:
            log.warning("a WebRTC call failed", action="whip.call", leg=leg.info.leg_id, code=error.code)
        finally:
            await leg.hang_up()
            self._guard.call_ended(address)

    async def _forget(self, name: str, leg: WebRtcLeg) -> None:
        await leg.wait_ended()
        self._calls.pop(name, None)

    async def _trickle(self, request: Request, call: str) -> Response:
        leg = self._calls.get(call)
        if leg is None:
            return self._refuse(request, Refused(404, "no_call", "There is no such call; it may have ended."))
        if not _is(request, FRAGMENT):
            return self._refuse(request, Refused(415, "media_type", f"Send candidates as {FRAGMENT}."))
        tag = request.headers.get("if-match", "").strip().strip('"')
        if tag not in {"", leg.entity_tag}:
            return self._refuse(
                request, Refused(412, "ice_session", "ICE cannot be restarted: make a new call.")
            )
        text = await _text_of(request)
        if text is None:
            return self._refuse(request, Refused(413, "too_large", "The fragment is larger than 32 kB."))
        candidates, is_last, ufrag = read_fragment(text)
        if ufrag not in {"", leg.entity_tag}:
            return self._refuse(
                request, Refused(422, "ice_session", "ICE cannot be restarted: make a new call.")
            )
        await leg.add_candidates(candidates, is_last=is_last)
        return Response(status_code=204, headers=self._cors(request))

    async def _hang_up(self, request: Request, call: str) -> Response:
        leg = self._calls.pop(call, None)
        if leg is None:
            return self._refuse(request, Refused(404, "no_call", "There is no such call; it may have ended."))
        leg.peer_hung_up()
        return Response(status_code=200, headers=self._cors(request))

    async def _options(self, request: Request) -> Response:
        """Answer a browser's question before a request of a foreign page, and what WHIP is spoken here."""
        headers = {"Accept-Post": SDP, "Allow": "POST, PATCH, DELETE, OPTIONS", **self._cors(request)}
        if "access-control-request-method" in request.headers and self._cors(request):
            headers |= {
                "Access-Control-Allow-Methods": "POST, PATCH, DELETE, OPTIONS",
                "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
                "Access-Control-Max-Age": "600",
            }
        if self._guard.judge_caller(request.headers) is None:
            headers |= self._links()
        return Response(status_code=204, headers=headers)

    def _links(self) -> dict[str, str]:
        links = ", ".join(link_header(server) for server in self._parts.ice_servers())
        return {"Link": links} if links else {}

    def _cors(self, request: Request) -> dict[str, str]:
        origin = request.headers.get("origin", "")
        if not self._guard.may_embed(origin):
            return {"Vary": "Origin"} if origin else {}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": _EXPOSED,
            "Vary": "Origin",
        }

    def _refuse(self, request: Request, refused: Refused) -> Response:
        self.counts[refused.code] += 1
        self.on_refused(refused.code)
        headers = self._cors(request)
        if refused.wait_seconds:
            headers["Retry-After"] = str(refused.wait_seconds)
        if refused.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(
            {"error": refused.code, "message": refused.problem}, refused.status, headers=headers
        )

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _refusal_of(leg: WebRtcLeg) -> Refused:
    status = leg.refusal[0] if leg.refusal is not None else 500
    if status == 486:
        return Refused(429, "too_many_at_once", "Too many calls at a time; end one first.", 30)
    if status == 503:
        return _FULL
    return Refused(503, "failed", "The call could not be set up; try again in a minute.", 60)


def _is(request: Request, kind: str) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == kind


async def _text_of(request: Request) -> str | None:
    """The body, None when it is too large; never more than that is read."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_SDP_BYTES:
            return None
    return body.decode("utf-8", "replace")
