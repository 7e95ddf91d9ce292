"""Who may lead a call elsewhere: we, where the peer can; nobody else (law S1, S2)."""

from __future__ import annotations

import pytest

from tests.sip.bench import Bench, answered, established, only_request, request, response, statuses
from voicebot.sip.call_control import SetupFailed


@pytest.mark.parametrize(
    ("headers", "referred", "replaces"),
    [
        (("Allow: INVITE, ACK, BYE, REFER", "Supported: replaces, timer"), True, True),
        (("Allow: INVITE, ACK, BYE, REFER", "Supported: timer"), True, False),
        (("Allow: INVITE, ACK, BYE", "Supported: replaces"), False, True),
        ((), False, False),
    ],
)
def test_what_a_peer_can_is_what_it_says(headers: tuple[str, ...], referred: bool, replaces: bool) -> None:
    caller, _ = answered(Bench(), headers=headers)
    assert (caller.can_be_referred, caller.can_replace) == (referred, replaces)
    callee, _ = established(Bench(), headers=headers)
    assert (callee.can_be_referred, callee.can_replace) == (referred, replaces)


def test_the_dialog_is_named_as_its_other_end_sees_it() -> None:
    bench = Bench()
    call = bench.dial()
    assert call.replaces == ""
    invite = only_request(bench.take(), "INVITE")
    bench.inject(response(invite, 200, body="v=0\r\n"))
    assert call.dialog is not None
    to_tag, from_tag = call.dialog.remote_tag, call.dialog.local_tag
    assert to_tag == "pt"
    assert call.replaces == f"{call.call_id};to-tag={to_tag};from-tag={from_tag}"
    call.hang_up()
    assert call.replaces == ""


def test_the_wishes_of_others_are_refused_or_ignored_and_counted() -> None:
    bench = Bench()
    told: list[str] = []
    bench.agent.on_ignored = told.append
    replacing = request(headers=("Replaces: x@y;to-tag=1;from-tag=2",))
    assert 100 in statuses(bench.inject(replacing))  # an ordinary call
    assert len(bench.calls) == 1
    stray = request("REFER", call_id="other@peer", branch="z9hG4bKr", headers=("Refer-To: <sip:evil@x>",))
    assert statuses(bench.inject(stray)) == [603]
    call = bench.dial()
    invite = only_request(bench.take(), "INVITE")
    bench.inject(response(invite, 302, headers=("Contact: <sip:evil@x>",), contact=""))
    assert isinstance(bench.events[call][-1], SetupFailed)
    assert [each for each in bench.take() if getattr(each, "method", "") == "INVITE"] == []
    assert told == ["replaces", "refer", "redirect"]
    assert bench.agent.statistics().ignored == {"replaces": 1, "refer": 1, "redirect": 1}
