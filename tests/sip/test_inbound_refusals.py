"""Requests from outside that are refused, dropped or only half followed: each with its right code."""

import pytest

from tests.sip.bench import (
    Bench,
    answered,
    only_response,
    request,
    statuses,
)
from voicebot.sip.core import UserAgentConfig


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (request("BYE"), 481),
        (request("BYE", to_tag="nobody"), 481),
        (request("INVITE", to_tag="nobody"), 481),
        (request("INFO", to_tag="nobody"), 481),
        (request("UPDATE"), 481),
        (request("NOTIFY"), 481),
        (request("PRACK"), 481),
        (request("OPTIONS", to_tag="nobody"), 481),
        (request("REGISTER"), 405),
        (request("SUBSCRIBE"), 405),
        (request("MESSAGE"), 405),
        (request("PUBLISH"), 405),
        (request("REFER", headers=("Refer-To: <sip:x@y>",)), 603),
        (request("NEWMETHOD"), 501),
        (request(uri="nobodyKnowsThisScheme:totallyopaquecontent"), 416),
        (request(uri="http://example.com/"), 416),
        (request(headers=("Require: nothingSupportsThis", "Require: timer")), 420),
        (request(headers=("Require: replaces", "Replaces: a;to-tag=b;from-tag=c")), 420),
        (request(body="<x/>", content_type="application/xml"), 415),
        (request(body="zip", headers=("Content-Encoding: gzip",)), 415),
        (request(body="v=0", content_type=""), 400),
        (request(headers=("Accept: text/plain",)), 406),
        (request(headers=("Session-Expires: 30", "Supported: timer")), 422),
        (request().replace("CSeq: 1 INVITE", "CSeq: 1 BYE"), 400),
        (request().replace("CSeq: 1 INVITE", "CSeq: 4294967296 INVITE"), 400),
        (request().replace("Max-Forwards: 70", "Max-Forwards: abc"), 400),
        (request().replace(";tag=ft", ""), 400),
        (request().replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia", 1), 505),
        (request().replace("Content-Length: ", "Content-Length: 9"), 400),
        (request().replace("Content-Length: ", "Content-Length: -"), 400),
        (request(contact=""), 400),
        (request(contact="<tel:+31201234567>"), 400),
        (request("OPTIONS"), 200),
        (request("OPTIONS", headers=("Require: foo",)), 420),
        (request(headers=("Content-Type: application/sdp",)), 400),
    ],
)
def test_the_right_code_for_what_is_wrong(message: str, status: int) -> None:
    bench = Bench()
    replies = bench.inject(message)
    assert statuses(replies)[-1] == status
    assert bench.calls == []


def test_refusals_carry_what_mends_them() -> None:
    bench = Bench()
    refused = only_response(bench.inject(request(headers=("Require: foo, timer",))), 420)
    assert refused.headers.get_first("unsupported") == "foo"
    refused = only_response(bench.inject(request("MESSAGE", branch="z9hG4bK2", call_id="b")), 405)
    assert "INVITE" in (refused.headers.get_first("allow") or "")
    wrong_body = request(body="x", content_type="text/plain", branch="z9hG4bK3", call_id="c")
    refused = only_response(bench.inject(wrong_body), 415)
    assert refused.headers.get_first("accept") == "application/sdp"
    short = request(headers=("Session-Expires: 30", "Supported: timer"), branch="z9hG4bK4", call_id="d")
    assert only_response(bench.inject(short), 422).headers.get_first("min-se") == "90"


def test_options_answer_says_what_we_can_do_and_keeps_no_state() -> None:
    bench = Bench()
    ok = only_response(bench.inject(request("OPTIONS")), 200)
    for name in ("allow", "accept", "supported"):
        assert ok.headers.get_first(name)
    assert bench.is_empty()


def test_max_forwards_zero_is_for_proxies_only() -> None:
    bench = Bench()
    bench.inject(request().replace("Max-Forwards: 70", "Max-Forwards: 0"))
    assert len(bench.calls) == 1


def test_merged_invite_by_another_path_gets_482() -> None:
    bench = Bench()
    bench.inject(request())
    assert statuses(bench.inject(request(branch="z9hG4bKother"))) == [482]
    assert len(bench.calls) == 1


def test_stray_ack_and_stray_responses_are_dropped_and_counted() -> None:
    bench = Bench()
    assert bench.inject(request("ACK")) == []
    assert bench.inject(request("ACK", to_tag="nobody")) == []
    stray = request("BYE").replace("BYE sip:bot@10.0.0.1 SIP/2.0", "SIP/2.0 200 OK")
    assert bench.inject(stray) == []
    assert bench.agent.statistics().dropped == {"stray_ack": 2, "stray_response": 1}


def test_full_house_gets_503_with_retry_after() -> None:
    bench = Bench(config=UserAgentConfig(max_calls=1))
    bench.inject(request())
    refused = only_response(bench.inject(request(branch="z9hG4bK2", call_id="two")), 503)
    assert refused.headers.get_first("retry-after")
    assert statuses(bench.inject(request("OPTIONS", branch="z9hG4bK3", call_id="three"))) == [503]


def test_replaces_without_require_is_ignored() -> None:
    bench = Bench()
    _, tag = answered(bench)
    replaces = (f"Replaces: call1@peer;to-tag={tag};from-tag=ft",)
    bench.inject(request(branch="z9hG4bK2", call_id="two", headers=replaces))
    assert len(bench.calls) == 2
    assert bench.events[bench.calls[0]] == []
