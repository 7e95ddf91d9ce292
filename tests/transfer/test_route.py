"""Routes, and when a waiting caller is spoken to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicebot.transfer.route import ToAgent, ToDestination, ToQueue, name_of, route, step_of
from voicebot.transfer.waiting import WaitingTimes, WaitingWords


def test_targets_are_read_by_their_prefix_and_tried_once() -> None:
    named = [("workshop", "attended"), ("queue:service", None), ("workshop", None)]
    steps = route(named, ["queue:service", "x"])  # type: ignore[arg-type]
    assert steps == (ToDestination("workshop", "attended"), ToQueue("service"), ToDestination("x"))
    assert step_of("agent:anna") == ToAgent("anna")
    assert [name_of(step_of(name)) for name in ("queue:a", "agent:b", "c", "")] == [
        "queue:a",
        "agent:b",
        "c",
        "",
    ]


def test_a_callback_is_offered_when_due_and_then_now_and_again() -> None:
    words = WaitingWords(WaitingTimes(word_seconds=20, offer_seconds=50, offer_again_seconds=60), 10)
    moments, now = [], 10.0
    while now < 200:
        now += words.next_in(now)
        moments.append((now, words.take(now)))
    assert moments[:4] == [(30, False), (50, True), (70, False), (90, False)]
    assert [at for at, offers in moments if offers] == [50, 110, 170]


@given(st.integers(0, 1000), st.lists(st.integers(0, 300), max_size=30), st.booleans())
def test_no_wait_without_a_word_and_no_offer_too_early(
    waited: int, pauses: list[int], speaks_first: bool
) -> None:
    times = WaitingTimes(offer_seconds=150)
    words = WaitingWords(times, waited, speaks_first=speaks_first)
    now, last_offer = float(waited), None
    for pause in pauses:
        assert 0 <= words.next_in(now) <= times.word_seconds
        now += words.next_in(now) + pause  # the word itself takes a while
        if words.take(now):
            assert now >= 150
            assert last_offer is None or now - last_offer >= times.offer_again_seconds
            last_offer = now
