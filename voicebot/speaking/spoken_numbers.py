"""Numbers in words, Dutch and English: pure functions on values, no text scanning.

Written numbers are read by the separators of the language ('1.299,00' in Dutch, '1,299.00' in English),
but either form is understood when it is unambiguous, since order systems mix them.
"""

from __future__ import annotations

import re
from decimal import Decimal

from num2words import num2words

from voicebot.events import Language

LARGEST_CARDINAL = 10**12
"""Numbers from here on are said digit by digit: nobody follows 'trillion' on the phone."""

_DIGITS: dict[Language, tuple[str, ...]] = {
    "nl": ("nul", "één", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen"),
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
}
_MINUS: dict[Language, str] = {"nl": "min", "en": "minus"}
_POINT: dict[Language, str] = {"nl": "komma", "en": "point"}


def digits(text: str, language: Language) -> str:
    """Each digit of `text` as a word; everything else is dropped. English says 'zero', never 'oh'."""
    return " ".join(_DIGITS[language][int(char)] for char in text if char in "0123456789")


def digit_groups(text: str) -> list[str]:
    """Split a run of digits as people do when they read one out: threes, ended by a three, two or pairs."""
    if len(text) <= 4:
        return [text]
    groups: list[str] = []
    rest = text
    while len(rest) > 4:
        groups.append(rest[:3])
        rest = rest[3:]
    return [*groups, *([rest[:2], rest[2:]] if len(rest) == 4 else [rest])]


def cardinal(value: int, language: Language) -> str:
    """`value` in words without commas; from `LARGEST_CARDINAL` on digit by digit."""
    sign = f"{_MINUS[language]} " if value < 0 else ""
    size = abs(value)
    if size >= LARGEST_CARDINAL:
        return sign + ", ".join(digits(group, language) for group in digit_groups(str(size)))
    return sign + str(num2words(size, lang=language)).replace(",", "")


def ordinal(value: int, language: Language) -> str:
    """`value` as an ordinal ('eerste', 'twenty-first'); 0 <= value < LARGEST_CARDINAL."""
    if value >= LARGEST_CARDINAL:
        return cardinal(value, language)
    return str(num2words(value, lang=language, to="ordinal")).replace(",", "")


def year(value: int, language: Language) -> str:
    """Say a year as people do: 'negentienhonderd negenennegentig', 'twenty twenty-six'."""
    if not 1000 <= value <= 9999:
        return cardinal(value, language)
    century, rest = divmod(value, 100)
    if language == "nl":
        if century % 10 == 0:
            tail = f" {cardinal(rest, 'nl')}" if rest else ""
            return f"{cardinal(century * 100, 'nl')}{tail}"
        return f"{cardinal(century, 'nl')}honderd{' ' + cardinal(rest, 'nl') if rest else ''}"
    if century % 10 == 0 and rest < 10:
        return cardinal(value, "en")
    if rest == 0:
        return f"{cardinal(century, 'en')} hundred"
    return f"{cardinal(century, 'en')} {'oh ' if rest < 10 else ''}{cardinal(rest, 'en')}"


def read_number(written: str, language: Language) -> tuple[bool, str, str]:
    """Take a written number apart: (negative, whole digits, fraction digits or '').

    The last separator is the decimal one, unless three digits follow it in every group and it is the
    thousands separator of the language, or it occurs more than once.
    """
    negative = written.startswith(("-", "−"))
    body = written.lstrip("-−+").replace(" ", "").replace("'", "")
    found = re.findall(r"[.,]", body)
    if not found:
        return negative, body, ""
    last = found[-1]
    whole, _, fraction = body.rpartition(last)
    thousands = "." if language == "nl" else ","
    in_threes = re.fullmatch(r"[1-9]\d{0,2}([.,]\d{3})+", body) is not None and len(set(found)) == 1
    if in_threes and (last == thousands or len(found) > 1):
        return negative, re.sub(r"[.,]", "", body), ""
    return negative, re.sub(r"[.,]", "", whole) or "0", fraction


def number(written: str, language: Language) -> str:
    """Say a written number ('1.299', '12,5', '-3'); a fraction is said digit by digit."""
    negative, whole, fraction = read_number(written, language)
    sign = f"{_MINUS[language]} " if negative else ""
    if len(whole) > 1 and whole.startswith("0") and not fraction:
        return sign + digits(whole, language)
    words = sign + cardinal(int(whole or "0"), language)
    return f"{words} {_POINT[language]} {digits(fraction, language)}" if fraction else words


def amount_value(written: str, language: Language) -> Decimal:
    """Return a written amount as a value; three digits after the last separator are thousands."""
    negative, whole, fraction = read_number(written, language)
    if len(fraction) == 3 and not whole.startswith("0"):
        whole, fraction = whole + fraction, ""
    value = Decimal(f"{whole or '0'}.{fraction or '0'}")
    return -value if negative else value
