"""Our SIP endpoint against sipp: many calls, bad lines, odd callers, refusing callees."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.signalling_bot import SignallingBot, has_failed_with, was_ended_by
from tests.peers.lossy_proxy import Line, LossyProxy
from tests.peers.ports import LOOPBACK, eventually
from tests.peers.sipp import Sipp
from voicebot.sip.call_control import Answered, Ended, InfoReceived, Ringing, SetupFailed
from voicebot.sip.registration import RegistrationState
from voicebot.sip.trunk import SipTrunk

pytestmark = pytest.mark.interop
PATIENT = (
    *("-max_invite_retrans", "12", "-max_non_invite_retrans", "14", "-T2", "2000"),
    *("-default_behaviors", "none"),  # or a 180 that comes after its 200 makes sipp drop the call
)


@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_fifty_calls_in_a_ramp(tmp_path: Path, transport: str) -> None:
    async with SignallingBot.running(t1=0.1) as bot:
        result = await Sipp.calls(
            "uac_plain.xml", tmp_path, bot.address, calls=50, rate=25, hold_ms=1000, transport=transport
        )
        await bot.nothing_is_left()
    assert (result.successful, result.failed) == (50, 0), result.errors
    assert len(bot.calls) == 50
    assert all(was_ended_by(call, "peer") for call in bot.calls)
    assert bot.failures == []


@pytest.mark.parametrize("loss", [0.05, 0.2])
async def test_fifty_calls_over_a_bad_line(tmp_path: Path, loss: float) -> None:
    async with SignallingBot.running() as bot, LossyProxy.to(bot.address, Line(loss=loss, seed=42)) as line:
        result = await Sipp.calls(
            "uac_plain.xml", tmp_path, (LOOPBACK, line.port), calls=50, rate=20, hold_ms=1000, extra=PATIENT,
            seconds=100,
        )  # fmt: skip
        await bot.no_call_is_left(seconds=45)
    assert (result.successful, result.failed) == (50, 0), result.errors
    assert len({call.control.facts.call_id for call in bot.calls}) == len(bot.calls) == 50
    assert all(was_ended_by(call, "peer") for call in bot.calls)
    assert line.dropped > 200 * loss


async def test_late_doubled_and_reordered_packets(tmp_path: Path) -> None:
    bad = Line(delay_ms=20, jitter_ms=150, reorder=0.2, duplicate=0.3, loss=0.05, seed=5)
    async with SignallingBot.running() as bot, LossyProxy.to(bot.address, bad) as line:
        result = await Sipp.calls(
            "uac_plain.xml", tmp_path, (LOOPBACK, line.port), calls=20, rate=10, hold_ms=1500, extra=PATIENT,
            seconds=100,
        )  # fmt: skip
        await bot.no_call_is_left(seconds=45)
    assert (result.successful, result.failed) == (20, 0), result.errors
    assert len(bot.calls) == 20


async def test_we_hang_up_fifty_times(tmp_path: Path) -> None:
    async with SignallingBot.running(hangs_up=True, t1=0.1) as bot:
        result = await Sipp.calls("uac_waits_for_bye.xml", tmp_path, bot.address, calls=50, rate=25)
        await bot.no_call_is_left()
    assert (result.successful, result.failed) == (50, 0), result.errors
    assert all(was_ended_by(call, "us") for call in bot.calls)


async def test_callers_give_up_while_it_rings(tmp_path: Path) -> None:
    async with SignallingBot.running(rings_only=True, t1=0.1) as bot:
        result = await Sipp.calls("uac_cancel.xml", tmp_path, bot.address, calls=10, rate=10)
        await bot.no_call_is_left()
    assert (result.successful, result.failed) == (10, 0), result.errors


async def test_hold_and_resume(tmp_path: Path) -> None:
    async with SignallingBot.running(t1=0.1) as bot:
        result = await Sipp.calls("uac_hold.xml", tmp_path, bot.address, calls=5)
        await bot.no_call_is_left()
    assert (result.successful, result.failed) == (5, 0), result.errors
    assert all(call.session.agreed and call.session.agreed.direction == "sendrecv" for call in bot.calls)


async def test_keys_by_info(tmp_path: Path) -> None:
    async with SignallingBot.running(t1=0.1) as bot:
        result = await Sipp.calls("uac_info.xml", tmp_path, bot.address)
        call = await bot.incoming()
        info = await call.until(InfoReceived)
        await bot.no_call_is_left()
    assert (result.successful, result.failed) == (1, 0), result.errors
    assert isinstance(info, InfoReceived)
    assert (info.content_type, "Signal=0" in info.body) == ("application/dtmf-relay", True)


async def test_caller_without_ack_is_told_the_answer_again_and_then_hung_up_on(tmp_path: Path) -> None:
    async with SignallingBot.running(t1=0.05) as bot:
        result = await Sipp.calls("uac_no_ack.xml", tmp_path, bot.address, calls=3)
        await bot.no_call_is_left()
    assert (result.successful, result.failed) == (3, 0), result.errors
    assert len(bot.failures) == 3


@pytest.mark.parametrize(("status", "reason"), [("486", "Busy Here"), ("603", "Decline"), ("480", "Away")])
async def test_callee_refuses(tmp_path: Path, status: str, reason: str) -> None:
    values = {"STATUS": status, "REASON": reason}
    async with (
        Sipp.answering("uas_reject.xml", tmp_path, values=values) as callee,
        SignallingBot.running(t1=0.1) as bot,
    ):
        call = await bot.call(callee.uri)
        await call.until(SetupFailed)
        await bot.no_call_is_left()
        assert has_failed_with(call, int(status))
        assert call.has(Ringing)


async def test_callee_never_answers_and_we_cancel(tmp_path: Path) -> None:
    async with Sipp.answering("uas_rings.xml", tmp_path) as callee, SignallingBot.running(t1=0.1) as bot:
        call = await bot.call(callee.uri)
        await call.until(Ringing)
        await call.control.hang_up()
        await bot.no_call_is_left()
        assert not call.has(Answered)


async def test_callee_answers_and_hangs_up(tmp_path: Path) -> None:
    async with (
        Sipp.answering("uas_hangs_up.xml", tmp_path, extra=("-d", "300")) as callee,
        SignallingBot.running(t1=0.1) as bot,
    ):
        call = await bot.call(callee.uri)
        answered = await call.until(Answered)
        assert isinstance(answered, Answered)
        assert call.session.read_answer(answered.sdp or "").codec == "PCMA"
        await call.until(Ended)
        await bot.no_call_is_left()
    assert was_ended_by(call, "peer")


async def test_nobody_there() -> None:
    async with SignallingBot.running(t1=0.02) as bot:
        call = await bot.call(f"sip:nobody@{LOOPBACK}:9")
        failed = await call.until(SetupFailed)
        assert isinstance(failed, SetupFailed)
        assert failed.status in (408, 503)
        await bot.no_call_is_left()


@pytest.mark.parametrize("password", ["geheim", "fout"])
async def test_registration_with_a_digest_that_sipp_checks(tmp_path: Path, password: str) -> None:
    async with Sipp.answering("uas_registrar.xml", tmp_path) as registrar:
        trunk = SipTrunk("t", registrar=f"sip:{LOOPBACK}:{registrar.port}", user="bot", password=password)
        async with SignallingBot.running(trunks=(trunk,), t1=0.1) as bot:
            settled = (RegistrationState.REGISTERED, RegistrationState.WAITING_TO_RETRY)
            states = bot.endpoint.registrations
            await eventually(lambda: states()["t"] in settled, "registered or refused")
            assert states()["t"] is settled[password != "geheim"]
