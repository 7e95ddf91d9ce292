"""Abbreviations, ordinals, years and symbols in words."""

from __future__ import annotations

import re

from voicebot.events import Language
from voicebot.speaking.spoken_numbers import ordinal, year

# Written form -> words. A final full stop of the written form may also end the sentence: see _TAKES_NAME.
_ABBREVIATIONS: dict[Language, dict[str, str]] = {
    "nl": {
        "bijv.": "bijvoorbeeld",
        "bv.": "bijvoorbeeld",
        "b.v.": "bijvoorbeeld",
        "a.u.b.": "alstublieft",
        "aub": "alstublieft",
        "s.v.p.": "alstublieft",
        "svp": "alstublieft",
        "d.w.z.": "dat wil zeggen",
        "o.a.": "onder andere",
        "m.a.w.": "met andere woorden",
        "e.d.": "en dergelijke",
        "enz.": "enzovoort",
        "etc.": "et cetera",
        "i.p.v.": "in plaats van",
        "i.v.m.": "in verband met",
        "m.b.t.": "met betrekking tot",
        "n.a.v.": "naar aanleiding van",
        "t.a.v.": "ter attentie van",
        "t.n.v.": "ten name van",
        "t.o.v.": "ten opzichte van",
        "m.u.v.": "met uitzondering van",
        "z.s.m.": "zo snel mogelijk",
        "t.e.m.": "tot en met",
        "t/m": "tot en met",
        "nr.": "nummer",
        "nrs.": "nummers",
        "tel.": "telefoon",
        "incl.": "inclusief",
        "excl.": "exclusief",
        "max.": "maximaal",
        "ca.": "circa",
        "vs.": "versus",
        "dhr.": "de heer",
        "mw.": "mevrouw",
        "mevr.": "mevrouw",
        "dr.": "dokter",
        "blz.": "bladzijde",
        "p/m": "per maand",
        "p/st": "per stuk",
        "evt.": "eventueel",
        "btw": "B T W",
        "v.a.": "vanaf",
    },
    "en": {
        "e.g.": "for example",
        "i.e.": "that is",
        "etc.": "et cetera",
        "approx.": "approximately",
        "tel.": "telephone",
        "mr.": "mister",
        "mrs.": "missis",
        "ms.": "miz",
        "dr.": "doctor",
        "vs.": "versus",
        "incl.": "including",
        "excl.": "excluding",
        "max.": "maximum",
        "a.s.a.p.": "as soon as possible",
        "asap": "as soon as possible",
        "vat": "V Ay T",
        "p/m": "per month",
    },
}
_TAKES_NAME = {
    "dhr.",
    "mw.",
    "mevr.",
    "dr.",
    "mr.",
    "mrs.",
    "ms.",
    "bijv.",
    "bv.",
    "tel.",
    "nr.",
    "e.g.",
    "i.e.",
    "incl.",
    "excl.",
}
"""Abbreviations that something follows: their full stop never ends a sentence, even before a capital."""

_ABBREVIATION = {
    lang: re.compile(
        r"(?<![\w.@/])(?:" + "|".join(sorted(map(re.escape, table), key=len, reverse=True)) + r")(?![\w@])",
        re.IGNORECASE,
    )
    for lang, table in _ABBREVIATIONS.items()
}
_NUMBER_ABBREVIATION = re.compile(r"\b[Nn]o\.\s?(?=\d)")
_JOINED_NUMBER = re.compile(r"(?<=[a-z-])nr\b\.?(?=\s*:?\s*[\dA-Z#])")
_MOBILE = re.compile(r"(?<!\w)[mM]\.\s*(?=[+0]\d)")

_ORDINAL: dict[Language, re.Pattern[str]] = {
    "nl": re.compile(r"(?<![\w.,])(\d{1,6})\s?(?:e|ste|de)(?!\w)"),
    "en": re.compile(r"(?<![\w.,])(\d{1,3}(?:,\d{3})*|\d{1,6})(?:st|nd|rd|th)(?!\w)", re.IGNORECASE),
}
_YEAR: dict[Language, re.Pattern[str]] = {
    "nl": re.compile(
        r"(?i)(\b(?:in|sinds|jaar|vanaf|tot|voor|januari|februari|maart|april|mei|juni|juli|augustus|september|oktober"
        r"|november|december)\s+)((?:19|20)\d\d)(?![\d.,:-]*\d|\w|\s?[%€])"
    ),
    "en": re.compile(
        r"(?i)(\b(?:in|since|year|until|before|by|january|february|march|april|may|june|july|august|september|october"
        r"|november|december)\s+)((?:19|20)\d\d)(?![\d.,:-]*\d|\w|\s?[%€])"
    ),
}
# Symbols that are words; order matters ('<=' is not spoken, so single characters suffice).
_SYMBOLS: dict[Language, dict[str, str]] = {
    "nl": {
        "&": "en",
        "+": "plus",
        "=": "is",
        "@": "apenstaartje",
        "#": "hekje",
        "%": "procent",
        "€": "euro",
        "£": "pond",
        "$": "dollar",
        "§": "paragraaf",
        "°": "graden",
        "×": "keer",
        "½": "een half",
        "¼": "een kwart",
        "¾": "driekwart",
    },
    "en": {
        "&": "and",
        "+": "plus",
        "=": "equals",
        "@": "at",
        "#": "hash",
        "%": "percent",
        "€": "euros",
        "£": "pounds",
        "$": "dollars",
        "§": "section",
        "°": "degrees",
        "×": "times",
        "½": "a half",
        "¼": "a quarter",
        "¾": "three quarters",
    },
}
_FRACTION_AFTER_NUMBER = re.compile(r"(\d)\s?([½¼¾])")
_STAR: dict[Language, str] = {"nl": "sterretje", "en": "star"}


def speak_abbreviations(text: str, language: Language) -> str:
    """Write abbreviations out; the full stop stays where it ends the sentence as well."""
    table = _ABBREVIATIONS[language]

    def said(match: re.Match[str]) -> str:
        written = match[0]
        key = written.lower()
        if key == "vat" and written != "VAT":
            return written
        if key == "b.v." and written != "b.v.":
            return "B V"
        words = table[key]
        if written[0].isupper() and not written.isupper():
            words = words[0].upper() + words[1:]
        rest = text[match.end() :]
        ends_sentence = key.endswith(".") and key not in _TAKES_NAME and re.match(r"\s*$|\s+[A-Z]", rest)
        return words + ("." if ends_sentence else "")

    text = _MOBILE.sub("mobiel " if language == "nl" else "mobile ", text)
    if language == "nl":
        text = _JOINED_NUMBER.sub("nummer", text)
    text = _NUMBER_ABBREVIATION.sub("nummer " if language == "nl" else "number ", text)
    return _ABBREVIATION[language].sub(said, text)


def speak_ordinals(text: str, language: Language) -> str:
    """Replace '1e', '2de', '21ste', '3rd' by words."""
    return _ORDINAL[language].sub(lambda match: ordinal(int(match[1].replace(",", "")), language), text)


def speak_years(text: str, language: Language) -> str:
    """Replace a year (1900-2099) after a word that announces one."""
    return _YEAR[language].sub(lambda match: match[1] + year(int(match[2]), language), text)


def speak_symbols(text: str, language: Language) -> str:
    """Replace single symbols by words; a lone '*' is the telephone key."""
    joint = " en " if language == "nl" else " and "
    text = _FRACTION_AFTER_NUMBER.sub(lambda m: m[1] + joint + _SYMBOLS[language][m[2]], text)
    times = " keer " if language == "nl" else " times "
    text = re.sub(r"(?<=\d)\s?x(?!\w)", times, text)
    text = re.sub(r"(?<!\S)\*(?=[\s.,!?;]|$)", _STAR[language], text)
    for symbol, word in _SYMBOLS[language].items():
        text = text.replace(symbol, f" {word} ")
    return text
