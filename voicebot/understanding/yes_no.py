"""Yes or no, in all the forms that callers use; and backchannels. Importable without any model."""

# ruff: noqa: E501 - patterns are read as a whole

from __future__ import annotations

import re

from voicebot.understanding.tagging import fold

_YES = (
    "ja jaja jawel jazeker joh jup jep jo jaa ja-wel tuurlijk natuurlijk zeker absoluut inderdaad "
    "klopt correct juist "
    "prima akkoord graag gaarne gere yes yeah yep yup yea yah ya sure absolutely definitely indeed "
    "right correct "
    "affirmative certainly okay ok oke okee perfect top prachtig exact precies uiteraard vanzelfsprekend"
)
_NO = (
    "nee neen neeh nei nah nope no nee-nee nooit fout verkeerd onjuist incorrect wrong nay never "
    "negative neuj geenszins "
    "nopes bijlange"
)
_PHRASES_NO = (
    r"\bja (?:nee|neen)\b", r"\b(?:klopt|goed|juist|waar|correct|right|akkoord) niet\b", r"\bniet (?:goed|juist|correct|waar|nodig|echt|zeker)\b",
    r"\b(?:zeker|absoluut|toch|liever|natuurlijk|alstublieft|helemaal|eigenlijk|bijlange|graag) niet\b", r"\bhoeft (?:niet|echt niet|dat niet)\b",
    r"\blaat maar\b", r"\b(?:not|isn'?t|is not|that'?s not|that is not) (?:right|correct|really|true|now|needed|necessary|at all)\b",
    r"\b(?:definitely|certainly|absolutely|of course|probably|rather) not\b", r"\bi (?:do not|don'?t|don t)\b", r"\bdon'?t\b", r"\bgeen (?:dank|van|zin|een)\b",
    r"\bniks daarvan\b", r"\bno way\b", r"\bdat is (?:het )?niet\b", r"\bnee+n?\b(?!.*\b(?:ja|jawel)\b)", r"\bthat'?s (?:wrong|incorrect)\b",
    r"\b(?:ba|bah|mo|ah|och|maar|allee) nee+n?\b",
)  # fmt: skip
_PHRASES_YES = (
    r"\b(?:bwa|ba|bah|ah|mo|allee|maar|goh|och) ja\b", r"\bdoe (?:dat )?maar\b", r"\bdat is (?:goed|juist|prima|correct|in orde|oke)\b",
    r"\bda'?s (?:goed|juist|prima)\b", r"\bdat klopt\b", r"\bthat'?s (?:right|correct|it|fine|good|ok|okay)\b", r"\bthat is (?:right|correct|fine)\b",
    r"\bof course\b", r"\bi (?:do|would|am)\b(?! not)", r"\bplease do\b", r"\bgo ahead\b", r"\bsounds good\b", r"\btoch wel\b",
    r"\b(?:heel|erg|ja) graag\b", r"\bin orde\b", r"\bgoed(?: hoor| zo)?$", r"^(?:is )?goed\b", r"\bwhy not\b", r"\bwaarom niet\b", r"\bvan wel\b",
    r"\bnee+ ja+\b", r"\bjazeker\b", r"\bno problem\b", r"\bgeen probleem\b", r"\bfine by me\b", r"^fine$", r"^please$", r"\bzou (?:ik )?(?:graag|fijn)\b", r"\bmm?-?hm+\b|\bm+hm+\b|\buh-?huh\b",
)  # fmt: skip
_NO_PATTERNS = tuple(re.compile(pattern) for pattern in _PHRASES_NO)
_YES_PATTERNS = tuple(re.compile(pattern) for pattern in _PHRASES_YES)
_YES_WORDS, _NO_WORDS = frozenset(_YES.split()), frozenset(_NO.split())
_LEADING = frozenset(
    """
    eh ehm uh uhm um euh nou well ah oh allee allez awel goh hm hmm tja dus so maar and en
    """.split()  # noqa: SIM905 - a word list
)
_AROUND = frozenset(
    """
    hoor dank u je wel bedankt please thanks thank you graag alstublieft alsjeblieft aub meneer mevrouw
    dat is het that is it i do want to ik wil niet liever not doe maar zo he toch now nu wel goed that's
    """.split()  # noqa: SIM905 - a word list
)
_BACKCHANNELS = frozenset(
    """
    ja jaja jaa jep joh hm hmm mm mmm mhm mhmm mmhm mm-hm uhu uhuh aha ah oh oke ok okay okee goed prima
    ehm uh uhm eh euh allez awel amai tja precies inderdaad juist yes yeah yep yup right sure uh-huh huh
    fine jaha zo
    """.split()  # noqa: SIM905 - a word list
)
_BACKCHANNEL_PHRASES = frozenset(
    {"i see", "got it", "ik snap het", "ik begrijp het", "snap ik", "begrijp ik"}
)


def _words(text: str) -> list[str]:
    return re.findall(r"[\w'-]+", fold(text))


def is_backchannel(text: str) -> bool:
    """Whether the text is only what listeners say: 'ja', 'mm-hm', 'oké'. 'Nee' means something and is none."""
    words = _words(text)
    if " ".join(words) in _BACKCHANNEL_PHRASES:
        return True
    return bool(words) and len(words) <= 4 and all(word in _BACKCHANNELS for word in words)


def yes_or_no(text: str, *, is_expected: bool) -> str | None:
    """Return 'yes', 'no' or None.

    `is_expected`: the bot has just asked; then the first word decides a long answer, otherwise only an
    utterance that says nothing else counts.
    """
    words = _words(text)
    while words and words[0] in _LEADING:
        words.pop(0)
    if not words:
        return None
    folded = " ".join(words)
    says_more = [w for w in words if w not in _YES_WORDS | _NO_WORDS | _AROUND | _LEADING]
    if says_more and not is_expected and len(words) > 3:
        return None
    if len(words) > 8:
        return "yes" if words[0] in _YES_WORDS else "no" if words[0] in _NO_WORDS else None
    if any(pattern.search(folded) for pattern in _NO_PATTERNS):
        return "no" if not re.search(r"\bwaarom niet\b|\bnee+ ja+\b", folded) else "yes"
    if any(word in _NO_WORDS for word in words):
        return (
            "yes"
            if re.search(r"\b(?:no|geen) (?:problem|probleem)\b|\bnee+n? (?:ja|jawel|toch wel)\b", folded)
            else "no"
        )
    if any(pattern.search(folded) for pattern in _YES_PATTERNS):
        return "yes"
    if words[0] in _YES_WORDS or (not says_more and any(word in _YES_WORDS for word in words)):
        return "yes"
    return None
