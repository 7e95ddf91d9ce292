"""From a caller's words to clauses of tags: the alphabet of the request grammar (`human_request.py`).

Tags: I ME YOU YOUR MY (persons), DET DEM (articles, this/that), NO NOT (negation), REAL ('echte'), MOD UNIT
('billing', which may head a phrase or modify one), HUMAN SOME ROLE DEPT (whom a caller can ask for), PLACE
(whom one can ask for only with a verb: 'de werkplaats', 'a doctor'), SITE ('de winkel'), MACH (the bot),
WANT MUST CAN GIVE SPEAK SPOKE LINK LINKED HAVE HELP DISCUSS CALL WAIT BE ASKED DONE (verbs; SPOKE and LINKED
are participles and past tenses), GRAAG ('graag', 'rather'), GOOD, QUESTION, NOBODY, PREP LOC ABOUT, CONTACT,
POSSIBLE, DO, ALS, THAN, HOW WHO WHY IF WH, PASTTIME, AVAILABLE, TEAM, MORE, SOFT (words that never matter),
EXIST ('is er', 'do you have'), ONLINE ('aan de lijn'), NUM. FILL words are dropped. A word of no class stands
for itself in lower case, so that it breaks a pattern: unknown words make a request less likely, by design.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from voicebot.understanding import vocabulary_en, vocabulary_nl

_NUMBERS = (
    "twee drie vier vijf zes zeven acht negen tien twintig one two "
    "three four five six seven eight nine ten twenty"
)


def _lexicon() -> dict[str, str]:
    words: dict[str, str] = {}
    for vocabulary in (vocabulary_nl.WORDS, vocabulary_en.WORDS):
        for tag, listed in vocabulary.items():
            for word in listed.split():
                words.setdefault(word, tag)
    words.update(dict.fromkeys(_NUMBERS.split(), "NUM"))
    return words


LEXICON = _lexicon()
_SUFFIXES = vocabulary_nl.SUFFIXES + vocabulary_en.SUFFIXES
_REWRITES = tuple(
    (re.compile(pattern), replacement) for pattern, replacement in vocabulary_en.JOINS + vocabulary_nl.JOINS
)
_HESITATION = re.compile(r"[,.…]*\s*\b(?:e+h+m*|e+u+h+m*|u+h+m*|u+m+|e+rm+|h+m+)\b[,.…]*")
_SENTENCE_END = re.compile(r"[.!?;:,\n…]+|\s[-–—]+\s")
_UNWANTED = re.compile(r"[^a-z0-9'A-Z ]+")
# Words that a one-letter slip of the recogniser must not turn into something else.
_FUZZY_TARGETS = tuple(
    word
    for word, tag in LEXICON.items()
    if len(word) >= 7 and tag in {"ROLE", "DEPT", "LINK", "LINKED", "SOME"} and "-" not in word
)
_BEFORE_CONTRAST = {"", "MACH", "NO", "LINKED", "AVAILABLE"}
_AFTER_CONTRAST = {"I", "CAN", "GIVE", "LINK", "YOU", "WANT", "EXIST", "NO", "NOT", "BE", "DEM", "MUST"}
_SUBORDINATORS = {
    "HOW", "WHO", "WHY", "IF", "WH", "DEM", "SOME", "HUMAN", "ROLE", "CAN", "MUST", "WANT", "NOT", "PREP",
    "BE",
    "HAVE", "SPEAK", "EXIST", "I", "YOU", "ALS", "DISCUSS", "zodat", "omdat", "dan", "DO",
}  # fmt: skip

_LONGEST_CLAUSE, _OVERLAP = 24, 10

Clause = tuple[str, ...]


def fold(text: str) -> str:
    """Lower case, no accents, straight apostrophes."""
    text = re.sub(r"\b[Éé][Éé]n\b", "1", text).replace("’", "'").replace("‘", "'").replace("`", "'").lower()
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _within_one_edit(left: str, right: str) -> bool:
    """Levenshtein distance at most 1, or one swap of neighbours."""
    if abs(len(left) - len(right)) > 1:
        return False
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    rest_left, rest_right = left[start:], right[start:]
    return (
        rest_left[1:] == rest_right
        or rest_left == rest_right[1:]
        or rest_left[1:] == rest_right[1:]
        or (rest_left[:2] == rest_right[:2][::-1] and rest_left[2:] == rest_right[2:])
    )


@lru_cache(maxsize=20_000)
def tag_of(word: str) -> str:
    """The class of one folded word, or the word itself when it has none."""
    if word[:1].isupper():
        return word
    if word in LEXICON:
        return LEXICON[word]
    if word.isdigit():
        return "NUM"
    for suffix, tag in _SUFFIXES:
        if word.endswith((suffix, suffix + "s", suffix + "n", suffix + "en")):
            return tag
    if len(word) >= 7:
        for target in _FUZZY_TARGETS:
            if _within_one_edit(word, target):
                return LEXICON[target]
    return word


def _words(sentence: str) -> list[str]:
    for pattern, replacement in _REWRITES:
        sentence = pattern.sub(replacement, sentence)
    words = [word.strip("'") for word in _UNWANTED.sub(" ", sentence).split()]
    words = [word for word in words if word]
    joined: list[str] = []
    index = 0
    while index < len(words):
        # The recogniser splits compounds: 'mede werker', 'door verbinden', 'klanten service'.
        pair = "".join(words[index : index + 2])
        if len(pair) >= 8 and pair in LEXICON and LEXICON[pair] in {"ROLE", "DEPT", "LINK", "LINKED", "MACH"}:
            joined.append(pair)
            index += 2
            continue
        if not joined or words[index] != joined[-1]:
            joined.append(words[index])
        index += 1
    return joined


def _is_english_want(words: list[str], index: int) -> bool:
    before = words[index - 1] if index else ""
    return before in {
        "i", "we", "you", "not", "just", "really", "do", "to", "also", "still", "only",
        "who", "people", "actually",
    } or (index == 0 and words[1:2] in (["to"], ["a"], ["an"]))  # fmt: skip


def _starts_clause(tags: list[str], index: int, previous: str) -> bool:
    """Whether a new main clause begins here although no punctuation says so."""
    here, after = tags[index], tags[index + 1] if index + 1 < len(tags) else ""
    third = tags[index + 2] if index + 2 < len(tags) else ""
    before = tags[index - 2] if index > 1 else ""
    if here in {"GIVE", "LINK"}:
        # 'je begrijpt me niet geef me …' restarts, 'do not transfer me' does not.
        return (
            after == "ME"
            and previous not in {"CAN", "YOU", "I", "MUST", "WANT", "PREP"}
            and not (previous == "ME" and here == "LINK")
            and not (previous == "NOT" and before in {"DO", "CAN", "I", "WANT", "|", ""})
        )
    if previous in _SUBORDINATORS and not (here == "I" and previous == "NOT"):
        return False
    if here == "I":
        return after in {"WANT", "MUST", "CAN", "HAVE", "BE"} or (after == "NOT" and third == "WANT")
    if here in {"CAN", "WANT", "MUST"}:
        return after in {"I", "YOU"}
    if here == "EXIST":
        return True
    return here == "BE" and after in {"I", "YOU"}


def clauses(text: str) -> list[Clause]:
    """Split a text into clauses of tags; fillers are gone. An empty text gives no clause."""
    folded = _HESITATION.sub(" ", fold(text).replace("-", " ") if " - " not in text else fold(text))
    found: list[Clause] = []
    for sentence in _SENTENCE_END.split(folded):
        found.extend(_clauses_of_sentence(_words(sentence)))
    return found


def _clauses_of_sentence(words: list[str]) -> list[Clause]:
    tags: list[str] = []
    for index, word in enumerate(words):
        if word == "want" and not _is_english_want(words, index):
            tags.append("|")
        elif word in {"maar", "but"}:
            tags.append("~" if word == "maar" else "|")
        elif word in {"en", "and"}:
            tags.append("&")
        elif word in {"because", "omdat", "dus", "so", "since", "otherwise", "anders-dan"}:
            tags.append("|")
        else:
            tags.append(tag_of(word))
    tags = [tag for tag in tags if tag != "FILL"]
    split: list[list[str]] = [[]]
    for index, tag in enumerate(tags):
        previous = split[-1][-1] if split[-1] else ""
        if tag == "|" or (tag == "~" and _is_contrast(previous, tags[index + 1 :])):
            split.append([])
        elif tag == "&":
            after = tags[index + 1] if index + 1 < len(tags) else ""
            if after in {"I", "CAN", "WANT", "MUST", "GIVE", "LINK", "NO", "NOT", "EXIST", "BE", "YOU"}:
                split.append([])
            else:
                split[-1].append("&")
        elif tag != "~":
            if previous and _starts_clause(tags, index, previous):
                split.append([])
            split[-1].append(tag)
    trimmed = (tuple(clause) for clause in map(_trimmed, split) if clause)
    return [piece for clause in trimmed for piece in _pieces(clause)]


def _pieces(clause: Clause) -> list[Clause]:
    """A clause is short; what is not (no punctuation for a minute) is read through a moving window.

    The patterns' time grows with the square of the length: this bounds it.
    """
    if len(clause) <= _LONGEST_CLAUSE:
        return [clause]
    step = _LONGEST_CLAUSE - _OVERLAP
    return [clause[start : start + _LONGEST_CLAUSE] for start in range(0, len(clause) - _OVERLAP, step)]


def _is_contrast(previous: str, rest: list[str]) -> bool:
    """Whether 'maar' means 'but' here; in 'verbind me maar door' it means nothing."""
    if rest and rest[0] in {"NO", "NOT"} and previous in {"ME", "LINK", "GIVE", "HAVE", "BE", "I", "YOU"}:
        return False
    return previous in _BEFORE_CONTRAST or (bool(rest) and rest[0] in _AFTER_CONTRAST)


def _trimmed(clause: list[str]) -> list[str]:
    while clause and clause[-1] == "&":
        clause.pop()
    return clause
