"""What the bot will likely be asked next, said beforehand: answers without slots are rendered before a call.

Opening hours change with the clock and approved answers with their validity, so this is repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Protocol

from voicebot.dialogue.actions import Action, Say
from voicebot.events import LANGUAGES, Language
from voicebot.understanding.interpretation import Interpretation


class RehearsedDialogue(Protocol):
    """The part of a dialogue that is rehearsed."""

    def begin(self, now: datetime) -> tuple[Action, ...]:
        """The call was answered."""

    def heard(self, turn: Interpretation, now: datetime) -> tuple[Action, ...]:
        """The caller said something."""


def likely_sayings(
    make_dialogue: Callable[[Language], RehearsedDialogue], intents: Iterable[str], now: datetime
) -> Iterator[Say]:
    """Yield what would be said to a caller who asks for each intent right after the greeting."""
    for intent in intents:
        for language in LANGUAGES:
            dialogue = make_dialogue(language)
            actions = dialogue.begin(now)
            turn = Interpretation(text=intent, language=language, intent=intent, confidence=1.0)
            for action in (*actions, *dialogue.heard(turn, now)):
                if isinstance(action, Say):
                    yield action
