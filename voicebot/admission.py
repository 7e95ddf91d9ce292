"""Which calls are taken: caps on all calls and on those of one caller (law S3). Pure counting."""

from __future__ import annotations

import enum
from collections import Counter


class Refusal(enum.Enum):
    """Why a call is not taken; a label of a metric."""

    FULL = "full"
    CALLER_CAP = "caller_cap"
    CLOSING = "closing"


NO_NUMBER = frozenset({"", "anonymous", "unknown", "unavailable", "restricted", "private", "withheld"})
"""What stands for the caller where the number is withheld (RFC 3323 §4.1.1.3: anonymous): many people."""


class CallAdmission:
    """Counts what is up. Callers without a number are capped by the total only."""

    def __init__(self, concurrent: int, per_caller: int) -> None:
        self._concurrent, self._per_caller = concurrent, per_caller
        self._callers: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self.is_closed = False

    def admit(self, leg_id: str, caller: str) -> Refusal | None:
        """Take a place, or say why there is none. A leg that has one keeps it."""
        if leg_id in self._callers:
            return None
        if self.is_closed:
            return Refusal.CLOSING
        if len(self._callers) >= self._concurrent:
            return Refusal.FULL
        caller = caller.strip().casefold()
        if caller not in NO_NUMBER and self._counts[caller] >= self._per_caller:
            return Refusal.CALLER_CAP
        self._callers[leg_id] = caller
        self._counts[caller] += 1
        return None

    def leave(self, leg_id: str) -> None:
        """Give the place back; unknown ids are ignored."""
        caller = self._callers.pop(leg_id, None)
        if caller is None:
            return
        self._counts[caller] -= 1
        if not self._counts[caller]:
            del self._counts[caller]

    def close(self) -> None:
        """Take no more calls."""
        self.is_closed = True
