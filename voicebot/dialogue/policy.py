"""The dialogue: what happened in, what to do out. Pure; one object a call.

Each method returns the actions to carry out in order. They end in Listen, RunTask, Transfer or HangUp; an
empty tuple means 'go on with what is running' (a transfer under way, an outcome that came too late).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from voicebot.dialogue import intent_names as intents
from voicebot.dialogue import keypad, tasks, ways_out
from voicebot.dialogue.actions import Action, HangUp, Listen, RunTask, Say, TaskOutcome
from voicebot.dialogue.commands import OPEN_QUESTIONS, ask_again, command
from voicebot.dialogue.config import AnswerSource, DialogueConfig, LineProfile
from voicebot.dialogue.hours_answer import hours_answer
from voicebot.dialogue.repair import Failure, failed, other
from voicebot.dialogue.ruled import ruled
from voicebot.dialogue.state import KINDS, Context, DialogueState, Question
from voicebot.dialogue.turn_reading import (
    NO_INTENTS,
    asks_something,
    choice_of,
    digits_of,
    language_after,
    telling_words,
    yes_or_no,
)
from voicebot.dialogue.while_waiting import WaitingDialogue
from voicebot.errors import DialFailure
from voicebot.events import Language
from voicebot.transfer.opening_hours import OpeningHours
from voicebot.transfer.rules import RuleAction
from voicebot.understanding.interpretation import Expectation, Interpretation

NOT_REPEATED = frozenset(
    {"disclosure", "no_input", "no_match", "other_language", "take_your_time", "still_there"}
)
"""Prompts that 'herhaal' does not repeat."""
DECLINES = frozenset({None, intents.THANKS, intents.GOODBYE, intents.CANCEL, *NO_INTENTS})
"""With a 'no' to 'anything else?' these say that the call is over ('nee, bedankt')."""

CLEAR_WORDS = 3
"""So many words (no numbers, yes, no or fillers) make a question that can be told to be none of ours."""


class Dialogue:
    """The policy of one call (see the module's docstring)."""

    def __init__(
        self, line: LineProfile, config: DialogueConfig, hours: OpeningHours, answers: AnswerSource
    ) -> None:
        language = line.language or config.bilingual_default
        state = DialogueState(language, language_is_known=line.language is not None)
        self._ctx = Context(line, config, hours, answers, state)
        self._state = state
        self._running = ""
        self.waiting = WaitingDialogue(self._ctx)

    @property
    def language(self) -> Language:
        """The language in which the call goes on."""
        return self._state.language

    @property
    def expectation(self) -> Expectation:
        """What the bot has just asked for."""
        return self._ctx.kind.expectation

    @property
    def rate(self) -> float:
        """Speaking rate, 1.0 is normal ('langzamer' lowers it)."""
        return self._state.rate

    @property
    def gain_db(self) -> float:
        """Gain on what the bot says, in dB ('harder' raises it)."""
        return self._state.gain_db

    @property
    def failures(self) -> int:
        """Failures in a row, for the NoMatch event."""
        return self._state.failures

    @property
    def human_requests(self) -> int:
        """How often the caller has asked for a person, by words, key or 'yes' to the offer (law H1, K1)."""
        return self._state.human_requests

    @property
    def has_answered(self) -> bool:
        """The caller has got an answer to something."""
        return self._state.answered

    def begin(self, now: datetime) -> tuple[Action, ...]:
        """Disclose first (law D1), then ask; in both languages on a line without one."""
        first = self._state.language
        languages = (first,) if self._ctx.line.language else (first, other(first))
        disclosures = [
            replace(self._ctx.say_in(each, "disclosure"), can_be_interrupted=False) for each in languages
        ]
        questions = [self._ctx.say_in(each, Question.HOW_CAN_I_HELP.value) for each in languages]
        return self._done((*disclosures, *questions, self._ctx.listen()))

    def heard(self, turn: Interpretation, now: datetime, *, doubtful: bool = False) -> tuple[Action, ...]:
        """Take a caller's turn. `doubtful`: the recogniser was unsure, so numbers are confirmed."""
        state = self._state
        was = state.language
        state.language = language_after(turn, was, is_known=state.language_is_known)
        state.language_is_known = state.language_is_known or telling_words(turn) > 0
        state.spoke, state.keys, state.is_waiting = True, "", False
        if state.question is Question.TRANSFERRING:
            return ()
        failures = state.failures
        actions = self._react(turn, now, doubtful=doubtful)
        if state.failures == failures:
            state.failures = 0
        return self._done(actions)

    def silence(self, now: datetime) -> tuple[Action, ...]:
        """Nothing came within the no-input time."""
        state, ctx = self._state, self._ctx
        if state.question is Question.TRANSFERRING:
            return ()
        if state.question is Question.ENDED:
            return (HangUp(state.disposition),)
        if state.keys:
            return self._done(self._keys_ended(now))
        if state.question is Question.TASK_RUNNING:
            return self._done((ctx.say("still_looking"), ctx.listen()))
        if state.is_waiting:
            state.is_waiting = False
            return self._done((ctx.say("still_there"), ctx.listen(ctx.config.wait_ms)))
        return self._done(self._failed("no_input", now))

    def key(self, digit: str, now: datetime) -> tuple[Action, ...]:
        """Take a DTMF key (0-9, *, #)."""
        state = self._state
        if state.question is Question.TRANSFERRING:
            return ()
        if state.question is Question.ENDED:
            state.question = Question.ANYTHING_ELSE
        state.spoke, state.is_waiting = True, False
        actions = keypad.pressed(
            self._ctx,
            digit,
            now,
            lambda meaning: self.heard(meaning, now),
            lambda number: self._number_keyed(number, now),
        )
        return self._done(self._failed("no_match", now) if actions is None else actions)

    def nothing_understood(self, now: datetime) -> tuple[Action, ...]:
        """The caller spoke, but no words were recognised."""
        state = self._state
        if state.question is Question.TRANSFERRING:
            return ()
        if state.question is Question.ENDED:
            return (HangUp(state.disposition),)
        state.keys = ""
        if state.question is Question.TASK_RUNNING:
            return (self._ctx.listen(),)
        return self._done(self._failed("no_match", now))

    def ears_failed(self, now: datetime) -> tuple[Action, ...]:
        """Report that the recogniser is dead: apologise, name key 0, put through (law H2)."""
        if self._state.question is Question.TRANSFERRING:
            return ()
        sorry = self._ctx.say("ears_failed")
        return self._done((sorry, *ways_out.to_human(self._ctx, "worker_failure", now)))

    def broken(self, now: datetime) -> tuple[Action, ...]:
        """Report a fault for which the call has apologised already: put through (law H2)."""
        if self._state.question is Question.TRANSFERRING:
            self._state.question = Question.ANYTHING_ELSE
        return self._done(ways_out.to_human(self._ctx, "worker_failure", now))

    def task_done(self, outcome: TaskOutcome, now: datetime) -> tuple[Action, ...]:
        """Take the outcome of a RunTask; () when the caller has gone on to something else meanwhile."""
        state = self._state
        if (
            state.question is not Question.TASK_RUNNING
            or outcome.name != self._running
            or state.topic is None
        ):
            return ()
        return self._done(tasks.finished(self._ctx, outcome, now))

    def transfer_failed(self, failure: DialFailure, now: datetime) -> tuple[Action, ...]:
        """Nobody answered the transfer: the caller chooses."""
        return self._done(ways_out.transfer_choice(self._ctx, failure, now))

    def transfer_returned(self, now: datetime) -> tuple[Action, ...]:
        """Take back a caller whose agent dropped after they were joined."""
        return self._done(ways_out.transfer_choice(self._ctx, None, now))

    def ruled(
        self, decided: tuple[RuleAction, ...], own: tuple[Action, ...], reason: str, now: datetime
    ) -> tuple[Action, ...]:
        """Carry out what a transfer rule decided, instead of or before `own`, our own reaction."""
        return self._done(ruled(self._ctx, decided, own, reason, now))

    @property
    def is_looping(self) -> bool:
        """The caller goes round in circles: the same question, or the same failed try (law H6)."""
        state, limit = self._state, self._ctx.config.same_answer_limit
        attempts = state.topic.attempts if state.topic is not None else 0
        return state.same_key >= limit or attempts >= self._ctx.config.transfer_after - 1

    @property
    def transfer_failures(self) -> int:
        """Transfers that failed in this call."""
        return self._state.transfer_failures

    def time_is_up(self, now: datetime) -> tuple[Action, ...]:
        """React to the maximum length: first warn and offer a person, then put through (law X2)."""
        state, ctx = self._state, self._ctx
        if state.question is Question.TRANSFERRING:
            return ()
        state.time_warnings += 1
        if state.question is Question.ENDED:
            return (HangUp(state.disposition),)
        if state.time_warnings == 1:
            return self._done((ctx.say("time_warning"), *ctx.ask(Question.OFFER_HUMAN)))
        if state.time_warnings == 2 and ctx.hours.desk.is_open(now):
            return self._done((ctx.say("time_is_up"), *ways_out.to_human(ctx, "repair", now)))
        return self._done((ctx.say("time_is_up"), *ways_out.hopeless(ctx, is_silence=True)))

    def _react(self, turn: Interpretation, now: datetime, *, doubtful: bool) -> tuple[Action, ...]:
        state, ctx = self._state, self._ctx
        if turn.wants_human or turn.intent == intents.HUMAN:
            return ways_out.to_human(ctx, "human_request", now)
        if state.question is Question.ENDED:
            if turn.intent in {None, intents.GOODBYE, intents.THANKS} and not turn.asks_if_robot:
                return (HangUp(state.disposition),)
            state.question = Question.ANYTHING_ELSE
        if turn.asks_if_robot or turn.intent == intents.ROBOT:
            return self._say_robot(turn, now, doubtful=doubtful)
        if state.question is Question.MESSAGE and turn.intent != intents.CANCEL:
            return ways_out.store_callback(ctx, "message", message=turn.text)
        if state.question is Question.ANYTHING_ELSE and yes_or_no(turn) is False and turn.intent in DECLINES:
            return ways_out.farewell(ctx)
        if turn.intent == intents.SWITCH_LANGUAGE:
            state.language = turn.requested_language or other(state.language)
            return (ctx.say("language_switched"), *ask_again(ctx, now))
        found = (
            command(ctx, turn, now) or self._answer(turn, now, doubtful=doubtful) or self._request(turn, now)
        )
        if found is not None:
            return found
        if turn.requested_language is not None:
            return (ctx.say("language_switched"), *ask_again(ctx, now))
        if turn.is_backchannel or state.question is Question.TASK_RUNNING:
            return (ctx.listen(),)
        is_clear = turn.is_out_of_scope and not doubtful and telling_words(turn) >= CLEAR_WORDS
        if is_clear and state.question in OPEN_QUESTIONS:
            return self._failed("dont_know", now)  # law A1: and the offer of a person
        return self._failed("no_match", now)

    def _say_robot(self, turn: Interpretation, now: datetime, *, doubtful: bool) -> tuple[Action, ...]:
        """Law D2: the truth every time, plus the offer of a person."""
        ctx = self._ctx
        truth = ctx.say("robot_answer")
        if turn.intent not in {None, intents.ROBOT}:
            rest = self._answer(turn, now, doubtful=doubtful) or self._request(turn, now)
            if rest is not None:
                return (truth, ctx.say("human_any_time"), *rest)
        if self._state.question in OPEN_QUESTIONS | {Question.OFFER_HUMAN}:
            return (truth, *ctx.ask(Question.OFFER_HUMAN))
        return (truth, ctx.say("human_any_time"), *ask_again(ctx, now))

    def _answer(self, turn: Interpretation, now: datetime, *, doubtful: bool) -> tuple[Action, ...] | None:
        """Take the turn as the answer to the pending question; None when it is none."""
        state, ctx = self._state, self._ctx
        said = yes_or_no(turn)
        if state.question is Question.OFFER_HUMAN:
            if said:
                return ways_out.to_human(ctx, "human_request", now)
            state.question, state.values = state.resume, state.resume_values
            if said is False and not asks_something(turn):
                return ask_again(ctx, now)
        if state.question is Question.TRANSFER_CHOICE:
            return self._transfer_chosen(turn, now)
        if state.question is Question.CALLBACK_OFFER and (said or choice_of(turn) == "callback"):
            return ways_out.store_callback(ctx, "closed")
        if state.question is Question.CALLBACK_OFFER and said is False:
            return self._declined(turn)
        if state.question is Question.CALLBACK_NUMBER and digits_of(turn):
            return self._callback_number(digits_of(turn, "phone_number", "phone"))
        if state.question in OPEN_QUESTIONS and said is not None and not asks_something(turn):
            return self._yes_or_no_unasked(said)
        return tasks.answered(ctx, turn, now, doubtful=doubtful)

    def _yes_or_no_unasked(self, said: bool) -> tuple[Action, ...]:
        if said or self._state.question is Question.HOW_CAN_I_HELP:
            return self._ctx.ask(Question.HOW_CAN_I_HELP)
        return ways_out.farewell(self._ctx)

    def _transfer_chosen(self, turn: Interpretation, now: datetime) -> tuple[Action, ...] | None:
        choice = choice_of(turn)
        if choice is not None:
            return ways_out.choose(self._ctx, choice, now)
        return self._declined(turn) if yes_or_no(turn) is False else None

    def _declined(self, turn: Interpretation) -> tuple[Action, ...] | None:
        """No way to a person is wanted any more: back to the open question, or on to what else was asked."""
        self._state.topic = None
        if asks_something(turn):
            self._state.question, self._state.values = Question.ANYTHING_ELSE, {}
            return None
        return self._ctx.ask(Question.ANYTHING_ELSE)

    def _callback_number(self, digits: str) -> tuple[Action, ...]:
        low, high = KINDS[Question.CALLBACK_NUMBER].digits
        joined = self._state.partial + digits
        if len(joined) < low:
            self._state.partial = joined
            return (self._ctx.say("number_incomplete", number=" ".join(joined)), self._ctx.listen())
        number = digits if low <= len(digits) <= high else joined
        return ways_out.store_callback(self._ctx, "requested", number=number[:high])

    def _request(self, turn: Interpretation, now: datetime) -> tuple[Action, ...] | None:
        """Take the turn as a new request; None when there is none in it."""
        ctx = self._ctx
        intent = turn.intent
        if intent is None and "order_number" in turn.slots and self._state.topic is None:
            return tasks.start(ctx, "order_status", turn.slots, now)
        if intent is None or not asks_something(turn):
            return None
        if intent == intents.CALLBACK:
            return ways_out.store_callback(ctx, "requested")
        loops = self._count_request(intent, turn)
        if loops > ctx.config.same_answer_limit:
            return (ctx.say("repair_transfer"), *ways_out.to_human(ctx, "repair", now))
        if intent in tasks.TASKS:
            if loops == ctx.config.same_answer_limit:
                return ctx.ask(Question.OFFER_HUMAN)
            return tasks.start(ctx, intent, turn.slots, now)
        said = self._information(intent, turn, now)
        if said is None:
            return (ctx.say("dont_know"), *ctx.ask(Question.OFFER_HUMAN))
        self._state.answered = True
        self._state.tried.append(f"{intent}:done")
        if loops == ctx.config.same_answer_limit or intent in intents.FOR_PEOPLE:
            return (*said, *ctx.ask(Question.OFFER_HUMAN))
        if self._state.question not in OPEN_QUESTIONS:
            back = (ctx.say("back_to_task"),) if self._state.topic is not None else ()
            return (*said, *back, *ask_again(ctx, now))
        return (*said, *ctx.ask(Question.ANYTHING_ELSE))

    def _information(self, intent: str, turn: Interpretation, now: datetime) -> tuple[Say, ...] | None:
        ctx = self._ctx
        if intent == intents.OPENING_HOURS:
            return hours_answer(ctx, turn.slots, now)
        text = ctx.answers.answer(intent, ctx.state.language, ctx.line.variant, ctx.today(now))
        return (Say("answer", ctx.state.language, text=text),) if text else None

    def _count_request(self, intent: str, turn: Interpretation) -> int:
        state = self._state
        key = f"{intent} {sorted(turn.slots.items())}"
        state.same_key = state.same_key + 1 if key == state.last_key else 1
        state.last_key = key
        return state.same_key

    def _number_keyed(self, number: str, now: datetime) -> tuple[Action, ...]:
        state = self._state
        state.keys, state.partial = "", ""
        if state.question is Question.OFFER_HUMAN:
            state.question, state.values = state.resume, state.resume_values
        if state.question is Question.CALLBACK_NUMBER:
            return self._callback_number(number)
        given = tasks.number_given(self._ctx, number, now, doubtful=False)
        return self._failed("no_match", now) if given is None else given

    def _keys_ended(self, now: datetime) -> tuple[Action, ...]:
        """No more keys came: a complete number counts; one that stops short at a 0 asked for a person."""
        state = self._state
        question = state.resume if state.question is Question.OFFER_HUMAN else state.question
        if len(state.keys) >= KINDS[question].digits[0] or not state.keys.endswith("0"):
            return self._number_keyed(state.keys, now)
        return ways_out.to_human(self._ctx, "human_request", now)

    def _failed(self, failure: Failure, now: datetime) -> tuple[Action, ...]:
        return failed(self._ctx, failure, now)

    def _done(self, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        """Remember what is needed later: the answer to repeat, the task that runs."""
        said = tuple(action for action in actions if isinstance(action, Say))
        is_repair = any(each.prompt_id in NOT_REPEATED for each in said if each.prompt_id != "disclosure")
        if said and not is_repair and isinstance(actions[-1], Listen):
            self._state.last_answer = tuple(each for each in said if each.prompt_id not in NOT_REPEATED)
        for action in actions:
            if isinstance(action, RunTask):
                self._running = action.name
        return actions
