"""Scanners, floods and strangers: what is refused, what is counted, what does not grow."""

from aiosipua.message import SipResponse

from tests.sip.bench import OFFER, PEER, Bench, answered, only_request, request, response, statuses
from voicebot.sip.addressing import Hop
from voicebot.sip.admission import Admission, AdmissionConfig, Verdict
from voicebot.sip.core import UserAgentConfig

STRANGER = Hop("udp", "203.0.113.9", 5060)


def test_strangers_get_silence_whatever_they_send() -> None:
    bench = Bench()
    for method in ("OPTIONS", "INVITE", "REGISTER", "ACK"):
        assert bench.inject(request(method), STRANGER) == []
    assert bench.inject(request().replace("Max-Forwards: 70", "Max-Forwards: x"), STRANGER) == []
    assert bench.agent.statistics().dropped == {"source": 5}
    assert bench.is_empty()


def test_or_403_where_configured_without_state() -> None:
    bench = Bench(admission=AdmissionConfig(stranger_status=403))
    assert statuses(bench.inject(request(), STRANGER)) == [403]
    assert bench.inject(request("ACK"), STRANGER) == []
    assert bench.is_empty()


def test_the_rest_of_our_own_call_through_a_public_proxy_still_works() -> None:
    bench = Bench()
    call = bench.dial(hop=STRANGER)
    invite = only_request(bench.take(), "INVITE")
    bench.inject(response(invite, 200, body=OFFER), STRANGER)
    assert call.dialog is not None
    tag = call.local_tag
    bye = request("BYE", cseq=1, to_tag=tag, from_tag="pt", call_id=call.call_id)
    assert statuses(bench.inject(bye, STRANGER)) == [200]


def test_invite_flood_fills_the_table_and_no_more_and_calls_still_end() -> None:
    admission = AdmissionConfig(burst=1e6)
    bench = Bench(config=UserAgentConfig(max_transactions=100, max_calls=20), admission=admission)
    _, tag = answered(bench)
    seen = set()
    for number in range(2000):
        reply = bench.inject(request(branch=f"z9hG4bK{number}", call_id=f"c{number}", from_tag=f"f{number}"))
        seen.update(statuses(reply))
    statistics = bench.agent.statistics()
    assert statistics.transactions <= 100
    assert statistics.calls == 20
    assert seen == {100, 503}
    assert statistics.dropped["table_full"] == 2000 - 99
    assert statuses(bench.inject(request("BYE", cseq=2, branch="z9hG4bKbye", to_tag=tag))) == [200]
    bench.pass_time(400)
    assert bench.is_empty()


def test_options_flood_leaves_no_trace_and_does_not_keep_calls_out() -> None:
    bench = Bench(config=UserAgentConfig(max_transactions=100))
    for number in range(1500):
        bench.agent.receive(
            request("OPTIONS", branch=f"z9hG4bK{number}", call_id=f"c{number}").encode(), PEER
        )
    assert bench.agent.statistics().transactions == 0
    bench.take()
    assert statuses(bench.inject(request())) == [100]


def test_rate_limit_is_per_source() -> None:
    bench = Bench(admission=AdmissionConfig(per_second=10, burst=20))
    for number in range(100):
        bench.agent.receive(request("OPTIONS", branch=f"z9hG4bK{number}").encode(), PEER)
    assert len(bench.take()) == 20
    assert bench.agent.statistics().dropped == {"rate": 80}
    assert statuses(bench.inject(request(), Hop("udp", "10.0.0.3", 5060))) == [100]
    bench.pass_time(1)
    assert statuses(bench.inject(request("OPTIONS", branch="z9hG4bKlater"))) == [200]


def test_many_spoofed_sources_are_not_all_remembered() -> None:
    admission = Admission(AdmissionConfig(max_sources=50))
    for number in range(1000):
        admission.judge(f"10.0.{number // 250}.{number % 250}", 0.0)
    assert len(admission._sources) == 50


def test_which_sources_are_admitted() -> None:
    admission = Admission(AdmissionConfig())
    verdicts = {
        host: admission.judge(host, 0.0)
        for host in ("127.0.0.1", "192.168.1.9", "::1", "fe80::1%eth0", "::ffff:10.0.0.1")
    }
    assert set(verdicts.values()) == {Verdict.ADMITTED}
    for host in ("8.8.8.8", "2001:db8::1", "172.32.0.1", "", "not-an-address"):
        assert admission.judge(host, 0.0) is Verdict.STRANGER
    admission.allow("8.8.8.8")
    assert admission.judge("8.8.8.8", 0.0) is Verdict.ADMITTED


def test_strangers_are_limited_before_anything_is_parsed() -> None:
    admission = Admission(AdmissionConfig(stranger_burst=3))
    verdicts = [admission.judge("8.8.8.8", 0.0) for _ in range(5)]
    assert verdicts == [Verdict.STRANGER] * 3 + [Verdict.LIMITED] * 2


def test_refusals_are_logged_once_a_minute_with_their_number() -> None:
    admission = Admission(AdmissionConfig(log_every_seconds=60))
    assert [admission.refusals_to_log(at) for at in (0.0, 1.0, 59.0, 60.0)] == [1, 0, 0, 3]


def test_transport_table_limits_hold_for_requests_of_ours_too() -> None:
    bench = Bench(config=UserAgentConfig(max_transactions=5, max_calls=1000))
    calls = [bench.dial() for _ in range(12)]
    assert bench.agent.statistics().transactions == 10
    assert sum(call.has_ended for call in calls) == 2
    assert not any(isinstance(message, SipResponse) for message in bench.take())
