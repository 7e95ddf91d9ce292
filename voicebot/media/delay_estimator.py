"""How long received audio should wait: the spread of packet delays over the last two seconds or so.

Delays are relative (arrival minus media time), so a clock that runs off only moves the base line.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

_WINDOW_PACKETS = 100
_FEW_PACKETS = 8


class DelayEstimator:
    """Base line and target of the jitter buffer, in milliseconds."""

    def __init__(
        self,
        *,
        initial_ms: float = 30.0,
        minimum_ms: float = 8.0,
        maximum_ms: float = 220.0,
        margin_ms: float = 4.0,
    ) -> None:
        self._initial, self._minimum, self._maximum, self._margin = (
            initial_ms,
            minimum_ms,
            maximum_ms,
            margin_ms,
        )
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []

    def observe(self, relative_ms: float) -> None:
        """Take in the relative delay of one packet."""
        if len(self._recent) >= _WINDOW_PACKETS:
            del self._sorted[bisect_left(self._sorted, self._recent.popleft())]
        self._recent.append(relative_ms)
        insort(self._sorted, relative_ms)

    def forget(self) -> None:
        """Start anew: the timeline or the path has changed."""
        self._recent.clear()
        self._sorted.clear()

    @property
    def last_ms(self) -> float | None:
        """Relative delay of the newest packet."""
        return self._recent[-1] if self._recent else None

    @property
    def base_ms(self) -> float:
        """Smallest relative delay in the window."""
        return self._sorted[0] if self._sorted else 0.0

    @property
    def target_ms(self) -> float:
        """Wait behind the base line that all but about one packet in a hundred keep within."""
        count = len(self._sorted)
        if not count:
            return self._initial
        spread = self._sorted[count - 1 - count // 100] - self._sorted[0] + self._margin
        if count < _FEW_PACKETS:
            spread = max(spread, self._initial)
        return min(self._maximum, max(self._minimum, spread))
