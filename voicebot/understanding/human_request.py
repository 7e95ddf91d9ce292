"""Finds requests for a person (law H1) and questions whether this is a machine (law D2).

Rules alone, so that it works with every model dead (law H2): a clause-wise grammar over tagged words
(`tagging.py`, `request_grammar.py`). A clause is a request only when a frame matches it; narration, other
people's staff and questions about staff match none, because an unknown word or a past tense breaks a frame.

'Can someone call me back' is not a request for a person now: it is the intent `callback_request`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from voicebot.understanding.request_grammar import (
    ABOUT_MACHINE,
    INVERTED_NEGATION,
    NEGATED,
    OWN_MACHINE,
    QUESTION_FRAMES,
    REQUEST_FRAMES,
)
from voicebot.understanding.tagging import Clause, clauses, fold

_REQUESTS = {name: re.compile(pattern) for name, pattern in REQUEST_FRAMES.items()}
_QUESTIONS = {name: re.compile(pattern) for name, pattern in QUESTION_FRAMES.items()}
_IMPATIENT = re.compile(r"\b(?:eindelijk|finally|nou eens|ever|in godsnaam)\b")
_POLITE = re.compile(
    r"\b(?:graag|gaarne|a[sl]+je?blieft|alstubl?ieft?|asteblieft|aub|svp|please|pls|mag ik)\b"
)


# Every frame needs one of these: most clauses of most turns need no pattern at all.
_NEEDED = frozenset(
    {
        "ROLE",
        "HUMAN",
        "SOME",
        "DEPT",
        "PLACE",
        "SITE",
        "UNIT",
        "TEAM",
        "MACH",
        "LINK",
        "LINKED",
        "SPEAK",
        "NOBODY",
        "CONTACT",
        "HELP",
    }
)
_ASKED_ABOUT = frozenset({"MACH", "HUMAN", "ROLE", "SOME", "REAL", "WHO", "WH", "SPEAK"})


@dataclass(frozen=True, slots=True)
class RequestFinding:
    """What the rules found. `frame`, `question`: names of the frames that matched, '' for none."""

    wants_human: bool
    asks_if_robot: bool
    frame: str = ""
    question: str = ""


def request_frame(clause: Clause, *, is_impatient: bool = False, is_polite: bool = False) -> str:
    """The name of the frame by which one clause asks for a person, or ''."""
    if not _NEEDED.intersection(clause) or ("PASTTIME" in clause and "GRAAG" not in clause):
        return ""
    text = " ".join(clause)
    is_denied = bool(NEGATED.search(text)) and not INVERTED_NEGATION.search(text)
    is_information = clause[0] == "WH" and not is_impatient and "I WANT" not in text and "I MUST" not in text
    for name, pattern in _REQUESTS.items():
        if (
            (is_denied and name not in ABOUT_MACHINE)
            or (is_information and name not in {"how", "get_human"})
            or (name.endswith("_please") and not is_polite)
            or not pattern.search(text)
        ):
            continue
        if name in ABOUT_MACHINE and name != "why_not" and OWN_MACHINE.search(text):
            continue
        return name
    return ""


def question_frame(clause: Clause) -> str:
    """The name of the frame by which one clause asks whether this is a machine, or ''."""
    if not _ASKED_ABOUT.intersection(clause):
        return ""
    text = " ".join(clause)
    found = next((name for name, pattern in _QUESTIONS.items() if pattern.search(text)), "")
    return "" if clause[0] in {"HOW", "WHY", "IF", "ALS", "WH"} and found != "who_are_you" else found


def find_request(text: str) -> RequestFinding:
    """Judge a whole text. Pure, about 0.1 ms; language does not matter, callers mix them."""
    folded = fold(text)
    is_impatient, is_polite = bool(_IMPATIENT.search(folded)), bool(_POLITE.search(folded))
    frame = question = ""
    for clause in clauses(text):
        asked = question_frame(clause)
        question = question or asked
        if not asked:
            frame = frame or request_frame(clause, is_impatient=is_impatient, is_polite=is_polite)
    return RequestFinding(bool(frame), bool(question), frame, question)


_HINTS = frozenset({"ROLE", "HUMAN", "SOME", "DEPT", "MACH", "LINK", "LINKED"})
_NARRATION = frozenset({"PASTTIME", "SPOKE", "ASKED", "MY", "LINKED", "NOBODY", "CALL", "NUM", "NO", "NOT"})


def may_be_request(text: str) -> bool:
    """Whether the embedding vote may speak.

    A clause must name a person or a connection, and neither deny nor narrate.
    """
    return any(
        _HINTS & set(clause)
        and not _NARRATION & set(clause)
        and clause[0] != "WH"
        and not NEGATED.search(" ".join(clause))
        and not question_frame(clause)
        for clause in clauses(text)
    )


def may_ask_if_robot(text: str) -> bool:
    """Whether the classifier may find the question 'is this a machine': a clause must name it."""
    return any(
        {"MACH", "HUMAN", "REAL"} & set(clause)
        and {"BE", "SPEAK", "HAVE", "YOU", "SOFT", "EXIST"} & set(clause)
        for clause in clauses(text)
    )
