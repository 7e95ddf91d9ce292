"""Established calls: order of requests, INFO, OPTIONS, REFER, BYE."""

from tests.sip.bench import (
    Bench,
    answered,
    in_dialog,
    methods,
    only_request,
    response,
    statuses,
)
from voicebot.sip.call_control import Ended, InfoReceived, ReferProgressed
from voicebot.sip.core import Outcome, UserAgentConfig


class TestOrder:
    def test_request_out_of_order_gets_500_and_changes_nothing(self) -> None:
        bench = Bench()
        call, tag = answered(bench)
        bench.inject(in_dialog("INFO", tag, 5))
        assert statuses(bench.inject(in_dialog("BYE", tag, 3))) == [500]
        assert not call.has_ended
        assert statuses(bench.inject(in_dialog("BYE", tag, 6))) == [200]

    def test_another_remote_tag_gets_481(self) -> None:
        bench = Bench()
        _, tag = answered(bench)
        assert statuses(bench.inject(in_dialog("BYE", tag, 2, from_tag="other"))) == [481]

    def test_require_is_checked_inside_a_dialog_too(self) -> None:
        bench = Bench()
        _, tag = answered(bench)
        assert statuses(bench.inject(in_dialog("INFO", tag, 2, headers=("Require: foo",)))) == [420]

    def test_both_hang_up_at_once(self) -> None:
        bench = Bench()
        call, tag = answered(bench)
        call.hang_up()
        bye = only_request(bench.take(), "BYE")
        assert statuses(bench.inject(in_dialog("BYE", tag, 2))) == [200]
        bench.inject(response(bye, 481))
        bench.pass_time(40)
        assert bench.is_empty()
        assert bench.events[call] == [Ended("us", "")]

    def test_lost_bye_is_repeated_and_given_up(self) -> None:
        bench = Bench()
        call, _ = answered(bench)
        call.hang_up()
        assert methods([*bench.take(), *bench.pass_time(33)]) == ["BYE"] * 11
        assert bench.is_empty()


def test_info_is_answered_and_reported() -> None:
    bench = Bench()
    call, tag = answered(bench)
    dtmf = in_dialog(
        "INFO", tag, 2, body="Signal=5\r\nDuration=160\r\n", content_type="application/dtmf-relay"
    )
    assert statuses(bench.inject(dtmf)) == [200]
    assert bench.events[call] == [InfoReceived("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n")]


def test_options_inside_a_dialog() -> None:
    bench = Bench()
    _, tag = answered(bench)
    assert statuses(bench.inject(in_dialog("OPTIONS", tag, 2))) == [200]


class TestRefer:
    def test_progress_comes_by_notify_and_ends_with_the_final_one(self) -> None:
        bench = Bench()
        call, tag = answered(bench)
        outcomes: list[Outcome] = []
        call.refer("sip:agent@10.0.0.3", "", outcomes.append)
        refer = only_request(bench.take(), "REFER")
        assert refer.headers.get_first("refer-to") == "<sip:agent@10.0.0.3>"
        assert refer.headers.get_first("referred-by") == "<sip:bot@10.0.0.1>"
        assert refer.headers.get_first("contact")
        bench.inject(response(refer, 202))
        assert outcomes[0].status == 202
        for cseq, status, state in ((2, 100, "active"), (3, 200, "terminated;reason=noresource")):
            headers = ("Event: refer", f"Subscription-State: {state}")
            body = f"SIP/2.0 {status} X\r\n"
            notify = in_dialog(
                "NOTIFY", tag, cseq, headers=headers, body=body, content_type="message/sipfrag"
            )
            assert statuses(bench.inject(notify)) == [200]
        assert bench.events[call] == [ReferProgressed(100, False), ReferProgressed(200, True)]

    def test_refusal_is_the_end_of_it(self) -> None:
        bench = Bench()
        call, _ = answered(bench)
        outcomes: list[Outcome] = []
        call.refer("sip:agent@10.0.0.3", "", outcomes.append)
        bench.inject(response(only_request(bench.take(), "REFER"), 603))
        assert outcomes[0].status == 603
        assert bench.events[call] == [ReferProgressed(603, True)]

    def test_silence_after_the_202_ends_with_the_patience(self) -> None:
        bench = Bench(config=UserAgentConfig(refer_patience_seconds=20))
        call, _ = answered(bench)
        call.refer("sip:agent@10.0.0.3", "", lambda outcome: None)
        bench.inject(response(only_request(bench.take(), "REFER"), 202))
        bench.pass_time(20)
        assert bench.events[call] == [ReferProgressed(0, True)]

    def test_a_peer_that_takes_it_and_leaves_tells_no_outcome(self) -> None:
        bench = Bench()
        call, tag = answered(bench)
        call.refer("sip:agent@10.0.0.3", "", lambda outcome: None)
        bench.inject(response(only_request(bench.take(), "REFER"), 202))
        headers = ("Event: refer", "Subscription-State: active")
        ringing = "SIP/2.0 180 Ringing\r\n"
        bench.inject(
            in_dialog("NOTIFY", tag, 2, headers=headers, body=ringing, content_type="message/sipfrag")
        )
        assert statuses(bench.inject(in_dialog("BYE", tag, 3))) == [200]
        assert bench.events[call] == [ReferProgressed(180, False), Ended("peer", "BYE")]
        bench.pass_time(120)
        assert bench.is_empty()

    def test_replaces_is_escaped(self) -> None:
        bench = Bench()
        call, _ = answered(bench)
        call.refer("sip:agent@10.0.0.3", "c@x;to-tag=1;from-tag=2", lambda outcome: None)
        refer_to = only_request(bench.take(), "REFER").headers.get_first("refer-to")
        assert refer_to == "<sip:agent@10.0.0.3?Replaces=c%40x%3Bto-tag%3D1%3Bfrom-tag%3D2>"

    def test_notify_without_a_refer_481_and_of_another_package_489(self) -> None:
        bench = Bench()
        _, tag = answered(bench)
        assert statuses(bench.inject(in_dialog("NOTIFY", tag, 2, headers=("Event: refer",)))) == [481]
        assert statuses(bench.inject(in_dialog("NOTIFY", tag, 3, headers=("Event: presence",)))) == [489]

    def test_theirs_is_refused_with_the_configured_code(self) -> None:
        for status in (603, 403):
            bench = Bench(config=UserAgentConfig(refer_refusal_status=status))
            _, tag = answered(bench)
            refer = in_dialog("REFER", tag, 2, headers=("Refer-To: <sip:evil@x>",))
            assert statuses(bench.inject(refer)) == [status]
