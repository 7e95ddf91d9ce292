"""Times and dates in words.

The form chosen is the one that survives a phone line. Dutch times use the 24-hour clock ('veertien uur
dertig'): 'half drie' means 14:30 to a Dutch and 15:30 to an English ear, and its first word is easily
lost. English times use the 12-hour clock with the part of the day in words ('two thirty in the
afternoon'): 'a.m.' and 'p.m.' differ by one consonant that 300-3400 Hz hardly carries.
"""

from __future__ import annotations

import re
from datetime import date

from babel.dates import get_day_names, get_month_names

from voicebot.events import Language
from voicebot.speaking.spoken_numbers import cardinal, ordinal, year

_LANGS: tuple[Language, ...] = ("nl", "en")
_LONG_MONTHS: dict[Language, dict[int, str]] = {
    lang: {int(key): str(name) for key, name in get_month_names("wide", locale=lang).items()}
    for lang in _LANGS
}


def _names(lang: Language, table: dict[int, str], short: dict[int, str]) -> dict[str, int]:
    names = {name.lower(): key for key, name in table.items()}
    names |= {name.lower().rstrip("."): key for key, name in short.items()}
    return names | {name.lower()[:3]: key for key, name in table.items() if lang == "en"}


_MONTHS: dict[Language, dict[str, int]] = {
    lang: _names(
        lang,
        _LONG_MONTHS[lang],
        {int(k): str(v) for k, v in get_month_names("abbreviated", locale=lang).items()},
    )
    for lang in _LANGS
}
_MONTHS["en"]["sept"] = 9
_MONTHS["nl"] |= {"sep": 9, "mar": 3}
_LONG_DAYS: dict[Language, dict[int, str]] = {
    lang: {int(key): str(name) for key, name in get_day_names("wide", locale=lang).items()} for lang in _LANGS
}
_DAYS: dict[Language, dict[str, int]] = {
    lang: _names(
        lang, _LONG_DAYS[lang], {int(k): str(v) for k, v in get_day_names("abbreviated", locale=lang).items()}
    )
    for lang in _LANGS
}
_DAYS["en"] |= {"tues": 1, "thur": 3, "thurs": 3}


def _alternatives(names: dict[str, int]) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


def _day_prefix(lang: Language) -> str:
    return rf"(?:(?P<weekday>{_alternatives(_DAYS[lang])})\b\.?,?\s+)?"


_DOT = r"(?:\.(?=\s*(?-i:[a-z0-9,;])))?"
"""The full stop of an abbreviation, taken only where it does not end the sentence too."""
_NUMERIC = (
    r"(?<![\d.,/-])(?:(?P<y1>[12]\d{3})-(?P<m1>\d{1,2})-(?P<d1>\d{1,2})"
    r"|(?P<d2>\d{1,2})(?P<sep>[-/.])(?P<m2>\d{1,2})(?P=sep)(?P<y2>[12]\d{3}|\d{2})"
    r"|(?P<d3>\d{1,2})/(?P<m3>\d{1,2})|(?P<d4>\d{1,2})-(?P<m4>\d{1,2}))(?![\d/-]|[.,]\d)"
)
_NUMERIC_DATE = {lang: re.compile(rf"\b{_day_prefix(lang)}" + _NUMERIC, re.IGNORECASE) for lang in _LANGS}
_YEAR = r"(?:,?\s+(?P<year>[12]\d{3})\b(?![.,:-]\d|%))?"
_NAMED_DATE = {
    lang: re.compile(
        rf"\b{_day_prefix(lang)}(?P<the>the\s+)?(?P<day>\d{{1,2}})(?:st|nd|rd|th|e|ste|de)?\.?\s+(?:of\s+)?"
        rf"(?P<month>{_alternatives(_MONTHS[lang])})\b" + _DOT + _YEAR,
        re.IGNORECASE,
    )
    for lang in _LANGS
}
_MONTH_FIRST = re.compile(
    rf"\b{_day_prefix('en')}(?P<month>{_alternatives(_MONTHS['en'])})\b\.?\s+(?:the\s+)?"
    rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?![.:]\d)" + _YEAR,
    re.IGNORECASE,
)
_FRACTIONS = {"1/2", "1/3", "2/3", "1/4", "3/4", "24/7"}
_DAY_RANGE = {
    lang: re.compile(
        rf"\b(?P<first>{_alternatives(_DAYS[lang])})\.?\s*(?P<link>-|–|t/m|t\.e\.m\.|tem|to)\s*"
        rf"(?P<last>{_alternatives(_DAYS[lang])})\b{_DOT}",
        re.IGNORECASE,
    )
    for lang in _LANGS
}

_DAY_BEFORE_TIME = {
    lang: re.compile(
        rf"\b(?P<day>{_alternatives(_DAYS[lang])})\b\.?(?=,?\s+\d{{1,2}}(?:[:.]\d\d\b|\s*[-–]\s*\d{{1,2}}[:.\s]))",
        re.IGNORECASE,
    )
    for lang in _LANGS
}
_CLOCK = r"(?P<h>[01]?\d|2[0-4])(?:[:.](?P<m>[0-5]\d)(?::[0-5]\d)?)"
_NL_TIME = re.compile(
    rf"(?<![\d.,:])(?:(?P<led>\b(?:om|tot|vanaf|rond|tegen|van|tussen|en|t/m|voor|na)\s+)?{_CLOCK}(?P<uur>\s*(?:uur|u|h)\b{_DOT})?"
    r"|(?P<h2>[01]?\d|2[0-4])\s?[uh](?P<m2>[0-5]\d)\b|(?P<h3>[01]?\d|2[0-4])\s*(?:u|h)\b"
    + _DOT
    + r"(?!\s*/))(?![\d:]|[.,]\d)",
    re.IGNORECASE,
)
_EN_TIME = re.compile(
    rf"(?<![\d.,:])(?:{_CLOCK}|(?P<h2>1[0-2]|0?[1-9])(?=\s*[ap]\.?m\b))"
    r"(?:\s*(?P<half>[ap])\.?m\b" + _DOT + r")?(?P<tail>\s+(?:hours|o'clock))?"
    r"(?P<part>\s+(?:in\s+the\s+(?:morning|afternoon|evening)|at\s+night))?(?![\d:]|[.,]\d)",
    re.IGNORECASE,
)
_TIME_RANGE = re.compile(
    r"(?<=\d)(?P<a>\s*(?:uur|u|h|[ap]\.?m\.?)?)\s*[-–]\s*(?=\d{1,2}[:.uh]\d\d|\d{1,2}\s*(?:uur|[uh]\b|[ap]\.?m))"
)


def clock(hour: int, minute: int, language: Language) -> str:
    """Say a time of day; 0 <= hour <= 24, 0 <= minute < 60."""
    if language == "nl":
        return f"{cardinal(hour, 'nl')} uur{' ' + cardinal(minute, 'nl') if minute else ''}"
    if minute == 0 and hour in (0, 12, 24):
        return "twelve noon" if hour == 12 else "midnight"
    hour %= 24
    part = "at night" if hour < 6 else "in the morning" if hour < 12 else "in the afternoon"
    part = "in the evening" if 18 <= hour < 22 else "at night" if hour >= 22 else part
    said = cardinal(hour % 12 or 12, "en")
    if minute == 0:
        return f"{said} o'clock {part}"
    return f"{said} {'oh ' if minute < 10 else ''}{cardinal(minute, 'en')} {part}"


def day_of(value: date, language: Language, *, with_year: bool = True) -> str:
    """Say a date: 'vierentwintig november ...', 'the twenty-fourth of November ...'."""
    return _day(value.day, value.month, value.year if with_year else None, language)


def _day(day: int, month: int, in_year: int | None, language: Language) -> str:
    name = _LONG_MONTHS[language][month]
    said = f"{cardinal(day, 'nl')} {name}" if language == "nl" else f"the {ordinal(day, 'en')} of {name}"
    return said if in_year is None else f"{said} {year(in_year, language)}"


def _weekday(match: re.Match[str], language: Language) -> str:
    name = match["weekday"]
    return f"{_LONG_DAYS[language][_DAYS[language][name.lower()]]} " if name else ""


def _is_date(day: int, month: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= (29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31)


def speak_dates(text: str, language: Language) -> str:
    """Replace written dates by words. Day comes before month; impossible dates are left alone.

    'd-m' without a year is a date only if it cannot be a range (the second number is not larger).
    """

    def numeric(match: re.Match[str]) -> str:
        groups = match.groupdict()
        suffix = next(n for n in "1234" if groups[f"d{n}"])
        day, month = int(groups[f"d{suffix}"]), int(groups[f"m{suffix}"])
        written_year = groups.get(f"y{suffix}")
        in_year = int(written_year) if written_year else None
        bare = match[0].strip()
        told = (match["weekday"] or "zo").lower() != "zo"  # 'zo' is 'so' more often than Sunday
        range_like = suffix == "4" and not told and (month >= day or len(bare) < 4)
        if not _is_date(day, month) or bare in _FRACTIONS or range_like:
            return match[0]
        if in_year is not None and in_year < 100:
            in_year += 2000 if in_year < 70 else 1900
        return _weekday(match, language) + _day(day, month, in_year, language)

    def named(match: re.Match[str]) -> str:
        day, month = int(match["day"]), _MONTHS[language][match["month"].lower()]
        if not _is_date(day, month):
            return match[0]
        in_year = int(match["year"]) if match["year"] else None
        return _weekday(match, language) + _day(day, month, in_year, language)

    def day_range(match: re.Match[str]) -> str:
        names, longs = _DAYS[language], _LONG_DAYS[language]
        link = "tot en met" if language == "nl" else "to"
        return f"{longs[names[match['first'].lower()]]} {link} {longs[names[match['last'].lower()]]}"

    text = _DAY_RANGE[language].sub(day_range, text)
    text = _NUMERIC_DATE[language].sub(numeric, text)
    text = _DAY_BEFORE_TIME[language].sub(
        lambda m: _LONG_DAYS[language][_DAYS[language][m["day"].lower()]], text
    )
    if language == "en":
        text = _MONTH_FIRST.sub(named, text)
    return _NAMED_DATE[language].sub(named, text)


def speak_times(text: str, language: Language) -> str:
    """Replace written times by words: '14:30', '9.00 uur', '14u30', '2:30 pm'."""

    def dutch(match: re.Match[str]) -> str:
        hour = match["h"] or match["h2"] or match["h3"]
        minute = match["m"] or match["m2"] or "0"
        dotted = match["h"] is not None and ":" not in match[0]
        if int(hour) == 24 and int(minute):
            return match[0]
        if dotted and not (match["uur"] or match["led"]):
            return match[0]
        return (match["led"] or "") + clock(int(hour), int(minute), "nl")

    def english(match: re.Match[str]) -> str:
        hour, minute = int(match["h"] or match["h2"]), int(match["m"] or 0)
        dotted = match["h"] is not None and ":" not in match[0]
        if (dotted and not match["half"]) or (hour == 24 and minute):
            return match[0]
        half = (match["half"] or "").lower()
        part = (match["part"] or "").lower()
        evening = (
            half == "p" or "afternoon" in part or "evening" in part or ("night" in part and 5 < hour < 12)
        )
        if hour <= 12 and evening:
            hour = hour % 12 + 12
        elif hour == 12 and (half == "a" or "night" in part):
            hour = 0
        return clock(hour, minute, "en")

    link = " tot " if language == "nl" else " to "
    text = _TIME_RANGE.sub(lambda m: m["a"] + link, text)
    return _NL_TIME.sub(dutch, text) if language == "nl" else _EN_TIME.sub(english, text)
