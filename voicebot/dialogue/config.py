"""What a dialogue is given at its start: the line, its thresholds, and its source of approved answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from voicebot.events import Language


class AnswerSource(Protocol):
    """Approved answers (law A1)."""

    def answer(self, intent: str, language: Language, variant: str, on: date) -> str | None:
        """Return the approved text that is valid on that day; None when unknown or expired."""


@dataclass(frozen=True, slots=True)
class LineProfile:
    """The dialled number's settings.

    `organisation`: as spoken. `language`: of the line, None when unknown (bilingual greeting).
    `variant`: 'nl-BE' for Flemish wording, '' otherwise. `branch`: id of the default branch, '' for all.
    `caller_can_be_called_back`: the leg brought a number; otherwise a callback asks for one (law S4: it is
    never used to identify anybody).
    """

    organisation: str
    language: Language | None = None
    variant: str = ""
    branch: str = ""
    caller_can_be_called_back: bool = True


@dataclass(frozen=True, slots=True)
class DialogueConfig:
    """Thresholds of the dialogue. Times in milliseconds.

    `no_input_ms`, `no_input_digits_ms`: silence before `silence()`, longer where a number must be looked up.
    `between_keys_ms`: after a key in a number. `wait_ms`: granted by 'momentje'. `offer_human_after`,
    `transfer_after`: failures in a row (law H6). `same_answer_limit`: the same question answered so often
    in a row is a loop. `slowest_rate`: lower bound of the speaking rate; `rate_step`: by 'langzamer'.
    `gain_step_db`, `gain_limit_db`: by 'luider'. `agent_language`: of the briefing. `other_destination`: a
    second human destination's name, '' for none. `bilingual_default`: language before the caller has spoken
    on a line without a language.
    """

    no_input_ms: int = 7_000
    no_input_digits_ms: int = 10_000
    between_keys_ms: int = 3_000
    wait_ms: int = 30_000
    offer_human_after: int = 2
    transfer_after: int = 3
    same_answer_limit: int = 3
    rate_step: float = 0.15
    slowest_rate: float = 0.7
    gain_step_db: float = 4.0
    gain_limit_db: float = 8.0
    agent_language: Language = "nl"
    other_destination: str = ""
    bilingual_default: Language = "nl"
