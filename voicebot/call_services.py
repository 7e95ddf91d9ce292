"""What a call is given: the dialogue that decides, the tasks' backend, voice, ears, transfers, clocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from voicebot.call_hearing import HearingParts
from voicebot.call_rules import RulesOfCall
from voicebot.call_speech import Voice
from voicebot.call_transfer import TransferParts
from voicebot.dialogue.actions import Action, Say, TaskOutcome
from voicebot.dialogue.while_waiting import WaitingChoice
from voicebot.errors import DialFailure
from voicebot.events import Language
from voicebot.transfer.rules import RuleAction
from voicebot.transfer.waiting import WaitFacts
from voicebot.understanding.interpretation import Interpretation


class WaitingDialogue(Protocol):
    """The part of the policy that speaks with a caller who waits for a person."""

    def words(self, facts: WaitFacts) -> tuple[Say, ...]:
        """What to tell the caller now."""

    def heard(self, turn: Interpretation) -> WaitingChoice | None:
        """The caller said something over the music."""

    def key(self, digit: str) -> WaitingChoice | None:
        """The caller pressed a key."""

    def left(self, choice: str, now: datetime) -> tuple[Action, ...]:
        """The caller chose something else than to wait."""

    def handed_on(self, target: str) -> tuple[Action, ...]:
        """The agent hands the caller on."""


class Dialogue(Protocol):
    """The policy, as the call uses it. Each input yields what to do next; () is 'go on with what runs'."""

    @property
    def language(self) -> Language:
        """The language the bot speaks now."""

    @property
    def rate(self) -> float:
        """Speaking rate; 1.0 is normal."""

    @property
    def gain_db(self) -> float:
        """Louder by so much than normal."""

    @property
    def failures(self) -> int:
        """Turns in a row in which nothing was said or understood."""

    @property
    def human_requests(self) -> int:
        """How often the caller has asked for a person."""

    @property
    def has_answered(self) -> bool:
        """The caller has got an answer to something."""

    @property
    def waiting(self) -> WaitingDialogue:
        """What is said to, and heard from, a caller who waits."""

    @property
    def is_looping(self) -> bool:
        """The caller goes round in circles."""

    @property
    def transfer_failures(self) -> int:
        """Transfers that failed in this call."""

    def ruled(
        self, decided: tuple[RuleAction, ...], own: tuple[Action, ...], reason: str, now: datetime
    ) -> tuple[Action, ...]:
        """A transfer rule decided; `own`: the reaction that it replaces or comes before."""

    def begin(self, now: datetime) -> tuple[Action, ...]:
        """The call was answered."""

    def heard(self, turn: Interpretation, now: datetime, *, doubtful: bool) -> tuple[Action, ...]:
        """The caller said something that was recognised."""

    def nothing_understood(self, now: datetime) -> tuple[Action, ...]:
        """The caller spoke, but no words came out of it."""

    def silence(self, now: datetime) -> tuple[Action, ...]:
        """The caller said nothing for as long as Listen allowed."""

    def key(self, digit: str, now: datetime) -> tuple[Action, ...]:
        """A key was pressed."""

    def ears_failed(self, now: datetime) -> tuple[Action, ...]:
        """Recognition does not work."""

    def broken(self, now: datetime) -> tuple[Action, ...]:
        """Something else of ours does not work; the caller has heard an apology."""

    def task_done(self, outcome: TaskOutcome, now: datetime) -> tuple[Action, ...]:
        """A backend has answered."""

    def transfer_failed(self, failure: DialFailure, now: datetime) -> tuple[Action, ...]:
        """Nobody took the call; the caller is with the bot."""

    def transfer_returned(self, now: datetime) -> tuple[Action, ...]:
        """The agent has hung up; the caller is back."""

    def time_is_up(self, now: datetime) -> tuple[Action, ...]:
        """The call has lasted as long as is allowed."""


class TaskBackend(Protocol):
    """What tasks call."""

    async def run(self, name: str, slots: dict[str, str]) -> TaskOutcome:
        """Never raises: trouble is the status 'unavailable'."""


@dataclass(frozen=True, slots=True)
class CallServices:
    """What a call needs of the rest. `clock`: monotonic seconds; `now`: local date and time."""

    voice: Voice
    hearing: HearingParts
    transfer: TransferParts
    backend: TaskBackend
    rules: RulesOfCall
    clock: Callable[[], float]
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Seconds: the longest call, and how often the caller is told once it has lasted so long."""

    max_seconds: float = 900
    grace_seconds: float = 60
