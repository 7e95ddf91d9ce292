"""Number words -> digits, shared by `normalise_nl` and `normalise_en`.

A caller dictates a number in groups ('drieënvijftig acht twintig', 'five three double eight'): each group
becomes its digits, and groups stay apart until somebody who expects one long number joins them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"\d+(?:[:./-]\d+)+|\d+(?:e|ste|de|st|nd|rd|th)\b|\d+|'?[^\W\d_]+(?:'[^\W\d_]+)?|[^\w\s]", re.UNICODE
)


_ONE = "·1"
"""Stands for the 'een' inside a compound such as 'honderdeen', where it is no article."""
_PAUSES = frozenset({",", ".", "-", "en", "dan", "and", "then", "eh", "ehm", "uh", "um", "euh"})


@dataclass(frozen=True)
class NumberWords:
    """The number words of a language, folded (lower case, no accents).

    `below_hundred`: word -> 0-99. `tens_then_unit`: 'twenty five' is 25; otherwise 'vijf en twintig' is.
    `hundred`, `thousand`, `joiner`: the words. `repeats`: word -> times ('dubbel'). `times`: words after a
    number that repeat the next ('twee keer vijf'). `only_between`: words that are numbers only next to
    numbers ('een', 'oh'); those in `only_inside` need three numbers around them ('to', 'for').
    """

    below_hundred: Mapping[str, int]
    tens_then_unit: bool
    hundred: frozenset[str]
    thousand: frozenset[str]
    joiner: str
    repeats: Mapping[str, int]
    times: frozenset[str]
    only_between: Mapping[str, int] = field(default_factory=dict)
    only_inside: frozenset[str] = frozenset()

    def pieces(self, word: str) -> list[str]:
        """Split a compound that consists of number words only: 'vijfendertighonderd'."""
        if word in self.below_hundred or word in self.hundred or word in self.thousand:
            return [word]
        big = "|".join(sorted(self.hundred | self.thousand, key=len, reverse=True))
        parts = [part for part in re.split(f"({big})", word) if part]
        if len(parts) < 2:
            return [word]
        cleaned = [
            part.removeprefix(self.joiner) if part not in self.below_hundred else part for part in parts
        ]
        known = all(
            part in self.below_hundred or part in self.hundred or part in self.thousand or part in self.ones
            for part in cleaned
            if part
        )
        return [_ONE if part in self.ones else part for part in cleaned if part] if known else [word]

    @property
    def ones(self) -> frozenset[str]:
        """Words for one that are articles when they stand alone."""
        return frozenset(word for word, value in self.only_between.items() if value == 1) - self.only_inside


def tokens_of(text: str) -> list[str]:
    """Words, digit groups and punctuation marks."""
    return _TOKEN.findall(text)


class _Reader:
    def __init__(self, tokens: list[str], words: NumberWords) -> None:
        self.tokens, self.words, self.at = tokens, words, 0

    def peek(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else ""

    def small(self) -> int | None:
        """0-99 at this place, consumed; None when there is none."""
        words, here = self.words, self.words.below_hundred.get(self.peek())
        if self.peek() == _ONE:
            here = 1
        if here is None:
            return None
        self.at += 1
        following = words.below_hundred.get(self.peek())
        if words.tens_then_unit:
            hyphen = self.peek() == "-"
            if hyphen:
                following = words.below_hundred.get(self.peek(1))
            if here >= 20 and here % 10 == 0 and following is not None and 1 <= following <= 9:
                self.at += 2 if hyphen else 1
                return here + following
            return here
        tens = words.below_hundred.get(self.peek(1))
        if (
            1 <= here <= 9
            and self.peek() == words.joiner
            and tens is not None
            and tens >= 20
            and tens % 10 == 0
        ):
            self.at += 2
            return here + tens
        return here

    def below_thousand(self) -> int | None:
        start, small = self.at, self.small()
        if self.peek() in self.words.hundred and (small is None or small < 100):
            self.at += 1
            return (1 if small is None else small) * 100 + self._rest()
        if small is None:
            self.at = start
        return small

    def _rest(self) -> int:
        """What follows 'hundred': 'and five', or nothing."""
        before = self.at
        if self.peek() == self.words.joiner:
            self.at += 1
        if self.peek() in self.words.ones:  # 'honderd een'
            self.at += 1
            return 1
        rest = self.small()
        if rest is None or rest == 0:
            self.at = before
            return 0
        return rest

    def number(self) -> int | None:
        start, value = self.at, self.below_thousand()
        if self.peek() in self.words.thousand:
            self.at += 1
            before = self.at
            if self.peek() in {self.words.joiner, ","}:
                self.at += 1
            rest = self.below_thousand()
            if rest is None or not 0 < rest < 1000:
                self.at, rest = before, 0
            return (1 if value is None else value) * 1000 + rest
        if value is None:
            self.at = start
        return value


def _next_group(reader: _Reader) -> str | None:
    """Digits at this place, consumed; None when it is no number."""
    words = reader.words
    if times := words.repeats.get(reader.peek()):
        reader.at += 1
        digit = _next_group(reader)
        if digit is None:
            reader.at -= 1
            return None
        return digit[0] * times + digit[1:]
    if reader.peek().isdigit():
        group = reader.peek()
        reader.at += 1
    else:
        value = reader.number()
        if value is None:
            return None
        group = str(value)
    if reader.peek() in words.times and group in {"2", "3", "4"}:
        mark = reader.at
        reader.at += 1
        repeated = _next_group(reader)
        if repeated is not None:
            return repeated[0] * int(group) + repeated[1:]
        reader.at = mark
    return group


def write_digits(folded: str, words: NumberWords) -> str:
    """Replace number words by digits; groups are separated by a space, punctuation is kept."""
    tokens = [piece for token in tokens_of(folded) for piece in words.pieces(token)]
    reader = _Reader(tokens, words)
    written: list[str] = []
    while reader.at < len(tokens):
        group = _next_group(reader)
        if group is None:
            group = reader.peek()
            reader.at += 1
        written.append(group)
    spoken = sum(token.isdigit() for token in written)
    for place, token in enumerate(written):
        if token not in words.only_between:
            continue
        before, after = _is_number_near(written, place, -1, words), _is_number_near(written, place, 1, words)
        if (before and after and spoken >= 3) if token in words.only_inside else (before or after):
            written[place] = str(words.only_between[token])
    return re.sub(r" (?=[,.:;/?!])", "", " ".join(written))


def _is_number_near(written: list[str], place: int, step: int, words: NumberWords) -> bool:
    """Whether a number stands on that side, past pauses and words of the kind: '2 en dan een'."""
    place += step
    while 0 <= place < len(written) and (written[place] in _PAUSES or written[place] in words.only_between):
        place += step
    return 0 <= place < len(written) and written[place].isdigit()
