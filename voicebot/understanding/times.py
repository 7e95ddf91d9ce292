"""Clock times as callers say them -> HH:MM (24 hours), on text whose number words are digits.

Without a part of the day an hour from 1 to 7 is in the afternoon (business hours). English 'half three' is
half past three, Dutch 'half drie' is half past two.
"""

from __future__ import annotations

import re

from voicebot.events import Language

_MORNING = re.compile(r"'?s ?(?:ochtends|morgens|voormiddags)|\bochtend|morning|\ba\.?m\b|voormiddag")
_EVENING = re.compile(r"'?s ?(?:avonds|middags|namiddags)|\bavond|middag|afternoon|evening|\bp\.?m\b|tonight")
_HOUR = r"(?P<hour>[01]?\d|2[0-4])"
_MINUTES = r"(?P<minutes>[0-5]?\d|kwart|quarter|a quarter|half)"

_NL = (
    rf"\b(?P<minutes>[0-5]?\d|kwart) (?P<side>over|voor|na) half {_HOUR}\b",
    rf"\b(?P<minutes>[0-5]?\d|kwart) (?P<side>over|voor|na) {_HOUR}\b(?! (?:dag|week|uur? geleden))",
    rf"\bhalf {_HOUR}\b",
)
_EN = (
    rf"\b(?P<minutes>[0-5]?\d|a quarter|quarter) (?:minutes )?(?P<side>past|to|after|before) {_HOUR}\b",
    rf"\bhalf (?:past )?{_HOUR}\b",
)
_CLOCK = re.compile(r"\b(?P<hour>[01]?\d|2[0-3])(?::|\.| ?h ?)(?P<minutes>[0-5]\d)\b")
_FULL = re.compile(rf"\b{_HOUR} (?:uur|u|o'?clock)(?: (?P<minutes>[0-5]\d))?\b(?! per)")
_AMPM = re.compile(rf"\b{_HOUR}(?: ?(?P<minutes>[0-5]\d))? ?(?:a\.?m|p\.?m)\b")
_AFTER_AT = re.compile(
    rf"\b(?:om|at|tegen|rond|around) {_HOUR}(?: (?P<minutes>[0-5]\d))?\b(?! ?(?:dag|euro|week|%))"
)
_BARE = re.compile(
    rf"^\W*(?:doe maar |liefst |graag )?{_HOUR}(?: (?P<minutes>[0-5]\d))?\b(?: graag| please)?\W*$"
)
_PER_LANGUAGE: dict[Language, tuple[re.Pattern[str], ...]] = {
    "nl": tuple(re.compile(pattern) for pattern in _NL),
    "en": tuple(re.compile(pattern) for pattern in _EN),
}


def _clock(hour: int, minutes: int, text: str) -> str:
    hour, minutes = hour + minutes // 60, minutes % 60
    if hour <= 12 and _EVENING.search(text):
        hour = hour + 12 if hour < 12 else 12
    elif 1 <= hour <= 7 and not _MORNING.search(text):
        hour += 12
    return f"{hour % 24:02d}:{minutes:02d}"


def _minutes_of(word: str) -> int:
    return 15 if word in {"kwart", "quarter", "a quarter"} else int(word)


def find_time(
    text: str, language: Language, *, is_expected: bool = False
) -> tuple[str, tuple[int, int]] | None:
    """Return the first time in normalised text and its place.

    `is_expected`: a bare number is an hour, too.
    """
    for place, pattern in enumerate(_PER_LANGUAGE[language]):
        found = pattern.search(text)
        if found is None:
            continue
        hour = int(found["hour"])
        half_counts = 0
        if language == "nl" and place in {0, 2}:
            half_counts = -30
        elif language == "en" and place == 1:
            half_counts = 30
        minutes = half_counts
        if "side" in pattern.groupindex:
            step = _minutes_of(found["minutes"])
            minutes += step if found["side"] in {"over", "past", "after", "na"} else -step
        base = hour * 60 + minutes
        return _clock(base // 60, base % 60, text), found.span()
    patterns = [_CLOCK, _FULL, _AMPM, _AFTER_AT] + ([_BARE] if is_expected else [])
    for pattern in patterns:
        if found := pattern.search(text):
            return _clock(int(found["hour"]), int(found["minutes"] or 0), text), found.span()
    return None
