"""What callers will likely ask is said beforehand, by the real dialogue."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.dialogue.conversation import HOURS, FakeAnswers
from voicebot.dialogue.config import DialogueConfig, LineProfile
from voicebot.dialogue.policy import Dialogue
from voicebot.events import Language
from voicebot.rehearsal import likely_sayings

MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


def sayings(*intents: str) -> list[tuple[str, Language]]:
    def make(language: Language) -> Dialogue:
        return Dialogue(LineProfile("Fietshuis", language), DialogueConfig(), HOURS, FakeAnswers())

    return [(say.prompt_id, say.language) for say in likely_sayings(make, intents, MONDAY)]


def test_answers_of_the_moment_in_both_languages() -> None:
    said = sayings("opening_hours")
    assert ("hours_open_until", "nl") in said
    assert ("hours_open_until", "en") in said
    assert said[0][0] == "disclosure"


def test_a_task_is_rehearsed_up_to_its_first_question() -> None:
    assert ("ask_order_number", "en") in sayings("order_status")


def test_no_intent_makes_it_fail() -> None:
    assert sayings("human", "goodbye", "never heard of")
