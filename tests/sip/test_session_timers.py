"""Session timers of established calls (RFC 4028)."""

import pytest

from tests.sip.bench import (
    ANSWER,
    OFFER,
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
from voicebot.sip.call_control import Ended


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
