"""Slots: the values in a caller's words, in canonical form. Pure and without models, about 0.2 ms.

| slot | value |
|---|---|
| order_number, reference, customer_number, phone_number, house_number, digits | digits only |
| postcode | '3511 AB' (Dutch) or '2018' (Belgian) |
| date, holiday | ISO date; the holiday's id besides its date |
| time | 'HH:MM', 24 hours |
| branch | id of config/opening_hours.yaml: 'utrecht', 'antwerpen' |
| yes_no | 'yes' or 'no' |
| language | 'nl' or 'en', when the caller asks for it |
"""

# ruff: noqa: E501 - patterns are read as a whole

from __future__ import annotations

import re
from datetime import date

from voicebot.events import Language
from voicebot.understanding import normalise_en, normalise_nl
from voicebot.understanding.dates import find_date, find_holiday
from voicebot.understanding.interpretation import Expectation
from voicebot.understanding.tagging import fold
from voicebot.understanding.times import find_time
from voicebot.understanding.yes_no import yes_or_no

BRANCHES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("utrecht", re.compile(r"\butrec?h?t\w*|\butregt\b|\bu trecht\b")),
    ("antwerpen", re.compile(r"\bantw[ae]+r+p\w*|\banvers\b|\bantwarp\w*|\bant ?werpen?\b")),
)
_SPELLED = re.compile(r"\b([a-z]) (?:van|as in|for|like) \w+")
_DUTCH_POSTCODE = re.compile(r"\b([1-9](?:\W?\d){3})\W{0,2}([a-z])\W?([a-z])\b")
_BELGIAN_POSTCODE = re.compile(r"(?<![\d.,-])([1-9](?: ?\d){3})(?! ?\d)")
_NOT_LETTERS = {
    "en",
    "de",
    "is",
    "op",
    "in",
    "of",
    "to",
    "at",
    "on",
    "ik",
    "je",
    "nr",
    "tm",
    "om",
    "an",
    "eh",
    "uh",
    "sa",
    "sd",
    "ss",
}
_HOUSE_NUMBER = re.compile(r"(?:huisnummer|house number|nummer|number|nr)\D{0,8}(\d{1,5})\b")
_RUN = re.compile(r"\d+(?:(?:[ .,\-–/]+(?:en |and |dan |then |eh+m? |uhm? )*)\d+)*")
_CONTEXTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("customer_number", re.compile(r"klant ?nummer|klantnr|account ?nummer|customer (?:number|id)|account number|client number")),
    ("reference", re.compile(r"afspraak ?nummer|referentie|reference|appointment number|booking (?:number|code)|kenmerk")),
    ("phone_number", re.compile(r"telefoon|gsm|mobiel|mobile|phone|bel (?:me|mij) (?:terug )?op|call me (?:back )?(?:on|at)")),
    ("house_number", re.compile(r"huisnummer|house number")),
    ("order_number", re.compile(r"bestel|order|pakket|pakje|parcel|package|zending|levering")),
)  # fmt: skip
_WANTS_LANGUAGE: tuple[tuple[Language, re.Pattern[str]], ...] = (
    ("en", re.compile(r"\b(?:in (?:het )?engels|in english|engels (?:praten|spreken|alstublieft|graag|please)|speak english"
                      r"|english please|talk english|switch to english|do you speak english|spreek(?:t)? (?:u|je) (?:ook )?engels"
                      r"|liever engels|prefer english|overschakelen naar (?:het )?engels|continue in english)\b|^(?:english|engels)$")),
    ("nl", re.compile(r"\b(?:in (?:het )?nederlands|in dutch|nederlands (?:praten|spreken|alstublieft|graag|please)|speak dutch"
                      r"|dutch please|talk dutch|switch to dutch|spreek(?:t)? (?:u|je|ge|gij) (?:ook )?nederlands|liever nederlands"
                      r"|prefer dutch|vlaams (?:klappen|praten|spreken)|in (?:het )?vlaams|continue in dutch)\b"
                      r"|^(?:dutch|nederlands|vlaams)$")),
)  # fmt: skip
_LANGUAGE_REFUSED = re.compile(r"\b(?:geen|niet|not|no|cannot|can't|don't)\b")
_TOWARDS = re.compile(r"\b(?:naar|to)\b")
_NUMBERS_EXPECTED = {Expectation.DIGITS, Expectation.POSTCODE}


def digits_written(text: str, language: Language) -> str:
    """Return the text with its number words as digits, lower case."""
    return normalise_nl.digits_written(text) if language == "nl" else normalise_en.digits_written(text)


def requested_language(text: str) -> Language | None:
    """The language a caller asks to go on in; 'ik spreek geen Engels' asks for none."""
    folded = fold(text).strip(" .!?,")
    if _LANGUAGE_REFUSED.search(folded):
        return None
    return next((language for language, pattern in _WANTS_LANGUAGE if pattern.search(folded)), None)


def find_slots(text: str, language: Language, expectation: Expectation, today: date) -> dict[str, str]:
    """Return all slots found; empty when there are none."""
    slots: dict[str, str] = {}
    written = digits_written(text, language)
    folded = fold(text)
    answer = yes_or_no(text, is_expected=expectation in {Expectation.YES_NO, Expectation.CHOICE})
    if answer is not None:
        slots["yes_no"] = answer
    for branch, pattern in BRANCHES:
        if pattern.search(folded):
            slots.setdefault("branch", branch)
    if wanted := requested_language(text):
        slots["language"] = wanted
    rest = _take_moments(written, language, expectation, today, slots)
    rest = _take_postcode(rest, text, expectation, slots)
    _take_numbers(rest, folded, expectation, slots)
    return slots


def _take_moments(
    written: str, language: Language, expectation: Expectation, today: date, slots: dict[str, str]
) -> str:
    """Find day and time; return the text without them, so that their digits are no order number."""
    if expectation in _NUMBERS_EXPECTED and sum(map(str.isdigit, written)) >= 4:
        return written  # '24 11 20' is a number when a number was asked
    holiday = find_holiday(written, today)
    if holiday is not None:
        name, day, (start, end) = holiday
        slots["holiday"], slots["date"] = name, day.isoformat()
        written = written[:start] + " | " + written[end:]
    else:
        same = expectation is Expectation.ANYTHING
        # 'van vrijdag naar maandag': the wish is what follows.
        start = max((mark.end() for mark in _TOWARDS.finditer(written)), default=0)
        found = find_date(written[start:], today, same_weekday_is_today=same) if start else None
        if found is not None:
            found = found[0], (found[1][0] + start, found[1][1] + start)
        else:
            found = find_date(written, today, same_weekday_is_today=same)
        if found is not None:
            slots["date"] = found[0].isoformat()
            written = written[: found[1][0]] + " | " + written[found[1][1] :]
    clock = find_time(written, language, is_expected=expectation in {Expectation.TIME, Expectation.CHOICE})
    if clock is not None and not (expectation is Expectation.CHOICE and re.fullmatch(r"\W*\d\W*", written)):
        slots["time"] = clock[0]
        written = written[: clock[1][0]] + " | " + written[clock[1][1] :]
    return written


def _take_postcode(written: str, text: str, expectation: Expectation, slots: dict[str, str]) -> str:
    is_asked = expectation is Expectation.POSTCODE or bool(re.search(r"post ?code|zip", written))
    spelled = _SPELLED.sub(r"\1", written)
    found = _DUTCH_POSTCODE.search(spelled)
    if found is not None:
        letters = found[2] + found[3]
        is_written_so = bool(re.search(r"\d{4} ?[A-Z]{2}\b", text))
        if (is_asked or is_written_so) and (letters not in _NOT_LETTERS or is_written_so):
            slots["postcode"] = f"{re.sub(r'[^0-9]', '', found[1])} {letters.upper()}"
            return _take_house_number(spelled[: found.start()], spelled[found.end() :], slots)
    if is_asked:
        runs = list(_RUN.finditer(spelled))
        if any(len(re.sub(r"\D", "", run[0])) == 6 for run in runs) and "," not in spelled:
            return written  # an appointment's reference
        found = _BELGIAN_POSTCODE.search(spelled)
        if found is not None:
            slots["postcode"] = found[1].replace(" ", "")
            return _take_house_number(spelled[: found.start()], spelled[found.end() :], slots)
    return written


def _take_house_number(before: str, after: str, slots: dict[str, str]) -> str:
    found = _HOUSE_NUMBER.search(after) or re.match(r"\D{0,14}?(\d{1,5})(?!\d)", after)
    if found is not None:
        slots["house_number"] = found[1]
        after = after[found.end() :]
    return f"{before} | {after}"


def _take_numbers(written: str, folded: str, expectation: Expectation, slots: dict[str, str]) -> None:
    runs = [re.sub(r"\D", "", found[0]) for found in _RUN.finditer(written)]
    if not runs:
        return
    longest = max(runs, key=len)
    context = next((name for name, pattern in _CONTEXTS if pattern.search(folded)), "")
    if len(longest) < 3 and expectation is not Expectation.DIGITS and context != "house_number":
        return
    slots["digits"] = longest
    if context == "house_number" and len(longest) <= 5 and "house_number" not in slots:
        slots["house_number"] = longest
    elif context == "customer_number" and 4 <= len(longest) <= 8:
        slots["customer_number"] = longest
    elif context == "reference" and len(longest) == 6:
        slots["reference"] = longest
    elif context == "phone_number" or (9 <= len(longest) <= 14 and longest.startswith(("0", "31", "32"))):
        if 9 <= len(longest) <= 14:
            slots["phone_number"] = longest
    elif len(longest) in {5, 6} and "postcode" not in slots:
        slots["order_number"] = longest
