"""DTMF without I/O and without a clock: RFC 4733 events received and sent, and the bodies of SIP INFO."""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass

from voicebot.media.leg import DigitPressed
from voicebot.media.rtp_packet import timestamp_distance

DIGITS = "0123456789*#ABCD"
_END = 0x80
_LOST_END_MS = 160.0
_LONG_PRESS_MS = 500
_REPEATED_END_MS = 250.0
_VOLUME = 10
_END_PACKETS = 3
_MAX_DIGITS = 64


@dataclass(slots=True)
class _Press:
    event: int
    timestamp: int
    sequence: int
    duration: int
    seen_ms: float
    carried: int = 0
    is_reported: bool = False
    has_ended: bool = False


class DtmfReceiver:
    """Turns event packets into key presses, each once: at its end, or after 500 ms when held longer.

    A press is known by its timestamp (RFC 4733 §2.5.1.2); senders that give all presses one timestamp are
    told apart by durations that start anew. `sequence` is the extended sequence number.
    """

    def __init__(self, clock_rate: int) -> None:
        self._rate = clock_rate
        self._press: _Press | None = None
        self.malformed = 0

    def receive(self, payload: bytes, timestamp: int, sequence: int, at_ms: float) -> list[DigitPressed]:
        """Take in one event packet; presses that are complete now."""
        if len(payload) < 4 or payload[0] >= len(DIGITS):
            self.malformed += len(payload) < 4
            return []
        event, flags, duration = struct.unpack_from("!BBH", payload)
        pressed: list[DigitPressed] = []
        press = self._press
        if press is not None and sequence <= press.sequence:
            return []  # out of order or a repetition: never news
        if press is None or self._is_new(press, event, timestamp, duration, is_end=bool(flags & _END)):
            pressed += self._finished()
            press = self._press = _Press(event, timestamp, sequence, duration, at_ms)
        elif timestamp != press.timestamp:  # the next segment of a press over 8 s (§2.5.1.3)
            press.carried += press.duration
            press.timestamp, press.duration = timestamp, duration
        press.sequence, press.seen_ms = sequence, at_ms
        press.duration = max(press.duration, duration)
        if flags & _END:
            pressed += self._finished()
        elif self._duration_ms(press) >= _LONG_PRESS_MS:
            pressed += self._reported(press)
        return pressed

    def elapse(self, now_ms: float) -> list[DigitPressed]:
        """A press whose end was lost counts as ended after 160 ms without an update."""
        press = self._press
        if press is None or press.has_ended or now_ms - press.seen_ms < _LOST_END_MS:
            return []
        return self._finished()

    def _is_new(self, press: _Press, event: int, timestamp: int, duration: int, *, is_end: bool) -> bool:
        if event != press.event:
            return True
        if timestamp == press.timestamp:
            return duration < press.duration and not is_end
        moved = timestamp_distance(timestamp, press.timestamp)
        is_segment = not press.has_ended and press.duration >= 0xFF00 and 0 < moved <= 0xFFFF
        return not is_segment

    def _finished(self) -> list[DigitPressed]:
        if self._press is None or self._press.has_ended:
            return []
        self._press.has_ended = True
        return self._reported(self._press)

    def _reported(self, press: _Press) -> list[DigitPressed]:
        if press.is_reported:
            return []
        press.is_reported = True
        return [DigitPressed(DIGITS[press.event], self._duration_ms(press))]

    def _duration_ms(self, press: _Press) -> int:
        return (press.carried + press.duration) * 1000 // self._rate


@dataclass(frozen=True, slots=True)
class EventPacket:
    """An event packet to send in this slot. `slots_ago`: so many slots ago the press began."""

    payload: bytes
    marker: bool
    slots_ago: int


class DtmfSender:
    """Paces digits in slots of 20 ms (RFC 4733 §2.5.1): updates, three end packets, then a pause."""

    def __init__(self, clock_rate: int, *, tone_ms: int = 100, pause_ms: int = 80) -> None:
        self._slot_units = clock_rate * 20 // 1000
        self._tone_slots = max(2, -(-tone_ms // 20))
        self._pause_slots = max(_END_PACKETS, -(-pause_ms // 20))
        self._digits: deque[str] = deque()
        self._slot = -1

    @property
    def is_sending(self) -> bool:
        """Digits, or the pause behind the last one, are still to go."""
        return bool(self._digits)

    def send(self, digits: str) -> None:
        """Queue digits. Raises ValueError for anything but 0-9 * # A-D, or when 64 are waiting."""
        digits = digits.upper()
        if any(digit not in DIGITS for digit in digits) or len(self._digits) + len(digits) > _MAX_DIGITS:
            raise ValueError("not DTMF, or too many digits")
        self._digits.extend(digits)

    def next_slot(self) -> EventPacket | None:
        """What to send in this slot, None in a pause. Call once a slot while `is_sending`."""
        if not self._digits:
            return None
        self._slot += 1
        slot, last = self._slot, self._tone_slots - 1
        if slot >= last + _END_PACKETS:
            if slot >= last + self._pause_slots:
                self._digits.popleft()
                self._slot = -1
            return None
        has_ended = slot >= last
        duration = min(slot, last) + 1
        payload = struct.pack(
            "!BBH",
            DIGITS.index(self._digits[0]),
            (_END if has_ended else 0) | _VOLUME,
            min(0xFFFF, duration * self._slot_units),
        )
        return EventPacket(payload, slot == 0, slot)


def parse_info(content_type: str, body: str) -> DigitPressed | None:
    """Read the key in an INFO body (application/dtmf-relay, application/dtmf); None when there is none."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/dtmf":
        return _pressed(body, 100)
    if kind != "application/dtmf-relay":
        return None
    fields = {}
    for line in body.replace("\r", "\n").split("\n"):
        name, separator, value = line.partition("=")
        if separator:
            fields[name.strip().lower()] = value.strip()
    duration = fields.get("duration", "")
    is_number = duration.isascii() and duration.isdigit() and len(duration) < 6
    return _pressed(fields.get("signal", ""), int(duration) if is_number else 100)


def _pressed(signal: str, duration_ms: int) -> DigitPressed | None:
    signal = {"10": "*", "11": "#"}.get(signal.strip(), signal.strip().upper())
    return DigitPressed(signal, duration_ms) if len(signal) == 1 and signal in DIGITS else None


def info_body(digit: str, duration_ms: int = 160) -> tuple[str, str]:
    """Content type and body of an INFO for one key."""
    return "application/dtmf-relay", f"Signal={digit}\r\nDuration={duration_ms}\r\n"
