"""Replays a recorded call against rules: what would they have decided, and what changes with a draft? Pure.

A record does not hold everything: texts are redacted, queues and loops are not kept. A rule that hangs on
something unknown is reported as 'maybe' and not guessed. After a difference the real call would have gone
another way, so only the first one of a call is told; one that is certain before one that is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from voicebot.events import LANGUAGES, Language
from voicebot.storage.records import CallRecord, EventRecord, TurnRecord
from voicebot.transfer.rules import Rule, RuleAction, RuleSet, Situation
from voicebot.transfer.rules_conditions import Term
from voicebot.transfer.rules_facts import Facts
from voicebot.understanding.human_request import find_request
from voicebot.understanding.vulnerable import vulnerable_signals

SAME_MOMENT_MS = 500
"""A request this near to a turn was made in it."""
UNKNOWN_SUBJECTS = ("is_loop", "queue_waiting:", "queue_wait_seconds:", "entity:")
Happening = Literal["turn", "silence", "key", "request", "task"]
_OUTCOMES: Mapping[str, tuple[str, str]] = {
    "order_not_found": ("order_status", "not_found"),
    "appointment_not_found": ("find_appointment", "not_found"),
    "appointment_moved": ("move_appointment", "done"),
    "password_reset_sent": ("password_reset", "done"),
    "task_unavailable": ("", "unavailable"),
    "task_refused": ("", "refused"),
}
"""What the bot said tells how a task ended."""
_TASK_OF_INTENT = {"order_status": "order_status", "password_reset": "password_reset"}


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of the call at which rules are asked. `at_ms`: since the answer."""

    at_ms: int
    happening: Happening
    situation: Situation


@dataclass(frozen=True, slots=True)
class Verdict:
    """What rules say at a moment. `rule` '': none. `maybe`: rules before it that hang on what is unknown."""

    rule: str
    actions: tuple[RuleAction, ...]
    maybe: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """The moment at which two rule sets part. `really`: how the call went on from there."""

    call_id: str
    at_ms: int
    happening: Happening
    before: Verdict
    after: Verdict
    really: str

    @property
    def is_certain(self) -> bool:
        """What is done differs, unless a rule under `maybe` came first; else only those rules differ."""
        return self.before.actions != self.after.actions


@dataclass(frozen=True, slots=True)
class Replay:
    """One call under two rule sets. `requests`: for a person; `unserved`: of those, with the draft."""

    call_id: str
    moments: int
    requests: int
    unserved: int
    applied_before: tuple[str, ...]
    applied_after: tuple[str, ...]
    difference: Difference | None


def replay(record: CallRecord, before: RuleSet, after: RuleSet, *, caller: str | None) -> Replay:
    """Replay a call. `caller`: the number, '' when withheld, None when it is not known any more."""
    moments = list(moments_of(record, "?" if caller is None else caller))
    unknown = UNKNOWN_SUBJECTS if caller is not None else (*UNKNOWN_SUBJECTS, "caller")
    if record.line in {"", "*"}:
        unknown = (*unknown, "dialled")
    old, new = _Run(before, unknown), _Run(after, unknown)
    difference: Difference | None = None
    requests = unserved = 0
    for moment in moments:
        first, second = old.decide(moment.situation), new.decide(moment.situation)
        if moment.situation.asked_for_human:
            requests += 1
            unserved += not Rule("", (), second.actions).reaches_human
        if _differ(first, second) and (difference is None or not difference.is_certain):
            really = _really(record, moment.at_ms)
            found = Difference(record.call_id, moment.at_ms, moment.happening, first, second, really)
            difference = found if difference is None or found.is_certain else difference
    return Replay(
        record.call_id, len(moments), requests, unserved, tuple(old.applied), tuple(new.applied), difference
    )


class _Run:
    """One rule set through a call; remembers which rules were applied."""

    def __init__(self, rules: RuleSet, unknown: tuple[str, ...]) -> None:
        self._rules, self._unknown = rules, unknown
        self.applied: list[str] = []

    def decide(self, situation: Situation) -> Verdict:
        verdict = verdict_of(self._rules, replace(situation, applied=frozenset(self.applied)), self._unknown)
        if verdict.rule:
            self.applied.append(verdict.rule)
        return verdict


def verdict_of(rules: RuleSet, situation: Situation, unknown: tuple[str, ...]) -> Verdict:
    """Return what the rules decide. `unknown`: beginnings of the subjects of which nothing is known."""
    facts = Facts(situation, rules.calendar, rules.groups)
    maybe: list[str] = []
    for rule in rules.rules:
        if not rule.enabled or (rule.name in situation.applied and not rule.answers_request):
            continue
        known = [term for term in rule.terms if not _is_unknown(term, unknown)]
        if all(term.holds(facts) for term in known):
            if len(known) == len(rule.terms):
                return Verdict(rule.name, rule.actions, tuple(maybe))
            maybe.append(rule.name)
    return Verdict("", (), tuple(maybe))


def moments_of(record: CallRecord, caller: str) -> Iterator[Moment]:
    """Rebuild the situations of a call from its record, in order of time."""
    start = record.answered_at or record.started_at
    first: Language = next((each for each in LANGUAGES if each in record.languages[:1]), "nl")
    situation = Situation(caller=caller, dialled=record.line, language=first)
    asked_at = [event.at_ms for event in record.events if event.name == "HumanRequested"]
    for at_ms, what in _timeline(record):
        now = start + timedelta(milliseconds=at_ms)
        match what:
            case TurnRecord():
                if what.heard:
                    situation = _heard(situation, what, record, asked_at)
                    situation = replace(situation, moment=now)
                    yield Moment(at_ms, "turn", situation)
                for task, status in _outcomes(what):
                    situation = situation.task_ended(task, status, now)
                    yield Moment(at_ms, "task", situation)
            case EventRecord(name="NoInput"):
                situation = situation.was_silent(now, failed_turns=situation.failed_turns + 1)
                yield Moment(at_ms, "silence", situation)
            case EventRecord(name="KeyPressed"):
                is_zero = what.payload.get("is_zero") is True
                situation = situation.pressed("0" if is_zero else "", now, asked_for_human=is_zero)
                if is_zero:  # other keys are not kept (law P2)
                    yield Moment(at_ms, "key", situation)
            case EventRecord(name="HumanRequested"):
                is_told = situation.asked_for_human and what.payload.get("by") in {"words", "key"}
                if not is_told:
                    situation = situation.request(now)
                    yield Moment(at_ms, "request", situation)
            case EventRecord(name="TransferProgressed"):
                if what.payload.get("state") in {"failed", "returned"}:
                    situation = situation.elsewhere(transfer_failures=situation.transfer_failures + 1)


def _timeline(record: CallRecord) -> list[tuple[int, TurnRecord | EventRecord]]:
    """Turns before events of the same time: a request is made in a turn."""
    found: list[tuple[int, int, int, TurnRecord | EventRecord]] = []
    found += [(turn.at_ms, 0, place, turn) for place, turn in enumerate(record.turns)]
    found += [(event.at_ms, 1, place, event) for place, event in enumerate(record.events)]
    return [(at_ms, what) for at_ms, _, _, what in sorted(found, key=lambda each: each[:3])]


def _heard(situation: Situation, turn: TurnRecord, record: CallRecord, asked_at: list[int]) -> Situation:
    failures = [
        event.payload.get("failures")
        for event in record.events
        if event.name == "NoMatch" and abs(event.at_ms - turn.at_ms) < SAME_MOMENT_MS
    ]
    failed = failures[0] if failures and isinstance(failures[0], int) else 0
    is_request = (
        turn.intent == "human"
        or find_request(turn.heard).wants_human
        or any(abs(at_ms - turn.at_ms) < SAME_MOMENT_MS for at_ms in asked_at)
    )
    return situation.heard(
        turn.heard,
        situation.moment or record.started_at,
        language="en" if turn.language == "en" else "nl",
        intent=turn.intent,
        asked_for_human=is_request,
        vulnerable=vulnerable_signals(turn.heard),
        failed_turns=failed,
    )


def _outcomes(turn: TurnRecord) -> Iterator[tuple[str, str]]:
    for prompt in turn.prompt_ids:
        if prompt in _OUTCOMES:
            task, status = _OUTCOMES[prompt]
            yield task or _TASK_OF_INTENT.get(turn.intent or "", ""), status


def _is_unknown(term: Term, unknown: tuple[str, ...]) -> bool:
    return term.condition.subject.startswith(unknown)


def _differ(before: Verdict, after: Verdict) -> bool:
    """Rules may be renamed: what counts is what is done, and what may be done."""
    return before.actions != after.actions or before.maybe != after.maybe


def _really(record: CallRecord, at_ms: int) -> str:
    later = (transfer for transfer in record.transfers if transfer.requested_at_ms >= at_ms - SAME_MOMENT_MS)
    transfer = next(later, None)
    if transfer is None:
        return record.disposition
    return f"transfer to {transfer.destination} ({transfer.failure or 'joined'}); {record.disposition}"
