"""Who may open a stream."""

from __future__ import annotations

import ipaddress
from http import HTTPStatus

import pytest

from voicebot.errors import ConfigError
from voicebot.media.media_stream_guard import Access, Allowance, Doorkeeper, signature

LOCAL = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("10.0.0.0/8"))


def test_a_door_without_a_lock_is_refused() -> None:
    with pytest.raises(ConfigError, match="neither token nor signing key"):
        Access()
    with pytest.raises(ConfigError, match="public address"):
        Access(signing_key="k")


@pytest.mark.parametrize(
    ("target", "headers", "verdict"),
    [
        ("/media?token=secret", {}, None),
        ("/media?a=b&token=secret", {}, None),
        ("/media", {"Authorization": "Bearer secret"}, None),
        ("/media", {"Authorization": "bearer secret"}, None),
        ("/media", {"Authorization": "Basic secret"}, HTTPStatus.UNAUTHORIZED),
        ("/media?token=secre", {}, HTTPStatus.UNAUTHORIZED),
        ("/media?token=", {}, HTTPStatus.UNAUTHORIZED),
        ("/media?token=%ff%00é", {}, HTTPStatus.UNAUTHORIZED),
        ("/media", {}, HTTPStatus.UNAUTHORIZED),
    ],
)
def test_the_token_opens(target: str, headers: dict[str, str], verdict: HTTPStatus | None) -> None:
    assert Doorkeeper(Access(token="secret")).judge("127.0.0.1", target, headers, 0.0) == verdict


def test_the_signature_is_the_documented_one() -> None:
    # Twilio's documentation of request validation: HMAC-SHA1 over URL and sorted POST fields, token 12345.
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    assert signature("12345", signed) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_a_signed_url_opens_and_another_does_not() -> None:
    door = Doorkeeper(Access(signing_key="12345", public_url="wss://bot.example"))
    good = {"X-Twilio-Signature": signature("12345", "wss://bot.example/media")}
    slashed = {"X-Twilio-Signature": signature("12345", "wss://bot.example/media/")}
    other_key = {"X-Twilio-Signature": signature("54321", "wss://bot.example/media")}
    assert door.judge("1.2.3.4", "/media", good, 0.0) is None
    assert door.judge("1.2.3.4", "/media", slashed, 0.0) is None
    assert door.judge("1.2.3.4", "/media?x=1", good, 0.0) is HTTPStatus.UNAUTHORIZED
    assert door.judge("1.2.3.4", "/media", other_key, 0.0) is HTTPStatus.UNAUTHORIZED
    assert door.judge("1.2.3.4", "/media", {}, 0.0) is HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(
    ("source", "is_allowed"),
    [
        ("10.1.2.3", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("", False),
        ("fe80::1%eth0", False),
    ],
)
def test_sources_outside_the_list_are_refused_with_a_good_token(source: str, *, is_allowed: bool) -> None:
    door = Doorkeeper(Access(token="secret", allow=LOCAL))
    verdict = door.judge(source, "/?token=secret", {}, 0.0)
    assert verdict is (None if is_allowed else HTTPStatus.FORBIDDEN)


def test_guessing_slows_down_but_never_shuts_out_the_gateway() -> None:
    door = Doorkeeper(Access(token="secret", failures_per_minute=3))
    verdicts = [door.judge("192.0.2.1", "/?token=guess", {}, 0.0) for _ in range(4)]
    assert verdicts == [HTTPStatus.UNAUTHORIZED] * 3 + [HTTPStatus.TOO_MANY_REQUESTS]
    assert door.judge("192.0.2.2", "/?token=guess", {}, 0.0) is HTTPStatus.UNAUTHORIZED
    assert door.judge("192.0.2.1", "/?token=secret", {}, 0.0) is None
    assert door.judge("192.0.2.1", "/?token=guess", {}, 20.0) is HTTPStatus.UNAUTHORIZED


def test_memory_of_sources_is_bounded() -> None:
    door = Doorkeeper(Access(token="secret"))
    for number in range(10_050):
        door.judge(f"10.0.{number // 256}.{number % 256}", "/", {}, 0.0)
    assert len(door._attempts) == 10_000


def test_an_allowance_fills_with_time_up_to_its_burst() -> None:
    allowance = Allowance(per_second=2, burst=4)
    assert [allowance.take(3, 0.0), allowance.take(3, 0.5), allowance.take(3, 1.0)] == [True, False, True]
    assert not allowance.take(4.5, 1000.0)
    assert allowance.take(4, 1000.0)
    assert not allowance.take(0.5, 999.0)  # a clock that goes back fills nothing
