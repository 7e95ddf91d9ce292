"""Is what the caller has said so far a whole turn? Steers how long endpointing waits after the last word.

Pure, no model, well under a millisecond: it runs in the media loop after each speculative transcription.
"""

# ruff: noqa: E501 - patterns are read as a whole

from __future__ import annotations

import enum
import re
from collections.abc import Mapping

from voicebot.events import Language
from voicebot.understanding import normalise_en, normalise_nl
from voicebot.understanding.human_request import find_request
from voicebot.understanding.interpretation import Expectation
from voicebot.understanding.tagging import fold
from voicebot.understanding.yes_no import is_backchannel, yes_or_no


class Completeness(enum.StrEnum):
    """How finished a text is."""

    COMPLETE = "complete"  # answers what was asked, or a whole request
    LIKELY_COMPLETE = "likely_complete"  # nothing says that more must come
    INCOMPLETE = "incomplete"  # ends in the middle: 'en', 'mijn nummer is', three digits of five
    FILLER = "filler"  # 'ehm', 'even kijken': the caller thinks
    EMPTY = "empty"  # no words


_FILLERS = frozenset(
    """
    eh ehm euh euhm uh uhm um hm hmm mm nou tja well so like goh even kijken wacht let me see kijk dus
    awel allez ja nu er erm zeg eens effe
    """.split()  # noqa: SIM905 - a word list
)
_FILLER_ENDS = frozenset(["eh", "ehm", "euh", "euhm", "uh", "uhm", "um", "hm", "hmm", "erm"])
_FILLER_PHRASES = re.compile(
    r"^(?:even kijken|even zien|ik kijk even|let me (?:see|check|think|look)|wacht even hoor|ik zoek (?:het )?even|hoe zeg je dat)\W*$"
)
_OPEN_ENDS = frozenset(
    """
    en maar of want omdat dus dat die als dan de het een mijn m'n uw jouw je ons onze naar van voor met
    op in bij aan over tot tussen om te ik wij we is zijn was heb had wil kan kun kunt moet mag zou
    nummer bestelnummer ordernummer klantnummer postcode huisnummer dubbel volgende komende ne nen mijne
    den and but or because so that which if then the a an my your our to from of for with on at about
    between i we are were have want can could should would number double next is it's i'm
    """.split()  # noqa: SIM905 - a word list
)
# Words that end a whole sentence as often as they open a phrase.
_MAY_END = frozenset(
    """
    in op aan over bij is zijn dan dat die was had heb kan wil moet mag nummer number next on it's so
    dus
    """.split()  # noqa: SIM905 - a word list
)
_DUTCH_SUBJECT_ENDS = re.compile(
    r"\b(?:dat|het|dit|wat|hoe) (?:kan|wil|moet|mag|is|was)$|\b(?:waar|wat|hoe) (?:\w+ ){1,4}(?:is|zijn)$"
)
_LOOKED_AT = 40
"""Last words that are looked at for a request: bounds the time in the media loop."""
_WANTED_DIGITS = {Expectation.DIGITS: (5, 14), Expectation.POSTCODE: (4, 6)}


def _last_word(folded: str) -> str:
    words = re.findall(r"[\w']+", folded)
    return words[-1] if words else ""


def completeness(
    text: str, language: Language, expectation: Expectation, slots: Mapping[str, str]
) -> Completeness:
    """Judge the text so far. `slots`: what was found in it, may be empty."""
    folded = fold(text).strip()
    words = re.findall(r"[\w']+", folded)
    if not words:
        return Completeness.EMPTY
    if find_request(" ".join(text.split()[-_LOOKED_AT:])).wants_human and words[-1] not in {
        "en",
        "and",
        "maar",
        "but",
        "met",
        "with",
        "een",
        "a",
    }:
        return Completeness.COMPLETE
    if expectation is Expectation.YES_NO and yes_or_no(text, is_expected=True) is not None:
        return (
            Completeness.COMPLETE
            if len(words) <= 4 or not _is_open(folded, words)
            else Completeness.INCOMPLETE
        )
    if all(word in _FILLER_ENDS for word in words) or _FILLER_PHRASES.match(folded):
        return Completeness.FILLER
    if words[-1] in _FILLER_ENDS or folded.endswith(("...", "…", "-")):
        return Completeness.FILLER if len(words) <= 2 else Completeness.INCOMPLETE
    if all(word in _FILLERS for word in words) and not is_backchannel(text):
        return Completeness.FILLER
    if expectation in _WANTED_DIGITS:
        return _of_number(folded, words, language, expectation, slots)
    if _is_open(folded, words):
        return Completeness.INCOMPLETE
    return _of_words(folded, words, expectation, slots)


def _is_open(folded: str, words: list[str]) -> bool:
    last = words[-1]
    if last not in _OPEN_ENDS:
        return False
    if last in _MAY_END:
        return not (
            folded.endswith(("?", "!"))
            or _DUTCH_SUBJECT_ENDS.search(folded)
            or (len(words) > 3 and folded.endswith("."))
        )
    return True


def _of_words(
    folded: str, words: list[str], expectation: Expectation, slots: Mapping[str, str]
) -> Completeness:
    if expectation is Expectation.DATE and "date" in slots:
        return Completeness.COMPLETE
    if expectation is Expectation.TIME and "time" in slots:
        return Completeness.COMPLETE
    if expectation is Expectation.CHOICE and (slots.keys() & {"date", "time", "yes_no"} or len(words) >= 2):
        return Completeness.COMPLETE
    if folded.endswith(("?", "!")):
        return Completeness.COMPLETE
    if expectation is Expectation.ANYTHING and len(words) >= 5 and folded.endswith("."):
        return Completeness.COMPLETE
    return Completeness.LIKELY_COMPLETE


def _of_number(
    folded: str, words: list[str], language: Language, expectation: Expectation, slots: Mapping[str, str]
) -> Completeness:
    """Digits come in bursts: too few means more will come; enough may still be followed by one more."""
    written = (normalise_nl if language == "nl" else normalise_en).digits_written(folded)
    count = sum(map(str.isdigit, written))
    low, high = _WANTED_DIGITS[expectation]
    if count == 0:
        if _is_open(folded, words):
            return Completeness.INCOMPLETE
        return (
            Completeness.COMPLETE if slots.get("yes_no") or len(words) > 3 else Completeness.LIKELY_COMPLETE
        )
    if _last_word(written) in _OPEN_ENDS - {"nummer", "number"}:
        return Completeness.INCOMPLETE
    if expectation is Expectation.POSTCODE and "postcode" in slots:
        is_whole = " " in slots["postcode"]
        return Completeness.COMPLETE if is_whole and "house_number" in slots else Completeness.LIKELY_COMPLETE
    if count < low:
        return Completeness.INCOMPLETE
    if count == 6 or count >= 9:
        return Completeness.COMPLETE
    return Completeness.LIKELY_COMPLETE if count <= high else Completeness.COMPLETE
