"""Timers without a clock: what is due is done when `advance` is told the time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimerValues:
    """RFC 3261 table 4, in seconds. T1: round trip estimate; T2: longest retransmission; T4: longest life."""

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0

    @property
    def transaction_timeout(self) -> float:
        """64*T1: timers B, F, H, J, L and M."""
        return 64 * self.t1


class Timer:
    """One thing to be done at `deadline` (seconds); `cancel` may be called at any moment."""

    __slots__ = ("_callback", "_queue", "deadline")

    def __init__(self, deadline: float, callback: Callable[[], None], queue: TimerQueue) -> None:
        self.deadline, self._callback, self._queue = deadline, callback, queue

    @property
    def is_pending(self) -> bool:
        """Neither fired nor cancelled."""
        return self._callback is not None

    _callback: Callable[[], None] | None

    def cancel(self) -> None:
        """Never fire; no effect after it has fired."""
        if self._callback is not None:
            self._callback = None
            self._queue.note_cancelled()

    def fire(self) -> None:
        """Run the callback once."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class TimerQueue:
    """All timers of one user agent. `now`: seconds on the caller's monotonic clock, as last told."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self._heap: list[tuple[float, int, Timer]] = []
        self._serial = 0
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    @property
    def next_deadline(self) -> float | None:
        """When `advance` is due next; None when nothing waits."""
        while self._heap and not self._heap[0][2].is_pending:
            heapq.heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0][0] if self._heap else None

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Do `callback` when `seconds` have passed."""
        timer = Timer(self.now + seconds, callback, self)
        self._serial += 1
        heapq.heappush(self._heap, (timer.deadline, self._serial, timer))
        return timer

    def advance(self, now: float) -> None:
        """Fire what is due, in order. Timers set meanwhile count from `now`, also when we are late."""
        self.now = max(self.now, now)
        while (deadline := self.next_deadline) is not None and deadline <= self.now:
            heapq.heappop(self._heap)[2].fire()

    def note_cancelled(self) -> None:
        """Keep the heap from filling up with dead entries."""
        self._cancelled += 1
        if self._cancelled > 64 and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].is_pending]
            heapq.heapify(self._heap)
            self._cancelled = 0


def cancel(timer: Timer | None) -> None:
    """Cancel a timer that may not be there."""
    if timer is not None:
        timer.cancel()
