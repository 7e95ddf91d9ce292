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
from voicebot.media.bridge import BridgeEnd
from voicebot.media.leg import Leg, ReferOutcome
from voicebot.transfer.course import Plan
from voicebot.transfer.execute import BRIEFING_LIMIT_SECONDS, Attempt, TransferExecution, TransferResult

URI = "sip:agent@127.0.0.1"
BRIDGED = Plan("bridged")
BLIND = Plan("blind")
ATTENDED = Plan("attended")


class OneAddress:
    """Implements Reachable."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def next(self) -> str:
        self.said.append("next")
        return URI

    def accepted(self) -> None:
        self.said.append("accepted")

    def failed(self, reason: DialFailure) -> None:
        self.said.append(reason.value)

    def released(self) -> None:
        self.said.append("released")


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
        self.has_let_go = False
        self.reach = OneAddress()
        self.referred = 0
        self._says = says
        self.execution = TransferExecution(
            caller=self.caller,
            dialler=self.dialler if dialler else None,
            bridge=self.bridge,
            company=self.company,
            let_go=self.let_go,
            referred=self.was_referred,
            ring_seconds=25,
            accept_seconds=20,
            progress=lambda state, failure=None: self.steps.append(failure or state),
        )

    async def let_go(self) -> None:
        assert not self.in_company
        self.has_let_go = True

    def was_referred(self) -> None:
        self.referred += 1

    async def bridge(self, caller: Leg, agent: Leg) -> BridgeEnd:
        assert not self.in_company
        assert self.has_let_go
        self.joined.set()
        await self.part.wait()
        return BridgeEnd("agent")

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

    async def run(self, plan: Plan = BRIDGED) -> TransferResult:
        ticking = asyncio.create_task(self._tick())
        try:
            return await self.execution.run(Attempt(plan, self.reach, self.briefing))
        finally:
            ticking.cancel()
            await asyncio.wait({ticking})
            assert not self.in_company
            assert self.reach.said.count("released") == 1

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
    assert bench.steps == ["announced", "ringing", "answered", "briefed", "accepted", "joined", "returned"]
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
        assert bench.steps == ["announced", "ringing", failure.value]
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
        await bench.execution.run(Attempt(BRIDGED, bench.reach, broken))
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

    async def break_down(caller: Leg, agent: Leg) -> BridgeEnd:
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
    assert bench.referred == 1
    assert bench.steps == ["announced", "ringing", "accepted", "ended"]
    impossible = Bench()
    impossible.caller.refer_outcome = None
    assert (await impossible.run(BLIND)).failure is DialFailure.FAILED
    broken = Bench()

    async def refer(target: str, *, replaces: Leg | None = None) -> ReferOutcome:
        raise SipError("no dialog")

    broken.caller.refer = refer  # type: ignore[method-assign]
    assert (await broken.run(BLIND)).failure is DialFailure.FAILED
    assert not broken.referred


@in_virtual_time
async def test_an_attended_transfer_lets_the_peer_take_our_place_or_else_joins() -> None:
    replaced = Bench()
    replaced.agent.press("1")
    assert await replaced.run(ATTENDED) == TransferResult(joined=True, ended_by="referred")
    assert (replaced.caller.referred_to, replaced.referred) == ([URI], 1)
    assert replaced.steps[-2:] == ["accepted", "ended"]
    assert not replaced.joined.is_set()
    for outcome in (None, ReferOutcome(False, 603), ReferOutcome(False, 0)):
        bridged = Bench()
        bridged.agent.press("1")
        bridged.part.set()
        bridged.caller.refer_outcome = outcome
        assert (await bridged.run(ATTENDED)).ended_by == "agent"
        assert bridged.joined.is_set()
        assert not bridged.referred


@in_virtual_time
async def test_an_agent_who_leaves_while_the_peer_is_referred_is_not_waited_for() -> None:
    bench = Bench()
    bench.agent.press("1")

    async def refer(target: str, *, replaces: Leg | None = None) -> ReferOutcome:
        assert replaces is bench.agent
        bench.agent.peer_hangs_up()
        await asyncio.Event().wait()
        raise AssertionError

    async def join(caller: Leg, agent: Leg) -> BridgeEnd:
        assert agent.info.leg_id == "agent"
        return BridgeEnd("agent")

    bench.caller.refer = refer  # type: ignore[method-assign]
    bench.execution._bridge = join
    began = asyncio.get_running_loop().time()
    assert (await bench.run(ATTENDED)).ended_by == "agent"
    assert asyncio.get_running_loop().time() - began < 20
