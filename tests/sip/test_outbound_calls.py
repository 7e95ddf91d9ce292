"""Outbound calls: forks, early media, PRACK, digest, CANCEL, failures, proxies."""

import pytest

from tests.sip.bench import (
    ANSWER,
    OFFER,
    PEER,
    Bench,
    established,
    methods,
    only_request,
    request,
    response,
    statuses,
)
from voicebot.errors import SipError
from voicebot.sip.addressing import Hop
from voicebot.sip.call_control import Answered, Ended, Ringing, SetupFailed
from voicebot.sip.core import Outcome, UserAgentConfig
from voicebot.sip.digest import Credentials, DigestClient

CHALLENGE = ('WWW-Authenticate: Digest realm="pbx", nonce="n1", qop="auth", algorithm=MD5',)


def digest() -> DigestClient:
    return DigestClient(Credentials("bot", "secret"), new_cnonce=lambda: "c")


def test_invite_says_what_we_can_do_and_keeps_our_headers() -> None:
    bench = Bench()
    bench.dial(headers={"X-Call": "7", "From": "<sip:evil@x>"}, display_name='De "bot"')
    invite = only_request(bench.take(), "INVITE")
    assert invite.headers.get_first("x-call") == "7"
    assert (invite.headers.get_first("from") or "").startswith('"De bot" <sip:bot@10.0.0.1>;tag=')
    assert len(invite.headers.get("from")) == 1
    for name in ("allow", "supported", "contact", "session-expires", "max-forwards"):
        assert invite.headers.get_first(name)
    assert invite.text == OFFER


def test_header_injection_is_refused() -> None:
    bench = Bench()
    with pytest.raises(SipError):
        bench.dial(headers={"X-Call": "7\r\nX-Evil: 1"})
    with pytest.raises(SipError):
        bench.dial(uri="sip:a@b SIP/2.0\r\nX-Evil: 1")
    assert bench.is_empty()


def test_lost_invite_is_sent_again_and_given_up_with_408() -> None:
    bench = Bench()
    call = bench.dial()
    sent = [*bench.take(), *bench.pass_time(32.1)]
    assert methods(sent) == ["INVITE"] * 7
    assert bench.events[call] == [SetupFailed(408, "Request Timeout")]
    assert bench.is_empty()


@pytest.mark.parametrize("status", [302, 404, 486, 500, 603])
def test_failure_is_acknowledged_each_time_and_reported(status: int) -> None:
    bench = Bench()
    call = bench.dial()
    invite = only_request(bench.take(), "INVITE")
    failure = response(invite, status, headers=("Contact: <sip:elsewhere@10.0.0.3>",), contact="")
    for _ in range(2):
        ack = only_request(bench.inject(failure), "ACK")
        assert ack.headers.get("via") == invite.headers.get("via")
        assert (ack.headers.get_first("to") or "").endswith(";tag=pt")
        assert ack.headers.get_first("cseq") == "1 ACK"
    assert bench.events[call] == [SetupFailed(status, "Whatever")]
    bench.pass_time(40)
    assert bench.is_empty()


def test_answer_is_acknowledged_again_when_it_comes_again() -> None:
    bench = Bench()
    call, invite = established(bench)
    assert bench.events[call] == [Answered(ANSWER)]
    again = [only_request(bench.inject(response(invite, 200, body=ANSWER)), "ACK") for _ in range(2)]
    assert bytes(again[0]) == bytes(again[1])
    bench.pass_time(40)  # the transaction is gone by now
    assert methods(bench.inject(response(invite, 200, body=ANSWER))) == ["ACK"]


def test_200_of_another_fork_than_the_180_has_its_own_tag_and_target() -> None:
    bench = Bench()
    call = bench.dial()
    invite = only_request(bench.take(), "INVITE")
    bench.inject(response(invite, 180, tag="one"))
    ok = response(invite, 200, tag="two", body=ANSWER, contact="<sip:two@10.0.0.7:5080>")
    ack = only_request(bench.inject(ok), "ACK")
    assert (ack.headers.get_first("to") or "").endswith(";tag=two")
    assert ack.uri == "sip:two@10.0.0.7:5080"
    call.hang_up()
    bye, hop = bench.take_with_hops()[0]
    assert (bye.headers.get_first("to") or "").endswith(";tag=two")
    assert hop == Hop("udp", "10.0.0.7", 5080)
    assert bench.events[call] == [Ringing(180, None), Answered(ANSWER), Ended("us", "")]


def test_second_fork_that_answers_is_acknowledged_and_hung_up() -> None:
    bench = Bench()
    call, invite = established(bench)
    second = response(invite, 200, tag="two", body=ANSWER, contact="<sip:two@10.0.0.7>")
    sent = bench.inject(second)
    assert methods(sent) == ["ACK", "BYE"]
    assert all((message.headers.get_first("to") or "").endswith(";tag=two") for message in sent)
    assert methods(bench.inject(second)) == ["ACK"]
    bench.inject(response(only_request(sent, "BYE"), 200))
    assert not call.has_ended


def test_record_routing_proxy_sees_ack_and_bye() -> None:
    bench = Bench()
    call = bench.dial()
    invite = only_request(bench.take(), "INVITE")
    routes = ("Record-Route: <sip:10.0.0.9;lr>, <sip:10.0.0.8:5070;lr>",)
    bench.inject(response(invite, 200, body=ANSWER, headers=routes, contact="<sip:agent@192.168.1.5:5080>"))
    bench.take()
    ack_again = response(invite, 200, body=ANSWER, headers=routes, contact="<sip:agent@192.168.1.5:5080>")
    bench.agent.receive(ack_again.encode(), PEER)
    call.hang_up()
    for message, hop in bench.take_with_hops():
        assert hop == Hop("udp", "10.0.0.8", 5070)
        assert message.headers.get("route") == ["<sip:10.0.0.8:5070;lr>", "<sip:10.0.0.9;lr>"]
        assert only_request([message], methods([message])[0]).uri == "sip:agent@192.168.1.5:5080"


def test_strict_router_gets_its_uri_and_the_target_last() -> None:
    bench = Bench()
    call = bench.dial()
    invite = only_request(bench.take(), "INVITE")
    sent = bench.inject(response(invite, 200, body=ANSWER, headers=("Record-Route: <sip:10.0.0.8>",)))
    ack = only_request(sent, "ACK")
    assert ack.uri == "sip:10.0.0.8"
    assert ack.headers.get("route") == ["<sip:agent@10.0.0.2:5060>"]
    assert call.dialog is not None


def test_challenge_is_answered_with_all_headers_a_new_branch_and_the_next_cseq() -> None:
    bench = Bench(digest=digest())
    call = bench.dial(headers={"X-Call": "7", "P-Asserted-Identity": "<sip:1@x>"})
    invite = only_request(bench.take(), "INVITE")
    sent = bench.inject(response(invite, 401, headers=CHALLENGE))
    assert methods(sent) == ["ACK", "INVITE"]
    again = only_request(sent, "INVITE")
    assert again.headers.get_first("cseq") == "2 INVITE"
    assert again.headers.get("via") != invite.headers.get("via")
    assert again.call_id == invite.call_id
    assert again.headers.get_first("from") == invite.headers.get_first("from")
    assert "nc=00000001" in (again.headers.get_first("authorization") or "")
    for name in ("x-call", "p-asserted-identity", "contact", "supported"):
        assert again.headers.get(name) == invite.headers.get(name)
    assert again.text == OFFER
    ack = only_request(bench.inject(response(again, 200, body=ANSWER)), "ACK")
    assert ack.headers.get_first("cseq") == "2 ACK"
    assert bench.events[call] == [Answered(ANSWER)]


def test_wrong_password_is_a_failure_not_a_loop() -> None:
    bench = Bench(digest=digest())
    call = bench.dial()
    sent = bench.take()
    for _ in range(5):
        invites = [m for m in sent if methods([m]) == ["INVITE"]]
        if not invites:
            break
        sent = bench.inject(response(only_request(invites, "INVITE"), 401, headers=CHALLENGE))
    assert bench.events[call] == [SetupFailed(401, "Whatever")]


def test_challenged_bye_is_answered() -> None:
    bench = Bench(digest=digest())
    call, _ = established(bench)
    call.hang_up()
    bye = only_request(bench.take(), "BYE")
    headers = ('Proxy-Authenticate: Digest realm="pbx", nonce="n2"',)
    again = only_request(bench.inject(response(bye, 407, headers=headers)), "BYE")
    assert again.headers.get_first("proxy-authorization")
    bench.inject(response(again, 200))
    assert bench.agent.statistics().calls == 0


def test_422_asks_for_longer_and_tries_again() -> None:
    bench = Bench()
    bench.dial()
    invite = only_request(bench.take(), "INVITE")
    sent = bench.inject(response(invite, 422, headers=("Min-SE: 3600",)))
    again = only_request(sent, "INVITE")
    assert again.headers.get_first("session-expires") == "3600"
    assert again.headers.get_first("min-se") == "3600"


def test_early_media_is_reported() -> None:
    bench = Bench()
    call = bench.dial()
    invite = only_request(bench.take(), "INVITE")
    bench.inject(response(invite, 100, tag=""))
    bench.inject(response(invite, 183, body=ANSWER))
    assert bench.events[call] == [Ringing(183, ANSWER)]


class TestPrack:
    def test_reliable_provisionals_are_acknowledged_in_order_once(self) -> None:
        bench = Bench()
        call = bench.dial()
        invite = only_request(bench.take(), "INVITE")
        first = response(invite, 183, body=ANSWER, headers=("Require: 100rel", "RSeq: 10"))
        prack = only_request(bench.inject(first), "PRACK")
        assert prack.headers.get_first("rack") == "10 1 INVITE"
        assert prack.headers.get_first("cseq") == "2 PRACK"
        assert methods(bench.inject(first)) == []
        assert methods(bench.inject(first.replace("RSeq: 10", "RSeq: 12"))) == []
        assert methods(bench.inject(first.replace("RSeq: 10", "RSeq: 11"))) == ["PRACK"]
        assert bench.events[call] == [Ringing(183, ANSWER)] * 2

    def test_the_bye_after_it_has_a_higher_cseq(self) -> None:
        bench = Bench()
        call = bench.dial()
        invite = only_request(bench.take(), "INVITE")
        bench.inject(response(invite, 180, headers=("Require: 100rel", "RSeq: 1")))
        ack = only_request(bench.inject(response(invite, 200, body=ANSWER)), "ACK")
        assert ack.headers.get_first("cseq") == "1 ACK"
        call.hang_up()
        assert only_request(bench.take(), "BYE").headers.get_first("cseq") == "3 BYE"


class TestCancel:
    def test_waits_for_a_provisional_response(self) -> None:
        bench = Bench()
        call = bench.dial()
        invite = only_request(bench.take(), "INVITE")
        call.hang_up()
        assert bench.take() == []
        cancel = only_request(bench.inject(response(invite, 180)), "CANCEL")
        assert cancel.headers.get("via") == invite.headers.get("via")
        assert cancel.headers.get_first("to") == invite.headers.get_first("to")
        assert cancel.headers.get_first("cseq") == "1 CANCEL"
        bench.inject(response(cancel, 200))
        assert methods(bench.inject(response(invite, 487))) == ["ACK"]
        assert bench.events[call] == [Ended("us", "cancelled")]
        bench.pass_time(40)
        assert bench.is_empty()

    def test_answer_that_crosses_it_is_acknowledged_and_hung_up(self) -> None:
        bench = Bench()
        call = bench.dial()
        invite = only_request(bench.take(), "INVITE")
        bench.inject(response(invite, 180))
        call.hang_up()
        bench.take()
        sent = bench.inject(response(invite, 200, body=ANSWER))
        assert methods(sent) == ["ACK", "BYE"]
        bench.inject(response(only_request(sent, "BYE"), 200))
        bench.pass_time(40)
        assert bench.is_empty()
        assert bench.events[call] == [Ringing(180, None), Ended("us", "cancelled")]

    def test_peer_that_never_says_487_is_forgotten_after_64_t1(self) -> None:
        bench = Bench()
        call = bench.dial()
        bench.inject(response(only_request(bench.take(), "INVITE"), 180))
        call.hang_up()
        bench.inject(response(only_request(bench.take(), "CANCEL"), 200))
        bench.pass_time(40)
        assert bench.is_empty()

    def test_nobody_answers(self) -> None:
        bench = Bench(config=UserAgentConfig(max_ringing_seconds=20))
        call = bench.dial()
        invite = only_request(bench.take(), "INVITE")
        bench.inject(response(invite, 180))
        sent = bench.pass_time(20)
        assert methods(sent)[0] == "CANCEL"
        assert bench.events[call][-1] == SetupFailed(408, "no answer")


def test_outbound_proxy_is_a_loose_route() -> None:
    bench = Bench()
    bench.dial(uri="sip:+31301234567@trunk.example", routes=("<sip:10.0.0.2;lr>",))
    invite, hop = bench.take_with_hops()[0]
    assert hop == PEER
    assert only_request([invite], "INVITE").uri == "sip:+31301234567@trunk.example"
    assert invite.headers.get("route") == ["<sip:10.0.0.2;lr>"]


def test_dead_transport_is_503_at_once() -> None:
    bench = Bench()
    call = bench.dial()
    bench.agent.transport_failed(PEER)
    assert bench.events[call] == [SetupFailed(503, "Service Unavailable")]
    assert bench.is_empty()


def test_lost_connection_sends_the_invite_once_more() -> None:
    bench = Bench()
    hop = Hop("tcp", "10.0.0.2", 5060)
    call = bench.dial(hop=hop)
    bench.take()
    bench.agent.connection_lost(hop)
    assert methods(bench.take()) == ["INVITE"]
    bench.agent.connection_lost(hop)
    assert bench.events[call] == [SetupFailed(503, "Service Unavailable")]


def test_answer_without_contact_is_still_hung_up_properly() -> None:
    bench = Bench()
    call, _ = established(bench, contact="")
    call.hang_up()
    assert only_request(bench.take(), "BYE").uri == "sip:agent@10.0.0.2"


def test_update_in_an_early_dialog_is_answered() -> None:
    bench = Bench()
    call = bench.dial()
    invite = only_request(bench.take(), "INVITE")
    bench.inject(response(invite, 183, body=ANSWER))
    update = request("UPDATE", cseq=1, to_tag=call.local_tag, from_tag="pt", call_id=call.call_id)
    assert statuses(bench.inject(update)) == [200]


def test_capacity_counts_outbound_calls_too() -> None:
    bench = Bench(config=UserAgentConfig(max_calls=1))
    bench.dial()
    with pytest.raises(SipError):
        bench.dial()


def test_commands_after_the_end_do_nothing() -> None:
    bench = Bench()
    call, _ = established(bench)
    call.hang_up()
    bench.inject(response(only_request(bench.take(), "BYE"), 200))
    outcomes: list[Outcome] = []
    call.hang_up()
    call.reinvite(OFFER, outcomes.append)
    call.send_info("application/dtmf-relay", "", outcomes.append)
    call.refer("sip:a@10.0.0.3", "", outcomes.append)
    call.answer_reoffer(OFFER)
    assert bench.take() == []
    assert [outcome.status for outcome in outcomes] == [481] * 3


def test_bye_before_the_answer_is_refused_and_leaves_nothing() -> None:
    bench = Bench()
    call = bench.dial()
    bench.inject(response(only_request(bench.take(), "INVITE"), 180))
    bye = request("BYE", cseq=1, to_tag=call.local_tag, from_tag="pt", call_id=call.call_id)
    assert statuses(bench.inject(bye)) == [481]
    bench.pass_time(300)
    assert bench.is_empty()


def test_malformed_record_route_in_a_response_is_survived() -> None:
    bench = Bench()
    call = bench.dial()
    invite = only_request(bench.take(), "INVITE")
    headers = ("Record-Route: <:a;lr>", "Require: 100rel", "RSeq: 1")
    assert methods(bench.inject(response(invite, 180, headers=headers))) == []
    assert methods(bench.inject(response(invite, 200, headers=headers, body=ANSWER))) == ["ACK"]
    call.hang_up()
    assert methods(bench.take()) == ["BYE"]
