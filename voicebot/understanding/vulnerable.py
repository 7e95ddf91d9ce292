"""What callers say of themselves that makes a call hard for them ('ik ben slechthorend'). Pure.

Words only; nothing is ever inferred from a voice (law P6). Telling words become marks, the rest becomes the
tags of `tagging.py`, and frames over both (`vulnerable_grammar.py`) find what is said in the first person,
now, and not denied: 'mijn moeder is doof', 'ik ben niet doof' and 'ik hoor u niet' (a bad line) are none.
"""

from __future__ import annotations

import re

from voicebot.understanding.tagging import clauses, fold
from voicebot.understanding.vulnerable_grammar import FRAMES, MARKS, VULNERABLE_SIGNALS, VulnerableSignal

__all__ = ["VULNERABLE_SIGNALS", "VulnerableSignal", "vulnerable_signals"]

_MARKED = tuple((re.compile(rf"\b(?:{words})\b"), f" {mark} ") for mark, words in MARKS)
_COMPILED = {
    signal: tuple(re.compile(pattern) for pattern in patterns) for signal, patterns in FRAMES.items()
}


def vulnerable_signals(text: str) -> frozenset[VulnerableSignal]:
    """Find the signals in what a caller said in one turn, in either language."""
    marked = fold(text)
    for pattern, mark in _MARKED:
        marked = pattern.sub(mark, marked)
    if " q" not in marked:
        return frozenset()
    found: set[VulnerableSignal] = set()
    for clause in clauses(marked):
        tags = " ".join(clause)
        found |= {
            signal
            for signal, patterns in _COMPILED.items()
            if any(pattern.search(tags) for pattern in patterns)
        }
    return frozenset(found)
