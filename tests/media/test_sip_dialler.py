"""Dialling a SIP leg: what is waited for, and the typed reason of each failure."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.call_control import FakeEndpoint
from tests.fakes.leg import settle
from tests.fakes.media import deliver
from tests.media.sip_stage import Stage, sdp
from voicebot.errors import DialFailed, DialFailure, SipError
from voicebot.media.leg import (
    Dialler,
    Leg,
)
from voicebot.media.sip_dialler import SipDialler, failure_of
from voicebot.media.sip_media import SipLegSettings
from voicebot.sip.call_control import (
    Answered,
    Ringing,
    SetupFailed,
)


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
