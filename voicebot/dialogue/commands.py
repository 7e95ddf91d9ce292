"""What a caller may say at any moment besides asking for a person: repeat, slower, wait, cancel (law X2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from voicebot.dialogue import intent_names as intents
from voicebot.dialogue.actions import Action
from voicebot.dialogue.appointment import confirm_move, offered
from voicebot.dialogue.state import Context, Question
from voicebot.dialogue.ways_out import farewell
from voicebot.understanding.interpretation import Interpretation

OPEN_QUESTIONS = frozenset({Question.HOW_CAN_I_HELP, Question.ANYTHING_ELSE})


def ask_again(ctx: Context, now: datetime) -> tuple[Action, ...]:
    """Ask the pending question anew; values that were spoken in another language are made anew too."""
    topic, question = ctx.state.topic, ctx.state.question
    if topic is not None and question is Question.CHOOSE_SLOT:
        return offered(ctx, now)
    if topic is not None and question is Question.CONFIRM_MOVE:
        return confirm_move(ctx, topic.chosen, now)
    return ctx.ask_again()


def _repeat(ctx: Context, now: datetime) -> tuple[Action, ...]:
    said = tuple(s for s in ctx.state.last_answer if s.language == ctx.state.language)
    return (*said, ctx.listen()) if said else ask_again(ctx, now)


def _slower(ctx: Context, now: datetime) -> tuple[Action, ...]:
    ctx.state.rate = max(ctx.config.slowest_rate, round(ctx.state.rate - ctx.config.rate_step, 2))
    return _repeat(ctx, now)


def _louder(ctx: Context, now: datetime) -> tuple[Action, ...]:
    ctx.state.gain_db = min(ctx.config.gain_limit_db, ctx.state.gain_db + ctx.config.gain_step_db)
    return _repeat(ctx, now)


def _wait(ctx: Context, now: datetime) -> tuple[Action, ...]:
    ctx.state.is_waiting = True
    return (ctx.say("take_your_time"), ctx.listen(ctx.config.wait_ms))


def _help(ctx: Context, now: datetime) -> tuple[Action, ...]:
    if ctx.state.question in OPEN_QUESTIONS:
        ctx.state.question = Question.HOW_CAN_I_HELP
        return (ctx.say("help"), ctx.listen())
    return (ctx.say("help_in_task"), *ask_again(ctx, now))


def _cancel(ctx: Context, now: datetime) -> tuple[Action, ...]:
    ctx.state.topic = None
    return (ctx.say("cancelled"), *ctx.ask(Question.ANYTHING_ELSE))


def _thanks(ctx: Context, now: datetime) -> tuple[Action, ...]:
    if ctx.state.question in OPEN_QUESTIONS:
        return (ctx.say("you_are_welcome"), *ctx.ask(Question.ANYTHING_ELSE))
    return ask_again(ctx, now)


def _goodbye(ctx: Context, now: datetime) -> tuple[Action, ...]:
    return farewell(ctx)


def _greeting(ctx: Context, now: datetime) -> tuple[Action, ...]:
    return ask_again(ctx, now)


COMMANDS: dict[str, Callable[[Context, datetime], tuple[Action, ...]]] = {
    intents.REPEAT: _repeat,
    intents.SLOWER: _slower,
    intents.LOUDER: _louder,
    intents.WAIT: _wait,
    intents.HELP: _help,
    intents.CANCEL: _cancel,
    intents.THANKS: _thanks,
    intents.GOODBYE: _goodbye,
    intents.GREETING: _greeting,
}


def command(ctx: Context, turn: Interpretation, now: datetime) -> tuple[Action, ...] | None:
    """Carry out a command; None when the turn is none."""
    found = COMMANDS.get(turn.intent or "")
    return found(ctx, now) if found else None
