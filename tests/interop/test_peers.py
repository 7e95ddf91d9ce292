"""The harness itself: real peers with one another, so that a failure elsewhere is ours and not theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.peers.baresip import Account, Baresip
from tests.peers.lossy_call import LossyCall
from tests.peers.lossy_proxy import Line, LossyProxy
from tests.peers.ports import LOOPBACK, eventually
from tests.peers.signals import clipped_runs, gaps, likeness, tone, tone_dbfs
from tests.peers.sipp import Sipp

pytestmark = pytest.mark.interop
RATE = 8000


def wobble(seconds: float) -> np.ndarray:
    """A sound that is like itself at one offset only: a tone that wanders at random."""
    pitch = np.random.default_rng(5).uniform(300, 1500, int(seconds * 20)).repeat(RATE // 20)
    samples: np.ndarray = 0.3 * np.sin(2 * np.pi * np.cumsum(pitch) / RATE)
    return samples


async def test_two_phones_hear_each_others_tone(tmp_path: Path) -> None:
    async with (
        Baresip.running(tmp_path / "alice", Account("alice"), audio=tone(440, 60)) as alice,
        Baresip.running(tmp_path / "bob", Account("bob"), audio=tone(620, 60)) as bob,
    ):
        await alice.dial(bob.uri)
        await alice.event("CALL_ESTABLISHED")
        await alice.heard(1.0)
        await bob.heard(1.0)
        await alice.press("1")
        await bob.event("CALL_DTMF_START")
        await bob.event("CALL_DTMF_END")
        await alice.hang_up()
        await bob.event("CALL_CLOSED")
        heard_by_alice, rate = await alice.recording("dec")
        heard_by_bob, _ = await bob.recording("dec")
    assert rate == RATE
    assert tone_dbfs(heard_by_alice, rate, 620) > -20
    assert tone_dbfs(heard_by_alice, rate, 440) < -50
    assert tone_dbfs(heard_by_bob, rate, 440) > -20
    assert clipped_runs(heard_by_alice) == 0


async def test_phone_hears_its_echo_from_sipp(tmp_path: Path) -> None:
    said = wobble(1.0)
    async with (
        Sipp.answering("uas_echo.xml", tmp_path / "sipp") as echo,
        Baresip.running(tmp_path / "alice", audio=said) as alice,
    ):
        await alice.dial(echo.uri)
        heard = await alice.heard(1.5)
        await alice.hold()
        await eventually(lambda: "a=sendonly" in alice.trace, "hold was sent")
        await alice.resume()
        await eventually(lambda: alice.trace.count("a=sendrecv") >= 3, "resume was sent")
        await alice.hang_up()
        await alice.event("CALL_CLOSED")
    assert likeness(heard, said[2000:6000], RATE).peak > 0.9


async def test_sipps_callers_talk_and_hang_up(tmp_path: Path) -> None:
    async with Baresip.running(tmp_path / "bob", Account("bob")) as bob:
        result = await Sipp.calls("uac_rtp.xml", tmp_path, (LOOPBACK, bob.port), service="bob", hold_ms=2000)
        await bob.event("CALL_CLOSED")
        heard, _ = await bob.recording("dec")
    assert (result.successful, result.failed) == (1, 0), result.errors
    assert len(heard) / RATE == pytest.approx(2.0, abs=0.3)
    assert tone_dbfs(heard, RATE, 440) > -15
    assert gaps(heard, RATE) == []


@pytest.mark.parametrize(("status", "reason"), [("486", "Busy Here"), ("603", "Decline"), ("480", "Away")])
async def test_refusals(tmp_path: Path, status: str, reason: str) -> None:
    values = {"STATUS": status, "REASON": reason}
    async with (
        Sipp.answering("uas_reject.xml", tmp_path / "sipp", values=values) as callee,
        Baresip.running(tmp_path / "alice") as alice,
    ):
        await alice.dial(callee.uri)
        closed = await alice.event("CALL_CLOSED")
    assert closed["param"].startswith(status)


async def test_caller_gives_up_on_a_phone_that_only_rings(tmp_path: Path) -> None:
    async with (
        Sipp.answering("uas_rings.xml", tmp_path / "sipp") as callee,
        Baresip.running(tmp_path / "alice") as alice,
    ):
        await alice.dial(callee.uri)
        await alice.event("CALL_RINGING")
        await alice.hang_up()
        await alice.event("CALL_CLOSED")
    assert "487 Request Terminated" in alice.trace


async def test_callee_hangs_up(tmp_path: Path) -> None:
    async with (
        Sipp.answering("uas_hangs_up.xml", tmp_path / "sipp", extra=("-d", "300")) as callee,
        Baresip.running(tmp_path / "alice") as alice,
    ):
        await alice.dial(callee.uri)
        await alice.event("CALL_ESTABLISHED")
        await alice.event("CALL_CLOSED")


async def test_sipp_cancels_a_ringing_phone(tmp_path: Path) -> None:
    async with Baresip.running(tmp_path / "bob", Account("bob", answer="manual")) as bob:
        result = await Sipp.calls("uac_cancel.xml", tmp_path, (LOOPBACK, bob.port), service="bob")
        await bob.event("CALL_CLOSED")
    assert (result.successful, result.failed) == (1, 0), result.errors


async def test_sipp_holds_and_resumes_a_phone(tmp_path: Path) -> None:
    async with Baresip.running(tmp_path / "bob", Account("bob")) as bob:
        result = await Sipp.calls("uac_hold.xml", tmp_path, (LOOPBACK, bob.port), service="bob")
    assert (result.successful, result.failed) == (1, 0), result.errors


async def test_a_bad_line_between_peers_drops_signalling_and_they_repair_it(tmp_path: Path) -> None:
    async with (
        Baresip.running(tmp_path / "bob", Account("bob")) as bob,
        LossyProxy.to((LOOPBACK, bob.port), Line(loss=0.2, seed=11)) as line,
    ):
        result = await Sipp.calls(
            "uac_plain.xml", tmp_path, (LOOPBACK, line.port), service="bob", calls=3, rate=5, hold_ms=300
        )
    assert (result.successful, result.failed) == (3, 0), result.errors
    assert line.dropped > 0


async def test_a_bad_line_for_a_whole_call_loses_media_both_ways(tmp_path: Path) -> None:
    bad = Line(loss=0.05, jitter_ms=60, seed=2)
    async with (
        Baresip.running(tmp_path / "bob", Account("bob"), audio=tone(620, 60)) as bob,
        LossyCall.between((LOOPBACK, bob.port), bad) as line,
        Baresip.running(tmp_path / "alice", audio=tone(440, 60)) as alice,
    ):
        await alice.dial(f"sip:bob@{LOOPBACK}:{line.port}")
        heard_by_alice, heard_by_bob = await alice.heard(4.0), await bob.heard(4.0)
        await alice.hang_up()
        lost = line.media_dropped / (line.media_dropped + line.media_forwarded)
    assert len(line.media) == 2
    assert all(relay.dropped > 0 for relay in line.media.values())
    assert lost == pytest.approx(0.05, abs=0.035)
    assert tone_dbfs(heard_by_alice[RATE:], RATE, 620) > -25
    assert tone_dbfs(heard_by_bob[RATE:], RATE, 440) > -25
