"""Which words must be hidden with their numbers: e-mail addresses, postcodes with house number, birth dates.

Pure: text and tokens in, spans out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from voicebot.privacy.number_rules import FILLERS, Hidden
from voicebot.privacy.spoken_digits import Token, day_number, words_of

_EMAIL = re.compile(r"[\w.+'%-]+\s?@\s?[\w-]+(?:\s?(?:\.|\bpunt\b|\bdot\b)\s?[\w-]+)+", re.IGNORECASE)
_DOMAIN = (
    r"[^\W_]+(?:\s*(?:-|\b(?:streepje|min|dash|hyphen|koppelteken)\b)\s*[^\W_]+)*"
    r"(?:\s*(?:\.|\b(?:punt|dot)\b)\s*[^\W_]+)*?"
    r"\s*(?:\.|\b(?:punt|dot)\b)\s*"
)
_KNOWN_ENDS = r"(?:nl|be|com|org|net|eu|de|fr|uk|lu|info|io|vlaanderen|brussels|gent|amsterdam|n\s?l|b\s?e)\b"
_SPOKEN_AT = re.compile(
    rf"\b(?:apen?staar?t(?:je)?|aapje)\s+{_DOMAIN}[^\W_]+|\b(?:at|ad|et|@)\s+{_DOMAIN}{_KNOWN_ENDS}"
    rf"|@\s*{_DOMAIN}[^\W_]+",
    re.IGNORECASE,
)
_BEFORE_ADDRESS = words_of(
    "is naar op van mijn mn het dat adres mailadres emailadres email mail e my to it its the address "
    "me sturen stuur send on dus en ja uh eh ehm"
)
_POSTCODE_WORDS = frozenset({"postcode", "postcodes", "postnummer", "zip", "zipcode", "postal"})
_NOT_LETTERS = words_of(
    "en is op om in te de of zo ja ok we ik je me ze er al na nu uw to at on it an or so be by if no "
    "do go us my up am pm ha he hi uh eh"
)
_BANNED_LETTERS = frozenset({"SA", "SD", "SS"})
_BELGIAN_ADDRESS = re.compile(
    r"\b(\d{1,4}\s?[a-zA-Z]?(?:\s?bus\s?\d+)?),?\s+(?:B-?)?([1-9]\d{3})\s+(?=[A-Z][a-zé])"
)
_MONTHS = words_of(
    "januari februari maart april mei juni juli augustus september oktober november december january "
    "february march may june july august october jan feb mrt apr jun jul aug sep sept okt oct nov dec"
)
_BIRTH = re.compile(r"\b(?:geboren|geboorte\w*|geb|jarig|verjaar\w*|birth\w*|born|dob)\b", re.IGNORECASE)
_WRITTEN_DATE = re.compile(
    r"(?<!\d[-/.])\b(?:0?[1-9]|[12]\d|3[01])\s?([-/.])\s?(?:0?[1-9]|1[0-2])\s?\1\s?((?:1[89]|20)\d\d|\d{2})\b(?![-/.]\d)"
    r"|(?<!\d[-/.])\b((?:1[89]|20)\d\d)-(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12]\d|3[01])\b(?![-/.]\d)"
)
_CLOCK_TIME = re.compile(r"\b(?:[01]?\d|2[0-3]):[0-5]\d\b")


def hide_emails(text: str, tokens: Sequence[Token]) -> list[Hidden]:
    """Hide addresses, written or spoken ('jan punt jansen apenstaartje gmail punt com')."""
    found = [Hidden(match.start(), match.end(), "email") for match in _EMAIL.finditer(text)]
    for match in _SPOKEN_AT.finditer(text):
        line = text.rfind("\n", 0, match.start()) + 1
        before = [token for token in tokens if line <= token.start and token.end <= match.start()]
        start = match.start()
        for count, token in enumerate(reversed(before)):
            if count >= 8 or token.word in _BEFORE_ADDRESS or re.search(r"[?!:;]", text[token.end : start]):
                break
            start = token.start
        found.append(Hidden(start, match.end(), "email"))
    return found


def hide_addresses(text: str, tokens: Sequence[Token]) -> list[Hidden]:
    """Hide postcodes and the house number beside them: '3511 AB 12', 'Meir 12, 2000 Antwerpen'."""
    found = [
        Hidden(match.start(1), match.end(2), "address")
        for match in _BELGIAN_ADDRESS.finditer(text)
        if not _WRITTEN_DATE.search(text[max(0, match.start() - 12) : match.end()])
    ]
    for place, token in enumerate(tokens):
        if not token.digits:
            continue
        first = _four_digits_until(text, tokens, place)
        if first is None:
            continue
        after = _letters_after(text, tokens, place)
        said = {other.word for other in tokens[max(0, first - 4) : first]}
        if after is None and (_POSTCODE_WORDS & said):
            after = place + 1
        if after is not None:
            found.append(Hidden(tokens[first].start, tokens[after - 1].end, "address"))
            found += _house_number(text, tokens, first, after)
    return found


def _four_digits_until(text: str, tokens: Sequence[Token], last: int) -> int | None:
    """First of the tokens that make exactly four digits, ending with `last`."""
    digits, first = "", last
    while first >= 0 and tokens[first].digits:
        if first < last and not re.fullmatch(r"[\s,.-]*", text[tokens[first].end : tokens[first + 1].start]):
            return None
        digits = tokens[first].digits + digits
        if len(digits) >= 4:
            return first if len(digits) == 4 and digits[0] != "0" else None
        first -= 1
    return None


def _letters_after(text: str, tokens: Sequence[Token], place: int) -> int | None:
    """Place after the two letters of a Dutch postcode, None when there are none."""
    after = place + 1
    if after >= len(tokens) or "\n" in text[tokens[place].end : tokens[after].start]:
        return None
    said = {token.word for token in tokens[max(0, place - 8) : place]}
    written = text[tokens[after].start : tokens[after].end]
    if len(written) == 2 and written.upper() not in _BANNED_LETTERS and written.isascii():
        is_glued = tokens[after].start == tokens[place].end
        may_be = bool(_POSTCODE_WORDS & said) and written.lower() not in _NOT_LETTERS
        return after + 1 if (written.isupper() or is_glued or may_be) and not tokens[after].digits else None
    return _spelled_after(tokens, after)


def _spelled_after(tokens: Sequence[Token], after: int) -> int | None:
    """Place after two spelled letters: 'A B', 'A van Anton B van Bernard', 'A as in alpha B …'."""
    letters = 0
    while after < len(tokens) and letters < 2:
        word = tokens[after].word
        if len(word) != 1 or tokens[after].digits:
            return None
        letters += 1
        after += 1
        words = [token.word for token in tokens[after : after + 3]]
        if words[:1] and words[0] in {"van", "for", "of", "like"} and words[1:2] and words[1][:1] == word:
            after += 2
        elif words[:2] == ["as", "in"] and words[2:3]:
            after += 3
    return after if letters == 2 else None


def _house_number(text: str, tokens: Sequence[Token], first: int, after: int) -> list[Hidden]:
    """Hide the number beside a postcode: within three words after it, or within two before it."""
    for place in range(after, min(after + 4, len(tokens))):
        token = tokens[place]
        between = text[tokens[after - 1].end : token.start]
        if token.digits and len(token.digits) <= 4:
            words = [other.word for other in tokens[after:place]]
            if "\n" not in between or len(words) <= 3:
                suffix = re.match(r"\s?-?[a-zA-Z]\b|\s?bis\b", text[token.end :])
                return [Hidden(token.start, token.end + (suffix.end() if suffix else 0), "address")]
        if "\n" not in between and re.search(r"[.?!]\s", between):
            break
    for place in range(first - 1, max(-1, first - 4), -1):
        token = tokens[place]
        if "\n" in text[token.end : tokens[first].start]:
            break
        if token.digits and len(token.digits) <= 4:
            return [Hidden(token.start, token.end, "address")]
    return []


def dates_of(text: str, tokens: Sequence[Token]) -> list[tuple[int, int, int | None]]:
    """All dates that name a day and a month: first and last place among the tokens, and the year if said."""
    found: list[tuple[int, int, int | None]] = []
    for match in _WRITTEN_DATE.finditer(text):
        inside = [p for p, token in enumerate(tokens) if match.start() <= token.start < match.end()]
        year = int(match[2] or match[3])
        found.append((inside[0], inside[-1], year if year > 99 else _century(year)))
    for place, token in enumerate(tokens):
        if token.word not in _MONTHS or token.digits:
            continue
        first = last = place
        before = [p for p in range(place - 1, max(-1, place - 3), -1) if day_number(tokens[p])]
        if before and _is_near(text, tokens[before[0]], token):
            first = before[0]
        elif (day := _day_after(tokens, place)) is not None:
            last = day
        else:
            continue
        while last + 1 < len(tokens) and tokens[last + 1].word in {"th", "st", "nd", "rd", "in", "van"}:
            last += 1
        last, said_year = _year_after(text, tokens, last)
        found.append((first, last, said_year))
    return found


def clock_times_of(text: str, tokens: Sequence[Token]) -> frozenset[int]:
    """Places of the tokens of times such as '14:30'."""
    spans = [match.span() for match in _CLOCK_TIME.finditer(text)]
    return frozenset(
        place for place, token in enumerate(tokens) if any(a <= token.start < b for a, b in spans)
    )


def _day_after(tokens: Sequence[Token], month: int) -> int | None:
    """Place of the day in 'March 12th', 'March the twelfth'."""
    for place in range(month + 1, min(month + 3, len(tokens))):
        if day_number(tokens[place]):
            return place
        if tokens[place].word != "the":
            break
    return None


def _is_near(text: str, one: Token, other: Token) -> bool:
    return "\n" not in text[one.end : other.start] and other.start - one.end <= 8


def _year_after(text: str, tokens: Sequence[Token], last: int) -> tuple[int, int | None]:
    """The year that follows a day and month: '1985', 'negentien vijfentachtig', 'vijfentachtig', "'85"."""
    if (
        last + 1 >= len(tokens)
        or not tokens[last + 1].digits
        or not _is_near(text, tokens[last], tokens[last + 1])
    ):
        return last, None
    digits = tokens[last + 1].digits
    if len(digits) == 4:
        return last + 1, int(digits)
    follows = tokens[last + 2].digits if last + 2 < len(tokens) else ""
    if (
        digits in {"18", "19", "20"}
        and len(follows) == 2
        and _is_near(text, tokens[last + 1], tokens[last + 2])
    ):
        return last + 2, int(digits + follows)
    if len(digits) == 2 and int(digits) > 31:
        return last + 1, _century(int(digits))
    return last, None


def _century(short: int) -> int:
    return 1900 + short if short > 30 else 2000 + short


def hide_birth_dates(
    text: str,
    tokens: Sequence[Token],
    dates: Sequence[tuple[int, int, int | None]],
    newest_birth_year: int,
    context: str,
) -> list[Hidden]:
    """Hide dates of birth: by their year, or because a word of birth stands before them.

    `dates`: from `dates_of`. `context`: what the bot had asked; it concerns the last turn. Where birth is
    spoken of and no month is named, three to eight digits that follow are taken for the date ('twaalf drie
    vijfentachtig').
    """
    found: list[Hidden] = []
    last_turn = text.rfind("\n") + 1
    asked = _BIRTH.search(context) is not None

    def is_birth(place: int) -> bool:
        start = tokens[place].start
        if asked and start >= last_turn:
            return True
        words = text[tokens[max(0, place - 10)].start : start]
        return _BIRTH.search(words) is not None

    for first, last, year in dates:
        if is_birth(first) or (year is not None and 1900 <= year <= newest_birth_year):
            found.append(Hidden(tokens[first].start, tokens[last].end, "birth-date"))
    dated = {place for first, last, _ in dates for place in range(first, last + 1)}
    place = 0
    while place < len(tokens):
        run = place
        while run < len(tokens) and (tokens[run].digits or (run > place and tokens[run].word in FILLERS)):
            run += 1
        numbers = [p for p in range(place, run) if tokens[p].digits]
        size = sum(len(tokens[p].digits) for p in numbers)
        if numbers and not dated & set(numbers) and 3 <= size <= 8 and is_birth(place):
            found.append(Hidden(tokens[place].start, tokens[numbers[-1]].end, "birth-date"))
        place = max(run, place + 1)
    return found
