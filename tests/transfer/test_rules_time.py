"""Rules about time: opening hours, holidays of two countries, summer and winter time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transfer.rule_samples import AMSTERDAM, CALENDAR, NINE_TO_FIVE, branch
from voicebot.transfer.opening_hours import Branch
from voicebot.transfer.rules import Rule as RuleOf
from voicebot.transfer.rules import RuleSet, Situation, TakeMessage, decide
from voicebot.transfer.rules_conditions import (
    Condition,
    OnDates,
    OnDays,
    OpenNow,
    PublicHoliday,
    Term,
    TimeOfDay,
)
from voicebot.transfer.rules_facts import Calendar, Facts


def holds(condition: Condition, moment: datetime, calendar: Calendar = CALENDAR) -> bool:
    return condition.holds(Facts(Situation(moment=moment), calendar, {}))


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-10-23T07:00:00+00:00", True),  # Friday, summer time: nine o'clock at the desk
        ("2026-10-23T06:59:59+00:00", False),
        ("2026-10-26T07:00:00+00:00", False),  # Monday, the clocks went back on Sunday: eight o'clock
        ("2026-10-26T08:00:00+00:00", True),
        ("2027-03-25T08:00:00+00:00", True),  # Thursday, winter time
        ("2027-03-26T08:00:00+00:00", False),  # Good Friday
        ("2027-03-29T07:30:00+00:00", False),  # Easter Monday
        ("2027-03-30T07:00:00+00:00", True),  # Tuesday, summer time again
        ("2027-03-30T06:59:59+00:00", False),
        ("2026-12-24T10:59:59+00:00", True),  # a special day, until noon
        ("2026-12-24T11:00:00+00:00", False),
        ("2026-12-25T10:00:00+00:00", False),  # Christmas on a Friday
        ("2027-04-27T10:00:00+00:00", False),  # the King's birthday
        ("2026-11-24T10:00:00+01:00", True),
        ("2026-11-24T10:00:00", True),  # without a zone: the desk's clock
        ("2026-11-24T10:00:00-05:00", True),  # four o'clock in the afternoon at the desk
        ("2026-11-24T11:30:00-05:00", False),
    ],
)
def test_open_follows_the_clock_and_the_holidays_of_the_desk(moment: str, is_open: bool) -> None:
    assert holds(OpenNow("desk"), datetime.fromisoformat(moment)) is is_open


@pytest.mark.parametrize(
    ("moment", "holds_there"),
    [
        ("2027-07-21T10:00:00+02:00", {"BE"}),  # the Belgian national day
        ("2027-04-27T10:00:00+02:00", {"NL"}),
        ("2026-12-25T10:00:00+01:00", {"NL", "BE"}),
        ("2026-11-11T10:00:00+01:00", {"BE"}),
        ("2026-11-12T10:00:00+01:00", set()),
        ("2026-12-24T23:30:00+00:00", {"NL", "BE"}),  # Christmas has begun at the desk
        ("2026-12-25T23:30:00+00:00", {"NL"}),  # Boxing Day, which Belgium does not keep
    ],
)
def test_holidays_are_those_of_the_country_on_the_desks_day(moment: str, holds_there: set[str]) -> None:
    at = datetime.fromisoformat(moment)
    found = {country for country in ("NL", "BE") if holds(PublicHoliday(frozenset({country})), at)}
    assert found == holds_there
    assert holds(PublicHoliday(frozenset({"NL", "BE"})), at) is bool(holds_there)


@pytest.mark.parametrize(
    ("window", "at", "is_in"),
    [
        (("09:00", "17:00"), "09:00", True),
        (("09:00", "17:00"), "17:00", False),
        (("22:00", "06:00"), "23:59", True),
        (("22:00", "06:00"), "05:59", True),
        (("22:00", "06:00"), "06:00", False),
        (("18:00", "00:00"), "23:59", True),
        (("18:00", "00:00"), "00:00", False),
    ],
)
def test_windows_begin_at_their_start_and_may_pass_midnight(
    window: tuple[str, str], at: str, is_in: bool
) -> None:
    condition = TimeOfDay(((time.fromisoformat(window[0]), time.fromisoformat(window[1])),))
    assert holds(condition, datetime.fromisoformat(f"2026-11-24T{at}")) is is_in


def test_a_window_in_the_hour_that_the_clock_shows_twice_holds_twice() -> None:
    night = TimeOfDay(((time(2, 0), time(3, 0)),))
    start = datetime(2026, 10, 24, 23, 0, tzinfo=UTC)  # one o'clock in summer time
    minutes = [holds(night, start + timedelta(minutes=minute)) for minute in range(300)]
    assert sum(minutes) == 120
    spring = datetime(2027, 3, 28, 0, 0, tzinfo=UTC)
    assert not any(holds(night, spring + timedelta(minutes=minute)) for minute in range(300))


INSTANTS = st.integers(0, 3 * 366 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(
    INSTANTS,
    st.sampled_from(["Europe/Amsterdam", "Europe/Brussels", "America/Curacao", "Asia/Tokyo"]),
)
def test_an_instant_is_the_same_in_whatever_zone_it_is_told(moment: datetime, zone: str) -> None:
    local = moment.astimezone(AMSTERDAM)
    told = moment.astimezone(ZoneInfo(zone))
    inside = time(9) <= local.time() < time(17)
    assert holds(TimeOfDay(((time(9), time(17)),)), told) is inside
    assert holds(OnDays(frozenset({local.weekday()})), told)
    assert not holds(OnDays(frozenset({0, 1, 2, 3, 4, 5, 6}) - {local.weekday()}), told)
    assert holds(OnDates(frozenset({local.date()})), told)
    assert not holds(OnDates(frozenset({local.date() + timedelta(days=1)})), told)
    assert holds(OpenNow("desk"), told) is CALENDAR.branches["desk"].is_open(moment)


@given(INSTANTS)
def test_on_an_ordinary_day_open_is_a_window_and_on_a_holiday_it_is_closed(moment: datetime) -> None:
    plain = Calendar({"desk": branch("desk", dict.fromkeys(range(7), NINE_TO_FIVE))})
    window = holds(TimeOfDay(((time(9), time(17)),)), moment, plain)
    holiday = holds(PublicHoliday(frozenset({"NL"})), moment, plain)
    assert holds(OpenNow("desk"), moment, plain) is (window and not holiday)


def test_a_moment_that_is_not_known_is_no_time_at_all() -> None:
    for condition in (
        OpenNow("desk"),
        TimeOfDay(((time(0), time(0)),)),
        OnDays(frozenset(range(7))),
        OnDates(frozenset({date(2026, 11, 24)})),
        PublicHoliday(frozenset({"NL"})),
    ):
        rules = RuleSet((RuleOf("r", (Term(condition),), (TakeMessage(),)),), {}, CALENDAR)
        assert decide(rules, Situation()) is None


def test_the_night_shift_belongs_to_the_branch_that_keeps_it() -> None:
    late: Branch = CALENDAR.branches["late"]
    assert late.is_open(datetime(2026, 11, 24, 23, 59, 59, tzinfo=AMSTERDAM))
    assert holds(OpenNow("late"), datetime(2026, 11, 24, 20, 0, tzinfo=AMSTERDAM))
    assert not holds(OpenNow("desk"), datetime(2026, 11, 24, 20, 0, tzinfo=AMSTERDAM))
    assert not holds(OpenNow("late"), datetime(2026, 11, 11, 20, 0, tzinfo=AMSTERDAM))  # Belgian armistice
    assert not holds(OpenNow("nowhere"), datetime(2026, 11, 24, 20, 0, tzinfo=AMSTERDAM))
