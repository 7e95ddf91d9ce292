"""Who may call by WHIP: tokens, origins, limits of an address."""

from __future__ import annotations

import pytest

from voicebot.web.ice_servers import IceServers
from voicebot.web.whip_guard import WhipAccess, WhipGuard, network_of

PAGE = {"origin": "https://bot.test", "host": "bot.test", "sec-fetch-site": "same-origin"}
TOKEN = {"authorization": "Bearer secret"}


def guard(**access: object) -> WhipGuard:
    return WhipGuard(WhipAccess(**{"token": "secret", **access}))  # type: ignore[arg-type]


def code(found: WhipGuard, headers: dict[str, str], now: float = 0.0, address: str = "192.0.2.1") -> str:
    refused = found.judge(address, headers, now)
    return "" if refused is None else refused.code


@pytest.mark.parametrize(
    ("access", "headers", "expected"),
    [
        ({}, PAGE, ""),
        ({}, {}, "no_token"),
        ({}, TOKEN, ""),
        ({}, {"authorization": "Basic secret"}, "no_token"),
        ({}, {"authorization": "Bearer sécrèt"}, "no_token"),
        ({}, PAGE | {"sec-fetch-site": "cross-site"}, "foreign_page"),
        ({"is_public": False}, PAGE, "no_token"),
        ({"is_public": False}, PAGE | TOKEN, ""),
        ({}, PAGE | {"origin": "https://shop.test"} | TOKEN, "foreign_page"),
        ({"origins": ("https://shop.test",)}, PAGE | {"origin": "https://shop.test"}, "no_token"),
        ({"origins": ("https://shop.test",)}, PAGE | {"origin": "https://shop.test"} | TOKEN, ""),
        ({"public_url": "https://bot.test"}, PAGE | {"host": "10.0.0.1:8088"}, ""),
        ({}, PAGE | {"host": "10.0.0.1:8088"}, "foreign_page"),
    ],
)
def test_origin_and_token(access: dict[str, object], headers: dict[str, str], expected: str) -> None:
    assert code(guard(**access), headers) == expected


def test_attempts_of_an_address_are_limited_and_come_back_with_time() -> None:
    door = guard(calls_per_minute=3)
    assert [code(door, PAGE, 0.0) for _ in range(4)] == ["", "", "", "too_many_calls"]
    assert code(door, PAGE, 0.0, "192.0.2.2") == ""
    assert code(door, PAGE, 21.0) == ""
    assert code(door, PAGE, 21.0) == "too_many_calls"


def test_wrong_tokens_are_attempts_too() -> None:
    door = guard(calls_per_minute=2)
    wrong = {"authorization": "Bearer guess"}
    assert [code(door, wrong) for _ in range(3)] == ["no_token", "no_token", "too_many_calls"]


def test_addresses_are_remembered_within_bounds() -> None:
    door = guard()
    for number in range(10_100):
        code(door, {}, address=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(door._attempts) == 10_000


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nonsense", "unknown"),
    ],
)
def test_a_subscriber_of_ipv6_is_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_passwords_of_the_turn_server_expire() -> None:
    servers = IceServers(("stun:s.test", "turn:t.test"), secret="north")
    stun, turn = servers.at(1_000_000.4)
    assert (stun.user, stun.password) == ("", "")
    assert turn.user == "1003600:voicebot"
    # echo -n 1003600:voicebot | openssl dgst -sha1 -hmac north -binary | base64
    assert turn.password == "scMlpJTFcbM9hE0kMf/BpnCcKTw="
    assert servers.at(2_000_000.0)[1].password != turn.password
