"""Our SIP endpoint against a real phone: set-up, hold, keys, refusals and transfer, both directions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.signalling_bot import SignallingBot, has_failed_with, was_ended_by
from tests.peers.baresip import Account, Baresip
from tests.peers.ports import eventually
from tests.peers.sipp import Sipp
from voicebot.sip.call_control import Answered, Ended, ReferProgressed, Ringing, SetupFailed

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_phone_calls_holds_resumes_and_hangs_up(tmp_path: Path, transport: str) -> None:
    account = Account(transport=transport)
    async with SignallingBot.running() as bot, Baresip.running(tmp_path, account) as phone:
        await phone.dial(f"{bot.uri};transport={transport}")
        await phone.event("CALL_ESTABLISHED")
        call = await bot.incoming()
        assert (call.control.facts.caller, call.control.facts.called) == ("alice", "bot")
        assert call.session.agreed is not None
        assert call.session.agreed.codec == "PCMA"
        await phone.hold()
        await eventually(lambda: bool(call.session.agreed and call.session.agreed.is_held_by_peer), "held")
        await phone.event("CALL_REMOTE_SDP", number=2)
        await phone.resume()
        await eventually(
            lambda: bool(call.session.agreed and call.session.agreed.direction == "sendrecv"), "resumed"
        )
        await phone.event("CALL_REMOTE_SDP", number=3)
        await phone.hang_up()
        await call.until(Ended)
        await bot.no_call_is_left()
        assert was_ended_by(call, "peer")


async def test_we_hold_resume_and_hang_up_on_the_phone(tmp_path: Path) -> None:
    async with SignallingBot.running() as bot, Baresip.running(tmp_path) as phone:
        await phone.dial(bot.uri)
        await phone.event("CALL_ESTABLISHED")
        call = await bot.incoming()
        held = await call.control.reinvite(call.session.offer("sendonly"))
        assert call.session.read_answer(held or "").direction == "sendonly"
        resumed = await call.control.reinvite(call.session.offer("sendrecv"))
        assert call.session.read_answer(resumed or "").direction == "sendrecv"
        await call.control.hang_up()
        await phone.event("CALL_CLOSED")
        await bot.no_call_is_left()
        assert was_ended_by(call, "us")


async def test_we_call_the_phone_and_either_side_holds(tmp_path: Path) -> None:
    async with SignallingBot.running() as bot, Baresip.running(tmp_path) as phone:
        call = await bot.call(phone.uri)
        answered = await call.until(Answered)
        assert isinstance(answered, Answered)
        assert call.session.read_answer(answered.sdp or "").codec == "PCMA"
        held = await call.control.reinvite(call.session.offer("sendonly"))
        assert call.session.read_answer(held or "").direction == "sendonly"
        resumed = await call.control.reinvite(call.session.offer("sendrecv"))
        assert call.session.read_answer(resumed or "").direction == "sendrecv"
        await phone.hold()
        await eventually(lambda: bool(call.session.agreed and call.session.agreed.is_held_by_peer), "held")
        await phone.hang_up()
        await call.until(Ended)
        await bot.no_call_is_left()


async def test_phone_declines_our_call(tmp_path: Path) -> None:
    async with (
        SignallingBot.running() as bot,
        Baresip.running(tmp_path, Account(answer="manual")) as phone,
    ):
        call = await bot.call(phone.uri)
        await call.until(Ringing)
        await phone.event("CALL_INCOMING")
        await phone.hang_up()
        failed = await call.until(SetupFailed)
        assert isinstance(failed, SetupFailed)
        assert 400 <= failed.status < 700
        await bot.no_call_is_left()


async def test_we_give_up_while_the_phone_rings(tmp_path: Path) -> None:
    async with (
        SignallingBot.running() as bot,
        Baresip.running(tmp_path, Account(answer="manual")) as phone,
    ):
        call = await bot.call(phone.uri)
        await call.until(Ringing)
        await call.control.hang_up()
        await phone.event("CALL_CLOSED")
        await bot.no_call_is_left()
        assert not call.has(Answered)


async def test_phone_gives_up_while_we_ring(tmp_path: Path) -> None:
    async with SignallingBot.running(rings_only=True) as bot, Baresip.running(tmp_path) as phone:
        await phone.dial(bot.uri)
        await phone.event("CALL_RINGING")
        await phone.hang_up()
        call = await bot.incoming()
        await call.until(Ended)
        await bot.no_call_is_left()
        assert was_ended_by(call, "peer")


async def test_codec_on_a_dynamic_payload_type(tmp_path: Path) -> None:
    account = Account(codecs=("opus/48000/2",))
    async with SignallingBot.running() as bot, Baresip.running(tmp_path, account) as phone:
        await phone.dial(bot.uri)
        await phone.event("CALL_ESTABLISHED")
        call = await bot.incoming()
        assert call.session.agreed is not None
        assert call.session.agreed.codec == "opus"
        offered = call.control.facts.offer or ""
        assert f"a=rtpmap:{call.session.agreed.payload_type_send} opus/48000/2" in offered
        await phone.hang_up()
        await bot.no_call_is_left()


async def test_blind_transfer_to_another_phone(tmp_path: Path) -> None:
    async with (
        SignallingBot.running() as bot,
        Baresip.running(tmp_path / "alice") as alice,
        Baresip.running(tmp_path / "bob", Account("bob")) as bob,
    ):
        await alice.dial(bot.uri)
        await alice.event("CALL_ESTABLISHED")
        call = await bot.incoming()
        assert await call.control.refer(bob.uri) == 202
        await eventually(lambda: ReferProgressed(200, is_final=True) in call.events, "the transfer succeeded")
        await bob.event("CALL_ESTABLISHED")
        await call.control.hang_up()
        await bot.no_call_is_left()
        assert bob.count("CALL_CLOSED") == 0


@pytest.mark.parametrize(
    "times",
    [
        1,
        6,
    ],
)
async def test_refused_blind_transfer_is_told_and_the_call_goes_on(tmp_path: Path, times: int) -> None:
    values = {"STATUS": "603", "REASON": "Decline"}
    async with (
        SignallingBot.running() as bot,
        Sipp.answering("uas_reject.xml", tmp_path / "sipp", values=values) as callee,
        Baresip.running(tmp_path / "alice") as alice,
    ):
        await alice.dial(bot.uri)
        await alice.event("CALL_ESTABLISHED")
        call = await bot.incoming()
        refused = ReferProgressed(603, is_final=True)
        for attempt in range(1, times + 1):
            assert await call.control.refer(callee.uri) == 202
            await eventually(
                lambda attempt=attempt: call.events.count(refused) == attempt, f"refusal {attempt} was told"
            )
        assert not call.has(Ended)
        await call.control.hang_up()
        await bot.no_call_is_left()


async def test_busy_phone(tmp_path: Path) -> None:
    values = {"STATUS": "486", "REASON": "Busy Here"}
    async with (
        SignallingBot.running() as bot,
        Sipp.answering("uas_reject.xml", tmp_path, values=values) as callee,
    ):
        call = await bot.call(callee.uri)
        await call.until(SetupFailed)
        assert has_failed_with(call, 486)
