"""Orders packets by timestamp and decides what is due: without I/O, without a clock, without decoding.

Works on the RTP clock, never on packet counts, so 10 to 60 ms packets, changes of length, DTX gaps and
duplicates are the same case. In an underrun the position stands still: audio that comes late is played late
(a bot must not miss words) and the surplus is squeezed out again by the receiver (`excess_ms`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from voicebot.media.delay_estimator import DelayEstimator
from voicebot.media.rtp_packet import timestamp_distance

_BUFFER_LIMIT_MS = 1000
_REBUFFER_AFTER_MS = 100
_JUMP_MS = 500
_NEW_TIMELINE_MS = 1000


@dataclass(frozen=True, slots=True)
class Due:
    """A packet to decode now."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Missing:
    """Audio that is lost: later packets are there already. `milliseconds` to conceal."""

    milliseconds: float


class JitterBuffer:
    """Packets of one source. Milliseconds are monotonic, of any origin."""

    def __init__(self, clock_rate: int, delays: DelayEstimator | None = None) -> None:
        self.delays = delays or DelayEstimator()
        self.late = self.duplicates = self.overflowed = self.resets = 0
        self._rate_ms = clock_rate / 1000
        self._packets: dict[int, tuple[bytes, int]] = {}
        self._played: deque[int] = deque(maxlen=64)
        self._newest: int | None = None
        self._next: int | None = None
        self._expanded = 0.0
        self._is_buffering = True
        self._old_run = 0

    @property
    def is_buffering(self) -> bool:
        """Waiting for enough audio: at the start, after a silence of the sender, after a stall."""
        return self._is_buffering

    @property
    def has_begun(self) -> bool:
        """Something was played: silence before that stands for nothing lost."""
        return self._next is not None

    @property
    def buffered_ms(self) -> float:
        """Audio that waits here."""
        return sum(duration for _, duration in self._packets.values()) / self._rate_ms

    def insert(self, timestamp: int, payload: bytes, duration: int, at_ms: float) -> bool:
        """Take in a packet of `duration` clock units; False when it came too late, twice, or is empty."""
        stamp = self._extended(timestamp)
        relative_ms = at_ms - stamp / self._rate_ms
        last_ms = self.delays.last_ms
        if last_ms is not None and abs(relative_ms - last_ms) > _NEW_TIMELINE_MS:
            self.delays.forget()
        if duration <= 0:
            return False
        if stamp in self._packets or stamp in self._played:
            self.duplicates += 1
            return False
        self.delays.observe(relative_ms)
        if self._next is not None and stamp < self._next and not self._starts_new_timeline(stamp):
            self.late += 1
            return False
        self._old_run = 0
        self._packets[stamp] = (payload, duration)
        self._newest = stamp if self._newest is None else max(stamp, self._newest)
        while self.buffered_ms > _BUFFER_LIMIT_MS:
            del self._packets[min(self._packets)]
            self.overflowed += 1
        return True

    def take(self, now_ms: float, needed_ms: float) -> Due | Missing | None:
        """What is due at `now_ms`; None when nothing is there (conceal `needed_ms` or stay silent)."""
        if not self._packets:
            self._expand(needed_ms)
            return None
        first = min(self._packets)
        if self._is_buffering or self._next is None:
            ready = now_ms - first / self._rate_ms >= self.delays.base_ms + self.delays.target_ms
            if not ready:
                return None
            self._is_buffering, self._next, self._expanded = False, first, 0.0
        gap = first - self._next
        if gap > self._expanded:
            self._next += round(self._expanded)
            gap, self._expanded = first - self._next, 0.0
            if gap <= _JUMP_MS * self._rate_ms:
                missing = max(1, min(gap, round(needed_ms * self._rate_ms)))
                self._next += missing
                return Missing(missing / self._rate_ms)
        payload, duration = self._packets.pop(first)
        self._played.append(first)
        self._next, self._expanded = first + duration, 0.0
        return Due(payload)

    def has_next(self) -> bool:
        """Whether the packet that follows without a gap is there."""
        return not self._is_buffering and self._next in self._packets

    def excess_ms(self, now_ms: float, decoded_ms: float) -> float:
        """How much later than needed audio is played; negative: too early to survive the jitter.

        `decoded_ms`: audio already taken that was not played yet.
        """
        if self._is_buffering or self._next is None or self._expanded:
            return 0.0
        delay_ms = now_ms - self._next / self._rate_ms + decoded_ms
        return delay_ms - self.delays.base_ms - self.delays.target_ms

    def _expand(self, needed_ms: float) -> None:
        if self._next is None or self._is_buffering:
            return
        self._expanded += needed_ms * self._rate_ms
        if self._expanded > _REBUFFER_AFTER_MS * self._rate_ms:
            self._is_buffering = True

    def _extended(self, timestamp: int) -> int:
        if self._newest is None:
            return timestamp
        return self._newest + timestamp_distance(timestamp, self._newest & 0xFFFFFFFF)

    def _starts_new_timeline(self, stamp: int) -> bool:
        """Two packets in a row from over a second ago: the sender has restarted its timestamps."""
        assert self._next is not None
        if self._next - stamp < _NEW_TIMELINE_MS * self._rate_ms:
            return False
        self._old_run += 1
        if self._old_run < 2:
            return False
        self._packets.clear()
        self._played.clear()
        self._newest, self._next, self._is_buffering = stamp, None, True
        self.resets += 1
        return True
