"""Whether the actions of one rule make sense together, and are fair to the caller. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from voicebot.events import LANGUAGES
from voicebot.transfer.rules import EndCall, OfferCallback, Rule, RuleAction, SayText, TakeMessage, TransferTo
from voicebot.transfer.rules_problem import Problem

MOST_ACTIONS = 10
IN_NEED = frozenset(
    {"asked_for_human", "is_loop", "failed_turns", "silences", "transfer_failures", "vulnerable", "task"}
)
"""Who is in one of these situations is offered a person, never hung up on (law H4, H6, X2)."""
_PLACES = {SayText: 0, TransferTo: 1, OfferCallback: 2, TakeMessage: 2, EndCall: 3}


def action_problems(rule: Rule) -> Iterator[Problem]:
    """Find actions that are missing, in the wrong order, or against the caller."""
    actions = rule.actions

    def wrong(problem: str, mend: str, code: str = "actions") -> Problem:
        return Problem(code, rule.name, problem, mend)

    if not 1 <= len(actions) <= MOST_ACTIONS:
        yield wrong(f"must have 1 to {MOST_ACTIONS} actions", "add or remove actions under 'then:'")
    if len(set(actions)) < len(actions):
        yield wrong("does the same twice", "remove one of the two actions")
    places = [_PLACES[type(action)] for action in actions]
    if places != sorted(places):
        yield wrong(
            "has its actions in an order that cannot be carried out",
            "put 'say' first, then the transfers, then 'offer_callback' and 'take_message'",
        )
    ends = any(isinstance(action, EndCall) for action in actions)
    if ends and any(not isinstance(action, EndCall | SayText) for action in actions):
        yield wrong("ends the call and goes on with it", "keep either 'end' or the other actions")
    subjects = {term.condition.subject for term in rule.terms if term.is_wanted}
    if ends and any(subject in IN_NEED or subject.startswith("queue_") for subject in subjects):
        yield wrong(
            "hangs up on a caller who needs help or waits (law H4, X2)",
            "replace 'end' by 'transfer', 'offer_callback' or 'take_message'",
        )
    for action in actions:
        for language in _missing(action):
            mend = "a caller may speak either language: add the text"
            yield wrong(f"has no text in '{language}'", mend, "text")
        if isinstance(action, TransferTo) and action.kind == "blind" and ":" in action.target:
            yield wrong(
                f"hands the caller to '{action.target}' blind, so the bot cannot take them back",
                "write 'how: bridged', or nothing",
            )


def _missing(action: RuleAction) -> tuple[str, ...]:
    if not isinstance(action, SayText | EndCall):
        return ()
    return tuple(language for language in LANGUAGES if not getattr(action, f"text_{language}").strip())
