"""Inbound calls: setup, CANCEL, ACK, retransmission, reliable provisionals, where responses go."""
# ruff: noqa: E501 - the messages are quoted as they go over the wire

from tests.sip.bench import (
    ANSWER,
    OFFER,
    PEER,
    Bench,
    answered,
    local_tag,
    methods,
    only_request,
    only_response,
    request,
    statuses,
)
from voicebot.sip.addressing import Hop
from voicebot.sip.call_control import Ended
from voicebot.sip.core import Outcome, UserAgentConfig


def test_invite_gets_100_at_once_then_180_then_200_with_what_a_dialog_needs() -> None:
    bench = Bench()
    routes = ("Record-Route: <sip:p2.example;lr>", "Record-Route: <sip:p1.example;lr>")
    assert statuses(bench.inject(request(headers=routes))) == [100]
    call = bench.calls[0]
    assert (call.facts.caller, call.facts.called, call.facts.offer) == ("+31201234567", "bot", OFFER)
    call.ring()
    ringing = only_response(bench.take(), 180)
    outcomes: list[Outcome] = []
    call.accept(ANSWER, outcomes.append)
    ok = only_response(bench.take(), 200)
    for response in (ringing, ok):
        assert response.headers.get("record-route") == ["<sip:p2.example;lr>", "<sip:p1.example;lr>"]
        assert response.headers.get_first("contact") == "<sip:voicebot@10.0.0.1:5060>"
    assert ok.headers.get_first("allow")
    assert ok.headers.get_first("supported")
    assert ok.text == ANSWER
    assert local_tag(ok) == local_tag(ringing)
    assert outcomes == []
    bench.inject(request("ACK", branch="z9hG4bKa", to_tag=local_tag(ok)))
    assert outcomes == [Outcome(200, "OK", None)]


def test_invite_retransmitted_three_times_is_one_call_and_the_last_response_again() -> None:
    bench = Bench()
    bench.inject(request())
    bench.calls[0].ring()
    bench.take()
    for _ in range(3):
        assert statuses(bench.inject(request())) == [180]
    assert len(bench.calls) == 1


def test_request_retransmitted_after_its_200_gets_the_200_again() -> None:
    bench = Bench()
    _, tag = answered(bench)
    bye = request("BYE", cseq=2, branch="z9hG4bKbye", to_tag=tag)
    assert statuses(bench.inject(bye)) == [200]
    assert statuses(bench.inject(bye)) == [200]
    assert statuses(bench.inject(request("BYE", cseq=3, branch="z9hG4bKbye2", to_tag=tag))) == [481]


def test_200_is_repeated_until_the_ack_and_answers_invite_retransmissions_once_gone() -> None:
    bench = Bench()
    bench.inject(request())
    bench.calls[0].accept(ANSWER, lambda outcome: None)
    tag = local_tag(only_response(bench.take(), 200))
    # T1, doubling to T2: 0.5, 1.5, 3.5, 7.5, 11.5
    assert statuses(bench.pass_time(12)) == [200] * 5
    bench.inject(request("ACK", branch="z9hG4bKa", to_tag=tag))
    assert bench.pass_time(40) == []


def test_200_never_acknowledged_ends_the_call_with_a_bye_after_64_t1() -> None:
    bench = Bench()
    bench.inject(request())
    outcomes: list[Outcome] = []
    bench.calls[0].accept(ANSWER, outcomes.append)
    bench.take()
    sent = bench.pass_time(32.1)
    assert methods(sent) == ["BYE"]
    assert [outcome.status for outcome in outcomes] == [408]
    assert bench.events[bench.calls[0]] == [Ended("network", "no ACK")]
    bench.pass_time(120)
    assert bench.is_empty()


def test_delayed_offer_our_offer_in_200_and_their_answer_in_the_ack() -> None:
    bench = Bench()
    bench.inject(request(body=""))
    call = bench.calls[0]
    assert call.facts.offer is None
    outcomes: list[Outcome] = []
    call.accept(OFFER, outcomes.append)
    tag = local_tag(only_response(bench.take(), 200))
    bench.inject(request("ACK", branch="z9hG4bKa", to_tag=tag, body=ANSWER))
    assert outcomes[0].sdp == ANSWER


def test_cancel_gets_200_and_the_invite_487() -> None:
    bench = Bench()
    bench.inject(request())
    call = bench.calls[0]
    call.ring()
    ringing_tag = local_tag(only_response(bench.take(), 180))
    replies = bench.inject(request("CANCEL"))
    assert statuses(replies) == [200, 487]
    assert local_tag(only_response(replies, 487)) == ringing_tag
    assert bench.events[call] == [Ended("peer", "cancelled")]
    outcomes: list[Outcome] = []
    call.accept(ANSWER, outcomes.append)
    assert [outcome.status for outcome in outcomes] == [487]
    bench.inject(request("ACK", to_tag=ringing_tag))
    bench.pass_time(60)
    assert bench.is_empty()


def test_cancel_after_the_200_changes_nothing() -> None:
    bench = Bench()
    bench.inject(request())
    bench.calls[0].accept(ANSWER, lambda outcome: None)
    tag = local_tag(only_response(bench.take(), 200))
    assert statuses(bench.inject(request("CANCEL"))) == [200]
    bench.inject(request("ACK", branch="z9hG4bKa", to_tag=tag))
    assert bench.events[bench.calls[0]] == []


def test_cancel_of_nothing_gets_481() -> None:
    assert statuses(Bench().inject(request("CANCEL"))) == [481]


def test_bye_before_the_ack_ends_the_call_and_tells_who_accepts() -> None:
    bench = Bench()
    bench.inject(request())
    outcomes: list[Outcome] = []
    bench.calls[0].accept(ANSWER, outcomes.append)
    tag = local_tag(only_response(bench.take(), 200))
    assert statuses(bench.inject(request("BYE", cseq=2, branch="z9hG4bKb", to_tag=tag))) == [200]
    assert [outcome.status for outcome in outcomes] == [487]
    assert bench.pass_time(31) == []


def test_early_bye_gets_200_and_the_invite_487() -> None:
    bench = Bench()
    bench.inject(request())
    bench.calls[0].ring()
    tag = local_tag(only_response(bench.take(), 180))
    assert statuses(bench.inject(request("BYE", cseq=2, branch="z9hG4bKb", to_tag=tag))) == [200, 487]


def test_rejected_call_repeats_its_refusal_until_the_ack_and_leaves_nothing() -> None:
    bench = Bench()
    bench.inject(request())
    call = bench.calls[0]
    call.reject(486, "Busy\r\nX-Evil: 1")
    busy = only_response(bench.take(), 486)
    assert "x-evil" not in busy.headers
    assert statuses(bench.pass_time(2)) == [486, 486]
    assert bench.inject(request("ACK", to_tag=local_tag(busy))) == []
    assert bench.pass_time(60) == []
    assert bench.is_empty()


def test_hang_up_before_the_ack_waits_for_it() -> None:
    bench = Bench()
    bench.inject(request())
    call = bench.calls[0]
    call.accept(ANSWER, lambda outcome: None)
    tag = local_tag(only_response(bench.take(), 200))
    call.hang_up()
    assert bench.take() == []
    assert methods(bench.inject(request("ACK", branch="z9hG4bKa", to_tag=tag))) == ["BYE"]


def test_fifty_hang_ups_by_us_leave_nothing() -> None:
    bench = Bench()
    for number in range(50):
        call, _ = answered(bench, call_id=f"c{number}@peer", branch=f"z9hG4bKn{number}")
        call.hang_up()
        bye = only_request(bench.take(), "BYE")
        assert bye.uri == "sip:caller@10.0.0.2:5060"
        bench.inject(
            "SIP/2.0 200 OK\r\n"
            + "".join(
                f"{name}: {bye.headers.get_first(name)}\r\n"
                for name in ("Via", "From", "To", "Call-ID", "CSeq")
            )
            + "\r\n"
        )
    assert bench.agent.statistics().calls == 0
    bench.pass_time(40)
    assert bench.is_empty()


def test_nobody_answers_480_after_the_limit() -> None:
    bench = Bench(config=UserAgentConfig(max_ringing_seconds=30))
    bench.inject(request())
    bench.calls[0].ring()
    bench.take()
    assert statuses(bench.pass_time(30))[0] == 480
    assert isinstance(bench.events[bench.calls[0]][-1], Ended)


def test_180_is_repeated_each_minute_for_the_proxies() -> None:
    bench = Bench()
    bench.inject(request())
    bench.calls[0].ring()
    bench.take()
    assert statuses(bench.pass_time(130)) == [180, 180]


class TestReliableProvisionals:
    def test_180_with_rseq_is_repeated_until_its_prack(self) -> None:
        bench = Bench()
        bench.inject(request(headers=("Supported: 100rel",)))
        bench.calls[0].ring()
        ringing = only_response(bench.take(), 180)
        rseq = ringing.headers.get_first("rseq")
        assert ringing.headers.get_first("require") == "100rel"
        assert statuses(bench.pass_time(3.6)) == [180] * 3
        tag = local_tag(ringing)
        wrong = request("PRACK", cseq=2, branch="z9hG4bKp1", to_tag=tag, headers=("RAck: 1 9 INVITE",))
        assert statuses(bench.inject(wrong)) == [481]
        right = request("PRACK", cseq=3, branch="z9hG4bKp2", to_tag=tag, headers=(f"RAck: {rseq} 1 INVITE",))
        assert statuses(bench.inject(right)) == [200]
        assert bench.pass_time(30) == []

    def test_no_prack_ends_the_call(self) -> None:
        bench = Bench()
        bench.inject(request(headers=("Require: 100rel",)))
        bench.calls[0].ring()
        bench.take()
        assert statuses(bench.pass_time(32.1))[-1] == 504

    def test_answer_stops_the_repetition_and_a_late_prack_still_gets_200(self) -> None:
        bench = Bench()
        bench.inject(request(headers=("Require: 100rel",)))
        call = bench.calls[0]
        call.ring()
        ringing = only_response(bench.take(), 180)
        call.accept(ANSWER, lambda outcome: None)
        tag = local_tag(only_response(bench.take(), 200))
        headers = (f"RAck: {ringing.headers.get_first('rseq')} 1 INVITE",)
        prack = request("PRACK", cseq=2, branch="z9hG4bKp", to_tag=tag, headers=headers)
        assert statuses(bench.inject(prack)) == [200]
        assert 180 not in statuses(bench.pass_time(20))

    def test_without_an_offer_no_reliable_180_goes_out(self) -> None:
        bench = Bench()
        bench.inject(request(headers=("Require: 100rel",), body=""))
        bench.calls[0].ring()
        assert bench.take() == []

    def test_not_used_where_only_supported_and_switched_off(self) -> None:
        bench = Bench(config=UserAgentConfig(has_reliable_provisionals=False))
        bench.inject(request(headers=("Supported: 100rel",)))
        bench.calls[0].ring()
        assert "rseq" not in only_response(bench.take(), 180).headers


def test_sdp_in_a_multipart_body_is_found() -> None:
    parts = f"--b\r\nContent-Type: application/isup\r\n\r\nX\r\n--b\r\nContent-Type: application/sdp\r\n\r\n{OFFER}--b--\r\n"
    bench = Bench()
    bench.inject(request(body=parts, content_type="multipart/mixed;boundary=b"))
    assert "m=audio 4000" in (bench.calls[0].facts.offer or "")


def test_facts_prefer_the_asserted_identity_and_keep_headers_of_interest() -> None:
    bench = Bench()
    headers = (
        'P-Asserted-Identity: "Jan \\"x\\" <y>" <sip:+32470123456@trunk>',
        "Diversion: <sip:0800@trunk>;reason=unconditional",
        "X-Line: nl",
        "Subject: no",
    )
    bench.inject(request(headers=headers))
    facts = bench.calls[0].facts
    assert (facts.caller, facts.display_name) == ("+32470123456", 'Jan "x" <y>')
    assert facts.headers["x-line"] == "nl"
    assert "reason=unconditional" in facts.headers["diversion"]
    assert "subject" not in facts.headers


class TestWhereResponsesGo:
    def test_rport_brings_them_to_the_source(self) -> None:
        bench = Bench()
        bench.agent.receive(request().encode(), Hop("udp", "10.9.9.9", 40000))
        trying, hop = bench.take_with_hops()[0]
        assert hop == Hop("udp", "10.9.9.9", 40000)
        via = trying.headers.get_first("via") or ""
        assert "received=10.9.9.9" in via
        assert "rport=40000" in via

    def test_without_rport_to_the_sent_by_port_at_the_source_address(self) -> None:
        bench = Bench()
        via = "Via: SIP/2.0/UDP somewhere.example:5099;branch=z9hG4bKx"
        bench.agent.receive(request(via=via).encode(), Hop("udp", "10.9.9.9", 40000))
        trying, hop = bench.take_with_hops()[0]
        assert hop == Hop("udp", "10.9.9.9", 5099)
        assert "received=10.9.9.9" in (trying.headers.get_first("via") or "")

    def test_over_the_connection_they_came_on(self) -> None:
        bench = Bench()
        via = "Via: SIP/2.0/TCP 10.0.0.2:5060;branch=z9hG4bKx"
        bench.agent.receive(request(via=via).encode(), Hop("tcp", "10.0.0.2", 41000, 7))
        assert bench.take_with_hops()[0][1].connection == 7

    def test_a_port_that_is_none_drops_the_packet_and_the_next_one_works(self) -> None:
        bench = Bench()
        assert bench.inject(request(via="Via: SIP/2.0/UDP 10.0.0.2:99999;branch=z9hG4bKx")) == []
        assert bench.inject(request(via="Via: SIP/2.0/UDP 10.0.0.2:0;branch=z9hG4bKx")) == []
        assert bench.inject(request(), Hop("udp", "10.0.0.2", 0)) == []
        assert statuses(bench.inject(request())) == [100]
        assert bench.agent.statistics().dropped == {"garbage": 2, "source": 1}


def test_requests_in_the_dialog_follow_the_record_route() -> None:
    bench = Bench()
    routes = ("Record-Route: <sip:10.0.0.8;lr>, <sip:10.0.0.9:5070;lr>",)
    call, _ = answered(bench, headers=routes)
    call.hang_up()
    bye, hop = bench.take_with_hops()[0]
    assert hop == Hop("udp", "10.0.0.8", 5060)
    assert bye.headers.get("route") == ["<sip:10.0.0.8;lr>", "<sip:10.0.0.9:5070;lr>"]
    assert only_request([bye], "BYE").uri == "sip:caller@10.0.0.2:5060"


def test_rfc2543_peer_without_branch_is_one_call() -> None:
    bench = Bench()
    old = request(via="Via: SIP/2.0/UDP 10.0.0.2:5060", branch="1")
    bench.inject(old)
    bench.inject(old)
    assert len(bench.calls) == 1


def test_source_is_reported() -> None:
    bench = Bench()
    bench.inject(request())
    assert bench.calls[0].facts.source == (PEER.host, PEER.port)
