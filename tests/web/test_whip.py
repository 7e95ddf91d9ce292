"""WHIP over the real application, with aiortc's peer connection as the caller's browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.fakes.browser import FakeBrowser
from voicebot.media.leg import Leg, LegEndCause
from voicebot.media.ticker import Ticker
from voicebot.media.webrtc import WebRtcLeg, WebRtcParts, WebRtcSettings
from voicebot.media.webrtc_link import IceServer
from voicebot.web.server import CallerPage, build_web
from voicebot.web.whip import WhipCalls
from voicebot.web.whip_guard import WhipAccess, WhipGuard

PAGE = {"origin": "http://bot.test", "sec-fetch-site": "same-origin"}
TOKEN = {"authorization": "Bearer secret"}
SDP = {"content-type": "application/sdp"}
FRAGMENT = {"content-type": "application/trickle-ice-sdpfrag"}


async def takes(leg: Leg) -> None:
    """A call that only listens until the leg's end."""
    await leg.answer()
    async for _ in leg.signals():
        pass


class Gateway:
    """The application with its own calls. `legs`: those that rang."""

    def __init__(
        self, on_leg: Callable[[Leg], Awaitable[None]], servers: tuple[IceServer, ...], **access: Any
    ) -> None:
        self.legs: list[Leg] = []
        parts = WebRtcParts(Ticker(), WebRtcSettings(connect_seconds=5.0), lambda: servers)
        self.guard = WhipGuard(WhipAccess(**{"token": "secret", **access}))

        async def rings(leg: Leg) -> None:
            self.legs.append(leg)
            await on_leg(leg)

        self.calls = WhipCalls(parts, self.guard, rings)
        self.refused: list[str] = []
        self.calls.on_refused = self.refused.append
        app = build_web(self.calls.routes(), CallerPage("Winkel <b>").routes())
        transport = httpx.ASGITransport(app, client=("198.51.100.7", 5000))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://bot.test")


@asynccontextmanager
async def gateway(
    on_leg: Callable[[Leg], Awaitable[None]] = takes, servers: tuple[IceServer, ...] = (), **access: Any
) -> AsyncIterator[Gateway]:
    made = Gateway(on_leg, servers, **access)
    try:
        yield made
    finally:
        await made.calls.close()
        await made.client.aclose()
        assert not made.calls._calls
        assert not made.guard._calls  # every place was given back


@pytest.fixture
async def browser() -> AsyncIterator[FakeBrowser]:
    found = FakeBrowser()
    yield found
    await found.close()


async def test_an_offer_gets_an_answer_and_delete_hangs_up(browser: FakeBrowser) -> None:
    async with gateway() as bot:
        created = await bot.client.post("/whip?line=nl", content=await browser.offer(), headers=PAGE | SDP)
        assert created.status_code == 201
        assert created.headers["content-type"] == "application/sdp"
        assert created.headers["cache-control"] == "no-store"
        await browser.take(created.text)
        async with asyncio.timeout(5):
            await browser.has_channel.wait()
        (leg,) = bot.legs
        assert leg.info.called == "nl"
        assert leg.info.leg_id not in created.headers["location"]  # the control API shows that one
        gone = await bot.client.delete(created.headers["location"])
        assert gone.status_code == 200
        assert isinstance(leg, WebRtcLeg)
        assert (await leg.wait_ended()).cause is LegEndCause.PEER
        assert (await bot.client.delete(created.headers["location"])).status_code == 404


async def test_candidates_may_trickle_in(browser: FakeBrowser) -> None:
    async with gateway() as bot:
        lines = (await browser.offer()).splitlines()
        late = [line for line in lines if line.startswith(("a=candidate", "a=end-of-candidates"))]
        offer = "\r\n".join(line for line in lines if line not in late) + "\r\n"
        assert len(late) > 1
        created = await bot.client.post("/whip", content=offer, headers=PAGE | SDP)
        assert created.status_code == 201
        assert created.headers["accept-patch"] == FRAGMENT["content-type"]
        call, tag = created.headers["location"], created.headers["etag"]
        patched = await bot.client.patch(
            call, content="\r\n".join(late), headers=FRAGMENT | {"if-match": tag}
        )
        assert patched.status_code == 204
        await browser.take(created.text)
        async with asyncio.timeout(5):
            await browser.has_channel.wait()
        restart = await bot.client.patch(call, content="a=ice-ufrag:new1\r\n", headers=FRAGMENT)
        assert restart.status_code == 422
        stale = await bot.client.patch(call, content="", headers=FRAGMENT | {"if-match": '"old"'})
        assert stale.status_code == 412
        assert (await bot.client.patch(call, content="x", headers=SDP)).status_code == 415
        assert (await bot.client.patch("/whip/none", content="x", headers=FRAGMENT)).status_code == 404


@pytest.mark.parametrize(
    ("headers", "body", "line", "status", "code"),
    [
        (SDP, "v=0", "nl", 401, "no_token"),
        (SDP | {"authorization": "Bearer wrong"}, "v=0", "nl", 401, "no_token"),
        (SDP | TOKEN | {"origin": "https://evil.example"}, "v=0", "nl", 403, "foreign_page"),
        (TOKEN | {"content-type": "text/plain"}, "v=0", "nl", 415, "media_type"),
        (TOKEN | SDP, "v=0", "../etc", 404, "line"),
        (TOKEN | SDP, "v=0" + "a" * 40_000, "nl", 413, "too_large"),
        (TOKEN | SDP, "v=0\r\n", "nl", 422, "offer"),
    ],
)
async def test_what_is_refused_says_why(
    headers: dict[str, str], body: str, line: str, status: int, code: str
) -> None:
    async with gateway() as bot:
        reply = await bot.client.post("/whip", params={"line": line}, content=body, headers=headers)
        assert reply.status_code == status
        assert reply.json()["error"] == code
        assert reply.json()["message"].endswith(".")
        assert not bot.legs
        assert bot.calls.counts == {code: 1}
        assert bot.refused == [code]


@pytest.mark.parametrize(("sip", "status"), [(486, 429), (503, 503)])
async def test_a_refused_call_is_told_when_to_try_again(browser: FakeBrowser, sip: int, status: int) -> None:
    async def refuses(leg: Leg) -> None:
        await leg.reject(sip)

    async with gateway(refuses) as bot:
        reply = await bot.client.post("/whip", content=await browser.offer(), headers=PAGE | SDP)
        assert reply.status_code == status
        assert int(reply.headers["retry-after"]) > 0


async def test_a_call_that_breaks_gives_an_error_and_its_place_back(browser: FakeBrowser) -> None:
    async def breaks(leg: Leg) -> None:
        await leg.hang_up()

    async with gateway(breaks) as bot:
        reply = await bot.client.post("/whip", content=await browser.offer(), headers=PAGE | SDP)
        assert (reply.status_code, reply.json()["error"]) == (503, "failed")


async def test_one_address_may_not_call_too_often_nor_too_much_at_once(browser: FakeBrowser) -> None:
    async with gateway(calls_per_minute=4, calls_per_address=1) as bot:
        offer = await browser.offer()
        first = await bot.client.post("/whip", content=offer, headers=PAGE | SDP)
        assert first.status_code == 201
        second = await bot.client.post("/whip", content=offer, headers=PAGE | SDP)
        assert (second.status_code, second.json()["error"]) == (429, "too_many_at_once")
        codes = [
            (await bot.client.post("/whip", content="v=0", headers=PAGE | SDP)).json()["error"]
            for _ in range(3)
        ]
        assert codes == ["too_many_at_once", "too_many_at_once", "too_many_calls"]


async def test_sites_that_may_embed_are_answered_and_others_are_not() -> None:
    servers = (IceServer("stun:stun.test:3478"), IceServer("turn:turn.test:3478", "u", "p"))
    async with gateway(servers=servers, origins=("https://shop.test",)) as bot:
        asks = {"access-control-request-method": "POST"}
        ours = await bot.client.options("/whip", headers={"origin": "https://shop.test", **asks})
        assert ours.headers["access-control-allow-origin"] == "https://shop.test"
        assert "Authorization" in ours.headers["access-control-allow-headers"]
        assert "link" not in ours.headers  # no password of the TURN server without a token
        theirs = await bot.client.options("/whip", headers={"origin": "https://evil.test", **asks})
        assert "access-control-allow-origin" not in theirs.headers
        page = await bot.client.options("/whip", headers=PAGE)
        assert page.headers["link"] == (
            '<stun:stun.test:3478>; rel="ice-server", <turn:turn.test:3478>; rel="ice-server"; '
            'username="u"; credential="p"; credential-type="password"'
        )
        refused = await bot.client.post(
            "/whip", content="v=0", headers={"origin": "https://shop.test"} | SDP | TOKEN
        )
        assert refused.status_code == 422
        assert refused.headers["access-control-allow-origin"] == "https://shop.test"


async def test_the_page_is_served_with_what_keeps_foreign_code_out() -> None:
    async with gateway() as bot:
        page = await bot.client.get("/call")
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        again = await bot.client.get("/call", headers={"if-none-match": page.headers["etag"]})
        assert again.status_code == 304
        for name in ("call.css", "call.js", "words.js", "whip.js"):
            assert (await bot.client.get(f"/call/{name}")).status_code == 200
        assert (await bot.client.get("/call/about.json")).json()["organisation"] == "Winkel <b>"
        assert (await bot.client.get("/")).headers["location"] == "/call"
        assert (await bot.client.get("/call/../server.py")).status_code == 404
