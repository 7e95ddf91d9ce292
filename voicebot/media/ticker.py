"""The 20 ms slots of all legs of a process, from absolute monotonic deadlines: cannot drift, never bursts.

One ticker for all legs, which are spread over phases 4 ms apart so that no leg waits for all the others.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

from voicebot.audio import FRAME_MS
from voicebot.faults import log_fault

SlotCallback = Callable[[float, int], None]
"""(now in seconds, slots that have come since the last call: 1 unless the loop was late)."""
FailureCallback = Callable[[Exception], None]

_SLOT_SECONDS = FRAME_MS / 1000
_PHASES = 5


class SlotGrid:
    """Deadlines at `origin + n * 20 ms`, without a clock. Times in seconds."""

    def __init__(self, origin: float) -> None:
        self._origin = origin
        self._next = 0

    @property
    def deadline(self) -> float:
        """When the next slot is due."""
        return self._origin + self._next * _SLOT_SECONDS

    def arrive(self, now: float) -> int:
        """Slots that are due at `now`, missed ones included; the deadline moves behind `now`, on the grid."""
        if now < self.deadline:
            return 0
        due = math.floor((now - self.deadline) / _SLOT_SECONDS + 1e-9) + 1
        self._next += due
        return due


class _Phase:
    """The legs of one phase and their timer."""

    def __init__(self, ticker: Ticker, offset: float) -> None:
        self.legs: dict[SlotCallback, FailureCallback] = {}
        self._ticker, self._offset = ticker, offset
        self._grid: SlotGrid | None = None
        self._timer: asyncio.TimerHandle | None = None

    def add(self, callback: SlotCallback, failed: FailureCallback) -> None:
        self.legs[callback] = failed
        if self._timer is None:
            origin = math.ceil(self._ticker.clock() / _SLOT_SECONDS) * _SLOT_SECONDS + self._offset
            self._grid = SlotGrid(origin)
            self._arm(self._grid)

    def remove(self, callback: SlotCallback) -> None:
        self.legs.pop(callback, None)
        if not self.legs and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, grid: SlotGrid) -> None:
        delay = max(0.0, grid.deadline - self._ticker.clock())
        self._timer = asyncio.get_running_loop().call_later(delay, self._run, grid)

    def _run(self, grid: SlotGrid) -> None:
        now = self._ticker.clock()
        late_ms = (now - grid.deadline) * 1000
        slots = grid.arrive(now)
        if slots:
            self._ticker.note(late_ms, slots)
            for callback, failed in list(self.legs.items()):
                if callback in self.legs:
                    self._call(callback, failed, now, slots)
        if self.legs:
            self._arm(grid)

    def _call(self, callback: SlotCallback, failed: FailureCallback, now: float, slots: int) -> None:
        try:
            callback(now, slots)
        except Exception as error:  # noqa: BLE001 - the edge between legs: one must not silence the others
            log_fault(error, "media slot failed", "media.slot")
            self.remove(callback)
            failed(error)


class Ticker:
    """Calls each leg once a slot. Runs only while it has legs.

    `slots_missed`: slots that no frame went out in, because the loop was late by 20 ms or more.
    `late_over_5_ms`: of `slots`. `worst_late_ms`: the worst so far.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.slots = self.slots_missed = self.late_over_5_ms = 0
        self.worst_late_ms = 0.0
        step = _SLOT_SECONDS / _PHASES
        self._phases = [_Phase(self, index * step) for index in range(_PHASES)]

    @property
    def legs(self) -> int:
        """Legs that are served now."""
        return sum(len(phase.legs) for phase in self._phases)

    def add(self, callback: SlotCallback, failed: FailureCallback) -> None:
        """Serve a leg from now on, in the emptiest phase; `failed` gets what its callback raised."""
        min(self._phases, key=lambda phase: len(phase.legs)).add(callback, failed)

    def remove(self, callback: SlotCallback) -> None:
        """Stop serving a leg; no-op when it is not there."""
        for phase in self._phases:
            phase.remove(callback)

    def note(self, late_ms: float, slots: int) -> None:
        """Count one wake-up."""
        self.slots += 1
        self.slots_missed += slots - 1
        self.late_over_5_ms += late_ms > 5.0
        self.worst_late_ms = max(self.worst_late_ms, late_ms)
