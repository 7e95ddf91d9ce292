"""Hides personal numbers in what was said before it is stored or logged (law P2).

Pure: no clock, no I/O. One `Redactor` a call and a speaker sees each turn, so that a number spoken over
several turns is found; then it is hidden in the earlier turns too, which is why `texts` is read at the end.
Hidden: BSN, Belgian national numbers, cards and their codes, IBAN, phone, e-mail, postcode with house
number, birth dates, and any eight digits in one breath. Order numbers of five or six digits stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from voicebot.privacy.number_rules import (
    Hidden,
    hide_checked,
    hide_codes,
    hide_ibans,
    hide_long,
    numbers_of,
)
from voicebot.privacy.personal_rules import (
    clock_times_of,
    dates_of,
    hide_addresses,
    hide_birth_dates,
    hide_emails,
)
from voicebot.privacy.spoken_digits import Token, plain, tokens_of

NEWEST_BIRTH_YEAR = 2015
"""Dates with a year from 1900 to this are taken for births wherever they stand; orders are younger."""
TURNS_TOGETHER = 4
"""How many turns of a caller a number may be spread over."""
_LABELS = "email iban card national-number bsn card-code birth-date address phone number"
_LABEL_ORDER = tuple(_LABELS.split())


class Redactor:
    """Redacts the turns of one speaker in one call, in order.

    `turns_together`: over how many turns a number may be spread; 1 for the bot, which says it at once.
    """

    def __init__(
        self, turns_together: int = TURNS_TOGETHER, newest_birth_year: int = NEWEST_BIRTH_YEAR
    ) -> None:
        self._turns_together = turns_together
        self._newest_birth_year = newest_birth_year
        self._originals: list[str] = []
        self._tokens: list[list[Token]] = []
        self._hidden: list[set[Hidden]] = []

    def redact(self, text: str, asked: str = "") -> str:
        """Take the next turn and return it redacted. `asked`: what the bot had said before it.

        A number that this turn completes is hidden here at once, and in the earlier turns in `texts`.
        """
        text = text.replace("\n", " ")
        self._originals.append(text)
        self._tokens.append(tokens_of(text))
        self._hidden.append(set())
        begin = max(0, len(self._originals) - self._turns_together)
        joined = "\n".join(self._originals[begin:])
        tokens: list[Token] = []
        offset = 0
        for place in range(begin, len(self._originals)):
            tokens += [
                replace(one, start=one.start + offset, end=one.end + offset) for one in self._tokens[place]
            ]
            offset += len(self._originals[place]) + 1
        spans = hidden_spans(joined, tokens, self._newest_birth_year, plain(asked))
        offset = 0
        for place in range(begin, len(self._originals)):
            length = len(self._originals[place])
            for span in spans:
                start, end = max(span.start, offset), min(span.end, offset + length)
                if start < end:
                    self._hidden[place].add(Hidden(start - offset, end - offset, span.label))
            offset += length + 1
        return self._redacted(len(self._originals) - 1)

    @property
    def texts(self) -> tuple[str, ...]:
        """All turns so far, as they may be stored."""
        return tuple(self._redacted(place) for place in range(len(self._originals)))

    def _redacted(self, place: int) -> str:
        return _replaced(self._originals[place], self._hidden[place])


def redact(text: str) -> str:
    """Redact one text by itself (a line for a log, a note for an agent)."""
    return Redactor().redact(text)


def prepare() -> None:
    """Build the tables of number words and phone numbers (4 ms): at the start, not in the first call."""
    redact("bel nul zes 12345678 voor 12 maart 1985")


def hidden_spans(
    text: str, tokens: Sequence[Token], newest_birth_year: int, context: str = ""
) -> list[Hidden]:
    """Find everything to hide in turns joined by newlines. `context`: what was asked before the last one."""
    numbers = numbers_of(text, tokens)
    found = hide_emails(text, tokens)
    if not numbers:
        return found
    found += hide_ibans(text, tokens)
    found += hide_addresses(text, tokens)
    dates = dates_of(text, tokens)
    found += hide_birth_dates(text, tokens, dates, newest_birth_year, context)
    found += hide_codes(text, tokens, numbers, context)
    dated = frozenset(p for first, last, _ in dates for p in range(first, last + 1))
    dated |= clock_times_of(text, tokens)
    known = frozenset(
        p for p, token in enumerate(tokens) if any(h.start <= token.start < h.end for h in found)
    )
    found += hide_checked(text, numbers, dated)
    found += hide_long(text, numbers, dated | known)
    return found


def _replaced(text: str, spans: Sequence[Hidden] | set[Hidden]) -> str:
    """Put labels for spans; those that overlap become one, with the more telling label."""
    merged: list[Hidden] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        joins = merged and (
            span.start < merged[-1].end or re.fullmatch(r"[\s,]*", text[merged[-1].end : span.start])
        )
        if joins and (span.start < merged[-1].end or span.label == merged[-1].label):
            before = merged[-1]
            label = min(before.label, span.label, key=_rank)
            merged[-1] = Hidden(before.start, max(before.end, span.end), label)
        else:
            merged.append(span)
    pieces: list[str] = []
    position = 0
    for span in merged:
        pieces.append(re.sub(r"\+[\s(]*$", "", text[position : span.start]))
        pieces.append(f"[{span.label}]")
        position = span.end
    return "".join(pieces) + text[position:]


def _rank(label: str) -> int:
    return _LABEL_ORDER.index(label) if label in _LABEL_ORDER else len(_LABEL_ORDER)
