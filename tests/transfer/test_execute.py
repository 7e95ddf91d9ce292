"""One transfer by itself: steps, failures, cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.fakes.leg import FakeDialler, FakeLeg
from tests.fakes.virtual_time import in_virtual_time
from voicebot.audio import SILENCE
from voicebot.errors import DialFailure, MediaError, SipError
from voicebot.media.leg import Leg, ReferOutcome
from voicebot.transfer.destinations import Destination
from voicebot.transfer.execute import BRIEFING_LIMIT_SECONDS, TransferExecution, TransferResult

URI = "sip:agent@127.0.0.1"
BRIDGED = Destination("desk", URI, "bridged", "de balie", "the desk")
BLIND = Destination("desk", URI, "blind", "de balie", "the desk")


class Bench:
    """A caller, an agent, and what happened to them."""

    def __init__(self, *, rings: bool = False, dialler: bool = True, says: bytes = SILENCE * 10) -> None:
        self.caller = FakeLeg(answered=True)
        self.agent = FakeLeg(leg_id="agent", inbound=False)
        self.dialler = FakeDialler(rings=rings)
        self.dialler.script(URI, self.agent)
        self.steps: list[str] = []
        self.in_company = 0
        self.had_company = False
        self.joined = asyncio.Event()
        self.part = asyncio.Event()
        self._says = says
        self.execution = TransferExecution(
            caller=self.caller,
            dialler=self.dialler if dialler else None,
            bridge=self.bridge,
            company=self.company,
            ring_seconds=25,
            accept_seconds=20,
            progress=lambda state, failure=None: self.steps.append(failure or state),
        )

    async def bridge(self, caller: Leg, agent: Leg) -> str:
        assert not self.in_company
        self.joined.set()
        await self.part.wait()
        return "agent"

    @asynccontextmanager
    async def company(self) -> AsyncIterator[None]:
        self.in_company += 1
        self.had_company = True
        try:
            yield
        finally:
            self.in_company -= 1

    async def briefing(self) -> AsyncIterator[bytes]:
        if self._says:
            yield self._says

    async def run(self, destination: Destination = BRIDGED) -> TransferResult:
        ticking = asyncio.create_task(self._tick())
        try:
            return await self.execution.run(destination, self.briefing)
        finally:
            ticking.cancel()
            await asyncio.wait({ticking})
            assert not self.in_company

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            self.agent.clock.slots += 1
            self.agent.tick()


@in_virtual_time
async def test_dialled_briefed_accepted_joined() -> None:
    bench = Bench()
    bench.agent.press("1")
    bench.part.set()
    assert await bench.run() == TransferResult(joined=True, ended_by="agent")
    assert bench.steps == ["ringing", "answered", "briefed", "accepted", "joined"]
    assert bench.agent.is_ended
    assert not bench.caller.is_ended


@in_virtual_time
async def test_the_agent_s_time_counts_from_the_end_of_the_first_briefing() -> None:
    bench = Bench(says=SILENCE * 500)  # ten seconds
    began = asyncio.get_running_loop().time()
    result = await bench.run()
    assert result.failure is DialFailure.REFUSED_BRIEFING
    assert asyncio.get_running_loop().time() - began == pytest.approx(30, abs=0.1)
    assert bench.agent.is_ended
    endless = Bench(says=SILENCE * 50 * 200)
    began = asyncio.get_running_loop().time()
    assert (await endless.run()).failure is DialFailure.REFUSED_BRIEFING
    waited = asyncio.get_running_loop().time() - began
    assert waited == pytest.approx(BRIEFING_LIMIT_SECONDS + 20, abs=0.1)


@pytest.mark.parametrize("failure", list(DialFailure))
def test_every_failure_of_the_dial_is_passed_on(failure: DialFailure) -> None:
    @in_virtual_time
    async def run() -> None:
        bench = Bench()
        bench.dialler._outcomes[URI] = [failure]
        assert (await bench.run()).failure is failure
        assert bench.steps == ["ringing", failure.value]
        assert bench.had_company

    run()


@in_virtual_time
async def test_cancelled_while_it_rings_cancels_the_dial() -> None:
    bench = Bench(rings=True)
    task = asyncio.create_task(bench.run())
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert bench.dialler.cancelled == [URI]


@in_virtual_time
async def test_cancelled_while_the_agent_is_briefed_or_joined_hangs_the_agent_up() -> None:
    briefed = Bench()
    task = asyncio.create_task(briefed.run())
    await asyncio.sleep(3)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert briefed.agent.is_ended
    joined = Bench()
    joined.agent.press("1")
    task = asyncio.create_task(joined.run())
    await joined.joined.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert joined.agent.is_ended


@in_virtual_time
async def test_a_broken_briefing_is_no_silent_success() -> None:
    bench = Bench()

    async def broken() -> AsyncIterator[bytes]:
        yield b"\0\0"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await bench.execution.run(BRIDGED, broken)
    assert bench.agent.is_ended


@in_virtual_time
async def test_an_agent_who_would_hear_nothing_is_joined() -> None:
    bench = Bench(says=b"")
    bench.part.set()
    assert (await bench.run()).joined


@in_virtual_time
async def test_a_broken_bridge_and_a_missing_dialler_are_failures() -> None:
    bench = Bench()
    bench.agent.press("1")

    async def break_down(caller: Leg, agent: Leg) -> str:
        raise MediaError("no socket")

    bench.execution._bridge = break_down
    assert (await bench.run()).failure is DialFailure.FAILED
    assert bench.agent.is_ended
    assert (await Bench(dialler=False).run()).failure is DialFailure.UNREACHABLE


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (486, DialFailure.BUSY),
        (600, DialFailure.BUSY),
        (603, DialFailure.DECLINED),
        (480, DialFailure.NO_ANSWER),
        (408, DialFailure.NO_ANSWER),
        (404, DialFailure.UNREACHABLE),
        (0, DialFailure.UNREACHABLE),
        (500, DialFailure.FAILED),
    ],
)
def test_a_blind_transfer_says_why_it_failed(status: int, failure: DialFailure) -> None:
    @in_virtual_time
    async def run() -> None:
        bench = Bench()
        bench.caller.refer_outcome = ReferOutcome(False, status)
        assert await bench.run(BLIND) == TransferResult(failure=failure)
        assert bench.had_company
        assert not bench.dialler.dialled

    run()


@in_virtual_time
async def test_a_blind_transfer_is_accepted_impossible_or_breaks() -> None:
    bench = Bench()
    assert await bench.run(BLIND) == TransferResult(joined=True, ended_by="referred")
    bench.caller.refer_outcome = None
    assert (await bench.run(BLIND)).failure is DialFailure.FAILED

    async def refer(target: str, *, replaces: Leg | None = None) -> ReferOutcome:
        raise SipError("no dialog")

    bench.caller.refer = refer  # type: ignore[method-assign]
    assert (await bench.run(BLIND)).failure is DialFailure.FAILED
