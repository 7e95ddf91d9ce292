"""Changing an appointment: find it, offer free moments, let the caller choose one."""

from __future__ import annotations

from datetime import datetime

from voicebot.dialogue.actions import Action, RunTask
from voicebot.dialogue.repair import stuck
from voicebot.dialogue.spoken_values import spoken_list, spoken_moment
from voicebot.dialogue.state import Context, Question
from voicebot.dialogue.turn_reading import chosen_option, yes_or_no
from voicebot.understanding.interpretation import Interpretation

REFERENCE_DIGITS = 6
MAX_PAGES = 2
"""Times that other moments are looked for before a person is offered."""


def start_appointment(ctx: Context) -> tuple[Action, ...]:
    """Ask for what identifies the appointment, or find it."""
    topic = ctx.state.topic
    assert topic is not None
    slots = topic.slots
    reference = slots.get("reference") or slots.get("order_number", "")  # six digits without a name
    if len(reference) == REFERENCE_DIGITS:
        return _find(ctx, {"reference": reference})
    if slots.get("postcode"):
        if not slots.get("house_number"):
            return ctx.ask(Question.HOUSE_NUMBER)
        return _find(ctx, {"postcode": slots["postcode"], "house_number": slots["house_number"]})
    return ctx.ask(Question.APPOINTMENT_KEY)


def _find(ctx: Context, key: dict[str, str]) -> tuple[Action, ...]:
    topic = ctx.state.topic
    assert topic is not None
    ctx.state.question, ctx.state.values = Question.TASK_RUNNING, {}
    if wanted := topic.slots.get("date"):
        key["date"] = wanted
    if after := topic.slots.get("after"):
        key["after"] = after
    return (RunTask("find_appointment", key),)


def offered(ctx: Context, now: datetime) -> tuple[Action, ...]:
    """Say the present appointment and the free moments; one that fits the wish is confirmed directly."""
    topic = ctx.state.topic
    assert topic is not None
    language = ctx.state.language
    if not topic.options:
        ctx.state.question, ctx.state.topic = Question.ANYTHING_ELSE, None
        return (ctx.say("appointment_no_slots"), *ctx.ask(Question.OFFER_HUMAN))
    spoken = [spoken_moment(datetime.fromisoformat(o), ctx.today(now), language) for o in topic.options]
    said: tuple[Action, ...] = ()
    if "told" not in topic.slots:
        topic.slots["told"] = "yes"
        current = spoken_moment(datetime.fromisoformat(topic.slots["current"]), ctx.today(now), language)
        said = (ctx.say("appointment_current", current=current),)
    return (*said, *ctx.ask(Question.CHOOSE_SLOT, options=spoken_list(spoken, language, or_=True)))


def choose_option(ctx: Context, turn: Interpretation, now: datetime) -> tuple[Action, ...] | None:
    """Take the caller's choice among the offered moments; 'no' or another day looks for others."""
    topic = ctx.state.topic
    assert topic is not None
    chosen = chosen_option(turn, topic.options)
    if chosen is not None:
        return confirm_move(ctx, chosen, now)
    if turn.slots.get("date"):
        topic.slots["date"] = turn.slots["date"]
        topic.slots.pop("after", None)
    elif yes_or_no(turn) is False:
        topic.slots.pop("date", None)
        topic.slots["after"] = topic.options[-1]
    else:
        return None
    topic.pages += 1
    if topic.pages > MAX_PAGES:
        return stuck(ctx, now) or ctx.ask(Question.OFFER_HUMAN)
    return start_appointment(ctx)


def confirm_move(ctx: Context, chosen: str, now: datetime) -> tuple[Action, ...]:
    """Ask whether the chosen moment is right."""
    topic = ctx.state.topic
    assert topic is not None
    topic.chosen = chosen
    moment = spoken_moment(datetime.fromisoformat(chosen), ctx.today(now), ctx.state.language)
    return ctx.ask(Question.CONFIRM_MOVE, moment=moment)
