"""Sessions, guesses and origins: values in, values out."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.web.login import GuessLimiter, Sessions, is_from_our_page

SESSIONS = Sessions(b"k" * 32, lifetime_seconds=100)


def test_a_session_lasts_its_time_and_no_longer() -> None:
    cookie = SESSIONS.begin("anna", 1000.0)
    session = SESSIONS.read(cookie, 1099.0)
    assert session is not None
    assert (session.agent_id, session.expires_at) == ("anna", 1100.0)
    assert SESSIONS.read(cookie, 1100.0) is None


def test_a_revoked_session_is_worthless_and_others_are_not() -> None:
    sessions = Sessions(b"k" * 32)
    first, second = sessions.begin("anna", 0.0), sessions.begin("anna", 0.0)
    assert first != second
    found = sessions.read(first, 1.0)
    assert found is not None
    sessions.revoke(found)
    assert sessions.read(first, 1.0) is None
    assert sessions.read(second, 1.0) is not None


@given(st.integers(0, 400), st.characters())
def test_no_changed_cookie_is_read(position: int, character: str) -> None:
    cookie = SESSIONS.begin("anna", 1000.0)
    position %= len(cookie)
    changed = cookie[:position] + character + cookie[position + 1 :]
    expected = "anna" if changed == cookie else None
    session = SESSIONS.read(changed, 1001.0)
    assert (session.agent_id if session else None) == expected


@given(st.text(max_size=2000))
def test_no_foreign_text_is_a_session(text: str) -> None:
    assert SESSIONS.read(text, 0.0) is None


def test_a_cookie_of_another_secret_is_not_ours() -> None:
    content = {"s": "x", "a": "anna", "e": 9e9}
    body = base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
    assert SESSIONS.read(f"{body}.", 0.0) is None
    assert SESSIONS.read(Sessions(b"o" * 32).begin("anna", 0.0), 0.0) is None


def test_five_guesses_at_one_agent_from_one_address() -> None:
    limiter = GuessLimiter()
    for number in range(5):
        assert limiter.wait_seconds("anna", "a", float(number)) == 0
        limiter.failed("anna", "a", float(number))
    assert limiter.wait_seconds("anna", "a", 5.0) == pytest.approx(295.0)
    assert limiter.wait_seconds("anna", "b", 5.0) == 0, "a colleague elsewhere is not locked out"
    assert limiter.wait_seconds("bram", "a", 5.0) == 0
    assert limiter.wait_seconds("anna", "a", 300.5) == 0


def test_an_address_that_tries_many_names() -> None:
    limiter = GuessLimiter()
    for number in range(20):
        limiter.failed(f"agent-{number}", "a", 0.0)
    assert limiter.wait_seconds("anna", "a", 1.0) > 0
    assert limiter.wait_seconds("anna", "b", 1.0) == 0


def test_many_addresses_at_one_name() -> None:
    limiter = GuessLimiter()
    for number in range(50):
        limiter.failed("anna", f"address-{number}", 0.0)
    assert limiter.wait_seconds("anna", "fresh", 1.0) > 0


def test_a_right_password_forgets_the_wrong_ones() -> None:
    limiter = GuessLimiter()
    for _ in range(4):
        limiter.failed("anna", "a", 0.0)
    limiter.succeeded("anna", "a")
    limiter.failed("anna", "a", 1.0)
    assert limiter.wait_seconds("anna", "a", 2.0) == 0


def test_counters_are_bounded() -> None:
    limiter = GuessLimiter(max_keys=30)
    for number in range(1000):
        limiter.failed(f"agent-{number}", f"address-{number}", 0.0)
    assert len(limiter._failures) <= 30


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({"origin": "https://desk.example", "host": "desk.example"}, True),
        ({"origin": "http://localhost:8088", "host": "localhost:8088"}, True),
        ({"origin": "https://evil.example", "host": "desk.example"}, False),
        ({"origin": "https://desk.example:444", "host": "desk.example"}, False),
        ({"origin": "https://desk.example.evil", "host": "desk.example"}, False),
        ({"origin": "null", "host": "desk.example"}, False),
        ({"origin": "file://desk.example", "host": "desk.example"}, False),
        ({"host": "desk.example"}, False),
        ({"origin": "https://desk.example", "host": "desk.example", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "https://desk.example", "host": "desk.example", "sec-fetch-site": "same-origin"}, True),
        ({"origin": "https://public.example", "host": "10.0.0.5:8088"}, True),
        ({"origin": "http://public.example", "host": "10.0.0.5:8088"}, False),
    ],
)
def test_which_pages_are_ours(headers: dict[str, str], is_ours: bool) -> None:
    assert is_from_our_page(headers, "https://public.example") is is_ours
