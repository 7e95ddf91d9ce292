"""Which runs of digits must be hidden: BSN, Belgian national number, cards and codes, phones, IBAN.

Pure: tokens in, spans of text out. The rule for anything long and unknown (eight digits or more in one
breath) is there because a recogniser gets digits wrong, and then no check digit holds.
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import phonenumbers
from stdnum import luhn
from stdnum.iso7064 import mod_97_10
from stdnum.nl import bsn

from voicebot.privacy.spoken_digits import Token, words_of

LONG_RUN = 8
"""Digits in one breath from which a number is hidden whatever it is. Order numbers have five or six."""
FILLERS = words_of(
    "en and dan then toen eh ehm ehh uh uhm um hm ja nee nog streepje dash hyphen punt dot spatie "
    "space plus komma comma schuine streep slash oke ok"
)
_CODE_WORDS = re.compile(
    r"\b(?:c ?v ?[cv]2?|cid|(?:beveiligings|veiligheids|controle|kaart|pin|security|card|verification) ?code|"
    r"pin|pincode)\b"
)
_IBAN_LENGTHS = {
    "NL": 18,
    "BE": 16,
    "DE": 22,
    "FR": 27,
    "LU": 20,
    "GB": 22,
    "ES": 24,
    "IT": 27,
    "AT": 20,
    "PT": 25,
    "IE": 22,
    "PL": 28,
    "DK": 18,
    "SE": 24,
    "NO": 15,
    "FI": 18,
    "CH": 21,
    "CZ": 24,
    "HU": 28,
    "RO": 24,
    "BG": 22,
    "HR": 21,
    "SI": 19,
    "SK": 24,
    "GR": 27,
    "LT": 20,
    "LV": 21,
    "EE": 20,
    "MT": 31,
    "CY": 28,
    "TR": 26,
    "UA": 29,
    "MA": 28,
    "LI": 21,
    "MC": 27,
    "SM": 27,
    "IS": 26,
    "AD": 24,
    "VA": 22,
    "RS": 22,
}
_LETTERED = frozenset({"NL", "GB", "IE", "RO", "BG", "LV", "MT", "GI"})
"""Countries whose account numbers begin with four letters of the bank: an 'O' there is no zero."""


class Gap(enum.IntEnum):
    """How two numbers that follow one another belong together."""

    TIGHT = 0  # one breath: only spaces, dashes, fillers
    LOOSE = 1  # a few words, a comma, another turn: only a check digit joins them
    BROKEN = 2


@dataclass(frozen=True, slots=True)
class Hidden:
    """A stretch of text to hide. Offsets in the text; `label`: what it was."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Number:
    """A token with digits. `place`: among the tokens. `gap`: to the number before it."""

    token: Token
    place: int
    gap: Gap


def numbers_of(text: str, tokens: Sequence[Token]) -> list[Number]:
    """All numbers of a text with how they hang together. A newline in the text parts two turns."""
    found: list[Number] = []
    for place, token in enumerate(tokens):
        if not token.digits:
            continue
        gap = Gap.BROKEN if not found else _gap(text, tokens, found[-1], place)
        found.append(Number(token, place, gap))
    return found


def _gap(text: str, tokens: Sequence[Token], before: Number, place: int) -> Gap:
    after = tokens[place]
    between = text[before.token.end : after.start]
    words = [token.word for token in tokens[before.place + 1 : place]]
    plain_words = [word for word in words if word not in FILLERS]
    sizes = (len(before.token.digits), len(after.digits))
    if "\n" in between:
        if len(words) > 8:
            return Gap.BROKEN
        return Gap.TIGHT if not plain_words and max(sizes) <= 3 else Gap.LOOSE
    if plain_words:
        return Gap.LOOSE if len(words) <= 3 else Gap.BROKEN
    if ":" in between:
        return Gap.LOOSE
    if words or re.search(r"[,;?!]|\.\s", between):
        return Gap.TIGHT if max(sizes) <= 4 else Gap.LOOSE
    return Gap.TIGHT if min(sizes) <= 4 or before.token.digits[0] == "0" else Gap.LOOSE


def hide_checked(text: str, numbers: Sequence[Number], dated: frozenset[int]) -> list[Hidden]:
    """Hide every stretch of numbers whose check digits hold, or that is a valid phone number.

    `dated`: places of tokens that make a date; within a turn they join others in one breath only.
    """
    found: list[Hidden] = []
    for first in range(len(numbers)):
        digits = ""
        for last in range(first, len(numbers)):
            around = {numbers[last].place, numbers[last - 1].place}
            same_turn = "\n" not in text[numbers[last - 1].token.end : numbers[last].token.start]
            widest = Gap.TIGHT if dated & around and same_turn else Gap.LOOSE
            if last > first and numbers[last].gap > widest:
                break
            digits += numbers[last].token.digits
            if len(digits) > 19:
                break
            if label := _checked_label(text, numbers[first].token, digits):
                found += _cover(text, numbers[first : last + 1], label)
    return found


def _checked_label(text: str, first: Token, digits: str) -> str:
    size = len(digits)
    if 13 <= size <= 19 and luhn.is_valid(digits) and digits.strip("0"):
        return "card"
    if size == 11 and _is_belgian_national(digits):
        return "national-number"
    if size == 9 and bsn.is_valid(digits):
        return "bsn"
    if 8 <= size <= 15:
        has_plus = re.search(r"(?:\+|\bplus)[\s(]*$", text[: first.start], re.IGNORECASE) is not None
        if (has_plus or digits[0] == "0") and _is_phone(("+" if has_plus else "") + digits):
            return "phone"
    return ""


def _is_belgian_national(digits: str) -> bool:
    """Modulo 97, for births before and from 2000. Not by stdnum, which asks the clock for the year."""
    check = int(digits[9:])
    return any(97 - int(century + digits[:9]) % 97 == check for century in ("", "2"))


@functools.lru_cache(maxsize=512)
def _is_phone(number: str) -> bool:
    for region in ("NL", "BE"):
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(number, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def hide_long(text: str, numbers: Sequence[Number], taken: frozenset[int]) -> list[Hidden]:
    """Hide each breath of `LONG_RUN` digits or more; `taken`: places of tokens that mean something else."""
    found: list[Hidden] = []
    run: list[Number] = []

    def close() -> None:
        if sum(len(number.token.digits) for number in run) >= LONG_RUN:
            found.extend(_cover(text, run, "number"))
        run.clear()

    for number in numbers:
        if number.gap is not Gap.TIGHT or number.place in taken:
            close()
        if number.place not in taken:
            run.append(number)
    close()
    return found


def hide_codes(text: str, tokens: Sequence[Token], numbers: Sequence[Number], context: str) -> list[Hidden]:
    """Hide three to six digits that follow 'CVC', 'pincode' and the like within six words.

    `context`: what the bot had asked; a code word in it concerns the first number of the last turn.
    """
    found: list[Hidden] = []
    last_turn = text.rfind("\n") + 1
    for place, number in enumerate(numbers):
        if number.gap is Gap.TIGHT and place > 0:
            continue
        before = tokens[max(0, number.place - 6) : number.place]
        said = " ".join(token.word for token in before)
        is_first = not any(n.token.start >= last_turn for n in numbers[:place])
        if number.token.start >= last_turn and is_first:
            said = f"{context} {said}"
        if not _CODE_WORDS.search(said):
            continue
        run = [number]
        for follower in numbers[place + 1 :]:
            if follower.gap is not Gap.TIGHT:
                break
            run.append(follower)
        if 3 <= sum(len(n.token.digits) for n in run) <= 6:
            found += _cover(text, run, "card-code")
    return found


def hide_ibans(text: str, tokens: Sequence[Token]) -> list[Hidden]:
    """Hide account numbers, written or spelled: country, check digits, the rest in short pieces."""
    found: list[Hidden] = []
    for first in range(len(tokens)):
        country, after = _country_at(tokens, first)
        if not country:
            continue
        whole, last = country, after
        while last < len(tokens) and len(whole) < _IBAN_LENGTHS[country]:
            token = tokens[last]
            is_bank = country in _LETTERED and 4 <= len(whole) < 8 and token.word.isalpha()
            if token.digits and not (is_bank and len(token.word) <= 4):
                whole += token.digits
            elif len(token.word) <= 4 and len(whole) >= 4:
                if token.word not in FILLERS or len(token.word) == 1:
                    whole += token.word.upper()
            elif token.word not in FILLERS:
                break
            last += 1
        if len(whole) == _IBAN_LENGTHS[country] and _is_iban(country, whole):
            found.append(Hidden(tokens[first].start, tokens[last - 1].end, "iban"))
    return found


def _country_at(tokens: Sequence[Token], place: int) -> tuple[str, int]:
    """Country code at a token, and the place after it; it must be followed by digits."""
    one = tokens[place].word.upper()
    after = place + 1
    if len(one) == 1 and after < len(tokens) and len(tokens[after].word) == 1:
        one, after = one + tokens[after].word.upper(), after + 1
    is_followed = after < len(tokens) and bool(tokens[after].digits)
    return (one, after) if one in _IBAN_LENGTHS and is_followed else ("", place)


def _is_iban(country: str, whole: str) -> bool:
    """Whether its form is that of its country, or its check digits hold (ISO 13616)."""
    forms = {"NL": r"NL\d\d[A-Z]{4}\d{10}", "BE": r"BE\d{14}"}
    if country in forms and re.fullmatch(forms[country], whole):
        return True
    return whole.isascii() and whole.isalnum() and mod_97_10.is_valid(whole[4:] + whole[:4])


def _cover(text: str, numbers: Sequence[Number], label: str) -> list[Hidden]:
    """Spans of a stretch of numbers: one for each part that stands together, apart at words and turns."""
    spans: list[Hidden] = []
    for place, number in enumerate(numbers):
        start, end = number.token.start, number.token.end
        joins = place > 0 and number.gap is Gap.TIGHT and "\n" not in text[spans[-1].end : start]
        if joins:
            spans[-1] = Hidden(spans[-1].start, end, label)
        else:
            spans.append(Hidden(start, end, label))
    return spans
