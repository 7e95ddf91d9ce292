from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.media.ticker import SlotGrid, Ticker


@given(st.lists(st.floats(0, 0.2), min_size=1, max_size=60))
def test_the_grid_cannot_drift_and_misses_nothing(delays: list[float]) -> None:
    grid, now, slots = SlotGrid(100.0), 100.0, 0
    for delay in delays:
        now = max(now, grid.deadline) + delay
        slots += grid.arrive(now)
        assert grid.deadline == pytest.approx(100.0 + slots * 0.02)
        assert grid.deadline > now - 1e-6
        assert grid.deadline - now <= 0.02 + 1e-6


def test_a_late_frame_goes_at_once_and_the_next_stays_on_the_grid() -> None:
    grid = SlotGrid(0.0)
    assert grid.arrive(0.0) == 1
    assert grid.arrive(0.031) == 1  # 11 ms late
    assert grid.deadline == pytest.approx(0.04)
    assert grid.arrive(0.039) == 0
    assert grid.arrive(0.125) == 5  # four slots missed: they are counted, not sent in a burst
    assert grid.deadline == pytest.approx(0.14)


class Timers:
    """Takes the place of loop.call_later: the test moves time from timer to timer."""

    def __init__(self) -> None:
        self.now = 50.0
        self.pending: list[tuple[float, Callable[..., None], tuple[object, ...]]] = []

    def call_later(self, delay: float, callback: Callable[..., None], *args: object) -> asyncio.Handle:
        entry = (self.now + delay, callback, args)
        self.pending.append(entry)
        timers = self

        class Handle:
            def cancel(self) -> None:
                if entry in timers.pending:
                    timers.pending.remove(entry)

        return Handle()  # type: ignore[return-value]

    def run_until(self, end: float, late: float = 0.0) -> None:
        while self.pending:
            entry = min(self.pending, key=lambda pending: pending[0])
            if entry[0] > end:
                break
            self.pending.remove(entry)
            self.now = max(self.now, entry[0] + late)
            entry[1](*entry[2])
        self.now = max(self.now, end)


@pytest.fixture
async def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    timers = Timers()
    monkeypatch.setattr(asyncio.get_running_loop(), "call_later", timers.call_later)
    return timers


async def test_each_leg_has_every_slot_and_legs_are_spread(timers: Timers) -> None:
    ticker = Ticker(lambda: timers.now)
    calls: dict[int, list[float]] = {leg: [] for leg in range(10)}
    for times in calls.values():
        ticker.add(lambda now, _slots, times=times: times.append(now), lambda _: None)
    timers.run_until(51.0)
    for times in calls.values():
        assert len(times) in (49, 50, 51)
        assert max(b - a for a, b in pairwise(times)) == pytest.approx(0.02, abs=1e-6)
    phases = {round(times[0] % 0.02, 4) for times in calls.values()}
    assert len(phases) == 5
    assert (ticker.legs, ticker.slots_missed, ticker.late_over_5_ms) == (10, 0, 0)


async def test_a_stalled_loop_is_counted_and_does_not_burst(timers: Timers) -> None:
    ticker = Ticker(lambda: timers.now)
    slots: list[int] = []
    ticker.add(lambda _, count: slots.append(count), lambda _: None)
    timers.run_until(50.1)
    timers.run_until(50.19, late=0.0)
    timers.now = 50.3  # the loop was blocked
    timers.run_until(50.3)
    timers.run_until(50.5)
    assert sum(slots) == 25 or sum(slots) == 26
    assert max(slots) >= 5
    assert ticker.slots_missed == max(slots) - 1
    assert ticker.worst_late_ms > 80


async def test_a_failing_leg_is_taken_out_and_the_others_go_on(timers: Timers) -> None:
    ticker = Ticker(lambda: timers.now)
    failures: list[Exception] = []
    calls: list[float] = []

    def broken(_now: float, _slots: int) -> None:
        raise RuntimeError("broken codec")

    ticker.add(broken, failures.append)
    for _ in range(5):
        ticker.add(lambda now, _: calls.append(now), lambda _: None)
    timers.run_until(50.2)
    assert len(failures) == 1
    assert len(calls) >= 45
    assert ticker.legs == 5


async def test_without_legs_no_timer_runs(timers: Timers) -> None:
    ticker = Ticker(lambda: timers.now)

    def slot(_now: float, _slots: int) -> None: ...

    ticker.add(slot, lambda _: None)
    timers.run_until(50.1)
    ticker.remove(slot)
    assert timers.pending == []
    ticker.remove(slot)
