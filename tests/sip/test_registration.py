"""Registration through the failures that a trunk shows in a year."""

from __future__ import annotations

import pytest
from aiosipua.message import SipRequest, SipResponse
from hypothesis import given
from hypothesis import strategies as st

from voicebot.sip.digest import Credentials, DigestClient
from voicebot.sip.registration import Registration, RegistrationSettings, RegistrationState

SETTINGS = RegistrationSettings("sip:bot@trunk.example", "sip:trunk.example", "sip:bot@192.0.2.1:5060")
CHALLENGE = 'Digest realm="trunk", nonce="{}", qop="auth"'


def registration(settings: RegistrationSettings = SETTINGS, *, account: bool = False) -> Registration:
    digest = DigestClient(Credentials("bot", "geheim"), lambda: "c") if account else None
    return Registration(settings, call_id="abc", from_tag="t1", digest=digest)


def reply(request: SipRequest | None, status: int, **headers: str) -> SipResponse:
    assert request is not None
    response = SipResponse(status_code=status, reason_phrase="X")
    for name in ("Call-ID", "CSeq"):
        response.set_header(name, request.get_header(name) or "")
    for name, value in headers.items():
        response.add_header(name.replace("_", "-"), value)
    return response


def registered(expires: int = 100) -> Registration:
    made = registration()
    made.response_received(reply(made.start(0), 200, Expires=str(expires)), 0)
    assert made.state is RegistrationState.REGISTERED
    return made


def cseq(request: SipRequest | None) -> str | None:
    return request and request.get_header("CSeq")


def test_request_has_what_rfc_3261_section_10_2_wants() -> None:
    request = registration().start(0)
    assert request is not None
    assert (request.method, request.uri) == ("REGISTER", "sip:trunk.example")
    wanted = {
        "From": "<sip:bot@trunk.example>;tag=t1",
        "To": "<sip:bot@trunk.example>",
        "Call-ID": "abc",
        "CSeq": "1 REGISTER",
        "Contact": "<sip:bot@192.0.2.1:5060>;expires=300",
        "Expires": "300",
    }
    assert {name: request.get_header(name) for name in wanted} == wanted


def test_refresh_at_three_quarters_of_what_was_granted_in_the_same_dialog_of_requests() -> None:
    made = registered(expires=100)
    assert made.deadline == 75
    assert made.tick(74.9) is None
    refresh = made.tick(75)
    assert cseq(refresh) == "2 REGISTER"
    assert made.state is RegistrationState.REGISTERED
    assert made.is_bound(99)
    assert not made.is_bound(100)
    made.response_received(reply(refresh, 200, Expires="60"), 76)
    assert made.deadline == 76 + 45


@pytest.mark.parametrize(
    ("headers", "granted"),
    [
        ({"Contact": "<sip:bot@192.0.2.1>;expires=60", "Expires": "999"}, 60),
        ({"Contact": "<sip:bot@192.0.2.1:5060;transport=udp>;q=1;expires=60"}, 60),
        ({"Contact": "<sip:bot@192.0.2.1:5060>", "Expires": "120"}, 120),
        ({"Contact": "<sip:bot@192.0.2.1:5060>;expires=soon"}, 300),
        ({}, 300),
        ({"Expires": "4294967295"}, 86_400),
    ],
)
def test_what_was_granted(headers: dict[str, str], granted: int) -> None:
    made = registration()
    made.response_received(reply(made.start(0), 200, **headers), 0)
    assert made.is_bound(granted - 1)
    assert not made.is_bound(granted)


def test_our_own_binding_counts_among_others() -> None:
    made = registration()
    response = reply(made.start(0), 200)
    response.add_header("Contact", "<sip:bot@10.0.0.9:5060>;expires=5")
    response.add_header("Contact", "<sip:bot@192.0.2.1:5060>;expires=200")
    made.response_received(response, 0)
    assert made.deadline == 150


@pytest.mark.parametrize("headers", [{"Contact": "<sip:bot@10.0.0.9>;expires=60"}, {"Expires": "0"}])
def test_success_without_our_binding_is_a_failure(headers: dict[str, str]) -> None:
    made = registration()
    made.response_received(reply(made.start(0), 200, **headers), 0)
    assert made.state is RegistrationState.WAITING_TO_RETRY
    assert not made.is_bound(1)


def test_challenge_is_answered_with_a_higher_cseq_and_the_nonce_reused_at_refresh() -> None:
    made = registration(account=True)
    retry = made.response_received(reply(made.start(0), 401, WWW_Authenticate=CHALLENGE.format("n1")), 0)
    assert retry is not None
    assert cseq(retry) == "2 REGISTER"
    assert "nc=00000001" in (retry.get_header("Authorization") or "")
    made.response_received(reply(retry, 200, Expires="100"), 0)
    refresh = made.tick(75)
    assert refresh is not None
    assert "nc=00000002" in (refresh.get_header("Authorization") or "")
    again = made.response_received(reply(refresh, 401, WWW_Authenticate=CHALLENGE.format("n2")), 75)
    assert again is not None
    assert made.state is RegistrationState.REGISTERED


def test_proxy_challenge_keeps_the_answer_to_the_registrars() -> None:
    made = registration(account=True)
    first = made.response_received(reply(made.start(0), 407, Proxy_Authenticate=CHALLENGE.format("p")), 0)
    second = made.response_received(reply(first, 401, WWW_Authenticate=CHALLENGE.format("s")), 0)
    assert second is not None
    assert second.get_header("Proxy-Authorization")
    assert second.get_header("Authorization")


def test_wrong_password_does_not_hammer_and_does_not_give_up() -> None:
    made = registration(account=True)
    retry = made.response_received(reply(made.start(0), 401, WWW_Authenticate=CHALLENGE.format("n1")), 0)
    assert made.response_received(reply(retry, 401, WWW_Authenticate=CHALLENGE.format("n2")), 1) is None
    assert made.state is RegistrationState.WAITING_TO_RETRY
    assert made.last_failure == "401 X"
    assert made.deadline == 121
    assert cseq(made.tick(121)) == "3 REGISTER"


def test_423_raises_the_interval_once() -> None:
    made = registration()
    retry = made.response_received(reply(made.start(0), 423, Min_Expires="3600"), 0)
    assert retry is not None
    assert retry.get_header("Expires") == "3600"
    assert made.response_received(reply(retry, 423, Min_Expires="7200"), 0) is None
    assert made.state is RegistrationState.WAITING_TO_RETRY


@pytest.mark.parametrize("minimum", ["", "300", "-5", "x", "200"])
def test_423_without_sense_is_a_failure(minimum: str) -> None:
    made = registration()
    assert made.response_received(reply(made.start(0), 423, Min_Expires=minimum), 0) is None
    assert made.state is RegistrationState.WAITING_TO_RETRY


def test_waits_double_up_to_the_longest_for_as_long_as_it_fails() -> None:
    made = registration()
    now, waits, request = 0.0, [], made.start(0)
    for _ in range(10):
        made.response_received(reply(request, 503), now)
        assert made.deadline is not None
        waits.append(made.deadline - now)
        now = made.deadline
        request = made.tick(now)
    assert waits == [2, 4, 8, 16, 32, 64, 120, 120, 120, 120]
    made.response_received(reply(request, 200), now)
    assert made.state is RegistrationState.REGISTERED
    assert made.failures_in_a_row == 0


def test_retry_after_is_heeded_within_bounds() -> None:
    made = registration()
    made.response_received(reply(made.start(0), 503, Retry_After="30 (maintenance);duration=60"), 0)
    assert made.deadline == 30
    made.response_received(reply(made.tick(30), 503, Retry_After="9999"), 30)
    assert made.deadline == 150


def test_jitter_shortens_a_wait_by_half_at_most() -> None:
    made = Registration(SETTINGS, call_id="abc", from_tag="t", jitter=lambda: 0.0)
    made.response_received(reply(made.start(0), 503), 0)
    assert made.deadline == 1


def test_no_response_at_all() -> None:
    made = registration()
    made.start(0)
    assert made.tick(39) is None
    assert made.tick(40) is None
    assert made.state is RegistrationState.WAITING_TO_RETRY
    assert cseq(made.tick(42)) == "2 REGISTER"


def test_failed_refresh_keeps_the_binding_until_it_runs_out() -> None:
    made = registered(expires=100)
    made.tick(75)
    made.request_failed("timer F", 90)
    assert made.state is RegistrationState.WAITING_TO_RETRY
    assert made.is_bound(99)
    made.response_received(reply(made.tick(92), 200, Expires="100"), 93)
    assert made.state is RegistrationState.REGISTERED


def test_lost_connection_registers_anew() -> None:
    made = registered()
    assert made.transport_failed(10) is None
    assert not made.is_bound(10)
    assert made.deadline == 12
    again = made.transport_restored(11, "sip:bot@192.0.2.1:6000;transport=tcp")
    assert again is not None
    assert "192.0.2.1:6000" in (again.get_header("Contact") or "")


def test_unregister() -> None:
    made = registered()
    request = made.stop(50)
    assert request is not None
    assert request.get_header("Expires") == "0"
    assert made.state is RegistrationState.UNREGISTERING
    made.response_received(reply(request, 200), 50)
    assert made.state is RegistrationState.IDLE
    assert made.deadline is None
    assert made.stop(51) is None


def test_unregister_is_authenticated_too_and_ends_without_an_answer() -> None:
    made = registration(account=True)
    made.response_received(reply(made.start(0), 200), 0)
    retry = made.response_received(reply(made.stop(1), 401, WWW_Authenticate=CHALLENGE.format("n")), 1)
    assert retry is not None
    assert retry.get_header("Expires") == "0"
    made.tick(made.deadline or 0)
    assert made.state is RegistrationState.IDLE


def test_stop_and_start_while_a_request_is_under_way_wait_for_its_end() -> None:
    made = registration()
    first = made.start(0)
    assert made.stop(0) is None
    unregister = made.response_received(reply(first, 200), 1)
    assert unregister is not None
    assert unregister.get_header("Expires") == "0"
    assert made.start(1) is None
    again = made.response_received(reply(unregister, 200), 2)
    assert again is not None
    assert again.get_header("Expires") == "300"


def test_foreign_late_and_provisional_responses_change_nothing() -> None:
    made = registration()
    first = made.start(0)
    other = reply(first, 200)
    other.set_header("Call-ID", "other")
    for response in (reply(first, 100), other):
        assert made.response_received(response, 0) is None
    made.request_failed("timer F", 32)
    made.tick(34)
    made.response_received(reply(first, 200), 34)
    assert made.state is RegistrationState.REGISTERING


_STEPS = st.one_of(
    st.tuples(st.just("reply"), st.sampled_from([100, 200, 200, 302, 401, 403, 407, 423, 500, 503])),
    st.tuples(
        st.sampled_from(["tick", "start", "stop", "failed", "transport_failed", "restored"]), st.just(0)
    ),
)


@given(st.lists(_STEPS, max_size=40))
def test_never_stuck_never_two_requests_at_once(steps: list[tuple[str, int]]) -> None:
    made = registration(account=True)
    now, pending, wanted = 0.0, None, False
    sequence = 0
    for number, (kind, status) in enumerate(steps):
        now += 0.5
        if kind == "tick":
            now = max(now, made.deadline or now)
        sent = _step(made, kind, _reply_to(pending, status, number), now)
        wanted = {"start": True, "stop": False}.get(kind, wanted)
        if sent is not None:
            assert int((cseq(sent) or "0").split()[0]) == sequence + 1
            sequence += 1
            pending = sent
        assert (made.deadline is not None) or not wanted
        assert made.deadline is None or made.deadline <= now + 86_400
    made.stop(now)
    for _ in range(4):
        made.tick(made.deadline if made.deadline is not None else now)
    assert made.state is RegistrationState.IDLE


def _step(made: Registration, kind: str, response: SipResponse | None, now: float) -> SipRequest | None:
    if kind == "reply":
        return made.response_received(response, now) if response else None
    if kind == "failed":
        return made.request_failed("x", now)
    if kind == "restored":
        return made.transport_restored(now)
    steps = {
        "tick": made.tick,
        "start": made.start,
        "stop": made.stop,
        "transport_failed": made.transport_failed,
    }
    return steps[kind](now)


def _reply_to(pending: SipRequest | None, status: int, number: int) -> SipResponse | None:
    if pending is None:
        return None
    nonce = CHALLENGE.format(number)
    return reply(pending, status, WWW_Authenticate=nonce, Proxy_Authenticate=nonce, Min_Expires="400")
