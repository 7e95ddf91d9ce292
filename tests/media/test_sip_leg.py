from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.fakes.call_control import FakeCallControl, FakeEndpoint
from tests.fakes.leg import FakeLeg, settle
from tests.fakes.media import ManualTicker, deliver, tone
from tests.media.test_rtp_session import Peer
from voicebot.audio import AudioClip
from voicebot.errors import DialFailed, DialFailure, MediaError, SdpRefused, SipError
from voicebot.media.leg import (
    Dialler,
    DigitPressed,
    HeldByPeer,
    Leg,
    LegEndCause,
    LegEnded,
    LegSignal,
    ReferOutcome,
    ResumedByPeer,
)
from voicebot.media.rtp_ports import RtpPorts
from voicebot.media.sip_dialler import SipDialler, failure_of
from voicebot.media.sip_leg import SipLeg
from voicebot.media.sip_media import MediaParts, SipLegSettings
from voicebot.sip.call_control import (
    Answered,
    Ended,
    InfoReceived,
    ReferProgressed,
    Reoffered,
    Ringing,
    SetupFailed,
)


def sdp(port: int, *, direction: str = "sendrecv", address: str = "127.0.0.1", audio: str = "8 0 101") -> str:
    return "\r\n".join(
        [
            "v=0",
            f"o=- 1 1 IN IP4 {address}",
            "s=-",
            f"c=IN IP4 {address}",
            "t=0 0",
            f"m=audio {port} RTP/AVP {audio}",
            "a=rtpmap:101 telephone-event/8000",
            f"a={direction}",
            "a=rtcp-mux",
            "",
        ]
    )


class Stage:
    """Ticker, ports, a peer socket, and the parts that legs are made of."""

    def __init__(self, settings: SipLegSettings | None = None) -> None:
        self.ticker, self.peer = ManualTicker(), Peer()
        ports = RtpPorts("127.0.0.1", 31600, 31799)
        self.parts = MediaParts(ports, self.ticker, settings or SipLegSettings("127.0.0.1"))
        self.legs: list[SipLeg] = []

    def ringing(self, control: FakeCallControl) -> SipLeg:
        leg = SipLeg.ringing(control, self.parts, "leg-1")
        self.legs.append(leg)
        return leg

    async def answered(self) -> tuple[SipLeg, FakeCallControl]:
        control = FakeCallControl(offer=sdp(self.peer.address[1]))
        leg = self.ringing(control)
        await leg.answer()
        return leg, control

    def send(self, leg: SipLeg) -> None:
        assert leg.rtp is not None
        self.peer.send(leg.rtp.port)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    for leg in stage.legs:
        await leg.hang_up()
    stage.peer.socket.close()
    await deliver()
    await settle()


async def signals_until_end(leg: Leg) -> list[LegSignal]:
    return [signal async for signal in leg.signals()]


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
        ([ReferProgressed(100, False), Ended("peer")], ReferOutcome(False, 0)),
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


# --- dialling ---


async def dialled(stage: Stage, endpoint: FakeEndpoint, timeout_seconds: float = 25.0) -> asyncio.Task[Leg]:
    dialler: Dialler = SipDialler(endpoint, stage.parts)
    task = asyncio.create_task(dialler.dial("sip:agent@127.0.0.1", timeout_seconds=timeout_seconds))
    await endpoint.invited.wait()
    await settle()
    return task


def offered_port(endpoint: FakeEndpoint) -> int:
    line = next(line for line in endpoint.offers[0][1].split("\r\n") if line.startswith("m=audio"))
    return int(line.split(" ")[1])


async def test_dial_waits_for_answer_and_media(stage: Stage) -> None:
    endpoint = FakeEndpoint()
    task = await dialled(stage, endpoint)
    endpoint.control.happens(Ringing(183, sdp(stage.peer.address[1])))
    await settle()
    assert stage.ticker.callbacks == {}  # early media is not taken
    endpoint.control.happens(Answered(sdp(stage.peer.address[1])))
    await settle()
    assert not task.done()
    stage.peer.send(offered_port(endpoint))
    leg = await task
    assert not leg.info.inbound
    await leg.hang_up()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (486, DialFailure.BUSY),
        (600, DialFailure.BUSY),
        (603, DialFailure.DECLINED),
        (403, DialFailure.DECLINED),
        (480, DialFailure.NO_ANSWER),
        (487, DialFailure.NO_ANSWER),
        (404, DialFailure.UNREACHABLE),
        (410, DialFailure.UNREACHABLE),
        (503, DialFailure.UNREACHABLE),
        (408, DialFailure.UNREACHABLE),
        (488, DialFailure.FAILED),
        (500, DialFailure.FAILED),
    ],
)
async def test_dial_failures_are_typed(stage: Stage, status: int, reason: DialFailure) -> None:
    endpoint = FakeEndpoint()
    task = await dialled(stage, endpoint)
    endpoint.control.happens(SetupFailed(status, "because"))
    with pytest.raises(DialFailed) as failed:
        await task
    assert failed.value.reason is reason
    await deliver()


def test_a_time_out_after_ringing_is_no_answer() -> None:
    assert failure_of(408, has_rung=True) is DialFailure.NO_ANSWER


@pytest.mark.parametrize(("has_rung", "reason"), [(True, "no_answer"), (False, "unreachable")])
async def test_nobody_answers_in_time(stage: Stage, has_rung: bool, reason: str) -> None:
    endpoint = FakeEndpoint()
    task = await dialled(stage, endpoint, timeout_seconds=0.05)
    if has_rung:
        endpoint.control.happens(Ringing(180, None))
    with pytest.raises(DialFailed) as failed:
        await task
    assert failed.value.reason.value == reason
    assert endpoint.control.hang_ups >= 1


async def test_cancelling_a_dial_cancels_the_invite(stage: Stage) -> None:
    endpoint = FakeEndpoint()
    task = await dialled(stage, endpoint)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert endpoint.control.hang_ups >= 1
    await settle()
    assert len(asyncio.all_tasks()) == 1


async def test_an_answer_without_media_is_no_media() -> None:
    stage = Stage(SipLegSettings("127.0.0.1", dial_media_seconds=0.0))
    endpoint = FakeEndpoint()
    task = await dialled(stage, endpoint)
    endpoint.control.happens(Answered(sdp(stage.peer.address[1])))
    with pytest.raises(DialFailed) as failed:
        await task
    assert failed.value.reason is DialFailure.NO_MEDIA
    assert endpoint.control.hang_ups >= 1
    stage.peer.socket.close()
    await deliver()


@pytest.mark.parametrize("body", [None, "garbage"])
async def test_an_unusable_answer_fails_and_hangs_up(stage: Stage, body: str | None) -> None:
    endpoint = FakeEndpoint()
    task = await dialled(stage, endpoint)
    endpoint.control.happens(Answered(body))
    with pytest.raises(DialFailed) as failed:
        await task
    assert failed.value.reason is DialFailure.FAILED
    assert endpoint.control.hang_ups >= 1


async def test_a_dead_transport_is_unreachable(stage: Stage) -> None:
    endpoint = FakeEndpoint()
    endpoint.error = SipError("no route")
    with pytest.raises(DialFailed) as failed:
        await SipDialler(endpoint, stage.parts).dial("sip:agent@127.0.0.1")
    assert failed.value.reason is DialFailure.UNREACHABLE
    await deliver()
