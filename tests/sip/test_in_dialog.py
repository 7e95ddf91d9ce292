"""Established calls: re-INVITE, UPDATE, glare, INFO, REFER, session timers, order of requests, BYE."""

import pytest

from tests.sip.bench import (
    ANSWER,
    OFFER,
    PEER,
    Bench,
    answered,
    established,
    local_tag,
    methods,
    only_request,
    only_response,
    request,
    response,
    statuses,
)
from voicebot.sip.call_control import Answered, Ended, InfoReceived, ReferProgressed, Reoffered
from voicebot.sip.core import Outcome, UserAgentConfig

HELD = OFFER + "a=sendonly\r\n"


def in_dialog(method: str, tag: str, cseq: int, **more: object) -> str:
    return request(method, cseq=cseq, to_tag=tag, branch=f"z9hG4bK{method}{cseq}", **more)  # type: ignore[arg-type]


class TestTheirOffers:
    def test_reinvite_is_reported_answered_and_repeated_until_acked(self) -> None:
        bench = Bench()
        call, tag = answered(bench)
        assert statuses(bench.inject(in_dialog("INVITE", tag, 2, body=HELD))) == [100]
        assert bench.events[call] == [Reoffered(HELD)]
        call.answer_reoffer(ANSWER)
        ok = only_response(bench.take(), 200)
        assert ok.text == ANSWER
        assert statuses(bench.pass_time(0.5)) == [200]
        bench.inject(in_dialog("ACK", tag, 2))
        assert bench.pass_time(40) == []

    def test_refusal_keeps_the_session(self) -> None:
        bench = Bench()
        call, tag = answered(bench)
        bench.inject(in_dialog("INVITE", tag, 2, body=HELD, contact="<sip:moved@10.0.0.2>"))
        call.answer_reoffer(None, 488)
        assert statuses(bench.take()) == [488]
        bench.inject(in_dialog("ACK", tag, 2))
        call.hang_up()
        assert only_request(bench.take(), "BYE").uri == "sip:caller@10.0.0.2:5060"

    def test_reinvite_moves_the_target(self) -> None:
        bench = Bench()
        call, tag = answered(bench)
        bench.inject(in_dialog("INVITE", tag, 2, contact="<sip:moved@10.0.0.6:5070>"))
        call.answer_reoffer(ANSWER)
        bench.inject(in_dialog("ACK", tag, 2))
        bench.take()
        call.hang_up()
        assert only_request(bench.take(), "BYE").uri == "sip:moved@10.0.0.6:5070"

    def test_reinvite_without_offer_gets_ours_and_the_ack_brings_the_answer(self) -> None:
        bench = Bench()
        call, tag = answered(bench)
        bench.inject(in_dialog("INVITE", tag, 2, body=""))
        assert bench.events[call] == [Reoffered(None)]
        call.answer_reoffer(OFFER)
        bench.take()
        bench.inject(in_dialog("ACK", tag, 2, body=ANSWER))
        assert bench.events[call][-1] == Answered(ANSWER)

    def test_second_one_before_the_first_is_answered_gets_500(self) -> None:
        bench = Bench()
        _, tag = answered(bench)
        bench.inject(in_dialog("INVITE", tag, 2))
        refused = only_response(bench.inject(in_dialog("INVITE", tag, 3)), 500)
        assert refused.headers.get_first("retry-after") is not None

    def test_left_unanswered_it_gets_500(self) -> None:
        bench = Bench(config=UserAgentConfig(reoffer_answer_seconds=5))
        _, tag = answered(bench)
        bench.inject(in_dialog("INVITE", tag, 2))
        assert statuses(bench.pass_time(5))[0] == 500

    def test_cancel_of_it_gives_487_and_the_session_stays(self) -> None:
        bench = Bench()
        call, tag = answered(bench)
        invite = in_dialog("INVITE", tag, 2)
        bench.inject(invite)
        cancel = request("CANCEL", cseq=2, to_tag=tag, branch="z9hG4bKINVITE2")
        assert statuses(bench.inject(cancel)) == [200, 487]
        assert not call.has_ended

    def test_update_with_an_offer(self) -> None:
        bench = Bench()
        call, tag = answered(bench)
        assert statuses(bench.inject(in_dialog("UPDATE", tag, 2, body=HELD))) == []
        call.answer_reoffer(ANSWER)
        assert only_response(bench.take(), 200).text == ANSWER

    def test_update_with_an_offer_while_the_invites_is_open_gets_500(self) -> None:
        bench = Bench()
        bench.inject(request())
        bench.calls[0].ring()
        tag = local_tag(only_response(bench.take(), 180))
        assert statuses(bench.inject(in_dialog("UPDATE", tag, 2, body=HELD))) == [500]

    def test_bye_meanwhile_answers_it_with_487(self) -> None:
        bench = Bench()
        _, tag = answered(bench)
        bench.inject(in_dialog("INVITE", tag, 2))
        assert sorted(statuses(bench.inject(in_dialog("BYE", tag, 3)))) == [200, 487]


class TestOurOffers:
    def test_hold_on_an_inbound_call_is_acknowledged(self) -> None:
        bench = Bench()
        call, _ = answered(bench)
        outcomes: list[Outcome] = []
        call.reinvite(HELD, outcomes.append)
        invite = only_request(bench.take(), "INVITE")
        assert invite.text == HELD
        ok = response(invite, 200, body=ANSWER)
        assert methods(bench.inject(ok)) == ["ACK"]
        assert methods(bench.inject(ok)) == ["ACK"]
        assert outcomes == [Outcome(200, "Whatever", ANSWER)]

    def test_refusal_keeps_the_session(self) -> None:
        bench = Bench()
        call, _ = established(bench)
        outcomes: list[Outcome] = []
        call.reinvite(HELD, outcomes.append)
        bench.inject(response(only_request(bench.take(), "INVITE"), 488))
        assert outcomes[0].status == 488
        assert not call.has_ended

    @pytest.mark.parametrize(("is_owner", "wait"), [(True, 3.05), (False, 1.0)])
    def test_glare_is_tried_again_after_the_rfcs_wait(self, is_owner: bool, wait: float) -> None:
        bench = Bench(jitter=0.5)
        call = established(bench)[0] if is_owner else answered(bench)[0]
        outcomes: list[Outcome] = []
        call.reinvite(HELD, outcomes.append)
        bench.inject(response(only_request(bench.take(), "INVITE"), 491))
        assert bench.pass_time(wait - 0.02) == []
        again = only_request(bench.pass_time(0.04), "INVITE")
        bench.inject(response(again, 200, body=ANSWER))
        assert outcomes[0].is_success

    def test_theirs_meanwhile_gets_491(self) -> None:
        bench = Bench()
        call, tag = answered(bench)
        call.reinvite(HELD, lambda outcome: None)
        assert statuses(bench.inject(in_dialog("INVITE", tag, 2))) == [491]
        assert statuses(bench.inject(in_dialog("UPDATE", tag, 3, body=HELD))) == [491]

    def test_481_and_time_out_end_the_call_with_a_bye(self) -> None:
        for answer in (481, 408):
            bench = Bench()
            call, _ = established(bench)
            outcomes: list[Outcome] = []
            call.reinvite(HELD, outcomes.append)
            invite = only_request(bench.take(), "INVITE")
            sent = bench.inject(response(invite, answer)) if answer == 481 else bench.pass_time(32.1)
            assert "BYE" in methods(sent)
            assert outcomes[0].status == 481
            assert isinstance(bench.events[call][-1], Ended)

    def test_one_that_gets_100_and_nothing_more_ends_the_call(self) -> None:
        bench = Bench()
        call, _ = established(bench)
        outcomes: list[Outcome] = []
        call.reinvite(HELD, outcomes.append)
        bench.inject(response(only_request(bench.take(), "INVITE"), 100, tag=""))
        assert methods(bench.pass_time(32.1)) == ["BYE"]
        assert outcomes[0].status == 481
        bench.pass_time(40)
        assert bench.is_empty()

    def test_late_answer_is_acknowledged_again(self) -> None:
        bench = Bench()
        call, _ = answered(bench)
        call.reinvite(HELD, lambda outcome: None)
        ok = response(only_request(bench.take(), "INVITE"), 200, body=ANSWER)
        bench.inject(ok)
        bench.pass_time(40)
        assert methods(bench.inject(ok)) == ["ACK"]

    def test_they_go_out_one_after_another(self) -> None:
        bench = Bench()
        call, _ = established(bench)
        outcomes: list[Outcome] = []
        for number in range(6):
            call.reinvite(f"{HELD}{number}", outcomes.append)
        assert [outcome.status for outcome in outcomes] == [491]
        bodies = []
        for _ in range(5):
            invite = only_request([m for m in bench.take() if methods([m]) == ["INVITE"]], "INVITE")
            bodies.append(invite.text[-1])
            bench.agent.receive(response(invite, 200, body=ANSWER).encode(), PEER)
        assert bodies == ["0", "1", "2", "3", "4"]

    def test_answer_after_our_bye_is_still_acknowledged(self) -> None:
        bench = Bench()
        call, _ = established(bench)
        outcomes: list[Outcome] = []
        call.reinvite(HELD, outcomes.append)
        invite = only_request(bench.take(), "INVITE")
        call.hang_up()
        bench.take()
        assert outcomes[0].status == 481
        assert methods(bench.inject(response(invite, 200, body=ANSWER))) == ["ACK"]


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


class TestSessionTimers:
    def test_we_refresh_with_update_where_the_peer_allows_it(self) -> None:
        bench = Bench()
        headers = ("Session-Expires: 120;refresher=uac", "Allow: INVITE, ACK, BYE, UPDATE")
        call, _ = established(bench, headers=headers)
        update = only_request(bench.pass_time(60.1), "UPDATE")
        assert update.headers.get_first("session-expires") == "120;refresher=uac"
        assert not update.body
        bench.inject(response(update, 200, headers=("Session-Expires: 120;refresher=uac",)))
        assert methods(bench.pass_time(60.1)) == ["UPDATE"]
        assert not call.has_ended

    def test_we_refresh_with_reinvite_where_it_does_not(self) -> None:
        bench = Bench()
        headers = ("Session-Expires: 120;refresher=uac", "Allow: INVITE, ACK, BYE")
        established(bench, headers=headers)
        invite = only_request(bench.pass_time(60.1), "INVITE")
        assert invite.text == OFFER
        granted = ("Session-Expires: 120;refresher=uac",)
        assert methods(bench.inject(response(invite, 200, body=ANSWER, headers=granted))) == ["ACK"]

    def test_nobody_refreshes_and_we_hang_up(self) -> None:
        bench = Bench()
        call, _ = established(bench, headers=("Session-Expires: 120;refresher=uas",))
        assert bench.pass_time(87) == []
        assert methods(bench.pass_time(1.1)) == ["BYE"]
        assert bench.events[call][-1] == Ended("network", "session timer expired")

    def test_their_refresh_by_reinvite_or_update_keeps_the_call(self) -> None:
        bench = Bench()
        headers = ("Session-Expires: 120;refresher=uac", "Supported: timer")
        call, tag = answered(bench, headers=headers)
        bench.pass_time(80)
        ok = only_response(bench.inject(in_dialog("UPDATE", tag, 2, headers=headers)), 200)
        assert ok.headers.get_first("session-expires") == "120;refresher=uac"
        bench.pass_time(80)
        assert not call.has_ended
        bench.pass_time(10)
        assert call.has_ended

    def test_a_refresh_that_gets_481_ends_the_call(self) -> None:
        bench = Bench()
        headers = ("Session-Expires: 120;refresher=uac", "Allow: UPDATE")
        call, _ = established(bench, headers=headers)
        update = only_request(bench.pass_time(60.1), "UPDATE")
        assert methods(bench.inject(response(update, 481))) == ["BYE"]
        assert call.has_ended

    @pytest.mark.parametrize("allow", ["UPDATE", "INVITE"])
    def test_a_refresh_that_is_refused_for_now_is_tried_again(self, allow: str) -> None:
        bench = Bench()
        headers = ("Session-Expires: 300;refresher=uac", f"Allow: {allow}")
        call, _ = established(bench, headers=headers)
        refresh = only_request(bench.pass_time(150.1), allow)
        bench.inject(response(refresh, 503))
        again = only_request(bench.pass_time(30.1), allow)
        bench.inject(response(again, 200, body=ANSWER, headers=("Session-Expires: 300;refresher=uac",)))
        bench.pass_time(140)
        assert not call.has_ended

    def test_we_refresh_as_uas_for_a_peer_that_cannot(self) -> None:
        bench = Bench()
        headers = ("Session-Expires: 120", "Allow: UPDATE")
        bench.inject(request(headers=headers))
        bench.calls[0].accept(ANSWER, lambda outcome: None)
        ok = only_response(bench.take(), 200)
        assert ok.headers.get_first("session-expires") == "120;refresher=uas"
        assert "timer" not in (ok.headers.get_first("require") or "")
        bench.inject(request("ACK", branch="z9hG4bKa", to_tag=local_tag(ok)))
        update = only_request(bench.pass_time(60.1), "UPDATE")
        assert update.headers.get_first("session-expires") == "120;refresher=uac"

    def test_too_short_an_interval_in_a_reinvite_gets_422(self) -> None:
        bench = Bench()
        _, tag = answered(bench)
        headers = ("Session-Expires: 60", "Supported: timer")
        assert statuses(bench.inject(in_dialog("INVITE", tag, 2, headers=headers))) == [422]
