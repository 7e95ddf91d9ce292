"""The tasks of the first version: order status, password reset, changing an appointment.

Each is a handful of steps: a question, what its answer means, a backend call, what its outcome means. The
policy calls `start`, `answered`, `number_given` and `finished`; each returns actions, or None for 'this is no
answer to the question'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime

from voicebot.dialogue.actions import Action, RunTask, Say, TaskOutcome
from voicebot.dialogue.appointment import choose_option, offered, start_appointment
from voicebot.dialogue.repair import stuck
from voicebot.dialogue.spoken_values import spoken_day, spoken_digits
from voicebot.dialogue.state import KINDS, Context, Question, Topic
from voicebot.dialogue.turn_reading import digits_of, yes_or_no
from voicebot.understanding.interpretation import Interpretation

TASKS = frozenset({"order_status", "password_reset", "appointment_change"})
ORDER_STATES = frozenset(
    {"received", "processing", "ready_for_pickup", "shipped", "delivered", "delayed", "cancelled"}
)
HOUSE_NUMBER_OF = re.compile(r"\d{1,5}")


def start(ctx: Context, name: str, slots: Mapping[str, str], now: datetime) -> tuple[Action, ...]:
    """Begin a task with what was said already."""
    ctx.state.topic = Topic(name, dict(slots))
    if name == "appointment_change":
        return start_appointment(ctx)
    if name == "password_reset":
        number = slots.get("customer_number") or slots.get("order_number") or ""
        return _confirm_reset(ctx, number) if number else ctx.ask(Question.ACCOUNT_NUMBER)
    number = slots.get("order_number", "")
    low, high = KINDS[Question.ORDER_NUMBER].digits
    if low <= len(number) <= high:
        return look_up(ctx, "order_status", {"order_number": number})
    return ctx.ask(Question.ORDER_NUMBER)


def look_up(ctx: Context, name: str, slots: Mapping[str, str]) -> tuple[Action, ...]:
    """Call the backend; the call itself says 'one moment' when that takes long."""
    ctx.state.question, ctx.state.values = Question.TASK_RUNNING, {}
    return (RunTask(name, dict(slots)),)


def _confirm_reset(ctx: Context, number: str) -> tuple[Action, ...]:
    topic = ctx.state.topic
    assert topic is not None
    topic.slots["number"] = number
    return ctx.ask(Question.CONFIRM_RESET, number=spoken_digits(number))


def answered(
    ctx: Context, turn: Interpretation, now: datetime, *, doubtful: bool
) -> tuple[Action, ...] | None:
    """Take the turn as the answer to the pending question of a task."""
    state, topic = ctx.state, ctx.state.topic
    if topic is None:
        return None
    if state.question in {Question.CONFIRM_NUMBER, Question.CONFIRM_RESET, Question.CONFIRM_MOVE}:
        said = yes_or_no(turn)
        if state.question is Question.CONFIRM_NUMBER and not said and digits_of(turn):
            state.question, state.values = Question(topic.slots["asked"]), {}
            return number_given(ctx, digits_of(turn), now, doubtful=True)  # 'nee, 5 3 8 2 2'
        return None if said is None else confirmed(ctx, said, now)
    if state.question is Question.CHOOSE_SLOT:
        return choose_option(ctx, turn, now)
    if state.question is Question.APPOINTMENT_KEY and "postcode" in turn.slots:
        topic.slots.update({k: v for k, v in turn.slots.items() if k in {"postcode", "house_number"}})
        return start_appointment(ctx)
    if KINDS.get(state.question) and KINDS[state.question].digits[1]:
        if turn.intent in TASKS and not digits_of(turn):
            return None
        digits = digits_of(turn)
        return number_given(ctx, digits, now, doubtful=doubtful) if digits else None
    return None


def number_given(ctx: Context, digits: str, now: datetime, *, doubtful: bool) -> tuple[Action, ...] | None:
    """Take digits, by voice or keypad, for the pending question; digits may come in pieces."""
    state, topic = ctx.state, ctx.state.topic
    if topic is None:
        return None
    low, high = KINDS[state.question].digits
    joined = state.partial + digits
    if state.partial and not low <= len(digits) and low <= len(joined) <= high:
        digits, doubtful = joined, True
    if not low <= len(digits) <= high:
        return _odd_length(ctx, joined if len(joined) < low else digits, low, now)
    state.partial = ""
    if state.question is Question.HOUSE_NUMBER:
        topic.slots["house_number"] = digits
        return start_appointment(ctx)
    if state.question is Question.ACCOUNT_NUMBER:
        return _confirm_reset(ctx, digits)
    if doubtful:
        topic.slots["number"] = digits
        topic.slots["asked"] = state.question.value
        return ctx.ask(Question.CONFIRM_NUMBER, number=spoken_digits(digits))
    return _use_number(ctx, state.question, digits)


def _odd_length(ctx: Context, digits: str, low: int, now: datetime) -> tuple[Action, ...]:
    way_out = stuck(ctx, now)
    if way_out:
        return way_out
    if len(digits) < low:
        ctx.state.partial = digits
        return (ctx.say("number_incomplete", number=spoken_digits(digits)), ctx.listen())
    return (ctx.say("number_too_long"), *ctx.ask_again())


def _use_number(ctx: Context, question: Question, digits: str) -> tuple[Action, ...]:
    topic = ctx.state.topic
    assert topic is not None
    if question is Question.APPOINTMENT_KEY:
        topic.slots["reference"] = digits
        return start_appointment(ctx)
    return look_up(ctx, "order_status", {"order_number": digits})


def confirmed(ctx: Context, yes: bool, now: datetime) -> tuple[Action, ...]:
    """React to yes or no after a confirmation question."""
    state, topic = ctx.state, ctx.state.topic
    assert topic is not None
    question = state.question
    if question is Question.CONFIRM_NUMBER:
        asked = Question(topic.slots.get("asked", Question.ORDER_NUMBER.value))
        if yes:
            return _use_number(ctx, asked, topic.slots["number"])
        state.question, state.values = asked, {}
        return stuck(ctx, now) or (ctx.say("sorry_number"), *ctx.ask(asked))
    if not yes:
        if question is Question.CONFIRM_MOVE:
            topic.chosen = ""
            state.question, state.values = Question.CHOOSE_SLOT, {}
            return stuck(ctx, now) or offered(ctx, now)
        state.topic = None
        return (ctx.say("cancelled"), *ctx.ask(Question.ANYTHING_ELSE))
    if question is Question.CONFIRM_RESET:
        return look_up(ctx, "password_reset", {"number": topic.slots["number"]})
    return look_up(ctx, "move_appointment", {"reference": topic.slots["reference"], "to": topic.chosen})


def finished(ctx: Context, outcome: TaskOutcome, now: datetime) -> tuple[Action, ...]:
    """Speak the outcome of a backend call and go on."""
    state, topic = ctx.state, ctx.state.topic
    assert topic is not None
    state.tried.append(f"{topic.name}:{outcome.status}")
    if outcome.status in {"unavailable", "refused"}:
        state.question, state.topic = Question.ANYTHING_ELSE, None
        return (ctx.say(f"task_{outcome.status}"), *ctx.ask(Question.OFFER_HUMAN))
    if outcome.name == "find_appointment":
        return _appointment_found(ctx, outcome, now)
    if outcome.name == "move_appointment":
        return _moved(ctx, outcome, now)
    if outcome.name == "password_reset":
        # The same words for a known and an unknown number: nobody learns who has an account.
        return _complete(ctx, ctx.say("password_reset_sent"))
    return _order(ctx, outcome, now)


def _order(ctx: Context, outcome: TaskOutcome, now: datetime) -> tuple[Action, ...]:
    number = spoken_digits(outcome.values.get("order_number", ""))
    if outcome.status == "not_found":
        ctx.state.question, ctx.state.values = Question.ORDER_NUMBER, {}
        not_found = ctx.say("order_not_found", number=number)
        return (not_found, *(stuck(ctx, now) or ctx.ask(Question.ORDER_NUMBER)))
    status = outcome.values.get("status", "")
    if status not in ORDER_STATES:  # law A1: nothing is made up for a state without approved words
        ctx.state.question, ctx.state.topic = Question.ANYTHING_ELSE, None
        return (ctx.say("dont_know"), *ctx.ask(Question.OFFER_HUMAN))
    said: list[Say] = [ctx.say(f"order_{status}", number=number)]
    expected = outcome.values.get("expected_on", "")
    if expected and status in {"processing", "shipped", "delayed"}:
        day = spoken_day(date.fromisoformat(expected), ctx.today(now), ctx.state.language)
        said.append(ctx.say("order_expected", day=day))
    branch = ctx.hours.branches.get(outcome.values.get("branch", ""))
    if branch is not None and status == "ready_for_pickup":
        said.append(ctx.say("order_pickup_at", branch=branch.name[ctx.state.language]))
    return _complete(ctx, *said)


def _complete(ctx: Context, *said: Say) -> tuple[Action, ...]:
    ctx.state.topic, ctx.state.answered = None, True
    return (*said, *ctx.ask(Question.ANYTHING_ELSE))


def _appointment_found(ctx: Context, outcome: TaskOutcome, now: datetime) -> tuple[Action, ...]:
    topic = ctx.state.topic
    assert topic is not None
    if outcome.status == "not_found":
        for name in ("reference", "order_number", "postcode", "house_number"):
            topic.slots.pop(name, None)
        ctx.state.question, ctx.state.values = Question.APPOINTMENT_KEY, {}
        return (
            ctx.say("appointment_not_found"),
            *(stuck(ctx, now) or ctx.ask(Question.APPOINTMENT_KEY)),
        )
    topic.slots.update(reference=outcome.values["reference"], current=outcome.values["current"])
    topic.options = tuple(filter(None, outcome.values.get("options", "").split(",")))[:3]
    return offered(ctx, now)


def _moved(ctx: Context, outcome: TaskOutcome, now: datetime) -> tuple[Action, ...]:
    topic = ctx.state.topic
    assert topic is not None
    if outcome.status == "not_found":  # the slot went to somebody else meanwhile
        ctx.state.question, ctx.state.values = Question.ANYTHING_ELSE, {}
        gone = ctx.say("appointment_slot_gone")
        topic.slots.pop("date", None)
        return (gone, *(stuck(ctx, now) or start_appointment(ctx)))
    moment = datetime.fromisoformat(topic.chosen)
    return _complete(ctx, *_moved_words(ctx, moment, now))


def _moved_words(ctx: Context, moment: datetime, now: datetime) -> tuple[Say, ...]:
    day = spoken_day(moment.date(), ctx.today(now), ctx.state.language)
    return (ctx.say("appointment_moved", day=day, time=moment.strftime("%H:%M")),)
