"""Caps on what is dialled (law S3)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicebot.transfer.caps import HOUR_SECONDS, MAX_CALLERS, CapLimits, TransferCaps


def test_each_cap_by_its_name() -> None:
    caps = TransferCaps(
        CapLimits(caller_per_hour=3, destination_per_hour=5, destination_at_once=2, all_at_once=3)
    )
    assert caps.admit("a", "desk", 0) is None
    assert caps.admit("b", "desk", 0) is None
    assert caps.admit("c", "desk", 0) == "cap_destination"
    assert caps.admit("c", "shop", 0) is None
    assert caps.admit("d", "bar", 0) == "cap_all"
    for name in ("desk", "desk", "shop"):
        caps.leave(name)
    for now in (1, 2):
        assert caps.admit("a", "desk", now) is None
        caps.leave("desk")
    assert caps.admit("a", "desk", 3) == "cap_caller"
    assert caps.admit("", "desk", 3) is None  # withheld numbers share no cap of their own
    caps.leave("desk")
    assert caps.admit("e", "desk", 4) == "cap_destination_hour"
    assert caps.admit("a", "desk", HOUR_SECONDS + 1) is None


def test_callers_are_forgotten_oldest_first() -> None:
    caps = TransferCaps(CapLimits(destination_per_hour=10**9, caller_per_hour=1))
    for number in range(MAX_CALLERS + 1):
        assert caps.admit(f"+{number}", "desk", 0) is None
        caps.leave("desk")
    assert caps.admit("+0", "desk", 0) is None
    assert caps.admit(f"+{MAX_CALLERS}", "desk", 0) == "cap_caller"


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["desk", "shop"]), st.floats(0, 2000)), max_size=80
    )
)
def test_no_caller_and_no_destination_gets_more_in_an_hour(dials: list[tuple[str, str, float]]) -> None:
    limits = CapLimits(caller_per_hour=4, destination_per_hour=6)
    caps = TransferCaps(limits)
    now, admitted = 0.0, []
    for caller, destination, later in dials:
        now += later
        if caps.admit(caller, destination, now) is None:
            admitted.append((caller, destination, now))
            caps.leave(destination)
    assert caps.active == 0
    for caller, destination, at in admitted:
        window = [each for each in admitted if at - HOUR_SECONDS < each[2] <= at]
        assert sum(each[0] == caller for each in window) <= limits.caller_per_hour
        assert sum(each[1] == destination for each in window) <= limits.destination_per_hour
