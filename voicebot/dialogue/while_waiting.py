"""The caller who waits for a person: what is told meanwhile, and what the caller may choose. Pure."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Literal

from voicebot.dialogue import intent_names as intents
from voicebot.dialogue.actions import Action, Say
from voicebot.dialogue.state import Context, Question
from voicebot.dialogue.turn_reading import choice_of, yes_or_no
from voicebot.dialogue.ways_out import choose, transfer
from voicebot.transfer.waiting import WaitFacts
from voicebot.understanding.interpretation import Interpretation

WaitingChoice = Literal["callback", "message", "human"]
"""Instead of waiting: be called back, leave a message. 'human': asked for a person once more."""
LONGEST_SECONDS = 1800.0
"""Estimates beyond half an hour are no help to anybody."""


class WaitingDialogue:
    """The part of the dialogue that speaks with a caller who waits for a person."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def words(self, facts: WaitFacts) -> tuple[Say, ...]:
        """Return what to tell the caller now."""
        ctx, said = self._ctx, [_place(self._ctx, facts)]
        seconds = facts.expected_seconds
        if facts.position is not None and seconds is not None and 0 < seconds <= LONGEST_SECONDS:
            minutes = math.ceil(seconds / 60)
            said.append(
                ctx.say("queue_minutes", minutes=str(minutes)) if minutes > 1 else ctx.say("queue_soon")
            )
        if facts.offers_callback and not ctx.state.callback_stored:
            ctx.state.callback_was_offered = True
            said.append(ctx.say("offer_callback_waiting"))
        return tuple(said)

    def heard(self, turn: Interpretation) -> WaitingChoice | None:
        """Take what the caller said; None when it means nothing here (it may be the music's echo)."""
        if turn.wants_human or turn.intent == intents.HUMAN:
            self._ctx.state.human_requests += 1
            return "human"
        if turn.intent == intents.CALLBACK:
            return "callback"
        choice = choice_of(turn)
        if choice == "message":
            return "message"
        if choice == "callback" or (self._ctx.state.callback_was_offered and yes_or_no(turn)):
            return "callback"
        return None

    def key(self, digit: str) -> WaitingChoice | None:
        """Take a key: 0 asks for a person once more, 2 and 3 as in the choice after a failed transfer."""
        if digit == "0":
            self._ctx.state.human_requests += 1
            return "human"
        if digit == "2":
            return "callback"
        return "message" if digit == "3" else None

    def left(self, choice: str, now: datetime) -> tuple[Action, ...]:
        """Carry out what the caller chose instead of waiting."""
        self._ctx.state.question = Question.TRANSFER_CHOICE
        return choose(self._ctx, choice, now)

    def handed_on(self, target: str) -> tuple[Action, ...]:
        """The agent hands the caller on to another agent or a queue."""
        self._ctx.state.after_transfer = None
        return (
            self._ctx.say("transfer_handed_on"),
            transfer(self._ctx, "handed_on", ((target, None),)),
        )


def _place(ctx: Context, facts: WaitFacts) -> Say:
    if facts.position is None:
        return ctx.say("still_waiting")
    if facts.position == 1:
        return ctx.say("queue_next")
    return ctx.say("queue_position", position=str(facts.position))
