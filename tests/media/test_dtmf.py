from __future__ import annotations

import struct
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.media.dtmf import DIGITS, DtmfReceiver, DtmfSender, info_body, parse_info
from voicebot.media.leg import DigitPressed

Sent = tuple[bytes, int, int, float, bool]
"""Payload, timestamp, sequence, time in ms, marker."""


def sent_by_us(digits: str, *, tone_ms: int = 100, rate: int = 8000) -> list[Sent]:
    sender = DtmfSender(rate, tone_ms=tone_ms)
    sender.send(digits)
    packets: list[Sent] = []
    slot = 0
    while sender.is_sending:
        event = sender.next_slot()
        if event is not None:
            stamp = (slot - event.slots_ago) * rate // 50
            packets.append((event.payload, stamp, len(packets), slot * 20.0, event.marker))
        slot += 1
    return packets


def received(packets: Iterable[Sent], rate: int = 8000) -> list[DigitPressed]:
    receiver, now_ms = DtmfReceiver(rate), 0.0
    pressed: list[DigitPressed] = []
    for payload, stamp, sequence, at_ms, _ in packets:
        while now_ms + 20 <= at_ms:
            now_ms += 20
            pressed += receiver.elapse(now_ms)
        pressed += receiver.receive(payload, stamp, sequence, at_ms)
    return pressed + receiver.elapse(now_ms + 1000)


def event(digit: str, duration: int, *, end: bool = False) -> bytes:
    return struct.pack("!BBH", DIGITS.index(digit), (0x80 if end else 0) | 10, duration)


def test_what_we_send_is_what_the_rfc_wants() -> None:
    packets = sent_by_us("17")
    assert [marker for *_, marker in packets] == ([True] + [False] * 6) * 2
    first = packets[:7]
    assert {stamp for _, stamp, *_ in first} == {0}
    assert [struct.unpack("!BBH", payload) for payload, *_ in first] == [
        (1, 10, 160), (1, 10, 320), (1, 10, 480), (1, 10, 640),
        (1, 0x8A, 800), (1, 0x8A, 800), (1, 0x8A, 800),
    ]  # fmt: skip
    assert [at_ms for *_, at_ms, _ in first] == [0, 20, 40, 60, 80, 100, 120]
    assert packets[7][1] / 8 - 100 >= 40  # pause between two keys


@given(st.text(DIGITS, min_size=1, max_size=12), st.sampled_from([8000, 48000]))
def test_our_own_keys_arrive_once_each(digits: str, rate: int) -> None:
    pressed = received(sent_by_us(digits, rate=rate), rate)
    assert "".join(key.digit for key in pressed) == digits
    assert {key.duration_ms for key in pressed} == {100}


@given(st.text(DIGITS, min_size=1, max_size=6), st.data())
def test_each_press_arrives_once_whatever_is_lost_or_doubled(digits: str, data: st.DataObject) -> None:
    packets = sent_by_us(digits)
    kept: list[Sent] = []
    for press in range(len(digits)):
        mine = packets[press * 7 : press * 7 + 7]
        survivors = data.draw(st.sets(st.integers(0, 6), min_size=1), label=f"survivors of {press}")
        for index in sorted(survivors):
            kept += [mine[index]] * data.draw(st.integers(1, 3), label="copies")
    assert "".join(key.digit for key in received(kept)) == digits


@given(st.text(DIGITS, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_reordering_within_a_press_does_not_double_it(digits: str, chance: object) -> None:
    packets = sent_by_us(digits)
    shuffled: list[Sent] = []
    for press in range(len(digits)):
        mine = packets[press * 7 : press * 7 + 7]
        times = [at_ms for *_, at_ms, _ in mine]
        chance.shuffle(mine)  # type: ignore[attr-defined]
        shuffled += [
            (payload, stamp, sequence, at_ms, marker)
            for (payload, stamp, sequence, _, marker), at_ms in zip(mine, times, strict=True)
        ]
    assert "".join(key.digit for key in received(shuffled)) == digits


def test_a_long_press_is_one_key_and_is_known_before_its_end() -> None:
    receiver = DtmfReceiver(8000)
    pressed = []
    for slot in range(150):
        keys = receiver.receive(event("0", (slot + 1) * 160), 5000, slot, slot * 20.0)
        pressed += [(slot, key) for key in keys]
    for copy in range(3):
        pressed += [
            (150, key) for key in receiver.receive(event("0", 24000, end=True), 5000, 150 + copy, 3000)
        ]
    assert pressed == [(24, DigitPressed("0", 500))]


def test_a_press_longer_than_the_duration_field_goes_on_in_segments() -> None:
    receiver = DtmfReceiver(8000)
    stamp, duration, pressed = 1000, 0, []
    for number in range(600):
        duration += 160
        if duration > 0xFFFF:
            pressed += receiver.receive(event("5", 0xFFFF), stamp, number * 2, number * 20.0)
            stamp, duration = stamp + 0xFFFF, duration - 0xFFFF
        pressed += receiver.receive(event("5", duration), stamp, number * 2 + 1, number * 20.0)
    pressed += receiver.receive(event("5", duration, end=True), stamp, 2000, 12_000)
    assert [key.digit for key in pressed] == ["5"]


def test_a_sender_that_gives_every_press_timestamp_zero_and_no_marker() -> None:
    """aiortp 0.8 bursts a digit with timestamp 0; '1123' must not become '1'."""
    receiver, pressed, sequence = DtmfReceiver(8000), [], 0
    for press, digit in enumerate("1123"):
        for payload in [
            *(event(digit, step * 160) for step in range(1, 8)),
            *[event(digit, 1280, end=True)] * 3,
        ]:
            pressed += receiver.receive(payload, 0, sequence, press * 300.0)
            sequence += 1
    assert "".join(key.digit for key in pressed) == "1123"


def test_updates_that_resume_after_a_network_gap_belong_to_the_same_press() -> None:
    receiver = DtmfReceiver(8000)
    assert receiver.receive(event("4", 320), 77, 1, 0) == []
    assert receiver.elapse(159) == []
    assert receiver.elapse(160) == [DigitPressed("4", 40)]
    assert receiver.receive(event("4", 3200), 77, 2, 400) == []
    assert receiver.receive(event("4", 3360, end=True), 77, 3, 420) == []


@given(
    st.lists(st.tuples(st.binary(max_size=8), st.integers(0, 2**32 - 1), st.integers(0, 2**20)), max_size=20)
)
def test_garbage_never_raises(packets: list[tuple[bytes, int, int]]) -> None:
    receiver = DtmfReceiver(8000)
    for number, (payload, stamp, sequence) in enumerate(packets):
        for key in receiver.receive(payload, stamp, sequence, number * 20.0):
            assert key.digit in DIGITS


def test_events_that_are_no_keys_are_passed_over() -> None:
    receiver = DtmfReceiver(8000)
    assert receiver.receive(struct.pack("!BBH", 16, 0x80, 800), 1, 1, 0) == []  # flash
    assert receiver.elapse(1000) == []


@pytest.mark.parametrize("digits", ["12x", "é", "1 2", "1" * 65])
def test_only_keys_can_be_sent(digits: str) -> None:
    with pytest.raises(ValueError, match="DTMF"):
        DtmfSender(8000).send(digits)


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", DigitPressed("5", 160)),
        ("application/dtmf-relay", "Signal= *\nDuration= 80", DigitPressed("*", 80)),
        ("Application/DTMF-Relay; charset=utf-8", "signal=11", DigitPressed("#", 100)),
        ("application/dtmf-relay", "Signal=10\r\nDuration=nonsense", DigitPressed("*", 100)),
        ("application/dtmf-relay", "Duration=160", None),
        ("application/dtmf-relay", "Signal=55", None),
        ("application/dtmf", "0", DigitPressed("0", 100)),
        ("application/dtmf", " b\r\n", DigitPressed("B", 100)),
        ("application/dtmf", "", None),
        ("text/plain", "0", None),
    ],
)  # fmt: skip
def test_info_bodies(kind: str, body: str, expected: DigitPressed | None) -> None:
    assert parse_info(kind, body) == expected


def test_our_info_body_is_read_back() -> None:
    assert parse_info(*info_body("#", 200)) == DigitPressed("#", 200)


@given(st.text(max_size=60))
def test_any_info_body_is_survived(body: str) -> None:
    for kind in ("application/dtmf", "application/dtmf-relay"):
        key = parse_info(kind, body)
        assert key is None or key.digit in DIGITS
