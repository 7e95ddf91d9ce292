"""The state of one dialogue, and the little language in which every decision is written.

`Context` is what the decision functions share; `say` and `ask` make the actions and keep the counters that
vary the wording (no randomness).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from voicebot.dialogue.actions import Action, Listen, Say
from voicebot.dialogue.config import AnswerSource, DialogueConfig, LineProfile
from voicebot.events import Disposition, Language
from voicebot.transfer.opening_hours import OpeningHours
from voicebot.understanding.interpretation import Expectation


class Question(enum.StrEnum):
    """What the bot has asked last: it decides what the next turn means. The value is the prompt's id."""

    HOW_CAN_I_HELP = "how_can_i_help"
    ANYTHING_ELSE = "anything_else"
    OFFER_HUMAN = "offer_human"
    ORDER_NUMBER = "ask_order_number"
    ACCOUNT_NUMBER = "ask_account_number"
    APPOINTMENT_KEY = "ask_appointment"
    HOUSE_NUMBER = "ask_house_number"
    CONFIRM_NUMBER = "confirm_number"
    CONFIRM_RESET = "confirm_reset"
    CHOOSE_SLOT = "choose_slot"
    CONFIRM_MOVE = "confirm_move"
    CALLBACK_OFFER = "offer_callback"
    CALLBACK_NUMBER = "ask_callback_number"
    TRANSFER_CHOICE = "transfer_choice"
    MESSAGE = "ask_message"
    TASK_RUNNING = "one_moment"
    TRANSFERRING = "transferring"
    ENDED = "goodbye"


@dataclass(frozen=True, slots=True)
class QuestionKind:
    """What kind of answer a question wants. `digits`: allowed lengths of a number, (0, 0) for none."""

    expectation: Expectation = Expectation.ANYTHING
    digits: tuple[int, int] = (0, 0)


KINDS: Mapping[Question, QuestionKind] = {
    Question.OFFER_HUMAN: QuestionKind(Expectation.YES_NO),
    Question.ORDER_NUMBER: QuestionKind(Expectation.DIGITS, (5, 6)),
    Question.ACCOUNT_NUMBER: QuestionKind(Expectation.DIGITS, (4, 6)),
    Question.APPOINTMENT_KEY: QuestionKind(Expectation.POSTCODE, (6, 6)),
    Question.HOUSE_NUMBER: QuestionKind(Expectation.DIGITS, (1, 5)),
    Question.CONFIRM_NUMBER: QuestionKind(Expectation.YES_NO),
    Question.CONFIRM_RESET: QuestionKind(Expectation.YES_NO),
    Question.CHOOSE_SLOT: QuestionKind(Expectation.CHOICE),
    Question.CONFIRM_MOVE: QuestionKind(Expectation.YES_NO),
    Question.CALLBACK_OFFER: QuestionKind(Expectation.YES_NO),
    Question.CALLBACK_NUMBER: QuestionKind(Expectation.DIGITS, (9, 14)),
    Question.TRANSFER_CHOICE: QuestionKind(Expectation.CHOICE),
}
PLAIN = QuestionKind()


@dataclass(slots=True)
class Topic:
    """The task under way. `options`: ISO date-times on offer. `attempts`: failed tries (law H6: a loop)."""

    name: str
    slots: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    chosen: str = ""
    attempts: int = 0
    pages: int = 0


@dataclass(slots=True)
class DialogueState:
    """All that changes during a call.

    `resume`: question to return to after a human was offered. `keys`: digits pressed so far; `partial`:
    digits heard so far of a number said in pieces. `answered`: something was answered. `spoke`: the caller
    has said or pressed anything. `last_answer`: what 'herhaal' repeats. `after_transfer`: asked when nobody
    takes the call, None for the choice. `callback_was_offered`: to the caller who waits now.
    """

    language: Language
    question: Question = Question.HOW_CAN_I_HELP
    values: dict[str, str] = field(default_factory=dict)
    resume: Question = Question.HOW_CAN_I_HELP
    resume_values: dict[str, str] = field(default_factory=dict)
    topic: Topic | None = None
    failures: int = 0
    keys: str = ""
    partial: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    last_answer: tuple[Say, ...] = ()
    last_key: str = ""
    same_key: int = 0
    tried: list[str] = field(default_factory=list)
    human_requested: bool = False
    human_requests: int = 0
    human_refusals: int = 0
    transfer_failures: int = 0
    destination: str = ""
    after_transfer: Question | None = None
    callback_was_offered: bool = False
    callback_stored: bool = False
    answered: bool = False
    spoke: bool = False
    language_is_known: bool = True
    is_waiting: bool = False
    time_warnings: int = 0
    rate: float = 1.0
    gain_db: float = 0.0
    disposition: Disposition = Disposition.COMPLETED


@dataclass(slots=True)
class Context:
    """What every decision sees."""

    line: LineProfile
    config: DialogueConfig
    hours: OpeningHours
    answers: AnswerSource
    state: DialogueState

    def today(self, now: datetime) -> date:
        """Return the date at the organisation, whatever the zone of `now`."""
        return self.hours.desk.local(now).date()

    def say(self, prompt_id: str, **values: str) -> Say:
        """Make a Say in the call's language with the next wording of that prompt."""
        return self.say_in(self.state.language, prompt_id, **values)

    def say_in(self, language: Language, prompt_id: str, /, **values: str) -> Say:
        """Make a Say in that language."""
        key = f"{prompt_id}/{language}"
        variant = self.state.counts.get(key, 0)
        self.state.counts[key] = variant + 1
        return Say(prompt_id, language, {"organisation": self.line.organisation, **values}, variant)

    def listen(self, no_input_ms: int = 0) -> Listen:
        """Listen for an answer to the pending question."""
        kind = self.kind
        usual = self.config.no_input_digits_ms if kind.digits[1] > 0 else self.config.no_input_ms
        return Listen(kind.expectation, no_input_ms or usual)

    @property
    def kind(self) -> QuestionKind:
        """The kind of the pending question."""
        question, resumed = self.state.question, KINDS.get(self.state.resume, PLAIN)
        if question is Question.OFFER_HUMAN and resumed.digits[1] > 0:
            return resumed  # the digits that were asked before still count, and take longer than yes or no
        return KINDS.get(question, PLAIN)

    def ask(self, question: Question, **values: str) -> tuple[Action, ...]:
        """Ask a question and make it the pending one."""
        state = self.state
        if question is Question.OFFER_HUMAN and state.question is not Question.OFFER_HUMAN:
            state.resume, state.resume_values = state.question, state.values
        state.question, state.values = question, values
        state.keys = state.partial = ""
        return (self.say(question.value, **values), self.listen())

    def ask_again(self) -> tuple[Action, ...]:
        """Ask the pending question anew, in its next wording."""
        return self.ask(self.state.question, **self.state.values)
