"""What callers say of themselves that makes a call hard for them ('ik ben slechthorend').

Words only; nothing is ever inferred from a voice (law P6).
"""

from __future__ import annotations

from typing import Literal, get_args

VulnerableSignal = Literal[
    "hearing", "sight", "speech", "understanding", "reading", "memory", "language", "computer"
]
VULNERABLE_SIGNALS: tuple[VulnerableSignal, ...] = get_args(VulnerableSignal)


def vulnerable_signals(text: str) -> frozenset[VulnerableSignal]:
    """Find the signals in what a caller said in one turn."""
    return frozenset()
