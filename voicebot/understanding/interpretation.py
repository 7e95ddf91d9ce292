"""What was understood of a turn, and the protocol that finds it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from voicebot.events import Language


class Expectation(enum.StrEnum):
    """What the bot has just asked for; steers endpointing, vocabulary bias and slots."""

    ANYTHING = "anything"
    YES_NO = "yes_no"
    DIGITS = "digits"  # an order number and the like
    POSTCODE = "postcode"
    DATE = "date"
    TIME = "time"
    CHOICE = "choice"  # one of a few spoken options


@dataclass(frozen=True, slots=True)
class Interpretation:
    """What a caller's text means.

    `intent`: an id from config/intents, or None (no match). `confidence`: 0-1, calibrated on held-out
    examples. `slots`: name -> canonical value ('order_number': '53821', 'date': '2026-11-24',
    'yes_no': 'yes', 'branch': 'utrecht'). `wants_human`: an explicit request for a person (law H1), found
    apart from the intent. `asks_if_robot`: law D2. `language`: of the text. `is_backchannel`: 'ja', 'mm-hm'
    and nothing else.
    `requested_language`: 'can we do this in English?'. `is_out_of_scope`: surely a question or wish that is
    none of ours, not words that were misheard.
    """

    text: str
    language: Language
    intent: str | None
    confidence: float
    slots: Mapping[str, str] = field(default_factory=dict)
    wants_human: bool = False
    asks_if_robot: bool = False
    is_backchannel: bool = False
    requested_language: Language | None = None
    is_out_of_scope: bool = False


class Interpreter(Protocol):
    """Finds the meaning of a text. Embeddings take ~10 ms, so it runs outside the media loop."""

    async def interpret(
        self, text: str, language: Language | None, expectation: Expectation, today: str
    ) -> Interpretation:
        """`today`: ISO date for 'morgen'. Raises SpeechWorkerDied or SpeechWorkerBusy."""
