"""Keys: 0 for a person, numbers digit by digit, 1 and 2 for yes and no, menus (law X1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from voicebot.dialogue import intent_names as intents
from voicebot.dialogue.actions import Action
from voicebot.dialogue.state import KINDS, Context, Question
from voicebot.dialogue.ways_out import to_human
from voicebot.events import Language
from voicebot.understanding.interpretation import Expectation, Interpretation

MENU = {"1": intents.OPENING_HOURS, "2": "order_status", "3": "appointment_change", "4": "password_reset"}
LANGUAGE_KEY = "9"
TRANSFER_CHOICES = {"1": "again", "2": "callback", "3": "message", "4": "other"}
Hear = Callable[[Interpretation], tuple[Action, ...]]
GiveNumber = Callable[[str], tuple[Action, ...]]


def pressed(
    ctx: Context, digit: str, now: datetime, hear: Hear, give_number: GiveNumber
) -> tuple[Action, ...] | None:
    """React to a key; None when it means nothing here.

    `hear` takes the interpretation that a key stands for, `give_number` a completed number.
    """
    state = ctx.state
    takes_digits = KINDS[state.question].digits if state.question in KINDS else (0, 0)
    if state.question is Question.OFFER_HUMAN and state.resume in KINDS and KINDS[state.resume].digits[1]:
        takes_digits = KINDS[state.resume].digits
    number_may_start_with_0 = state.question is Question.CALLBACK_NUMBER
    if digit == "0" and not (takes_digits[1] and (state.keys or number_may_start_with_0)):
        return to_human(ctx, "human_request", now)
    if takes_digits[1]:
        return _number_key(ctx, digit, takes_digits, hear, give_number)
    if digit == "*":
        return hear(_meaning(ctx.state.language, intent=intents.REPEAT))
    return _menu_key(ctx, digit, hear)


def _meaning(
    language: Language, *, intent: str | None = None, slots: dict[str, str] | None = None
) -> Interpretation:
    return Interpretation("", language, intent, 1.0, slots or {})


def _number_key(
    ctx: Context, digit: str, lengths: tuple[int, int], hear: Hear, give_number: GiveNumber
) -> tuple[Action, ...] | None:
    state = ctx.state
    if digit == "*" and not state.keys:
        return hear(_meaning(state.language, intent=intents.REPEAT))
    if digit == "*":
        state.keys = ""
        return (ctx.listen(),)
    if digit == "#":
        return give_number(state.keys) if state.keys else None
    if not digit.isdigit():
        return None
    state.keys += digit
    if len(state.keys) >= lengths[1]:
        return give_number(state.keys)
    return (ctx.listen(ctx.config.between_keys_ms),)


def _menu_key(ctx: Context, digit: str, hear: Hear) -> tuple[Action, ...] | None:
    state = ctx.state
    language = state.language
    if digit == LANGUAGE_KEY:
        wanted: Language = "en" if language == "nl" else "nl"
        return hear(Interpretation("", wanted, None, 1.0, requested_language=wanted))
    if state.question is Question.TRANSFER_CHOICE:
        choice = TRANSFER_CHOICES.get(digit)
        return hear(_meaning(language, slots={"choice": choice})) if choice else None
    if state.question is Question.CHOOSE_SLOT:
        return hear(_meaning(language, slots={"choice": digit})) if digit.isdigit() else None
    if KINDS.get(state.question) and KINDS[state.question].expectation is Expectation.YES_NO:
        said = {"1": "yes", "2": "no"}.get(digit)
        return hear(_meaning(language, slots={"yes_no": said})) if said else None
    if state.question in {Question.HOW_CAN_I_HELP, Question.ANYTHING_ELSE} and digit in MENU:
        return hear(_meaning(language, intent=MENU[digit]))
    if digit == "#":
        return hear(_meaning(language, intent=intents.HELP))
    return None
