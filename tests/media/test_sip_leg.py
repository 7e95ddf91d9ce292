"""A SIP leg: rings, answers, keys, REFER, and each way to its end."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.call_control import FakeCallControl
from tests.fakes.leg import FakeLeg, settle
from tests.fakes.media import deliver, tone
from tests.media.sip_stage import Stage, sdp, signals_until_end
from voicebot.audio import AudioClip
from voicebot.errors import MediaError, SdpRefused, SipError
from voicebot.media.leg import (
    DigitPressed,
    Leg,
    LegEndCause,
    LegEnded,
    ReferOutcome,
)
from voicebot.sip.call_control import (
    Ended,
    InfoReceived,
    ReferProgressed,
)


async def test_rings_answers_and_carries_audio_both_ways(stage: Stage) -> None:
    leg, control = await stage.answered()
    assert isinstance(leg, Leg)
    assert [entry[0] for entry in control.sent] == ["ring", "accept"]
    answer = str(control.sent[1][1])
    assert leg.rtp is not None
    assert f"m=audio {leg.rtp.port} RTP/AVP 8 101" in answer
    assert leg.info.codec == "PCMA/8000"
    assert (leg.info.caller, leg.info.called, leg.info.inbound) == ("+31201234567", "100", True)
    playback = leg.playout.play(AudioClip(tone(100)))
    stage.send(leg)
    await deliver()
    await stage.ticker.run(200)
    assert (await playback.finished()).completed
    assert len(stage.peer.packets()) == 10
    await leg.hang_up()
    assert len([frame async for frame in leg.frames()]) == 10
    assert await signals_until_end(leg) == [LegEnded(LegEndCause.US, "normal")]
    assert control.hang_ups == 1


async def test_a_caller_who_gives_up_while_ringing_ends_the_leg(stage: Stage) -> None:
    control = FakeCallControl(offer=sdp(4000))
    leg = stage.ringing(control)
    playback = leg.playout.play(AudioClip(tone(20)))
    control.happens(Ended("peer", "CANCEL"))
    assert await signals_until_end(leg) == [LegEnded(LegEndCause.PEER, "CANCEL")]
    assert [frame async for frame in leg.frames()] == []
    assert not (await playback.finished()).completed
    with pytest.raises(MediaError):
        await leg.answer()


async def test_reject(stage: Stage) -> None:
    control = FakeCallControl(offer=sdp(4000))
    leg = stage.ringing(control)
    await leg.reject(486, "Busy Here")
    assert ("reject", 486) in control.sent
    assert (await signals_until_end(leg))[-1] == LegEnded(LegEndCause.US, "486 Busy Here")


async def test_an_offer_without_a_common_codec_is_refused_with_488(stage: Stage) -> None:
    control = FakeCallControl(offer=sdp(4000, audio="18"))
    leg = stage.ringing(control)
    with pytest.raises(SdpRefused):
        await leg.answer()
    assert ("reject", 488) in control.sent
    assert (await signals_until_end(leg))[-1] == LegEnded(LegEndCause.ERROR, "SDP refused")
    assert stage.ticker.callbacks == {}


async def test_no_ack_ends_the_leg_and_frees_its_ports(stage: Stage) -> None:
    control = FakeCallControl(offer=sdp(stage.peer.address[1]))
    control.accept_error = SipError("no ACK")
    leg = stage.ringing(control)
    with pytest.raises(SipError):
        await leg.answer()
    assert control.hang_ups == 1
    assert stage.ticker.callbacks == {}


async def test_audio_does_not_wait_for_a_late_ack_and_one_that_never_comes_ends_the_leg(stage: Stage) -> None:
    control = FakeCallControl(offer=sdp(stage.peer.address[1]))
    control.ack = asyncio.Event()
    leg = stage.ringing(control)
    await leg.answer()
    assert leg.info.codec == "PCMA/8000"
    control.accept_error = SipError("no ACK")
    control.ack.set()
    assert await signals_until_end(leg) == [LegEnded(LegEndCause.ERROR, "sip")]
    assert control.hang_ups >= 1


async def test_a_delayed_offer_is_ours_and_the_ack_answers_it(stage: Stage) -> None:
    control = FakeCallControl(offer=None)
    control.ack_sdp = sdp(stage.peer.address[1], audio="0 101")
    leg = stage.ringing(control)
    await leg.answer()
    assert "RTP/AVP 8 0 9" in str(control.sent[1][1])
    assert leg.info.codec == "PCMU/8000"
    await stage.ticker.run(40)
    assert {packet.payload_type for packet in stage.peer.packets()} == {0}


@pytest.mark.parametrize("ack", [None, "nonsense"])
async def test_a_delayed_offer_without_a_usable_answer_ends_the_leg(stage: Stage, ack: str | None) -> None:
    control = FakeCallControl(offer=None)
    control.ack_sdp = ack
    leg = stage.ringing(control)
    with pytest.raises(SdpRefused):
        await leg.answer()
    assert control.hang_ups == 1


async def test_info_keys_and_those_sent_both_ways_count_once(stage: Stage) -> None:
    leg, control = await stage.answered()
    assert leg.rtp is not None
    control.happens(InfoReceived("application/dtmf-relay", "Signal=5\r\nDuration=160"))
    control.happens(InfoReceived("application/media_control+xml", "<x/>"))
    await settle()
    leg.rtp.on_digit(DigitPressed("5", 160))  # the same press by RFC 4733
    leg.rtp.on_digit(DigitPressed("5", 160))  # and pressed again
    control.happens(Ended("peer"))
    keys = [signal for signal in await signals_until_end(leg) if isinstance(signal, DigitPressed)]
    assert keys == [DigitPressed("5", 160)] * 2


async def test_keys_go_by_info_where_the_peer_has_no_events(stage: Stage) -> None:
    control = FakeCallControl(offer=sdp(stage.peer.address[1], audio="8"))
    leg = stage.ringing(control)
    await leg.answer()
    await leg.send_digits("1#")
    bodies = [entry[2] for entry in control.sent if entry[0] == "info"]
    assert [str(body).split("\r\n")[0] for body in bodies] == ["Signal=1", "Signal=#"]


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([ReferProgressed(100, False), ReferProgressed(200, True)], ReferOutcome(True, 200)),
        ([ReferProgressed(180, False), ReferProgressed(603, True)], ReferOutcome(False, 603)),
        ([ReferProgressed(180, False), Ended("peer", "BYE")], ReferOutcome(True, 180)),
        ([Ended("peer", "BYE")], ReferOutcome(True, 0)),
        ([ReferProgressed(180, False), Ended("network", "session timer")], ReferOutcome(False, 0)),
    ],
)
async def test_refer_reports_the_final_notify(
    stage: Stage, events: list[ReferProgressed | Ended], outcome: ReferOutcome
) -> None:
    leg, control = await stage.answered()
    referring = asyncio.create_task(leg.refer("sip:agent@127.0.0.1"))
    await settle()
    for event in events:
        control.happens(event)
    assert await referring == outcome
    assert ("refer", "sip:agent@127.0.0.1") in control.sent


async def test_a_peer_that_takes_a_refer_and_leaves_was_referred(stage: Stage) -> None:
    leg, control = await stage.answered()
    referring = asyncio.create_task(leg.refer("sip:agent@127.0.0.1"))
    await settle()
    control.happens(ReferProgressed(180, False))
    control.happens(Ended("peer", "BYE"))
    assert await signals_until_end(leg) == [LegEnded(LegEndCause.REFERRED, "unconfirmed")]
    await referring


@pytest.mark.parametrize("final", [200, 486])
async def test_a_peer_that_leaves_after_the_final_notify_or_a_refusal_has_hung_up(
    stage: Stage, final: int
) -> None:
    leg, control = await stage.answered()
    referring = asyncio.create_task(leg.refer("sip:agent@127.0.0.1"))
    await settle()
    control.happens(ReferProgressed(final, True))
    await referring
    control.happens(Ended("peer", "BYE"))
    assert await signals_until_end(leg) == [LegEnded(LegEndCause.PEER, "BYE")]


async def test_a_peer_that_leaves_before_it_took_the_refer_has_hung_up(stage: Stage) -> None:
    leg, control = await stage.answered()
    asked = asyncio.Event()

    async def refer(target: str, *, replaces: str = "") -> int:
        await asked.wait()
        return 481

    control.refer = refer  # type: ignore[method-assign]
    referring = asyncio.create_task(leg.refer("sip:agent@127.0.0.1"))
    await settle()
    control.happens(Ended("peer", "BYE"))
    assert await signals_until_end(leg) == [LegEnded(LegEndCause.PEER, "BYE")]
    asked.set()
    assert await referring == ReferOutcome(False, 481)


async def test_a_refused_refer_is_said_so_at_once(stage: Stage) -> None:
    leg, control = await stage.answered()
    control.refer_status = 603
    assert await leg.refer("sip:agent@127.0.0.1") == ReferOutcome(False, 603)


async def test_attended_names_the_other_dialog_to_a_peer_that_can(stage: Stage) -> None:
    leg, control = await stage.answered()
    agent, other = await stage.answered()
    other.replaces = "c@x;to-tag=1;from-tag=2"
    referring = asyncio.create_task(leg.refer("sip:agent@127.0.0.1", replaces=agent))
    await settle()
    control.happens(ReferProgressed(200, True))
    assert await referring == ReferOutcome(True, 200)
    assert ("refer", "sip:agent@127.0.0.1", "c@x;to-tag=1;from-tag=2") in control.sent


@pytest.mark.parametrize("missing", ["caller refer", "caller replaces", "agent replaces", "dialog", "no sip"])
async def test_attended_is_impossible_where_a_peer_cannot(stage: Stage, missing: str) -> None:
    leg, control = await stage.answered()
    agent, other = await stage.answered()
    control.can_be_referred = missing != "caller refer"
    control.can_replace = missing != "caller replaces"
    other.can_replace = missing != "agent replaces"
    other.replaces = "" if missing == "dialog" else other.replaces
    with pytest.raises(NotImplementedError):
        await leg.refer("sip:a@127.0.0.1", replaces=FakeLeg() if missing == "no sip" else agent)
    assert not [entry for entry in control.sent if entry[0] == "refer"]


async def test_lost_media_ends_the_leg_and_the_call(stage: Stage) -> None:
    leg, control = await stage.answered()
    await stage.ticker.run(30_100)
    await settle()
    assert (await signals_until_end(leg))[-1] == LegEnded(LegEndCause.MEDIA_LOST, "no RTP")
    assert control.hang_ups == 1
    assert stage.ticker.callbacks == {}


async def test_after_the_end_nothing_raises(stage: Stage) -> None:
    leg, control = await stage.answered()
    control.happens(Ended("network", "session timer"))
    assert await signals_until_end(leg) == [LegEnded(LegEndCause.NETWORK, "session timer")]
    await leg.send_digits("1")
    assert await leg.refer("sip:x@127.0.0.1") == ReferOutcome(False, 0)
    await leg.reject(486)
    await leg.hang_up()
    assert leg.playout.stop() == ()
    await settle()
    assert len(asyncio.all_tasks()) == 1
