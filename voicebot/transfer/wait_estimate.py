"""How long agents need for a call, from recent calls: the basis of the expected wait. Pure."""

from __future__ import annotations

from collections import deque

KEPT = 50
LEAST = 5
"""Fewer recent calls are no basis: then nothing is said of the wait."""
WINDOW_SECONDS = 2 * 3600.0


class HandlingTimes:
    """Per queue, seconds from accepting a call to being free again."""

    def __init__(self) -> None:
        self._samples: dict[str, deque[tuple[float, float]]] = {}

    def note(self, lane: str, seconds: float, at: float) -> None:
        """Note one call that was done at `at` (seconds, the board's clock)."""
        self._samples.setdefault(lane, deque(maxlen=KEPT)).append((at, seconds))

    def mean_seconds(self, lane: str, now: float) -> float | None:
        """Return the mean of the recent calls, None when there are too few."""
        recent = [seconds for at, seconds in self._samples.get(lane, ()) if now - at <= WINDOW_SECONDS]
        return sum(recent) / len(recent) if len(recent) >= LEAST else None
