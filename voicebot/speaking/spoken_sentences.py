"""Sentence splitting for streamed synthesis: the first sentence is on the wire while the next is made."""

from __future__ import annotations

import re

from voicebot.events import Language

_ABBREVIATED: dict[Language, str] = {
    "nl": (
        r"bijv|bv|dhr|mw|mevr|dr|mr|ir|ing|drs|prof|st|nr|tel|ca|incl|excl|max|min|blz|evt|resp"
        r"|vs|jl|ongev|etc|enz"
    ),
    "en": r"mr|mrs|ms|dr|prof|st|no|tel|approx|incl|excl|max|min|vs|etc|e\.g|i\.e|jr|sr|ave",
}
_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)")
_SHORTEST = 2
"""Characters; a piece shorter than this (a stray '.') joins its neighbour."""
_CLAUSE = re.compile(r"[,;:](?=\s)")


def sentences(text: str, language: Language) -> list[str]:
    """Split into sentences, each with its punctuation; nothing is lost but white space between them.

    A full stop does not split after an abbreviation, an initial ('J. de Vries') or before a small letter;
    decimals ('12.50') have no space and are safe.
    """
    known = re.compile(
        rf"(?:^|[\s(])(?:{_ABBREVIATED[language]}|[^\W\d_]|(?:[^\W\d_]\.)+[^\W\d_])\.$", re.IGNORECASE
    )
    found: list[str] = []
    start = 0
    for match in _END.finditer(text):
        piece = text[start : match.end()].strip()
        following = text[match.end() :].lstrip()
        if match[0] == "." and (known.search(piece) or following[:1].islower()):
            continue
        if len(piece) < _SHORTEST:
            continue
        found.append(piece)
        start = match.end()
    rest = text[start:].strip()
    return [*found, rest] if rest else found


def quick_start(sentence: str, *, longest: int = 70, shortest: int = 25) -> list[str]:
    """Cut a long sentence once at a clause, so that its beginning can be heard early.

    `longest`: characters up to which a sentence stays whole; `shortest`: of the first piece.
    """
    if len(sentence) <= longest:
        return [sentence]
    for match in _CLAUSE.finditer(sentence):
        if shortest <= match.end() <= longest:
            return [sentence[: match.end()], sentence[match.end() :].strip()]
    return [sentence]
