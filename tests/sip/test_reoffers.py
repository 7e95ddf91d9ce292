"""re-INVITE and UPDATE in established calls, theirs and ours, and glare."""

import pytest

from tests.sip.bench import (
    ANSWER,
    OFFER,
    PEER,
    Bench,
    answered,
    established,
    in_dialog,
    local_tag,
    methods,
    only_request,
    only_response,
    request,
    response,
    statuses,
)
from voicebot.sip.call_control import Answered, Ended, Reoffered
from voicebot.sip.core import Outcome, UserAgentConfig

HELD = OFFER + "a=sendonly\r\n"


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
