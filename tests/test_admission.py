"""Caps on all calls and on those of one caller."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicebot.admission import CallAdmission, Refusal


def test_the_total_and_each_caller_are_capped() -> None:
    admission = CallAdmission(concurrent=3, per_caller=2)
    assert admission.admit("1", "+31") is None
    assert admission.admit("2", "+31") is None
    assert admission.admit("3", " +31 ") is Refusal.CALLER_CAP
    assert admission.admit("4", "+32") is None
    assert admission.admit("5", "+33") is Refusal.FULL
    admission.leave("1")
    assert admission.admit("6", "+31") is None


def test_callers_without_a_number_are_not_one_caller() -> None:
    admission = CallAdmission(concurrent=10, per_caller=1)
    for number, caller in enumerate(["", "anonymous", "Anonymous", "anonymous", "unknown", " "]):
        assert admission.admit(str(number), caller) is None


def test_a_leg_has_one_place_however_often_it_asks() -> None:
    admission = CallAdmission(concurrent=1, per_caller=1)
    assert admission.admit("1", "+31") is None
    assert admission.admit("1", "+31") is None
    admission.leave("1")
    admission.leave("1")
    assert admission.admit("2", "+31") is None


def test_closed_admits_nobody() -> None:
    admission = CallAdmission(concurrent=1, per_caller=1)
    admission.close()
    assert admission.admit("1", "") is Refusal.CLOSING


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["a", "b", ""]), st.booleans())))
def test_places_are_never_lost_nor_made(steps: list[tuple[int, str, bool]]) -> None:
    admission = CallAdmission(concurrent=4, per_caller=2)
    inside: dict[int, str] = {}
    for leg, caller, comes in steps:
        if comes:
            admitted = admission.admit(str(leg), caller) is None
            may = leg in inside or (
                len(inside) < 4 and (not caller or list(inside.values()).count(caller) < 2)
            )
            assert admitted == may
            if admitted:
                inside.setdefault(leg, caller)
        else:
            admission.leave(str(leg))
            inside.pop(leg, None)
