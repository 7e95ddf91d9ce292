"""Re-INVITEs of a SIP leg: hold, moved media, another codec, and offers that cannot be taken."""

from __future__ import annotations

from tests.fakes.leg import settle
from tests.fakes.media import deliver
from tests.media.sip_stage import Stage, sdp, signals_until_end
from tests.media.test_rtp_session import Peer
from voicebot.media.leg import (
    HeldByPeer,
    LegEndCause,
    LegEnded,
    ResumedByPeer,
)
from voicebot.sip.call_control import (
    Answered,
    Ended,
    Reoffered,
)


async def test_hold_and_resume(stage: Stage) -> None:
    leg, control = await stage.answered()
    port = stage.peer.address[1]
    await stage.ticker.run(40)
    for body in (sdp(port, direction="sendonly"), sdp(port, direction="inactive"), sdp(port)):
        control.happens(Reoffered(body))
        await settle()
        is_held = "sendrecv" not in body
        assert leg.is_on_hold is is_held
    control.happens(Reoffered(sdp(port, address="0.0.0.0")))  # the hold of RFC 2543
    await settle()
    assert leg.is_on_hold
    stage.peer.packets()
    await stage.ticker.run(100)
    assert stage.peer.packets() == []
    answers = [str(entry[1]) for entry in control.sent if entry[0] == "answer_reoffer"]
    directions = [next(d for d in ("recvonly", "inactive", "sendrecv") if f"a={d}" in a) for a in answers]
    assert directions == ["recvonly", "inactive", "sendrecv", "inactive"]
    control.happens(Ended("peer"))
    assert await signals_until_end(leg) == [
        HeldByPeer(),
        ResumedByPeer(),
        HeldByPeer(),
        LegEnded(LegEndCause.PEER, ""),
    ]


async def test_a_reinvite_may_move_the_media(stage: Stage) -> None:
    leg, control = await stage.answered()
    stage.send(leg)
    await deliver()
    await stage.ticker.run(40)
    moved = Peer()
    control.happens(Reoffered(sdp(moved.address[1])))
    await settle()
    stage.peer.packets()
    await stage.ticker.run(100)
    assert len(moved.packets()) == 5
    assert stage.peer.packets() == []
    moved.socket.close()


async def test_a_reinvite_may_change_the_codec(stage: Stage) -> None:
    leg, control = await stage.answered()
    control.happens(Reoffered(sdp(stage.peer.address[1], audio="0 101")))
    await settle()
    assert leg.info.codec == "PCMU/8000"
    stage.peer.packets()
    await stage.ticker.run(40)
    assert {packet.payload_type for packet in stage.peer.packets()} == {0}


async def test_a_bad_reinvite_is_refused_and_changes_nothing(stage: Stage) -> None:
    leg, control = await stage.answered()
    for body, status in (("garbage", 400), (sdp(4000, audio="18"), 488)):
        control.happens(Reoffered(body))
        await settle()
        assert control.sent[-1] == ("answer_reoffer", None, status)
    stage.peer.packets()
    await stage.ticker.run(40)
    assert len(stage.peer.packets()) == 2
    assert leg.info.codec == "PCMA/8000"


async def test_a_reinvite_without_an_offer_gets_ours_and_its_ack_the_answer(stage: Stage) -> None:
    leg, control = await stage.answered()
    control.happens(Reoffered(None))
    await settle()
    kind, offer, status = control.sent[-1]
    assert (kind, status) == ("answer_reoffer", 200)
    assert "m=audio" in str(offer)
    control.happens(Answered(sdp(stage.peer.address[1], direction="sendonly")))
    await settle()
    assert leg.is_on_hold
