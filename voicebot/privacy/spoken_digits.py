"""Finds digits in text however they are written or spoken, Dutch or English, and where they stand.

'een twee drie', 'dubbel zes', 'vierendertig', 'vier en dertig', 'double oh seven', 'thirty-four',
'negentienvijfentachtig', '12 34'. Pure; built for hiding numbers, not for understanding amounts.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_PIECE = re.compile(r"[^\W\d_]+|\d+")
_UNITS_NL = ("nul", "een", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen")
_TEENS_NL = (
    *("tien", "elf", "twaalf", "dertien", "veertien"),
    *("vijftien", "zestien", "zeventien", "achttien", "negentien"),
)
_TENS_NL = ("twintig", "dertig", "veertig", "vijftig", "zestig", "zeventig", "tachtig", "negentig")
_UNITS_EN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS_EN = (
    *("ten", "eleven", "twelve", "thirteen", "fourteen"),
    *("fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS_EN = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_REPEATS = {"dubbel": 2, "dubbele": 2, "double": 2, "tripel": 3, "triple": 3, "treble": 3, "driedubbel": 3}
_OH = frozenset({"o", "oh"})
_TIMES = {"twee": 2, "two": 2, "drie": 3, "three": 3, "2": 2, "3": 3}
_ORDINALS = {
    **dict(zip(("first", "second", "third", "fourth", "fifth", "sixth"), range(1, 7), strict=True)),
    **dict(zip(("seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"), range(7, 13), strict=True)),
    **{f"{name}th": number for number, name in enumerate(_TEENS_EN[3:], start=13)},
    "twentieth": 20,
    "thirtieth": 30,
    "eerste": 1,
    "derde": 3,
    "achtste": 8,
}


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a number in a text. `start`, `end`: offsets in the text. `word`: lower case, no accents.

    `digits`: what it stands for, '' when it is a plain word.
    """

    start: int
    end: int
    word: str
    digits: str = ""


def words_of(text: str) -> frozenset[str]:
    """Make a set of the words of a text."""
    return frozenset(text.split())


def plain(word: str) -> str:
    """Lower case without accents: 'Tweeëntwintig' is 'tweeentwintig'."""
    if word.isascii():
        return word.lower()
    parts = unicodedata.normalize("NFD", word.lower())
    return "".join(part for part in parts if not unicodedata.combining(part))


@functools.cache
def _number_words() -> dict[str, str]:
    """Make all number words that are one word, with their digits."""
    words = {word: str(n) for n, word in enumerate(_UNITS_NL)}
    words |= {word: str(n) for n, word in enumerate(_UNITS_EN)}
    words |= {word: str(n) for n, word in enumerate(_TEENS_NL, start=10)}
    words |= {word: str(n) for n, word in enumerate(_TEENS_EN, start=10)}
    words |= {word: str(n) for n, word in zip(range(20, 100, 10), _TENS_EN, strict=True)}
    words |= {"fourty": "40", "zeuven": "7", "two": "2", "null": "0", "nil": "0"}
    below_hundred = dict(zip((*_UNITS_NL[1:], *_TEENS_NL), map(str, range(1, 20)), strict=True))
    for ten, word in zip(range(20, 100, 10), _TENS_NL, strict=True):
        below_hundred[word] = str(ten)
        below_hundred |= {f"{unit}en{word}": str(ten + n) for n, unit in enumerate(_UNITS_NL) if n}
    words |= below_hundred
    hundreds = [("honderd", 1)] + [(f"{unit}honderd", n) for n, unit in enumerate(_UNITS_NL) if n > 1]
    hundreds += [(f"{teen}honderd", n) for n, teen in enumerate(_TEENS_NL, start=10)]
    for name, hundred in hundreds:
        words[name] = str(hundred * 100)
        words |= {f"{name}{w}": str(hundred * 100 + int(d)) for w, d in below_hundred.items()}
        words |= {f"{name}en{w}": str(hundred * 100 + int(d)) for w, d in below_hundred.items()}
    for thousand, name in ((1000, "duizend"), (2000, "tweeduizend")):
        words[name] = str(thousand)
        words |= {f"{name}{w}": str(thousand + int(d)) for w, d in below_hundred.items()}
        words |= {f"{name}en{w}": str(thousand + int(d)) for w, d in below_hundred.items()}
    for teen, century in (("achttien", "18"), ("negentien", "19"), ("twintig", "20")):
        words |= {f"{teen}{w}": century + d for w, d in below_hundred.items() if len(d) == 2}
    return words


def day_number(token: Token) -> int | None:
    """Day of the month that a token may stand for ('12', 'twaalf', 'twaalfde', 'twelfth'), else None."""
    if token.digits:
        number = int(token.digits)
    elif token.word in _ORDINALS:
        number = _ORDINALS[token.word]
    else:
        stem = re.sub(r"(?:ste|de)$", "", token.word)
        digits = _number_words().get(stem, "") if stem != token.word else ""
        number = int(digits) if digits else 0
    return number if 1 <= number <= 31 else None


def tokens_of(text: str) -> list[Token]:
    """Split the text of one turn into words and numbers; numbers of several words become one token."""
    words = _number_words()
    raw: list[Token] = []
    for match in _PIECE.finditer(text):
        word = plain(match[0])
        digits = "".join(str(unicodedata.digit(c)) for c in word) if match[0].isdigit() else ""
        raw.append(Token(match.start(), match.end(), word, digits or words.get(word, "")))
    return _merged(raw)


def _merged(raw: Sequence[Token]) -> list[Token]:
    merged: list[Token] = []
    place = 0
    while place < len(raw):
        taken, digits = _number_at(raw, place)
        first, last = raw[place], raw[place + taken - 1]
        merged.append(Token(first.start, last.end, first.word, digits))
        place += taken
    return merged


def _number_at(raw: Sequence[Token], place: int) -> tuple[int, str]:
    """How many tokens make one number here, and its digits."""
    words = [token.word for token in raw[place : place + 5]]
    digits = [token.digits for token in raw[place : place + 5]]
    words += [""] * (5 - len(words))
    digits += [""] * (5 - len(digits))
    if words[0] in _REPEATS and (len(digits[1]) == 1 or words[1] in _OH):
        return 2, (digits[1] or "0") * _REPEATS[words[0]]
    if words[0] in _TIMES and words[1] in {"keer", "maal", "times"}:
        skip = 3 if words[2] in {"de", "een", "the", "a"} and len(digits[3]) == 1 else 2
        if len(digits[skip]) == 1:
            return skip + 1, digits[skip] * _TIMES[words[0]]
    if words[0] in _OH:
        return 1, "0" if _beside_number(raw, place) else ""
    if words[1] in {"hundred", "thousand"} and len(digits[0]) in {1, 2} and not words[0].isdigit():
        return _large_at(words, digits)
    if words[0].endswith(("honderd", "duizend")) and len(digits[1]) in {1, 2} and not words[1].isdigit():
        return 2, str(int(digits[0]) + int(digits[1]))
    if words[0] in _TENS_EN and words[1] in _UNITS_EN[1:]:
        return 2, str(int(digits[0]) + int(digits[1]))
    if words[0] in _UNITS_NL[1:] and words[1] == "en" and words[2] in _TENS_NL:
        return 3, str(int(digits[2]) + int(digits[0]))
    return 1, digits[0]


def _large_at(words: Sequence[str], digits: Sequence[str]) -> tuple[int, str]:
    """'Two hundred (and) five', 'nineteen hundred eighty five', 'two thousand (and) five'."""
    value = int(digits[0]) * (100 if words[1] == "hundred" else 1000)
    rest = 3 if words[2] == "and" else 2
    if not digits[rest] or words[rest].isdigit() or len(digits[rest]) > 2:
        return 2, str(value)
    value += int(digits[rest])
    if words[rest] in _TENS_EN and rest + 1 < len(words) and words[rest + 1] in _UNITS_EN[1:]:
        return rest + 2, str(value + int(digits[rest + 1]))
    return rest + 1, str(value)


def _beside_number(raw: Sequence[Token], place: int) -> bool:
    """Whether an 'oh' stands between numbers, or other 'oh's."""
    around = [raw[other] for other in (place - 1, place + 1) if 0 <= other < len(raw)]
    return any(token.digits for token in around)
