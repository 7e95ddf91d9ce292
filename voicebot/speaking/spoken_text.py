"""Text as written -> text as said: every prompt and answer passes it on its way to a voice.

The result holds Latin letters, spaces and the punctuation `. , ? ! ; : ' -`: no digit, symbol, markup,
emoji or control character is left for an engine to guess at (eSpeak and Piper guess differently). Pure
and idempotent; the forms chosen are explained in the modules of each kind (`spoken_dates`,
`spoken_amounts`, `spoken_codes`, `spoken_words`, `spoken_numbers`).
"""

from __future__ import annotations

import html
import re
import unicodedata

from voicebot.events import Language
from voicebot.speaking.spoken_amounts import (
    speak_money,
    speak_numbers,
    speak_percentages,
    speak_ranges,
    speak_units,
)
from voicebot.speaking.spoken_codes import speak_addresses, speak_codes, speak_phones
from voicebot.speaking.spoken_dates import speak_dates, speak_times
from voicebot.speaking.spoken_numbers import digits
from voicebot.speaking.spoken_words import speak_abbreviations, speak_ordinals, speak_symbols, speak_years

LONGEST = 5_000
"""Characters taken of one text (about five minutes of speech); the rest is dropped."""

_PASSES = 6
"""Cleaning can bring to light what a rule then takes ('DR:.' -> 'DR.' -> 'Dokter'): repeat until stable."""
_REGIONS = {"nl-BE": "BE", "en-GB": "GB", "en-IE": "IE"}
_KEPT = " .,?!;:'-"
_SAME_AS = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "´": "'",
        "`": "'",
        "…": ".",
        "‐": "-",
        "‑": "-",
        "‒": "-",
        "−": "-",
        "⁄": "/",
        "•": ",",
        "″": "''",
        "\u00ad": "",
    }
)
_SENTENCE_START = re.compile(r"(?:^|(?<=[^\W\d_]{2}[.?!] ))[^\W\d_]")
"""Number words can open a sentence: a capital there keeps the sentence splitter sure."""
_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\s]*\)")
_TAG = re.compile(r"<!--.*?-->|</?[A-Za-z][^<>]*>", re.DOTALL)
_EMPHASIS = re.compile(r"(\*\*\*|\*\*|\*|___|__|~~)(?=\S)(.+?)(?<=\S)\1")
_LINE_MARK = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]*|[-*•][ \t]+)", re.MULTILINE)


def spoken(text: str, language: Language, variant: str = "") -> str:
    """Normalise `text` for speech. `variant`: 'nl-BE' and the like, decides whose phone numbers they are.

    Never raises; an input without anything to say gives ''.
    """
    region = _REGIONS.get(variant, "NL")
    before, said = "", text[:LONGEST]
    for _ in range(_PASSES):
        before, said = said, _pass(said, language, region)
        if said == before:
            break
    return said


def _pass(text: str, language: Language, region: str) -> str:
    said = _without_markup(text)
    # Order matters: what holds dots and dashes of its own goes first; abbreviations ('tel.', 't/m') go
    # before phone numbers and dates; bare numbers go last.
    said = speak_addresses(said, language)
    said = speak_money(said, language)
    said = speak_phones(speak_abbreviations(said, language), language, region)
    said = speak_dates(said, language)
    said = speak_times(said, language)
    said = speak_ranges(said, language)
    said = speak_percentages(said, language)
    said = speak_ordinals(said, language)
    said = speak_years(said, language)
    said = speak_units(said, language)
    said = speak_codes(said, language)
    said = speak_symbols(said, language)
    said = speak_numbers(said, language)
    return _tidy(said, language)


def _without_markup(text: str) -> str:
    text = html.unescape(text)
    text = _TAG.sub(" ", text)
    text = _LINK.sub(r"\1", text)
    text = _LINE_MARK.sub("", text)
    text = _EMPHASIS.sub(r"\2", text)
    return unicodedata.normalize("NFC", text.translate(_SAME_AS))


def _tidy(text: str, language: Language) -> str:
    """Keep what a voice can say; turn what structures text (dashes, brackets, lines) into pauses."""
    text = re.sub(r"\s*\n\s*", ". ", text.strip())
    text = re.sub(r"\s+[-–—]+\s+|[–—()\[\]{}|]", ", ", text)
    out: list[str] = []
    for char in unicodedata.normalize("NFKC", text):
        if char in _KEPT or (char.isalpha() and unicodedata.name(char, "").startswith("LATIN")):
            out.append(char)
        elif char.isdecimal():
            out.append(f" {digits(str(unicodedata.decimal(char)), language)} ")
        elif unicodedata.combining(char):
            continue
        else:
            out.append(" ")
    return _settle("".join(out))


def _settle(text: str) -> str:
    text = re.sub(r"(?<![^\W\d_])(?!'[nst] )['-]+|['-]+(?![^\W\d_])", " ", text)
    while True:
        before = text
        text = re.sub(r"\s+", " ", text)
        text = re.sub(r" (?=[.,?!;:])", "", text)
        text = re.sub(r"[.,;:]+(?=[?!])|(?<=[.?!])[,;:]+|[,;:]+(?=\.)", "", text)
        text = re.sub(r"([.,?!;:])\1+", r"\1", text)
        text = re.sub(r"[,;:]+(?=[,;:])", "", text)
        text = re.sub(r"(?<=[?!])\.", "", text)
        text = re.sub(r"([,;:?!])(?=[^\W\d_])|(?<=[^\W\d_]{2})(\.)(?=[^\W\d_])", r"\1\2 ", text)
        text = re.sub(r"(?<=[^\W\d_])\.(?=[^\W\d_])", " ", text)
        text = text.lstrip(" .,;:?!").rstrip(" ,;:")
        text = _SENTENCE_START.sub(lambda match: match[0].upper(), text)
        if text == before:
            return text
