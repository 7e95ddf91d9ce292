"""REFER: only allow-listed targets leave, and every end of the subscription is told once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import TransferRefused
from voicebot.sip.call_control import ReferProgressed
from voicebot.sip.refer import (
    DialogToReplace,
    NotifyReply,
    ReferState,
    ReferSubscription,
    check_target,
    refer_headers,
    sipfrag_status,
)

AGENT = "sip:agent@192.0.2.9:5071;transport=tcp"


def test_headers() -> None:
    assert refer_headers(AGENT, {AGENT}, referred_by="sip:bot@192.0.2.1") == {
        "Refer-To": f"<{AGENT}>",
        "Referred-By": "<sip:bot@192.0.2.1>",
    }


def test_replaces_is_escaped_whole() -> None:
    replaced = DialogToReplace("a>b@c?x", "to;1", "from=2").as_parameter()
    value = refer_headers("sip:a@b", {"sip:a@b"}, referred_by="sip:c@d", replaces=replaced)["Refer-To"]
    assert value == "<sip:a@b?Replaces=a%3Eb%40c%3Fx%3Bto-tag%3Dto%3B1%3Bfrom-tag%3Dfrom%3D2>"


@pytest.mark.parametrize(
    "target",
    [
        "sip:agent@192.0.2.9?Subject=x",
        "sip:a@b;method=INVITE",
        "sip:a@b;transport=udp;lr",
        "sip:a@b\r\nVia: x",
        "sip:a b@c",
        "sip:a@b>",
        "tel:0900123",
        "sip:",
        "sip:@host",
        "sip:a%41@b",
        "http://a",
        "sip:a:pw@b",
        "",
        "sip:a@b;transport=",
        "sip:a@b;",
        "SIP:a@b",
        "sip:é@b",
        "sip:a@" + "b" * 300,
    ],
)
def test_odd_targets_are_refused_even_when_listed(target: str) -> None:
    with pytest.raises(TransferRefused):
        check_target(target, {target})


@given(st.text(), st.sets(st.text(), max_size=3))
def test_nothing_passes_that_is_not_listed(target: str, allowed: set[str]) -> None:
    with pytest.raises(TransferRefused):
        check_target(target, allowed - {target})


@pytest.mark.parametrize(
    "target", ["sip:a@b", "sips:+31-20.x_y*#@h.example:5061", "sip:192.0.2.1", "sip:a@[2001:db8::1]"]
)
def test_plain_listed_targets_pass(target: str) -> None:
    assert check_target(target, {target, "sip:other@x"}) == target


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("SIP/2.0 200 OK\r\n", 200),
        ("SIP/2.0 100 Trying", 100),
        ("\r\nsip/2.0 486 Busy Here\r\nTo: x", 486),
        ("SIP/2.0 603", 603),
        ("SIP/2.0  180 Ringing", 180),
        ("", None),
        ("200 OK", None),
        ("SIP/2.0 20", None),
        ("SIP/2.0 999 x", None),
        ("SIP/2.0 ٢٠٠ OK", None),
        ("SIP/1.0 200 OK", None),
    ],
)
def test_sipfrag(body: str, status: int | None) -> None:
    assert sipfrag_status(body) == status


def active(subscription: ReferSubscription, status: int) -> NotifyReply:
    return subscription.notify_received("refer", "active;expires=60", f"SIP/2.0 {status} X\r\n")


def test_accepted_tried_rang_and_answered() -> None:
    subscription = ReferSubscription(cseq=5, now=0)
    assert subscription.response_received(202) is None
    assert active(subscription, 100) == NotifyReply(200, ReferProgressed(100, False))
    assert active(subscription, 180) == NotifyReply(200, ReferProgressed(180, False))
    last = subscription.notify_received("refer;id=5", "terminated;reason=noresource", "SIP/2.0 200 OK")
    assert last == NotifyReply(200, ReferProgressed(200, True))
    assert subscription.state is ReferState.DONE
    assert active(subscription, 200) == NotifyReply(481)
    assert subscription.tick(1e9) is None
    assert subscription.dialog_ended() is None


def test_notify_before_the_202() -> None:
    subscription = ReferSubscription(cseq=5, now=0)
    assert active(subscription, 100).status == 200
    assert active(subscription, 486).progress == ReferProgressed(486, True)
    assert subscription.response_received(202) is None


@pytest.mark.parametrize("status", [403, 481, 603])
def test_refused(status: int) -> None:
    subscription = ReferSubscription(cseq=1, now=0)
    assert subscription.response_received(status) == ReferProgressed(status, True)


def test_no_subscription_wanted() -> None:
    assert ReferSubscription(1, 0).response_received(202, "false") == ReferProgressed(202, True)


def test_terminated_without_an_outcome() -> None:
    subscription = ReferSubscription(1, 0)
    active(subscription, 100)
    reply = subscription.notify_received("refer", "terminated;reason=timeout", "")
    assert reply == NotifyReply(200, ReferProgressed(100, True))


@pytest.mark.parametrize(
    ("event", "state", "body", "status"),
    [
        ("presence", "active", "SIP/2.0 200 OK", 489),
        ("", "active", "SIP/2.0 200 OK", 489),
        ("refer;id=6", "active", "SIP/2.0 200 OK", 481),
        ("refer", "active", "rubbish", 400),
    ],
)
def test_notifies_that_are_not_ours(event: str, state: str, body: str, status: int) -> None:
    subscription = ReferSubscription(cseq=5, now=0)
    assert subscription.notify_received(event, state, body) == NotifyReply(status)
    assert subscription.state is ReferState.SENT


def test_peer_that_never_says_how_it_ended() -> None:
    subscription = ReferSubscription(1, now=10, patience_seconds=60)
    subscription.response_received(202)
    assert subscription.tick(69.9) is None
    assert subscription.tick(70) == ReferProgressed(0, True)
    assert subscription.tick(71) is None


def test_dialog_that_ends_first() -> None:
    subscription = ReferSubscription(1, 0)
    active(subscription, 180)
    assert subscription.dialog_ended() == ReferProgressed(180, True)


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12), st.text(max_size=20)), max_size=10))
def test_any_notify_gets_a_reply_and_the_end_comes_once(notifies: list[tuple[str, str, str]]) -> None:
    subscription = ReferSubscription(1, 0)
    ends = 0
    for event, state, body in notifies:
        reply = subscription.notify_received(event, state, body)
        assert reply.status in (200, 400, 481, 489)
        ends += reply.progress is not None and reply.progress.is_final
    ends += subscription.tick(60) is not None
    assert ends == 1
