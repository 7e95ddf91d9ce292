from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.errors import ConfigError
from voicebot.transfer.opening_hours import Interval, holiday_name
from voicebot.transfer.opening_hours_file import load_opening_hours

FILE = Path(__file__).parents[1] / "dialogue" / "opening_hours.yaml"
HOURS = load_opening_hours(FILE)
UTRECHT, ANTWERPEN = HOURS.branches["utrecht"], HOURS.branches["antwerpen"]
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def at(day: str, clock: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time.fromisoformat(clock), AMSTERDAM)


@pytest.mark.parametrize(
    ("day", "clock", "is_open"),
    [
        ("2026-11-24", "08:59", False),
        ("2026-11-24", "09:00", True),
        ("2026-11-24", "17:59", True),
        ("2026-11-24", "18:00", False),
        ("2026-11-22", "12:00", False),  # Sunday
        ("2026-12-25", "12:00", False),  # first day of Christmas
        ("2026-04-27", "14:00", False),  # King's Day, a Monday
        ("2026-04-03", "12:00", True),  # Good Friday, listed as open
        ("2026-12-24", "15:59", True),  # special day
        ("2026-12-24", "16:00", False),
    ],
)
def test_utrecht_is_open(day, clock, is_open):
    assert UTRECHT.is_open(at(day, clock)) is is_open


@pytest.mark.parametrize(
    ("day", "utrecht", "antwerpen"),
    [
        ("2026-11-11", True, False),  # Armistice Day, Belgium only
        ("2026-07-21", True, False),  # Belgian national day
        ("2027-04-27", False, True),  # King's Day, Netherlands only
        ("2026-05-14", False, False),  # Ascension Day in both
    ],
)
def test_each_branch_keeps_the_holidays_of_its_country(day, utrecht, antwerpen):
    moment = at(day, "14:00")
    assert (UTRECHT.is_open(moment), ANTWERPEN.is_open(moment)) == (utrecht, antwerpen)


def test_a_moment_in_another_zone_is_converted():
    assert UTRECHT.is_open(datetime(2026, 11, 24, 8, 30, tzinfo=UTC))
    assert not UTRECHT.is_open(datetime(2026, 11, 24, 17, 30, tzinfo=UTC))
    assert UTRECHT.is_open(datetime(2026, 7, 7, 7, 30, tzinfo=UTC))  # summer time


def test_next_opening_skips_closed_days_and_holidays():
    assert UTRECHT.next_opening(at("2026-11-24", "08:00")) == at("2026-11-24", "09:00")
    assert UTRECHT.next_opening(at("2026-11-21", "18:00")) == at("2026-11-23", "13:00")
    assert UTRECHT.next_opening(at("2026-12-24", "17:00")) == at("2026-12-28", "13:00")
    assert ANTWERPEN.next_opening(at("2026-11-10", "20:00")) == at("2026-11-12", "10:00")


def test_closing_time():
    assert UTRECHT.closes_at(at("2026-12-05", "12:00")) == at("2026-12-05", "16:00")
    assert UTRECHT.closes_at(at("2026-12-05", "17:00")) is None


def test_holiday_names_in_both_languages():
    assert holiday_name("NL", date(2026, 12, 25), "nl") == "Eerste kerstdag"
    assert holiday_name("BE", date(2026, 11, 11), "en") == "Armistice Day"
    assert holiday_name("NL", date(2026, 11, 11), "nl") == ""
    assert holiday_name("", date(2026, 12, 25), "nl") == ""


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 1)))  # noqa: DTZ001 - given a zone below
def test_it_is_open_at_each_next_opening_and_not_before(moment):
    moment = moment.replace(tzinfo=AMSTERDAM)
    for branch in (UTRECHT, ANTWERPEN, HOURS.desk):
        opens = branch.next_opening(moment)
        assert opens is not None
        assert opens > moment
        assert branch.is_open(opens)


MINIMAL = """
desk: &hours
  name: { nl: wij, en: us }
  country: NL
  weekly: { mon-sun: "09:00-12:00, 13:00-17:00" }
branches: { a: *hours }
"""


def load(tmp_path: Path, text: str):
    file = tmp_path / "hours.yaml"
    file.write_text(text)
    return load_opening_hours(file)


def test_several_intervals_a_day(tmp_path):
    branch = load(tmp_path, MINIMAL).branches["a"]
    assert branch.hours_on(date(2026, 11, 24)).intervals == (
        Interval(time(9), time(12)),
        Interval(time(13), time(17)),
    )
    assert not branch.is_open(at("2026-11-24", "12:30"))


@pytest.mark.parametrize(
    ("old", "new", "field", "word"),
    [
        ("mon-sun", "mon-sat", "desk.weekly", "sun"),
        ("mon-sun", "mon-zon", "desk.weekly", "no day"),
        ("12:00, 13:00", "12:00, 11:00", "desk.weekly.mon-sun", "backwards"),
        ("09:00-12:00", "9 to 12", "desk.weekly.mon-sun", "no opening time"),
        ("country: NL", "country: QQ", "desk.country", "unknown"),
        ("country: NL", "timezone: Mars/Olympus", "desk.timezone", "unknown"),
        ("nl: wij, ", "", "desk.name", "'nl'"),
        ("branches: { a: *hours }", "branches: {}", "branches", "no branch"),
        ("country: NL", "country: NL\n  open_holidays: [Sint Juttemis]", "desk.open_holidays", "Juttemis"),
        ("country: NL", "country: NL\n  special_days: { kerst: closed }", "desk.special_days", "no date"),
    ],
)
def test_mistakes_are_named(tmp_path, old, new, field, word):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, MINIMAL.replace(old, new))
    assert caught.value.field == field
    assert word in str(caught.value)
    assert caught.value.mend


def test_the_line_of_a_mistake_is_that_of_its_own_branch(tmp_path):
    text = FILE.read_text()
    before, after = text.split("  antwerpen:")
    text = f"{before}  antwerpen:{after.replace('Europe/Brussels', 'Europe/Atlantis')}"
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert caught.value.field == "branches.antwerpen.timezone"
    assert caught.value.line is not None
    assert "Atlantis" in text.splitlines()[caught.value.line - 1]


def test_broken_yaml_names_its_line(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "desk:\n  - a\n b: [")
    assert caught.value.line in {3, 4}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_opening_hours(tmp_path / "none.yaml")


def test_a_desk_may_be_open_day_and_night():
    shipped = load_opening_hours(Path(__file__).parents[2] / "config" / "opening_hours.yaml")
    midnight = datetime(2026, 11, 22, 23, 59, 30, tzinfo=UTC)
    assert shipped.desk.is_open(midnight)
    assert shipped.desk.is_open(midnight + timedelta(hours=5))


EXTENDED = """
desk:
  name: { nl: wij, en: us }
  country: NL
  weekly: { mon-fri: "09:00-17:00", sat-sun: closed }
  holiday_hours: { Koningsdag: "12:00-15:00" }
  special_days:
    "12-24": "09:00-13:00"
    "12-31": closed
    2026-12-24: "09:00-15:00"
    "2026-12-28..2027-01-03": closed
branches:
  a:
    name: { nl: a, en: a }
    country: BE
    timezone: Europe/Brussels
    weekly: { mon-sun: "09:00-17:00" }
queues:
  night:
    country: BE
    timezone: Europe/Brussels
    weekly: { mon-sun: "00:00-24:00" }
"""


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2027-04-27T11:59", False),  # King's Day has hours of its own
        ("2027-04-27T12:00", True),
        ("2026-12-24T14:00", True),  # a date of one year goes before that of every year
        ("2027-12-24T14:00", False),
        ("2027-12-24T12:00", True),
        ("2027-12-31T12:00", False),
        ("2026-12-29T12:00", False),  # in the range
        ("2027-01-04T12:00", True),
    ],
)
def test_days_of_every_year_ranges_and_hours_of_holidays(tmp_path, moment, is_open):
    desk = load(tmp_path, EXTENDED).desk
    assert desk.is_open(datetime.fromisoformat(moment).replace(tzinfo=AMSTERDAM)) is is_open


def test_schedules_of_queues_and_where_a_queue_finds_its_hours(tmp_path):
    hours = load(tmp_path, EXTENDED)
    assert hours.schedule_names == ("desk", "night", "a")
    assert hours.schedule("night").country == "BE"
    assert hours.schedule("night").name["nl"] == "night"
    assert hours.schedule("a").branch_id == "a"
    assert hours.schedule("") is hours.schedule("desk") is hours.desk
    christmas, armistice = at("2026-12-25", "12:00"), at("2026-11-11", "12:00")
    assert not hours.schedule("night").is_open(christmas)
    assert not hours.schedule("night").is_open(armistice)
    assert hours.desk.is_open(armistice)


@pytest.mark.parametrize(
    ("old", "new", "field", "word"),
    [
        ("Koningsdag:", "Wapenstilstand:", "desk.holiday_hours.Wapenstilstand", "no holiday"),
        ('"12-31"', '"12-32"', "desk.special_days", "no date"),
        ("2027-01-03", "2025-01-03", "desk.special_days.2026-12-28..2025-01-03", "backwards"),
        ("2026-12-28..", "2026-12-24..", "desk.special_days.2026-12-24..2027-01-03", "twice"),
        ('"12:00-15:00"', '"noon"', "desk.holiday_hours.Koningsdag", "no opening time"),
        ("  night:", "  a:", "queues.a", "branch too"),
        ('    "12-31": closed', '    "12-24": closed', "desk.special_days.12-24", "twice"),
    ],
)
def test_mistakes_in_special_days_are_named_with_their_line(tmp_path, old, new, field, word):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, EXTENDED.replace(old, new))
    assert caught.value.field == field
    assert word in str(caught.value)
    assert caught.value.line is not None


def open_seconds(branch, start, end):
    """Count minute by minute how long it was open."""
    moment, seconds = start.astimezone(UTC), 0
    while moment < end.astimezone(UTC):
        seconds += 60 * branch.is_open(moment)
        moment += timedelta(minutes=1)
    return seconds


@given(
    st.datetimes(datetime(2026, 10, 20), datetime(2026, 11, 2)),  # noqa: DTZ001 - given a zone below
    st.integers(1, 20),
)
@settings(max_examples=25, deadline=None)
def test_a_promise_is_due_after_so_much_opening_time(moment, hours):
    moment = moment.replace(second=0, microsecond=0, tzinfo=AMSTERDAM)
    due = UTRECHT.after_open_seconds(moment, hours * 3600)
    assert due.astimezone(UTC) > moment.astimezone(UTC)
    assert open_seconds(UTRECHT, moment, due) == hours * 3600


@pytest.mark.parametrize(("day", "hours"), [("2026-10-25", 25), ("2026-03-29", 23), ("2026-06-01", 24)])
def test_a_place_that_never_closes_through_the_change_of_the_clock(day, hours):
    start = datetime.combine(date.fromisoformat(day), time(0), AMSTERDAM)
    next_day = start + timedelta(days=1)
    assert next_day.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=hours)
    shipped = load_opening_hours(Path(__file__).parents[2] / "config" / "opening_hours.yaml").desk
    assert abs(shipped.after_open_seconds(start, hours * 3600) - next_day) < timedelta(milliseconds=1)


def test_in_the_hour_that_comes_twice_closing_is_still_ahead(tmp_path):
    text = EXTENDED.replace('"00:00-24:00"', '"00:00-02:30"')
    night = load(tmp_path, text).schedule("night")
    second = datetime(2026, 10, 25, 2, 15, tzinfo=ZoneInfo("Europe/Brussels"), fold=1)
    closes = night.closes_at(second)
    assert closes is not None
    assert closes.astimezone(UTC) - second.astimezone(UTC) == timedelta(minutes=15)
