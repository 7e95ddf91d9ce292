"""Phone numbers, order numbers, postcodes, e-mail and web addresses in words.

Everything a caller may write down is said digit by digit, in groups with a comma (a short pause)
between, letters by name. Phone numbers keep the grouping they were written with ('030 - 123 45 67');
without one they get that of their country (libphonenumber).
"""

from __future__ import annotations

import re

import phonenumbers
from stdnum import iban

from voicebot.events import Language
from voicebot.speaking.spoken_numbers import cardinal, digit_groups, digits

_PHONE = re.compile(r"(?<![\w.,/+-])(?:\+|00)?\(?\d(?:(?:\.|[ /()–-]{0,3})\d){7,13}(?![\w/]|[.,:-]\d)")
_STARTS_WITH_DATE = re.compile(r"\d{1,2}([-/.])\d{1,2}\1(?:19|20)\d{2}(?!\d)")
_POSTCODE = re.compile(r"(?<![\w.,/-])(?P<digits>[1-9]\d{3}) ?(?P<letters>[A-Z]{2})(?![\w-])")
_NOT_POSTCODE = {
    "GB",
    "MB",
    "KM",
    "CM",
    "MM",
    "KG",
    "ML",
    "SA",
    "SD",
    "SS",
}  # the last three are never issued
_NAMED_CODE = re.compile(
    r"(?P<name>(?:\b[\w-]*(?:nummer|number)|\b(?:nr|ref|kenmerk|code|pincode|order|bestelling|referentie"
    r"|reference|ticket|factuur|invoice|dossier|pin)\b|#)(?:\s+is|\.|:)?\s*#?\s*)"
    r"(?P<code>\d{3,}(?:[ -]\d{2,})*)(?![\w%€]|[.,:]\d)",
    re.IGNORECASE,
)
_MIXED_CODE = re.compile(
    r"(?<![\w.,@/-])(?=[A-Za-z0-9-]*\d)(?=[A-Za-z0-9-]*[A-Z-])(?=[A-Za-z0-9-]{3,})"
    r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*(?![\w@/-])"
)
_IBAN = re.compile(r"(?<![\w-])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?![\w-])")
_VERSION = re.compile(r"(?<![\w.,])\d{1,3}(?:\.\d{1,3}){2,}(?![\w,])(?<!\.\d{3})")
_HASH = re.compile(r"#\s?(?=[A-Za-z0-9])")
_LONG_DIGITS = re.compile(r"(?<![\w.,])(?:\d{6,}|0\d{2,})(?![\w]|[.,]\d)")
_EMAIL = re.compile(r"(?<![\w.+-])[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_URL = re.compile(
    r"\b(?:https?://|www\.)[^\s<>\"']*[\w/]"
    r"|(?<![\w@.])(?:[a-z0-9-]+\.)+(?:nl|be|com|eu|org|net|info|shop|vlaanderen|amsterdam)\b(?:/[\w/.-]*\w)?(?!@)",
    re.IGNORECASE,
)
_SYMBOLS: dict[Language, dict[str, str]] = {
    "nl": {
        ".": "punt",
        "-": "streepje",
        "_": "laag streepje",
        "/": "schuine streep",
        "@": "apenstaartje",
        "+": "plus",
        "?": "vraagteken",
    },
    "en": {
        ".": "dot",
        "-": "dash",
        "_": "underscore",
        "/": "slash",
        "@": "at",
        "+": "plus",
        "?": "question mark",
    },
}


def spell(letters: str, language: Language) -> str:
    """Letters one by one. In English 'A' is written 'Ay': alone it would be said as the article."""
    names = (char.upper() for char in letters if char.isalpha())
    return " ".join("Ay" if char == "A" and language == "en" else char for char in names)


def code(written: str, language: Language) -> str:
    """Say a code: runs of digits in groups, short or capital runs of letters spelled."""
    parts: list[str] = []
    for run in re.findall(r"\d+|[^\W\d_]+", written):
        if run[0].isdigit():
            parts.extend(digits(group, language) for group in digit_groups(run))
        elif len(run) == 1 or (run.isupper() and len(run) <= 4):
            parts.append(spell(run, language))
        else:
            parts.append(run)
    return ", ".join(parts)


def phone(written: str, language: Language, region: str) -> str:
    """Say a phone number digit by digit. `region`: two-letter country for numbers without +."""
    plus = "plus " if written.startswith("+") else ""
    groups = re.findall(r"\d+", written)
    if len(groups) < 2:
        try:
            parsed = phonenumbers.parse(written, region)
        except phonenumbers.NumberParseException:
            groups = digit_groups(groups[0])
        else:
            style = (
                phonenumbers.PhoneNumberFormat.INTERNATIONAL
                if plus
                else phonenumbers.PhoneNumberFormat.NATIONAL
            )
            formatted = re.findall(r"\d+", phonenumbers.format_number(parsed, style))
            same = "".join(formatted) == groups[0] and max(map(len, formatted)) <= 4
            groups = formatted if same else digit_groups(groups[0])
    short = [part for group in groups for part in _short(group)]
    return plus + ", ".join(digits(part, language) for part in short)


def _short(group: str) -> list[str]:
    """Cut a group that nobody can keep in mind: eight digits (after 06) in pairs, others as codes."""
    if len(group) <= 4:
        return [group]
    return [group[at : at + 2] for at in range(0, 8, 2)] if len(group) == 8 else digit_groups(group)


def speak_addresses(text: str, language: Language) -> str:
    """Replace e-mail and web addresses and IBANs by words ('info apenstaartje example punt nl')."""
    symbols = _SYMBOLS[language]

    def said(match: re.Match[str]) -> str:
        address = re.sub(r"^https?://", "", match[0], flags=re.IGNORECASE).rstrip("/.")
        words: list[str] = []
        for run in re.findall(r"\d+|[^\W\d_]+|.", address):
            if run[0].isdigit():
                words.append(digits(run, language))
            elif run.lower() == "www":
                words.append("W W W")
            else:
                words.append(symbols.get(run, run if run[0].isalpha() else " "))
        return " ".join(words)

    text = _IBAN.sub(lambda match: code(match[0], language) if iban.is_valid(match[0]) else match[0], text)
    return _URL.sub(said, _EMAIL.sub(said, text))


def speak_phones(text: str, language: Language, region: str) -> str:
    """Replace phone numbers (8 to 14 digits, led by 0, 00 or +) by grouped digits."""

    def said(match: re.Match[str]) -> str:
        written = match[0]
        if _STARTS_WITH_DATE.match(written):
            return written
        if not written.lstrip("(").startswith(("0", "+")) or len(re.findall(r"\d", written)) < 8:
            return written
        return phone(written, language, region)

    return _PHONE.sub(said, text)


def speak_codes(text: str, language: Language) -> str:
    """Replace postcodes, numbers with a name before them, mixed codes and long runs of digits."""

    def postcode(match: re.Match[str]) -> str:
        if match["letters"] in _NOT_POSTCODE:
            return match[0]
        return f"{digits(match['digits'], language)}, {spell(match['letters'], language)}"

    def named(match: re.Match[str]) -> str:
        name = match["name"].replace("#", "nummer " if language == "nl" else "number ")
        if "nummer nummer" in name or "number number" in name:
            name = match["name"].replace("#", "")
        return f"{name.rstrip()} {code(match['code'], language)}"

    def mixed(match: re.Match[str]) -> str:
        written = match[0]
        joined = [run for run in re.findall(r"[^\W\d_]+", written) if not run.isupper() and len(run) > 1]
        numeric = re.fullmatch(r"[\d-]+", written) is not None
        if re.fullmatch(r"\d{1,3}[A-Za-z]", written):
            return f"{cardinal(int(written[:-1]), language)} {spell(written[-1], language)}"
        if joined or (numeric and max(map(len, re.findall(r"\d+", written))) < 3):
            return written
        return code(written, language)

    text = _VERSION.sub(lambda match: match[0].replace(".", f" {_SYMBOLS[language]['.']} "), text)
    text = _POSTCODE.sub(postcode, text)
    text = _NAMED_CODE.sub(named, text)
    text = _HASH.sub("nummer " if language == "nl" else "number ", text)
    text = _MIXED_CODE.sub(mixed, text)
    return _LONG_DIGITS.sub(lambda match: code(match[0], language), text)
