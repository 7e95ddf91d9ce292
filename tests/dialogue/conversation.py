"""A dialogue on the demo configuration, and short ways to speak to it."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from voicebot.dialogue.actions import Action, Listen, Say
from voicebot.dialogue.config import DialogueConfig, LineProfile
from voicebot.dialogue.policy import Dialogue
from voicebot.events import Language
from voicebot.transfer.opening_hours_file import load_opening_hours
from voicebot.understanding.interpretation import Interpretation

CONFIG = Path(__file__).parents[2] / "config"
HOURS = load_opening_hours(Path(__file__).parent / "opening_hours.yaml")
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
OPEN = datetime(2026, 11, 24, 10, tzinfo=AMSTERDAM)  # a Tuesday
CLOSED = datetime(2026, 11, 22, 10, tzinfo=AMSTERDAM)  # a Sunday
LINE = LineProfile("Fietshuis Janssens", "nl")


class FakeAnswers:
    """Approved answers: delivery is approved, guarantee has expired in 2026."""

    def answer(self, intent: str, language: Language, variant: str, on: date) -> str | None:
        if intent == "faq_delivery":
            return "Bezorgen kost niets." if language == "nl" else "Delivery is free."
        if intent == "complaint":
            return "Een medewerker behandelt uw klacht."
        if intent == "faq_guarantee" and on.year < 2026:
            return "Twee jaar."
        return None


class Conversation:
    """Speaks to a dialogue and keeps its last actions."""

    def __init__(
        self, line: LineProfile = LINE, now: datetime = OPEN, config: DialogueConfig | None = None
    ) -> None:
        self.dialogue = Dialogue(line, config or DialogueConfig(), HOURS, FakeAnswers())
        self.now = now
        self.actions: tuple[Action, ...] = self.dialogue.begin(now)

    def say(
        self,
        intent: str | None = None,
        text: str = "",
        *,
        language: Language | None = None,
        doubtful: bool = False,
        wants_human: bool = False,
        asks_if_robot: bool = False,
        requested_language: Language | None = None,
        is_backchannel: bool = False,
        is_out_of_scope: bool = False,
        **slots: str,
    ) -> tuple[Action, ...]:
        turn = Interpretation(
            text or (intent or "").replace("_", " "),
            language or self.dialogue.language,
            intent,
            0.9,
            slots,
            wants_human=wants_human,
            asks_if_robot=asks_if_robot,
            requested_language=requested_language,
            is_backchannel=is_backchannel,
            is_out_of_scope=is_out_of_scope,
        )
        self.actions = self.dialogue.heard(turn, self.now, doubtful=doubtful)
        return self.actions

    def keys(self, digits: str) -> tuple[Action, ...]:
        for digit in digits:
            self.actions = self.dialogue.key(digit, self.now)
        return self.actions

    def silence(self) -> tuple[Action, ...]:
        self.actions = self.dialogue.silence(self.now)
        return self.actions

    @property
    def prompts(self) -> list[str]:
        return [action.prompt_id for action in self.actions if isinstance(action, Say)]

    @property
    def says(self) -> list[Say]:
        return [action for action in self.actions if isinstance(action, Say)]

    def value(self, prompt_id: str, name: str) -> str:
        return next(s.values[name] for s in self.says if s.prompt_id == prompt_id)

    @property
    def listen(self) -> Listen:
        last = self.actions[-1]
        assert isinstance(last, Listen)
        return last


def bilingual() -> LineProfile:
    return replace(LINE, language=None)
