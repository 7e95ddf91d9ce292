"""Nothing was said or understood: prompts that differ, then the offer of a person, then the transfer (H6)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from voicebot.dialogue.actions import Action
from voicebot.dialogue.state import Context, Question
from voicebot.dialogue.ways_out import HOPELESS_AFTER, hopeless, to_human
from voicebot.events import Language

Failure = Literal["no_input", "no_match", "dont_know"]
"""`dont_know`: understood, but a matter that we have no answer to."""
AFTER_A_FAILED_WAY_OUT = frozenset(
    {Question.CALLBACK_OFFER, Question.CALLBACK_NUMBER, Question.TRANSFER_CHOICE}
)


def other(language: Language) -> Language:
    """Return the bot's other language."""
    return "en" if language == "nl" else "nl"


def failed(ctx: Context, failure: Failure, now: datetime) -> tuple[Action, ...]:
    """React to one more failure in a row."""
    state = ctx.state
    state.failures += 1
    state.keys = ""
    is_silence = failure == "no_input"
    if state.failures >= ctx.config.transfer_after:
        no_transfer_helps = (
            state.question in AFTER_A_FAILED_WAY_OUT or state.transfer_failures >= HOPELESS_AFTER
        )
        if no_transfer_helps:
            return hopeless(ctx, is_silence=is_silence)
        return (ctx.say("repair_transfer"), *to_human(ctx, "repair", now))
    sorry = ctx.say(failure)
    hint = _other_language_hint(ctx) if is_silence else ()
    if state.question in AFTER_A_FAILED_WAY_OUT:
        return (sorry, *ctx.ask_again())
    if failure == "dont_know" or state.failures >= ctx.config.offer_human_after:
        return (sorry, *hint, *ctx.ask(Question.OFFER_HUMAN))
    asked = ctx.ask_again()
    return (sorry, *asked[:-1], *hint, asked[-1])


def _other_language_hint(ctx: Context) -> tuple[Action, ...]:
    """Until the caller has spoken, silence may mean that the language was not understood."""
    if ctx.state.spoke:
        return ()
    return (ctx.say_in(other(ctx.state.language), "other_language"),)


def stuck(ctx: Context, now: datetime) -> tuple[Action, ...] | None:
    """Count a failed try inside the task; offer a person, then transfer; None while it may be retried."""
    topic = ctx.state.topic
    if topic is None:
        return None
    topic.attempts += 1
    if topic.attempts >= ctx.config.transfer_after:
        return (ctx.say("repair_transfer"), *to_human(ctx, "repair", now))
    if topic.attempts >= ctx.config.offer_human_after:
        return ctx.ask(Question.OFFER_HUMAN)
    return None
