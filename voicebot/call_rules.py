"""The transfer rules at each decision point of one call: facts in, a decision or None out.

The rules are data of operators, and this is their edge: whatever goes wrong in them is noted and the dialogue
goes on by itself, which puts a caller who asks for a person through to the default destination (law H2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import structlog

from voicebot.call_inputs import EarsFailed, Input, Silent, TimeUp
from voicebot.call_understanding import TurnHeard
from voicebot.dialogue.actions import Action, TaskOutcome, Transfer
from voicebot.events import EventSink, RuleApplied, RulesFailed
from voicebot.media.leg import DigitPressed
from voicebot.transfer.rules import (
    Decision,
    EndCall,
    OfferCallback,
    QueueFacts,
    RuleSet,
    Situation,
    TakeMessage,
    TransferTo,
    decide,
)
from voicebot.understanding.vulnerable import vulnerable_signals

if TYPE_CHECKING:
    from voicebot.call_services import Dialogue

log = structlog.get_logger()

DecisionPoint = Literal["request", "turn", "task", "silence", "key"]


@dataclass(frozen=True, slots=True)
class RulesOfCall:
    """The snapshot that a call decides by, and the queues as they are at any moment."""

    rules: RuleSet = field(default_factory=RuleSet)
    queues: Callable[[], Mapping[str, QueueFacts]] = dict


class CallRules:
    """One call's situation, kept from happening to happening."""

    def __init__(
        self, parts: RulesOfCall, caller: str, dialled: str, sink: EventSink, at_ms: Callable[[], int]
    ) -> None:
        self._parts, self._sink, self._at_ms = parts, sink, at_ms
        self._situation = Situation(caller=caller, dialled=dialled)

    def revised(
        self, item: Input, own: tuple[Action, ...], dialogue: Dialogue, now: datetime, has_asked: bool
    ) -> tuple[Action, ...]:
        """Let the rules decide on what has just happened; `own`: the dialogue's reaction, which else stands.

        `has_asked`: the caller asked for a person. Where the dialogue itself wants one for the caller, the
        rules for requests say where people are.
        """
        point = self._take(item, own, dialogue, now, has_asked)
        if point is None:
            return own
        wanted = [each for each in own if isinstance(each, Transfer)]
        if wanted and not has_asked:
            self._situation = self._situation.request(now)
        decision = self._decide("request" if has_asked or wanted else point, dialogue)
        if decision is None:
            return own
        reason = "human_request" if has_asked else wanted[0].reason if wanted else "rule"
        return dialogue.ruled(decision.actions, own, reason, now)

    def _take(
        self, item: Input, own: tuple[Action, ...], dialogue: Dialogue, now: datetime, has_asked: bool
    ) -> DecisionPoint | None:
        """Note what happened; None where nothing is to be decided."""
        situation = self._situation
        match item:
            case TurnHeard(interpretation=found):
                self._situation = situation.heard(
                    item.text,
                    now,
                    language=dialogue.language,
                    intent=found.intent if found is not None else None,
                    entities=found.slots if found is not None else {},
                    asked_for_human=has_asked,
                    vulnerable=vulnerable_signals(item.text),
                    failed_turns=dialogue.failures,
                    is_loop=dialogue.is_looping,
                )
                return "turn"
            case DigitPressed(digit=digit):
                self._situation = situation.pressed(digit, now, asked_for_human=has_asked)
                return "key"
            case Silent():
                self._situation = situation.was_silent(now, failed_turns=dialogue.failures)
                return "silence"
            case TaskOutcome() if own:
                self._situation = situation.task_ended(item.name, item.status, now)
                return "task"
            case EarsFailed() | TimeUp():
                return "turn"
        return None

    def _decide(self, point: DecisionPoint, dialogue: Dialogue) -> Decision | None:
        """Ask the rules; None when none holds, or when they fail."""
        try:
            self._situation = self._situation.elsewhere(
                queues=self._parts.queues(), transfer_failures=dialogue.transfer_failures
            )
            decision = decide(self._parts.rules, self._situation)
        except Exception as error:  # noqa: BLE001 - the edge of the rules: no rule may cost a caller the person
            # Without the trace: values in it may be what the caller said.
            log.error("rules failed", action="rules.decide", error=type(error).__name__)  # noqa: TRY400
            self._sink(RulesFailed(self._at_ms(), type(error).__name__))
            return None
        if decision is None:
            return None
        if self._situation.asked_for_human and not _serves_request(decision):
            self._sink(RulesFailed(self._at_ms(), "no human path"))
            return None
        self._situation = self._situation.with_applied(decision.rule)
        self._sink(RuleApplied(self._at_ms(), decision.rule, point, _explained(decision)))
        return decision


def _serves_request(decision: Decision) -> bool:
    """Whether it gives a caller who asked for a person a way to one (law H3), or only adds words to it."""
    ways = [each for each in decision.actions if isinstance(each, TransferTo | OfferCallback | TakeMessage)]
    return bool(ways) or not any(isinstance(each, EndCall) for each in decision.actions)


def _explained(decision: Decision) -> tuple[str, ...]:
    """Name what held and did not, of the rules that were tried; terms never hold what was said."""
    lines = []
    for finding in decision.explanation:
        held = "; ".join(str(term) for term in finding.held)
        failed = "; ".join(str(term) for term in finding.failed)
        lines.append(
            f"{finding.rule}: {finding.outcome}"
            + (f"; held: {held}" if held else "")
            + (f"; did not hold: {failed}" if failed else "")
        )
    return tuple(lines)
