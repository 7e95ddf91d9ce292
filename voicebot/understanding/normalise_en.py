"""English number words -> digits: 'fifty three', 'oh', 'double six', 'thirty-five hundred'."""

from __future__ import annotations

from voicebot.understanding.number_words import NumberWords, write_digits
from voicebot.understanding.tagging import fold

_UNITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = [
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]

WORDS = NumberWords(
    below_hundred={
        **{word: value for value, word in enumerate(_UNITS + _TEENS)},
        **{word: step * 10 for step, word in enumerate(_TENS, start=2)},
        "nought": 0, "fourty": 40, "niner": 9,
    },
    tens_then_unit=True,
    hundred=frozenset({"hundred"}),
    thousand=frozenset({"thousand"}),
    joiner="and",
    repeats={"double": 2, "triple": 3, "treble": 3},
    times=frozenset({"times"}),
    only_between={"oh": 0, "o": 0, "ow": 0, "to": 2, "too": 2, "for": 4, "ate": 8, "won": 1},
    only_inside=frozenset({"to", "too", "for", "ate", "won"}),
)  # fmt: skip
_ORDINALS = {
    word: value
    for value, word in enumerate(
        [
            "first",
            "second",
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
            "eleventh",
            "twelfth",
            "thirteenth",
            "fourteenth",
            "fifteenth",
            "sixteenth",
            "seventeenth",
            "eighteenth",
            "nineteenth",
            "twentieth",
        ],
        start=1,
    )
} | {"thirtieth": 30}


def digits_written(text: str) -> str:
    """Return the text in lower case without accents, its number words as digits, ordinals as '24th'."""
    folded = fold(text)
    for tens, value in (("twenty", 20), ("thirty", 30)):
        for word, unit in list(_ORDINALS.items())[:9]:
            folded = folded.replace(f"{tens}-{word}", f"{value + unit}th").replace(
                f"{tens} {word}", f"{value + unit}th"
            )
    folded = " ".join(f"{_ORDINALS[word]}th" if word in _ORDINALS else word for word in folded.split(" "))
    return write_digits(folded, WORDS)
