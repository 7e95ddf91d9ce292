"""Values for prompts as a caller should hear them: days, times, digits. Numbers are read out by speaking."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from babel.dates import format_date

from voicebot.events import Language

NEAR_DAYS: dict[Language, tuple[str, str]] = {"nl": ("vandaag", "morgen"), "en": ("today", "tomorrow")}
AT: dict[Language, str] = {"nl": "om", "en": "at"}


def spoken_day(day: date, today: date, language: Language) -> str:
    """Return 'vandaag', 'morgen' or 'dinsdag 24 november'."""
    ahead = (day - today) // timedelta(days=1)
    if ahead in {0, 1}:
        return NEAR_DAYS[language][ahead]
    return str(format_date(day, "EEEE d MMMM", locale=language))


def spoken_time(moment: time) -> str:
    """Return '09:30'; speaking turns it into words."""
    return moment.strftime("%H:%M")


def spoken_moment(moment: datetime, today: date, language: Language) -> str:
    """Return 'morgen om 09:30'."""
    return f"{spoken_day(moment.date(), today, language)} {AT[language]} {spoken_time(moment.time())}"


def spoken_digits(digits: str) -> str:
    """Return '5 3 8 2 1', so that every voice reads single digits."""
    return " ".join(digits)


def spoken_list(parts: list[str], language: Language, *, or_: bool = False) -> str:
    """Join with commas and 'of' or 'en' before the last."""
    joiner = {"nl": ("en", "of"), "en": ("and", "or")}[language][or_]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {joiner} {parts[-1]}"
