"""Digest answers: the RFC's own vectors, and when to stop answering."""

from __future__ import annotations

import hashlib
import itertools

import pytest
from aiosipua.headers import parse_auth
from aiosipua.message import SipRequest, SipResponse
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.sip.digest import MAX_ANSWERS, Credentials, DigestClient

REGISTRAR = "sip:trunk.example"


def client(realm: str | None = None, password: str = "geheim") -> DigestClient:
    return DigestClient(Credentials("31201234567", password, realm), lambda: "0a4f113b")


def request(**headers: str) -> SipRequest:
    made = SipRequest(method="REGISTER", uri=REGISTRAR)
    for name, value in headers.items():
        made.set_header(name.replace("_", "-"), value)
    return made


def challenged(*values: str, status: int = 401) -> SipResponse:
    response = SipResponse(status_code=status, reason_phrase="Unauthorized")
    for value in values:
        response.add_header("WWW-Authenticate" if status == 401 else "Proxy-Authenticate", value)
    return response


def digest(nonce: str = "n1", extra: str = ', algorithm=MD5, qop="auth"', realm: str = "trunk") -> str:
    return f'Digest realm="{realm}", nonce="{nonce}"{extra}'


def h(algorithm: str, text: str) -> str:
    return hashlib.new(algorithm, text.encode()).hexdigest()


@pytest.mark.parametrize(("name", "algorithm"), [("MD5", "md5"), ("SHA-256", "sha256")])
def test_response_is_that_of_rfc_7616(name: str, algorithm: str) -> None:
    answer = client().answer(
        request(), challenged(digest(extra=f', algorithm={name}, qop="auth,auth-int", opaque="5c"'))
    )
    assert answer is not None
    params = parse_auth(answer["Authorization"], credentials=True).params
    ha1, ha2 = h(algorithm, "31201234567:trunk:geheim"), h(algorithm, f"REGISTER:{REGISTRAR}")
    assert params == {
        "username": "31201234567",
        "realm": "trunk",
        "nonce": "n1",
        "uri": REGISTRAR,
        "algorithm": name,
        "response": h(algorithm, f"{ha1}:n1:00000001:0a4f113b:auth:{ha2}"),
        "qop": "auth",
        "nc": "00000001",
        "cnonce": "0a4f113b",
        "opaque": "5c",
    }


def test_without_qop_it_is_that_of_rfc_2617_and_407_has_its_own_header() -> None:
    answer = client().answer(request(), challenged(digest(extra=""), status=407))
    assert answer is not None
    params = parse_auth(answer["Proxy-Authorization"], credentials=True).params
    ha1, ha2 = h("md5", "31201234567:trunk:geheim"), h("md5", f"REGISTER:{REGISTRAR}")
    assert params["response"] == h("md5", f"{ha1}:n1:{ha2}")
    assert "nc" not in params


def test_first_challenge_that_we_can_answer_is_taken() -> None:
    offered = (digest("a", ", algorithm=SHA-512-256"), digest("b", ", algorithm=SHA-256"), digest("c", ""))
    answer = client().answer(request(), challenged("Basic realm=x", *offered))
    assert answer is not None
    assert 'nonce="b"' in answer["Authorization"]


@pytest.mark.parametrize(
    "value",
    [
        "Basic realm=trunk",
        digest(extra=', qop="auth-int"'),
        digest(extra=", algorithm=MD5-sess"),
        digest(""),
        'Digest realm="trunk"',
        "",
        "Digest",
    ],
)
def test_challenges_beyond_us_are_not_answered(value: str) -> None:
    assert client().answer(request(), challenged(value)) is None


def test_password_is_not_given_to_another_realm() -> None:
    assert client(realm="trunk").answer(request(), challenged(digest(realm="evil"))) is None
    assert client(realm="trunk").answer(request(), challenged(digest())) is not None


def test_wrong_password_is_tried_once_a_nonce() -> None:
    ours = client()
    answer = ours.answer(request(), challenged(digest("n1")))
    assert answer is not None
    again = request(Authorization=answer["Authorization"])
    assert ours.answer(again, challenged(digest("n1")), answers_given=1) is None
    assert ours.answer(again, challenged(digest("n2")), answers_given=1) is None
    assert ours.preemptive("REGISTER", REGISTRAR) == {}


def test_stale_nonce_is_replaced_but_not_for_ever() -> None:
    ours = client()
    sent, answers = request(), 0
    for number in itertools.count():
        answer = ours.answer(sent, challenged(digest(f"n{number}", ", stale=TRUE")), answers)
        if answer is None:
            break
        answers += 1
        sent = request(Authorization=answer["Authorization"])
    assert answers == MAX_ANSWERS


def test_nonce_is_reused_with_a_rising_count_and_renewed_when_the_server_drops_it() -> None:
    ours = client()
    assert ours.answer(request(), challenged(digest("n1"))) is not None
    second = ours.preemptive("INVITE", "sip:x@trunk.example")
    assert "nc=00000002" in second["Authorization"]
    renewed = ours.answer(request(Authorization=second["Authorization"]), challenged(digest("n2")))
    assert renewed is not None
    assert "nc=00000001" in renewed["Authorization"]
    assert 'nonce="n2"' in ours.preemptive("INVITE", "sip:x@trunk.example")["Authorization"]


def test_proxy_and_server_both_ask() -> None:
    ours = client()
    first = ours.answer(request(), challenged(digest("p", realm="proxy"), status=407))
    assert first is not None
    second = ours.answer(
        request(Proxy_Authorization=first["Proxy-Authorization"]), challenged(digest("s", realm="server")), 1
    )
    assert second is not None
    assert set(ours.preemptive("INVITE", "sip:x@y")) == {"Authorization", "Proxy-Authorization"}


def test_other_statuses_are_no_challenge() -> None:
    assert client().answer(request(), challenged(digest(), status=403)) is None


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\r\nVia: x", "\x00"])
def test_user_names_that_would_break_the_header_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        Credentials(name, "x")


def test_password_is_not_in_the_repr() -> None:
    assert "geheim" not in repr(Credentials("a", "geheim"))


@given(st.lists(st.text(st.characters(exclude_characters="\r\n")), max_size=4), st.sampled_from([401, 407]))
def test_any_challenge_is_answered_or_refused(values: list[str], status: int) -> None:
    answer = client().answer(request(), challenged(*values, status=status))
    assert answer is None or list(answer) == ["Authorization" if status == 401 else "Proxy-Authorization"]


@settings(max_examples=10)
@given(st.lists(st.integers(0, 10_000), min_size=50, max_size=120))
def test_a_server_that_invents_realms_does_not_grow_us(realms: list[int]) -> None:
    ours = client()
    for realm in realms:
        ours.answer(request(), challenged(digest(realm=str(realm))))
    assert len(ours._nonces) <= 16
