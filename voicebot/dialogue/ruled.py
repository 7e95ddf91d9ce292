"""What a transfer rule decided, as the dialogue carries it out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from voicebot.dialogue.actions import Action, HangUp, Say, StoreCallback, Transfer
from voicebot.dialogue.state import Context, Question
from voicebot.dialogue.ways_out import closed_notice, transfer
from voicebot.events import Disposition
from voicebot.transfer.rules import EndCall, OfferCallback, RuleAction, SayText, TakeMessage, TransferTo

OFFERS = frozenset({Question.CALLBACK_OFFER, Question.CALLBACK_NUMBER})


def ruled(
    ctx: Context, decided: Sequence[RuleAction], own: tuple[Action, ...], reason: str, now: datetime
) -> tuple[Action, ...]:
    """Return what to do instead of `own`, the dialogue's reaction to the same happening.

    `reason`: of a transfer. A rule that only says something says it before `own`.
    """
    state = ctx.state
    texts = tuple(_text(ctx, each) for each in decided if isinstance(each, SayText))
    targets = tuple((each.target, each.kind) for each in decided if isinstance(each, TransferTo))
    offers_callback = any(isinstance(each, OfferCallback) for each in decided)
    takes_message = any(isinstance(each, TakeMessage) for each in decided)
    ending = next((each for each in decided if isinstance(each, EndCall)), None)
    if targets:
        state.after_transfer = None
        if offers_callback != takes_message:  # with both, as with neither, the caller chooses
            state.after_transfer = Question.CALLBACK_OFFER if offers_callback else Question.MESSAGE
        return (*texts, *_announcement(ctx, own), transfer(ctx, reason, targets))
    if offers_callback:
        return (*texts, *_offer_callback(ctx, own, has_text=bool(texts), now=now))
    if takes_message:
        return (*texts, *ctx.ask(Question.MESSAGE))
    if ending is not None:
        state.question, state.values, state.topic = Question.ENDED, {}, None
        state.disposition = Disposition.ABANDONED_WAITING if state.human_requested else Disposition.COMPLETED
        text = SayText(ending.text_nl, ending.text_en)
        return (*texts, _text(ctx, text), HangUp(state.disposition))
    return (*texts, *own)


def _announcement(ctx: Context, own: tuple[Action, ...]) -> tuple[Say, ...]:
    """Say what the dialogue would have said before its own transfer, which the rule only leads elsewhere."""
    if any(isinstance(each, Transfer) for each in own):
        return tuple(each for each in own if isinstance(each, Say))
    return (ctx.say("transferring"),)


def _text(ctx: Context, text: SayText) -> Say:
    language = ctx.state.language
    return Say("rule_text", language, text=text.text_nl if language == "nl" else text.text_en)


def _offer_callback(
    ctx: Context, own: tuple[Action, ...], *, has_text: bool, now: datetime
) -> tuple[Action, ...]:
    """Offer once; who asks for a person again has one stored, which is the dialogue's own reaction (H5)."""
    state = ctx.state
    is_offered_anyway = state.question in OFFERS and not any(isinstance(each, Transfer) for each in own)
    if is_offered_anyway or any(isinstance(each, StoreCallback) for each in own):
        return own
    if state.callback_stored:
        return (ctx.say("callback_already_stored"), *ctx.ask(Question.ANYTHING_ELSE))
    why: tuple[Action, ...] = ()
    if not has_text and not ctx.hours.desk.is_open(now):
        why = (closed_notice(ctx, now),)
    return (*why, *ctx.ask(Question.CALLBACK_OFFER))
