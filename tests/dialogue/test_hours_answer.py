from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.dialogue.conversation import AMSTERDAM, LINE, Conversation

TUESDAY_10, MONDAY_20, SUNDAY = (
    datetime(2026, 11, 24, 10, tzinfo=AMSTERDAM),
    datetime(2026, 11, 23, 20, tzinfo=AMSTERDAM),
    datetime(2026, 11, 22, 12, tzinfo=AMSTERDAM),
)


@pytest.mark.parametrize(
    ("now", "slots", "prompt", "values"),
    [
        (TUESDAY_10, {"branch": "utrecht"}, "hours_open_until", {"branch": "Utrecht", "closes": "18:00"}),
        (MONDAY_20, {"branch": "utrecht"}, "hours_closed_now", {"opens": "morgen om 09:00"}),
        (
            datetime(2026, 11, 23, 9, tzinfo=AMSTERDAM),
            {"branch": "utrecht"},
            "hours_opens_today",
            {"hours": "13:00 tot 18:00"},
        ),
        (SUNDAY, {"branch": "antwerpen"}, "hours_closed_now", {"opens": "dinsdag 24 november om 10:00"}),
        (
            TUESDAY_10,
            {"branch": "utrecht", "date": "2026-12-24"},
            "hours_on_day",
            {"day": "donderdag 24 december", "hours": "09:00 tot 16:00"},
        ),
        (
            TUESDAY_10,
            {"branch": "utrecht", "date": "2026-12-25"},
            "hours_holiday",
            {"day": "vrijdag 25 december", "holiday": "Eerste kerstdag"},
        ),
        (
            datetime(2026, 11, 11, 11, tzinfo=AMSTERDAM),
            {"branch": "antwerpen"},
            "hours_holiday_today",
            {"holiday": "Wapenstilstand", "opens": "morgen om 10:00"},
        ),
        (
            datetime(2026, 11, 11, 11, tzinfo=AMSTERDAM),
            {"branch": "utrecht"},
            "hours_open_until",
            {"closes": "18:00"},
        ),
        (
            TUESDAY_10,
            {"branch": "antwerpen", "date": "2026-11-29"},
            "hours_closed_on_day",
            {"branch": "Antwerpen"},
        ),
        (TUESDAY_10, {"branch": "utrecht", "date": "nonsense"}, "hours_open_until", {"closes": "18:00"}),
    ],
)
def test_opening_hours(now, slots, prompt, values):
    talk = Conversation(now=now)
    talk.say("opening_hours", **slots)
    assert talk.prompts == [prompt, "anything_else"]
    assert values.items() <= talk.says[0].values.items()


def test_all_branches_are_answered_when_none_was_named():
    talk = Conversation(now=TUESDAY_10)
    talk.say("opening_hours")
    assert [s.values["branch"] for s in talk.says[:-1]] == ["Utrecht", "Antwerpen"]


def test_the_branch_of_the_line_is_the_default():
    talk = Conversation(replace(LINE, branch="antwerpen"), TUESDAY_10)
    talk.say("opening_hours")
    assert [s.values["branch"] for s in talk.says[:-1]] == ["Antwerpen"]


def test_in_english():
    talk = Conversation(now=TUESDAY_10)
    talk.say(
        "opening_hours",
        "when are you open at Christmas",
        language="en",
        branch="antwerpen",
        date="2026-12-25",
    )
    values = talk.says[0].values
    assert (values["branch"], values["day"], values["holiday"]) == (
        "Antwerp",
        "Friday 25 December",
        "Christmas Day",
    )


def test_today_is_a_day_at_the_organisation_whatever_the_zone_of_the_clock():
    late = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)  # half past midnight in Utrecht
    talk = Conversation(now=late)
    talk.say("opening_hours", branch="utrecht", date="2026-11-24")
    assert talk.value("hours_opens_today", "hours") == "09:00 tot 18:00"
