"""The ways to a person: transfer, a choice after a failed transfer, callback, message (law H1, H4, H5)."""

from __future__ import annotations

from datetime import datetime

from voicebot.dialogue.actions import Action, HangUp, Say, StoreCallback, Transfer
from voicebot.dialogue.spoken_values import spoken_moment
from voicebot.dialogue.state import Context, Question
from voicebot.dialogue.summary import briefing, topic_words, tried_words
from voicebot.errors import DialFailure
from voicebot.events import Disposition
from voicebot.transfer.destinations import TransferKind

FAILURE_PROMPTS = {
    DialFailure.BUSY: "transfer_failed_busy",
    DialFailure.FULL: "transfer_failed_busy",
    DialFailure.NO_ANSWER: "transfer_failed_no_answer",
}
HOPELESS_AFTER = 2
"""Failed transfers after which repair no longer starts one by itself."""


def to_human(ctx: Context, reason: str, now: datetime, destination: str = "") -> tuple[Action, ...]:
    """Put the caller through, or say that nobody is there and offer a callback."""
    state = ctx.state
    if reason == "human_request":
        state.human_requested, state.human_requests = True, state.human_requests + 1
    if not ctx.hours.desk.is_open(now):
        return _nobody_there(ctx, now)
    state.after_transfer = None
    return (ctx.say("transferring"), transfer(ctx, reason, ((destination, None),)))


def transfer(ctx: Context, reason: str, targets: tuple[tuple[str, TransferKind | None], ...]) -> Transfer:
    """Make a Transfer to the first of the targets, the others following, and wait for its outcome."""
    state, agent_language = ctx.state, ctx.config.agent_language
    topic = state.topic.name if state.topic else (state.tried[-1].partition(":")[0] if state.tried else "")
    summary = briefing(agent_language, state.language, topic, state.tried, reason)
    state.question, state.values, state.keys = Question.TRANSFERRING, {}, ""
    (destination, kind), *then = targets
    state.destination, state.failures, state.callback_was_offered = destination, 0, False
    return Transfer(
        destination,
        reason,
        state.language,
        summary,
        kind,
        tuple(then),
        asked=topic_words(agent_language, topic),
        tried=tried_words(agent_language, state.tried),
    )


def _nobody_there(ctx: Context, now: datetime) -> tuple[Action, ...]:
    """Law H5: say so, offer a callback, no loop: asked for again, the callback is stored."""
    state = ctx.state
    state.human_refusals += 1
    if state.callback_stored:
        return (ctx.say("callback_already_stored"), *ctx.ask(Question.ANYTHING_ELSE))
    if state.human_refusals > 1 and state.question is Question.CALLBACK_OFFER:
        return store_callback(ctx, "closed")
    state.failures = min(state.failures, 1)  # the offer gets a re-prompt of its own
    return (closed_notice(ctx, now), *ctx.ask(Question.CALLBACK_OFFER))


def closed_notice(ctx: Context, now: datetime) -> Say:
    """Say that no person is there now, and from when (where the desk is open all the same: not when)."""
    opens = ctx.hours.desk.next_opening(now)
    if opens is None or ctx.hours.desk.is_open(now):
        return ctx.say("human_closed")
    today = ctx.hours.desk.local(now).date()
    return ctx.say("human_closed_until", opens=spoken_moment(opens, today, ctx.state.language))


def store_callback(ctx: Context, reason: str, number: str = "", message: str = "") -> tuple[Action, ...]:
    """Store a callback, after asking for a number where the leg brought none."""
    state = ctx.state
    if not number and not ctx.line.caller_can_be_called_back and not message:
        return ctx.ask(Question.CALLBACK_NUMBER)
    state.callback_stored, state.topic = True, None
    prompt = "message_stored" if message else "callback_stored"
    stored = StoreCallback(reason, state.language, number=number, message=message)
    return (stored, ctx.say(prompt), *ctx.ask(Question.ANYTHING_ELSE))


def transfer_choice(ctx: Context, failure: DialFailure | None, now: datetime) -> tuple[Action, ...]:
    """After a failed transfer (None: joined, but the agent dropped): say why, and let the caller choose."""
    state = ctx.state
    state.transfer_failures += 1
    state.failures = 0
    question = state.after_transfer or Question.TRANSFER_CHOICE
    if failure is DialFailure.CLOSED:
        return (closed_notice(ctx, now), *ctx.ask(state.after_transfer or Question.CALLBACK_OFFER))
    if failure is None:
        why = ctx.say("transfer_returned")
    else:
        why = ctx.say(FAILURE_PROMPTS.get(failure, "transfer_failed_other"))
    if not ctx.hours.desk.is_open(now):
        return (why, closed_notice(ctx, now), *ctx.ask(Question.CALLBACK_OFFER))
    return (why, *ctx.ask(question if failure is not None else Question.TRANSFER_CHOICE))


def choose(ctx: Context, choice: str, now: datetime) -> tuple[Action, ...]:
    """Carry out 'again', 'callback', 'message' or 'other'."""
    if choice == "callback":
        return store_callback(ctx, "requested")
    if choice == "message":
        return ctx.ask(Question.MESSAGE)
    other = ctx.config.other_destination if choice == "other" else ctx.state.destination
    return to_human(ctx, "human_request", now, other)


def hopeless(ctx: Context, *, is_silence: bool) -> tuple[Action, ...]:
    """End of all repair where no transfer can help: keep a callback for a caller who wanted a person.

    A caller who only is silent is taken leave of; one who speaks is never hung up on.
    """
    state = ctx.state
    wanted = state.human_requested or state.transfer_failures > 0 or state.spoke
    stored: tuple[Action, ...] = ()
    can_store = ctx.line.caller_can_be_called_back
    if wanted and not state.callback_stored and can_store:
        state.callback_stored = True
        stored = (StoreCallback("repair", state.language), ctx.say("callback_stored"))
    state.failures = 0
    if not is_silence:
        return (*stored, ctx.say("still_not_understood"), *ctx.ask(Question.ANYTHING_ELSE))
    return (*stored, *farewell(ctx, timed_out=True))


def farewell(ctx: Context, *, timed_out: bool = False) -> tuple[Action, ...]:
    """Say goodbye and hang up; the disposition never hides an unserved wish for a person (law K1)."""
    state = ctx.state
    if state.callback_stored:
        disposition = Disposition.CALLBACK
    elif state.human_requested:
        disposition = Disposition.ABANDONED_WAITING
    else:
        disposition = Disposition.TIMED_OUT if timed_out else Disposition.COMPLETED
    state.question, state.values, state.topic, state.disposition = Question.ENDED, {}, None, disposition
    return (ctx.say("goodbye"), HangUp(disposition))
