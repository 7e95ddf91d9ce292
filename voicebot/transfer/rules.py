"""Transfer rules: who is put through, when, to whom, with which words. Pure; data, not code.

Rules are tried from the first to the last; the first whose conditions all hold decides, and `Decision` says
of each rule tried which conditions held and which did not. A rule that answers no request for a person is
applied once in a call, so that a caller who comes back from a transfer is not sent round in circles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from voicebot.transfer.rules_conditions import Flag, Term
from voicebot.transfer.rules_facts import Calendar, Facts
from voicebot.transfer.rules_situation import QueueFacts, Situation, TaskFact

__all__ = [
    "Calendar",
    "Decision",
    "EndCall",
    "OfferCallback",
    "QueueFacts",
    "Rule",
    "RuleAction",
    "RuleFinding",
    "RuleSet",
    "SayText",
    "Situation",
    "TakeMessage",
    "TaskFact",
    "TransferTo",
    "decide",
    "explain",
]

REQUEST = Term(Flag("asked_for_human"))
"""The caller asks for a person: by words, by key 0, by 'yes' to the offer."""

RuleTransferKind = Literal["bridged", "blind", "attended"]


@dataclass(frozen=True, slots=True)
class TransferTo:
    """Put the caller through. `target`: 'queue:service', 'agent:anna' or a destination's name."""

    target: str
    kind: RuleTransferKind = "bridged"


@dataclass(frozen=True, slots=True)
class OfferCallback:
    """Offer to call back."""


@dataclass(frozen=True, slots=True)
class TakeMessage:
    """Take a message, kept as text."""


@dataclass(frozen=True, slots=True)
class SayText:
    """Say this first."""

    text_nl: str
    text_en: str


@dataclass(frozen=True, slots=True)
class EndCall:
    """Say this and end the call."""

    text_nl: str
    text_en: str


RuleAction = TransferTo | OfferCallback | TakeMessage | SayText | EndCall


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `name`: unique. `terms`: all must be met. `enabled` False: kept, not applied."""

    name: str
    terms: tuple[Term, ...]
    actions: tuple[RuleAction, ...]
    enabled: bool = True
    note: str = ""

    @property
    def answers_request(self) -> bool:
        """It asks for a request for a person, so it is applied each time that one comes."""
        return REQUEST in self.terms

    @property
    def reaches_human(self) -> bool:
        """The caller gets a person or a callback."""
        return any(isinstance(action, TransferTo | OfferCallback) for action in self.actions)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """An immutable snapshot, read at the start of a call. `version`: of storage, 0 for a draft.

    `groups`: callers' numbers in one form, by group. `calendar`: what 'open' and 'closed' look at.
    """

    rules: tuple[Rule, ...] = ()
    groups: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    calendar: Calendar = field(default_factory=Calendar)
    version: int = 0


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """What came of one rule. `held` and `failed`: its terms; str() of them says nothing of the caller."""

    rule: str
    outcome: Literal["applied", "did_not_hold", "applied_before", "disabled", "not_tried"]
    held: tuple[Term, ...] = ()
    failed: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The rule that decided and what to do, in order. `explanation`: a finding of each rule tried."""

    rule: str
    actions: tuple[RuleAction, ...]
    explanation: tuple[RuleFinding, ...] = ()

    @property
    def reaches_human(self) -> bool:
        """The caller gets a person or a callback (law H3)."""
        return any(isinstance(action, TransferTo | OfferCallback) for action in self.actions)


def decide(rules: RuleSet, situation: Situation) -> Decision | None:
    """Return the decision of the first rule that holds; None when none does."""
    facts = Facts(situation, rules.calendar, rules.groups)
    tried: list[RuleFinding] = []
    for rule in rules.rules:
        finding = _try(rule, facts)
        tried.append(finding)
        if finding.outcome == "applied":
            return Decision(rule.name, rule.actions, tuple(tried))
    return None


def explain(rules: RuleSet, situation: Situation) -> tuple[RuleFinding, ...]:
    """Return a finding of every rule, also of those after the one that decides."""
    facts = Facts(situation, rules.calendar, rules.groups)
    findings: list[RuleFinding] = []
    is_decided = False
    for rule in rules.rules:
        finding = _try(rule, facts)
        if finding.outcome == "applied":
            if is_decided:
                finding = replace(finding, outcome="not_tried")
            is_decided = True
        findings.append(finding)
    return tuple(findings)


def _try(rule: Rule, facts: Facts) -> RuleFinding:
    if not rule.enabled:
        return RuleFinding(rule.name, "disabled")
    held: list[Term] = []
    failed: list[Term] = []
    for term in rule.terms:
        (held if term.holds(facts) else failed).append(term)
    outcome: Literal["applied", "did_not_hold", "applied_before"] = "did_not_hold" if failed else "applied"
    if not failed and rule.name in facts.situation.applied and not rule.answers_request:
        outcome = "applied_before"
    return RuleFinding(rule.name, outcome, tuple(held), tuple(failed))
