"""Answers about opening hours from the configured hours: today, a day, a holiday, one branch or all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from voicebot.dialogue.actions import Say
from voicebot.dialogue.spoken_values import spoken_day, spoken_list, spoken_moment, spoken_time
from voicebot.dialogue.state import Context
from voicebot.events import Language
from voicebot.transfer.opening_hours import Branch, DayHours, holiday_name

BETWEEN: dict[Language, str] = {"nl": "tot", "en": "to"}


def hours_answer(ctx: Context, slots: Mapping[str, str], now: datetime) -> tuple[Say, ...]:
    """Return one sentence a branch. Slots: 'branch' (id), 'date' (ISO)."""
    named = slots.get("branch", "") or ctx.line.branch
    branches = (
        [ctx.hours.branches[named]] if named in ctx.hours.branches else list(ctx.hours.branches.values())
    )
    return tuple(_about(ctx, branch, slots.get("date", ""), now) for branch in branches)


def _about(ctx: Context, branch: Branch, wanted: str, now: datetime) -> Say:
    local = branch.local(now)
    today = local.date()
    day = _parse(wanted) or today
    if day == today:
        return _today(ctx, branch, local)
    return _day(ctx, branch, day, today)


def _parse(wanted: str) -> date | None:
    try:
        return date.fromisoformat(wanted)
    except ValueError:
        return None


def _today(ctx: Context, branch: Branch, local: datetime) -> Say:
    language = ctx.state.language
    name = branch.name[language]
    closes = branch.closes_at(local)
    if closes is not None:
        return ctx.say("hours_open_until", branch=name, closes=spoken_time(closes.time()))
    opens = branch.next_opening(local)
    if opens is None:
        return ctx.say("hours_closed", branch=name)
    if opens.date() == local.date():
        hours = branch.hours_on(local.date())
        return ctx.say("hours_opens_today", branch=name, hours=_spoken(hours, language))
    again = spoken_moment(opens, local.date(), language)
    if holiday := branch.hours_on(local.date()).holiday:
        holiday = holiday_name(branch.country, local.date(), language) or holiday
        return ctx.say("hours_holiday_today", branch=name, holiday=holiday, opens=again)
    return ctx.say("hours_closed_now", branch=name, opens=again)


def _day(ctx: Context, branch: Branch, day: date, today: date) -> Say:
    language = ctx.state.language
    name, hours = branch.name[language], branch.hours_on(day)
    spoken = spoken_day(day, today, language)
    if hours.intervals:
        return ctx.say("hours_on_day", branch=name, day=spoken, hours=_spoken(hours, language))
    holiday = holiday_name(branch.country, day, language)
    if holiday:
        return ctx.say("hours_holiday", branch=name, day=spoken, holiday=holiday)
    return ctx.say("hours_closed_on_day", branch=name, day=spoken)


def _spoken(hours: DayHours, language: Language) -> str:
    parts = [f"{spoken_time(i.opens)} {BETWEEN[language]} {spoken_time(i.closes)}" for i in hours.intervals]
    return spoken_list(parts, language)
