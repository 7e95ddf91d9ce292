from __future__ import annotations

import random

import pytest

from voicebot.bench.playout import lateness_ms, measure_playout


def test_lateness_is_measured_from_the_slot_even_if_the_first_packet_was_late() -> None:
    chance = random.Random(1)
    late = [9.0] + [chance.uniform(0.5, 1.5) for _ in range(400)] + [16.0]
    times = [5.0 + number * 0.02 + each / 1000 for number, each in enumerate(late)]
    measured, gaps = lateness_ms([times])
    assert measured.size == 402
    assert sorted(measured)[-2:] == pytest.approx([8.5, 15.5], abs=0.1)
    assert sorted(measured)[-3] < 1.1
    assert gaps.max() == pytest.approx(20 + 16 - late[-2], abs=0.01)


def test_a_missed_slot_is_one_gap() -> None:
    times = [number * 0.02 for number in range(100) if number not in (50, 51)]
    measured, gaps = lateness_ms([times, []])
    assert measured.max() == pytest.approx(0, abs=0.01)
    assert gaps.max() == pytest.approx(60)


async def test_the_benchmark_runs_and_counts_every_packet() -> None:
    report = await measure_playout(legs=2, seconds=0.3, first_port=31900)
    assert report.packets + 2 * report.slots_missed >= 2 * 12
    assert report.as_dict()["legs"] == 2
