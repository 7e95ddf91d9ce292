"""Reads what the dialogue needs from an interpretation: yes or no, digits, choices, language."""

from __future__ import annotations

import re
from datetime import datetime

from babel.dates import get_month_names

from voicebot.events import Language
from voicebot.understanding.interpretation import Interpretation

YES_INTENTS = frozenset({"yes", "affirm", "confirm"})
NO_INTENTS = frozenset({"no", "deny"})
NUMBER_SLOTS = (
    "digits",
    "number",
    "order_number",
    "reference",
    "appointment_reference",
    "appointment_number",
    "customer_number",
    "phone_number",
    "phone",
    "house_number",
)
_BARE = """
ja jawel nee neen oké oke ok okay yes yeah yep no nope correct klopt juist precies prima goed right sure
nul een één twee drie vier vijf zes zeven acht negen tien en dubbel keer
zero oh o one two three four five six seven eight nine ten and double triple mm mhm hm ehm uh um
"""
BARE_WORDS = frozenset(_BARE.split())
"""Words that a recogniser hears in either language."""
ORDINALS: tuple[tuple[str, ...], ...] = (("eerste", "first"), ("tweede", "second"), ("derde", "third"))
CARDINALS: tuple[tuple[str, ...], ...] = (
    ("1", "één", "een", "one"),
    ("2", "twee", "two"),
    ("3", "drie", "three"),
)
ARTICLES = frozenset({"een", "one"})
MONTHS = frozenset(
    name.casefold() for language in ("nl", "en") for name in get_month_names("wide", locale=language).values()
)
LAST_WORDS = frozenset({"laatste", "last"})
CHOICES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "callback",
        re.compile(
            r"terug\s?(te\s)?(ge)?bel|\bbel(t|len)?\b.{1,30}\b(terug|op)\b"
            r"|call\s?(me\s|us\s)?back|ring me"
        ),
    ),
    ("message", re.compile(r"bericht|boodschap|inspreken|message")),
    ("other", re.compile(r"\bandere?\b|iemand anders|\bother\b|someone else|another (department|person)")),
    (
        "again",
        re.compile(
            r"opnieuw|nog (een|'n) ?(keer|maal)|nogmaals|probeer|\bwacht|again|retry|try|hold on|wait"
        ),
    ),
)


def words_of(text: str) -> list[str]:
    """Return the words in lower case without punctuation."""
    return re.findall(r"[\w']+", text.casefold())


def yes_or_no(turn: Interpretation) -> bool | None:
    """Return True for yes, False for no, None for neither."""
    said = turn.slots.get("yes_no")
    if said in {"yes", "no"}:
        return said == "yes"
    if turn.intent in YES_INTENTS:
        return True
    return False if turn.intent in NO_INTENTS else None


def asks_something(turn: Interpretation) -> bool:
    """Whether there is more in the turn than a yes or a no."""
    return turn.intent is not None and turn.intent not in YES_INTENTS | NO_INTENTS


def digits_of(turn: Interpretation, *preferred: str) -> str:
    """Return the digits of the number that was said, '' when there are none."""
    for name in (*preferred, *NUMBER_SLOTS):
        digits = re.sub(r"\D", "", turn.slots.get(name, ""))
        if digits:
            return digits
    return re.sub(r"\D", "", turn.text)


def choice_of(turn: Interpretation) -> str | None:
    """Return 'callback', 'message', 'other' or 'again' as chosen after a failed transfer."""
    named = turn.slots.get("choice", turn.intent or "")
    for name, pattern in CHOICES:
        if named in {name, f"{name}_request"} or pattern.search(turn.text.casefold()):
            return name
    return None


def chosen_option(turn: Interpretation, options: tuple[str, ...]) -> str | None:
    """Return the ISO date-time that the caller means: by date, time or place in the list; None if unclear."""
    moments = [datetime.fromisoformat(option) for option in options]
    day, clock = turn.slots.get("date"), turn.slots.get("time")
    matching = [
        option
        for option, moment in zip(options, moments, strict=True)
        if (day is None or moment.date().isoformat() == day)
        and (clock is None or moment.strftime("%H:%M") == clock[:5])
    ]
    if (day or clock) and len(matching) == 1:
        return matching[0]
    place = _place_named(turn, len(options), has_moment=bool(day or clock))
    if place is not None:
        return options[place]
    if day or clock:
        return None
    return options[0] if len(options) == 1 and yes_or_no(turn) else None


def _place_named(turn: Interpretation, count: int, *, has_moment: bool) -> int | None:
    """Return the place in the list that was named.

    With a moment in the turn only 'de tweede' counts (it also reads as a day of the month), and not when a
    month was named too.
    """
    named = {turn.slots.get("choice", ""), turn.slots.get("ordinal", ""), *words_of(turn.text)}
    if has_moment and MONTHS & named:
        return None
    for forms in (ORDINALS,) if has_moment else (ORDINALS, CARDINALS):
        places = {place for place in range(min(count, len(forms))) if named & set(forms[place])}
        if forms is ORDINALS and LAST_WORDS & named:
            places.add(count - 1)
        if len(places) > 1 and ARTICLES & named:  # 'een van twee' names no place
            places.discard(0)
        if len(places) == 1:
            return places.pop()
    return None


def telling_words(turn: Interpretation) -> int:
    """Count the words that show a language: not numbers, yes, no or fillers."""
    return sum(1 for word in words_of(turn.text) if word not in BARE_WORDS and not word.isdigit())


def language_after(turn: Interpretation, current: Language, *, is_known: bool) -> Language:
    """Return the language to go on in. `is_known`: the call's language was settled by words or by the line.

    A bare number, 'ja' or 'no' never changes a settled language: the recogniser guesses there.
    """
    if turn.requested_language is not None:
        return turn.requested_language
    telling = telling_words(turn)
    if turn.is_backchannel or telling == 0:
        return current
    says_something = telling >= 2 or turn.intent is not None or turn.wants_human or turn.asks_if_robot
    return turn.language if says_something or not is_known else current
