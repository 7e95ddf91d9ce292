"""The facts of a call on which transfer rules decide, and how each happening in the call changes them. Pure.

Facts are of two sorts. Of this moment: `words`, `intent`, `entities`, `key`, `task`, `asked_for_human`; they
are gone at the next happening. Of the call so far: all others. `heard`, `was_silent`, `pressed`, `task_ended`
and `request` return the next situation, so that whoever fills the facts does it in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from voicebot.events import Language
from voicebot.understanding.vulnerable import VulnerableSignal

TASK_STATUSES = ("done", "not_found", "refused", "unavailable")
"""`TaskOutcome.status`; 'unavailable' is a backend that is down."""
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """A queue as it is now. `wait_seconds`: the expected wait, None while there is no basis for one."""

    waiting: int
    wait_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TaskFact:
    """A task that has just ended. `status`: one of TASK_STATUSES."""

    name: str
    status: str


@dataclass(frozen=True, slots=True)
class Situation:
    """Every fact that a rule may ask for; each default means 'not so' or 'not known'.

    `moment`: aware (or local at the desk); None matches no condition of time. `words`: the turn's text.
    `failed_turns`, `silences`: in a row; anything that happens ends a row of silences. `is_loop`: the caller
    goes round in circles. `key`: one DTMF key. `caller`, `dialled`: numbers as received; '' is anonymous.
    `queues`: by name. `vulnerable`: signals said so far. `transfer_failures`: in this call. `applied`: names
    of rules applied in this call.
    """

    moment: datetime | None = None
    asked_for_human: bool = False
    words: str = field(default="", repr=False)
    intent: str = ""
    entities: Mapping[str, str] = field(default_factory=lambda: NOTHING, repr=False)
    key: str = field(default="", repr=False)
    task: TaskFact | None = None
    language: Language = "nl"
    failed_turns: int = 0
    silences: int = 0
    is_loop: bool = False
    vulnerable: frozenset[VulnerableSignal] = frozenset()
    caller: str = field(default="", repr=False)
    dialled: str = ""
    queues: Mapping[str, QueueFacts] = field(default_factory=lambda: MappingProxyType({}))
    transfer_failures: int = 0
    applied: frozenset[str] = frozenset()

    def heard(
        self,
        words: str,
        moment: datetime,
        *,
        language: Language,
        intent: str | None = None,
        entities: Mapping[str, str] = NOTHING,
        asked_for_human: bool = False,
        vulnerable: frozenset[VulnerableSignal] = frozenset(),
        failed_turns: int = 0,
        is_loop: bool = False,
    ) -> Situation:
        """The caller took a turn. `vulnerable`: signals of this turn (`vulnerable_signals(words)`)."""
        return replace(
            self._next(moment),
            words=words,
            language=language,
            intent=intent or "",
            entities=entities,
            asked_for_human=asked_for_human,
            vulnerable=self.vulnerable | vulnerable,
            failed_turns=failed_turns,
            is_loop=is_loop,
        )

    def was_silent(self, moment: datetime, *, failed_turns: int) -> Situation:
        """The caller said nothing within the no-input time."""
        return replace(self._next(moment), silences=self.silences + 1, failed_turns=failed_turns)

    def pressed(self, key: str, moment: datetime, *, asked_for_human: bool = False) -> Situation:
        """The caller pressed a key. `asked_for_human`: key 0, where it is no digit of a number (law H1)."""
        return replace(self._next(moment), key=key, asked_for_human=asked_for_human)

    def task_ended(self, name: str, status: str, moment: datetime) -> Situation:
        """A task came back. The intent that began it is kept."""
        return replace(self._next(moment), task=TaskFact(name, status), intent=self.intent)

    def request(self, moment: datetime) -> Situation:
        """A person is needed after all: 'yes' to the offer, repair, a button on the page. The rest stays."""
        return replace(self, moment=moment, asked_for_human=True)

    def elsewhere(
        self, *, queues: Mapping[str, QueueFacts] | None = None, transfer_failures: int | None = None
    ) -> Situation:
        """Add what other parts know just before deciding."""
        return replace(
            self,
            queues=self.queues if queues is None else queues,
            transfer_failures=self.transfer_failures if transfer_failures is None else transfer_failures,
        )

    def with_applied(self, rule: str) -> Situation:
        """Remember that a rule was applied: a rule that answers no request is applied once in a call."""
        return replace(self, applied=self.applied | {rule})

    def _next(self, moment: datetime) -> Situation:
        return replace(
            self,
            moment=moment,
            words="",
            intent="",
            entities=NOTHING,
            key="",
            task=None,
            asked_for_human=False,
            silences=0,
        )
