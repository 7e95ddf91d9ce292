"""Who gets in: passwords, cookies, origins, tokens, floods; and what the pages may do."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.fakes.desk_page import ORIGIN, DeskPage, log_in, web_client
from tests.fakes.desk_world import PASSWORD, DeskWorld
from tests.fakes.virtual_time import in_virtual_time
from tests.web.desks import a_page, a_world, dialling, state_of
from voicebot.media.leg import LegEnded
from voicebot.transfer.agents import AgentState
from voicebot.web.desk import MAX_MESSAGES, NOT_LOGGED_IN, STATIC
from voicebot.web.login import SESSION_SECONDS

LOGIN = {"agent": "anna", "password": PASSWORD}


@in_virtual_time
async def test_a_login_sets_a_guarded_cookie_and_is_audited() -> None:
    async with a_world() as world, web_client(world.web) as client:
        response = await client.post("/desk/login", json={"agent": " Anna ", "password": PASSWORD})
        assert response.json() == {"agent": "anna", "name": "Anna"}
        cookie = response.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "path=/desk" in cookie
        assert "secure" not in cookie, "plain http: loopback only"
        assert world.audits == [("anna", "login", "anna", {"address": "10.1.1.1"})]


@in_virtual_time
async def test_over_https_the_cookie_is_secure() -> None:
    async with a_world() as world, web_client(world.web) as client:
        response = await client.post(
            "https://desk.test/desk/login", json=LOGIN, headers={"origin": "https://desk.test"}
        )
        assert "secure" in response.headers["set-cookie"].lower()


@in_virtual_time
async def test_wrong_logins_are_refused_audited_and_limited() -> None:
    async with a_world() as world, web_client(world.web) as client:
        for _ in range(5):
            response = await client.post("/desk/login", json={"agent": "anna", "password": "guess"})
            assert (response.status_code, response.json()["error"]) == (401, "wrong")
            assert "set-cookie" not in response.headers
        response = await client.post("/desk/login", json=LOGIN)
        assert response.status_code == 429, "the right one too"
        assert 0 < int(response.headers["retry-after"]) <= 300
        assert world.password_checks == 5, "no hash is computed for a limited one"
        assert [entry[:3] for entry in world.audits] == [("desk", "login.failed", "anna")] * 5
        async with web_client(world.web, "10.2.2.2") as elsewhere:
            assert (await elsewhere.post("/desk/login", json=LOGIN)).status_code == 200


@in_virtual_time
async def test_what_was_typed_for_a_name_is_not_written_down_unless_it_is_one() -> None:
    async with a_world() as world, web_client(world.web) as client:
        await client.post("/desk/login", json={"agent": PASSWORD, "password": "x"})
        assert world.audits == [("desk", "login.failed", "unknown", {"address": "10.1.1.1"})]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://desk.test.evil", ""])
def test_no_other_site_logs_in_or_out_or_opens_a_socket(origin: str) -> None:
    @in_virtual_time
    async def run() -> None:
        async with a_world() as world, web_client(world.web) as client:
            for path in ("/desk/login", "/desk/logout"):
                response = await client.post(path, json=LOGIN, headers={"origin": origin})
                assert response.status_code == 403
            assert world.password_checks == 0
            cookie = await log_in(world.web, "anna", PASSWORD)
            page = await DeskPage(world.web, cookie, origin=origin).open()
            assert not page.is_accepted
            await page.gone()

    run()


@in_virtual_time
async def test_a_form_of_another_site_is_no_json() -> None:
    async with a_world() as world, web_client(world.web) as client:
        assert (await client.post("/desk/login", data=LOGIN)).status_code == 422
        assert world.password_checks == 0


@in_virtual_time
async def test_storage_away_at_login() -> None:
    async with a_world() as world, web_client(world.web) as client:
        world.is_storage_away = True
        assert (await client.post("/desk/login", json=LOGIN)).status_code == 503
        assert world.audits == []


@pytest.mark.parametrize("cookie", ["", "voicebot_desk=", "voicebot_desk=eyJhIjoiYW5uYSJ9.00"])
def test_a_wrong_token_opens_no_desk(cookie: str) -> None:
    @in_virtual_time
    async def run() -> None:
        async with a_world() as world:
            page = await DeskPage(world.web, cookie).open()
            assert await page.closed() == NOT_LOGGED_IN
            assert page.said == []
            assert state_of(world) is AgentState.OFFLINE

    run()


@in_virtual_time
async def test_a_session_that_has_expired_or_was_logged_out_opens_no_desk() -> None:
    async with a_world() as world:
        cookie = await log_in(world.web, "anna", PASSWORD)
        async with web_client(world.web) as client:
            response = await client.post("/desk/logout", headers={"cookie": cookie})
            assert response.status_code == 204
        assert world.audits[-1][:3] == ("anna", "logout", "anna")
        assert await (await DeskPage(world.web, cookie).open()).closed() == NOT_LOGGED_IN


@in_virtual_time
async def test_a_session_ends_in_an_open_page_too() -> None:
    async with a_world() as world, a_page(world) as page:
        world.moment = world.moment.fromtimestamp(
            world.moment.timestamp() + SESSION_SECONDS + 1, world.moment.tzinfo
        )
        assert await page.closed() == NOT_LOGGED_IN


@in_virtual_time
async def test_logging_out_closes_all_pages_and_gives_the_caller_back() -> None:
    async with a_world() as world:
        cookie = await log_in(world.web, "anna", PASSWORD)
        pages = [await DeskPage(world.web, cookie, f"tab-000{number}").open() for number in range(2)]
        dial = dialling(world)
        ring = (await pages[0].heard("ring"))["ring"]
        pages[0].say(type="accept", ring=ring, sdp="v=0 an offer of the page")
        leg = await dial
        async with web_client(world.web) as client:
            await client.post("/desk/logout", headers={"cookie": cookie})
        for page in pages:
            assert await page.closed() == NOT_LOGGED_IN
        assert [type(signal) async for signal in leg.signals()] == [LegEnded]
        assert state_of(world) is AgentState.OFFLINE


@in_virtual_time
async def test_an_agent_who_was_removed_cannot_come_back() -> None:
    async with a_world() as world:
        cookie = await log_in(world.web, "anna", PASSWORD)
        world.pool.set_agents([agent for agent, _ in world.pool.agents() if agent.agent_id != "anna"])
        assert await (await DeskPage(world.web, cookie).open()).closed() == NOT_LOGGED_IN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        "{}",
        '{"type": "accept"}',
        '{"type": "dial", "uri": "sip:evil@example.org"}',
        '{"type": "hand_on", "call": "call-1", "target": "sip:evil@example.org"}',
        '{"type": "hand_on", "call": "call-1", "target": "agent:bram@evil"}',
        '{"type": "mute", "call": "call-1", "on": true, "more": 1}',
        '{"type": "accept", "ring": "x y", "sdp": "v=0 something"}',
        '{"type": "text", "call": "c", "text": "' + "x" * 501 + '"}',
        "{" * 31_000,
        "x" * 40_000,
    ],
)
def test_messages_that_no_page_of_ours_sends(text: str) -> None:
    @in_virtual_time
    async def run() -> None:
        async with a_world() as world, a_page(world) as page:
            page.say_text(text)
            refused = await page.heard("refused")
            assert (refused["what"], refused["why"]) == ("message", "malformed")
            page.say(type="callbacks")
            await page.heard("callbacks")

    run()


@in_virtual_time
async def test_bytes_and_floods_end_the_connection() -> None:
    async with a_world() as world:
        cookie = await log_in(world.web, "anna", PASSWORD)
        page = await DeskPage(world.web, cookie).open()
        page.say_bytes(b"\0\1")
        await page.closed()
        page = await DeskPage(world.web, cookie).open()
        for _ in range(MAX_MESSAGES + 1):
            page.say(type="alive")
        await page.closed()
        assert world.desks.counts["flood"] == 1


@in_virtual_time
async def test_a_page_whose_network_is_gone_is_not_present() -> None:
    async with a_world() as world, a_page(world) as page:
        page.answers_pings = False
        await page.closed()
        assert world.desks.counts["silent"] == 1


@in_virtual_time
async def test_not_more_pages_than_anyone_needs() -> None:
    async with a_world() as world:
        cookie = await log_in(world.web, "anna", PASSWORD)
        pages = [await DeskPage(world.web, cookie, f"tab-000{number}").open() for number in range(9)]
        assert await pages[8].closed() == 4429
        for page in pages[:8]:
            await page.aclose()


@in_virtual_time
async def test_the_files_come_with_what_keeps_foreign_code_out() -> None:
    world = DeskWorld()
    async with web_client(world.web) as client:
        for path in ("/desk", "/desk/desk.js", "/desk/desk.css"):
            response = await client.get(path)
            assert response.status_code == 200
            policy = response.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert response.headers["x-content-type-options"] == "nosniff"
            again = await client.get(path, headers={"if-none-match": response.headers["etag"]})
            assert again.status_code == 304
    await world.aclose()


def test_no_text_can_become_markup() -> None:
    """Law S5: the scripts know no way to make markup of a text, and the page has no scripts in it."""
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|srcdoc")
    scripts = sorted(Path(STATIC).glob("desk*.js"))
    assert len(scripts) >= 5
    for script in scripts:
        assert not forbidden.search(script.read_text(encoding="utf-8")), script.name
    page = (STATIC / "desk.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*src=)", page) == []
    assert re.findall(r"\son\w+=|\sstyle=", page) == []


def test_every_word_is_there_in_both_languages() -> None:
    text = (STATIC / "desk-words.js").read_text(encoding="utf-8")
    _, dutch, english = re.split(r"\n  (?:nl|en): \{", text)
    keys = [set(re.findall(r"\b(\w+): \"", part.split("\n  }")[0])) for part in (dutch, english)]
    assert keys[0] == keys[1]
    page = (STATIC / "desk.html").read_text(encoding="utf-8")
    used = set(re.findall(r'data-word(?:-label|-placeholder)?="(\w+)"', page))
    for script in STATIC.glob("desk*.js"):
        used |= set(re.findall(r'\bword\("(\w+)"', script.read_text(encoding="utf-8")))
    assert used - keys[0] == set()
    assert len(used) > 60


@in_virtual_time
async def test_a_slow_password_check_holds_nobody_up_and_the_queue_of_checks_is_bounded() -> None:
    async with a_world() as world:
        gate = asyncio.Event()

        async def slow(agent_id: str, password: str) -> bool:
            await gate.wait()
            return False

        world.check_password = slow  # type: ignore[method-assign]
        async with web_client(world.web) as client:
            tries = [
                asyncio.create_task(
                    client.post(
                        "/desk/login",
                        json={"agent": f"a{number}", "password": "x"},
                        headers={"origin": ORIGIN},
                    )
                )
                for number in range(30)
            ]
            await asyncio.sleep(1)
            gate.set()
            codes = [(await attempt).status_code for attempt in tries]
        assert codes.count(429) == 10
        assert codes.count(401) == 20
