"""How often a transfer may be dialled: per caller, per destination and hour, at once (law S3). Pure.

Toll fraud looks like many calls to one number, or one caller who is put through again and again. `now` is
seconds on any monotonic clock.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Literal

HOUR_SECONDS = 3600.0
MAX_CALLERS = 20_000
"""Callers remembered; the oldest are forgotten first."""

Cap = Literal["cap_caller", "cap_destination_hour", "cap_destination", "cap_all"]


@dataclass(frozen=True, slots=True)
class CapLimits:
    """Dials of one caller an hour, of one destination an hour and at once, of all at once."""

    caller_per_hour: int = 30
    destination_per_hour: int = 1_000
    destination_at_once: int = 50
    all_at_once: int = 200


@dataclass(slots=True)
class TransferCaps:
    """Counts what is dialled. `admit` before, `leave` after each admitted dial."""

    limits: CapLimits = field(default_factory=CapLimits)
    _active: Counter[str] = field(default_factory=Counter)
    _recent: dict[str, deque[float]] = field(default_factory=dict)
    _callers: dict[str, deque[float]] = field(default_factory=dict)

    def admit(self, caller: str, destination: str, now: float) -> Cap | None:
        """Count one dial, or name the cap that forbids it. `caller` '' (withheld) has no cap of its own."""
        limits = self.limits
        recent = _since(self._recent.setdefault(destination, deque()), now)
        calls = _since(self._callers.pop(caller, deque()), now)
        if calls:
            self._callers[caller] = calls  # last in order of use
        if self._active.total() >= limits.all_at_once:
            return "cap_all"
        if self._active[destination] >= limits.destination_at_once:
            return "cap_destination"
        if len(recent) >= limits.destination_per_hour:
            return "cap_destination_hour"
        if caller and len(calls) >= limits.caller_per_hour:
            return "cap_caller"
        self._active[destination] += 1
        recent.append(now)
        if caller:
            calls.append(now)
            self._callers[caller] = calls
            if len(self._callers) > MAX_CALLERS:
                del self._callers[next(iter(self._callers))]
        return None

    def leave(self, destination: str) -> None:
        """An admitted dial is over."""
        self._active[destination] -= 1
        if self._active[destination] <= 0:
            del self._active[destination]

    @property
    def active(self) -> int:
        """Dials that are not over."""
        return self._active.total()


def _since(moments: deque[float], now: float) -> deque[float]:
    while moments and moments[0] <= now - HOUR_SECONDS:
        moments.popleft()
    return moments
