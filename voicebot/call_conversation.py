"""The conversation on an answered leg: what was heard goes to the dialogue, what it decides is carried out.

One TaskGroup owns everything: *signals* takes keys, hold and the leg's end, *hear* turns frames into turns,
*speak* plays, *think* takes one input after another, decides and acts. Transfers, backend calls and the
goodbye have tasks of their own, so that nothing keeps *think* waiting. Silence is counted in received frames.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from voicebot.call_hearing import CallHearing
from voicebot.call_inputs import EarsFailed, GoodbyeSaid, Input, Silent, TimeUp, VoiceFailed
from voicebot.call_outcome import CallOutcome, CallStory
from voicebot.call_reaction import reaction
from voicebot.call_record import TurnLog
from voicebot.call_rules import CallRules
from voicebot.call_saying import Saying
from voicebot.call_services import CallLimits, CallServices, Dialogue
from voicebot.call_silence import SilenceCounter
from voicebot.call_speech import Speaker
from voicebot.call_transfer import CallTransfer
from voicebot.call_understanding import TurnHeard
from voicebot.call_waiting import Waiting, WaitingParts
from voicebot.dialogue.actions import (
    Action,
    HangUp,
    Listen,
    RunTask,
    Say,
    StoreCallback,
    TaskOutcome,
    Transfer,
)
from voicebot.events import (
    CallbackRequested,
    Disposition,
    EventSink,
    HumanRequested,
    KeyPressed,
    Language,
    LanguageChanged,
    NoInput,
    NoMatch,
    Overflowed,
)
from voicebot.media.leg import CallerTyping, DigitPressed, HeldByPeer, Leg, LegEnded, TextReceived
from voicebot.transfer.execute import TransferResult
from voicebot.understanding.interpretation import Expectation

KEYS_WAITING = 64
SLOW_TASK_SECONDS = 1.0
"""After this long a task is announced: 'one moment, please'."""
TASK_SILENCE_MS = 5_000
"""After this long the caller hears that it still runs."""
LAST_WORD_SECONDS = 10.0
"""A caller who speaks at the goodbye is heard out for so long."""
LISTEN_ANYWAY = Listen(Expectation.ANYTHING, 7_000)
"""Where the dialogue names no wait: no state without a way on."""
OFFER = "offer_human"
VOICE_LOST_AFTER = 3
"""Prompts in a row that could not be spoken."""


class _Over(Exception):
    """The call has its outcome: no error, but what makes a TaskGroup end its tasks."""


class Conversation:
    """One conversation, until the call is over. A fault of ours leaves `run()` as an ExceptionGroup."""

    def __init__(
        self,
        leg: Leg,
        dialogue: Dialogue,
        services: CallServices,
        limits: CallLimits,
        *,
        speaker: Speaker,
        transfer: CallTransfer,
        rules: CallRules,
        turns: TurnLog,
        story: CallStory,
        sink: EventSink,
        at_ms: Callable[[], int],
    ) -> None:
        self._leg, self._dialogue, self._services, self._limits = leg, dialogue, services, limits
        self._speaker, self._transfer, self._turns, self._story = speaker, transfer, turns, story
        self._rules, self._sink, self._at_ms = rules, sink, at_ms
        self._inbox: asyncio.Queue[Input] = asyncio.Queue()  # only keys can flood it: see _post
        self._over: asyncio.Future[CallOutcome] = asyncio.get_running_loop().create_future()
        self._language: Language = dialogue.language
        self._silence = SilenceCounter()
        self._may_be_yes, self._tasks_running = False, 0
        self._waiting: Waiting | None = None
        self._filler: Saying | None = None
        self._goodbye: HangUp | None = None
        self._listening: tuple[asyncio.Task[None], ...] = ()

    async def run(self, *, after_fault: bool = False) -> CallOutcome:
        """Talk until the call is over. `after_fault`: the caller has heard an apology; put through."""
        self._story.is_waiting, self._story.goodbye, self._waiting = False, None, None
        outcome = CallOutcome(Disposition.FAILED, "error")
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._hearing = CallHearing(
                    group,
                    self._services.hearing,
                    self._speaker,
                    self,
                    language=self._language,
                    sink=self._sink,
                    at_ms=self._at_ms,
                    clock=self._services.clock,
                )
                self._speaker.on_lost = lambda: self._inbox.put_nowait(VoiceFailed())
                self._start_listening()
                group.create_task(self._speaker.run(), name="speak")
                group.create_task(self._think(after_fault=after_fault), name="think")
                group.create_task(self._watch_length(), name="watch-length")
                outcome = await self._over
                raise _Over  # noqa: TRY301 - see its docstring
        except* _Over:
            pass
        return outcome

    def _end(self, outcome: CallOutcome) -> None:
        if not self._over.done():
            self._over.set_result(outcome)

    # -- what comes in ----------------------------------------------------------------------------------

    def _start_listening(self) -> None:
        self._listening = (
            self._group.create_task(self._signals(), name="signals"),
            self._group.create_task(self._hear(), name="hear"),
        )

    async def _let_go(self) -> None:
        """Give the leg's frames and signals away (to a bridge), and be silent."""
        for task in self._listening:
            task.cancel()
        await asyncio.wait(self._listening)
        self._listening = ()
        self._speaker.stop()

    async def _signals(self) -> None:
        async for signal in self._leg.signals():
            match signal:
                case DigitPressed():
                    self._post_key(signal)
                case LegEnded():
                    self._end(self._story.outcome_of(signal))
                case HeldByPeer():
                    self._hearing.reset()
                case TextReceived() | CallerTyping():
                    self._hearing.take_text(signal)

    async def _hear(self) -> None:
        async for frame in self._leg.frames():
            waiting = self._waiting
            if self._leg.is_on_hold or (waiting is not None and not waiting.listens):
                self._silence.step(bot_is_busy=True)
                continue
            self._hearing.take(frame)
            if waiting is not None:
                continue
            silent = self._silence.step(
                bot_is_busy=self._speaker.is_speaking or not self._inbox.empty(),
                caller_is_heard=self._hearing.is_busy,
            )
            if silent is not None:
                self._inbox.put_nowait(silent)

    async def _watch_length(self) -> None:
        """Say again and again that the time is up; a caller who only holds the line is let go at last."""
        await asyncio.sleep(max(0.0, self._limits.max_seconds - self._at_ms() / 1000))
        while True:
            self._inbox.put_nowait(TimeUp())
            await asyncio.sleep(self._limits.grace_seconds)
            if self._leg.is_on_hold and self._waiting is None:  # law H4: who waits is not disconnected
                self._end(CallOutcome(Disposition.TIMED_OUT, "bot", "on hold"))

    def _post_key(self, key: DigitPressed) -> None:
        if self._inbox.qsize() >= KEYS_WAITING:
            self._sink(Overflowed(self._at_ms(), queue="keys", dropped=1))
            return
        self._inbox.put_nowait(key)

    def turn_heard(self, turn: TurnHeard) -> None:
        """See HeardSink."""
        self._inbox.put_nowait(turn)

    def turn_is_slow(self) -> None:
        """See HeardSink."""
        if self._filler is None:
            self._filler = self._one_moment(self._turns.add_early)

    def _one_moment(self, record: Callable[[Saying], None]) -> Saying | None:
        if self._speaker.is_speaking or self._story.is_waiting or self._goodbye is not None:
            return None
        record(saying := self._speaker.say(Say("one_moment", self._language)))
        return saying

    def ears_failed(self, code: str) -> None:
        """See HeardSink."""
        self._inbox.put_nowait(EarsFailed())

    # -- thinking ---------------------------------------------------------------------------------------

    async def _think(self, *, after_fault: bool) -> None:
        now = self._services.now()
        self._carry_out(self._dialogue.broken(now) if after_fault else self._dialogue.begin(now))
        while True:
            self._take(await self._inbox.get())

    def _take(self, item: Input) -> None:
        if self._waiting is not None and not isinstance(item, TransferResult):
            self._waiting.take(item)  # the end of the leg comes another way
            return
        match item:
            case GoodbyeSaid(goodbye=goodbye):
                if goodbye is self._goodbye:
                    self._end(CallOutcome(goodbye.disposition, "bot"))
                return
            case VoiceFailed() if self._goodbye is not None:
                return
            case VoiceFailed() if self._speaker.failures_in_a_row >= VOICE_LOST_AFTER:
                self._give_up()
                return
            case TurnHeard() if item.was_over_notice and item.says_nothing and self._speaker.is_speaking:
                self._turns.open(item)  # 'hello?' over the disclosure: the question comes anyway
                return
            case TransferResult():
                self._take_back()
        self._open_turn(item)
        requests, failures = self._dialogue.human_requests, self._dialogue.failures
        actions = reaction(self._dialogue, item, self._services.now())
        self._note(item, actions, requests, failures)
        has_asked = self._dialogue.human_requests > requests
        actions = self._rules.revised(item, actions, self._dialogue, self._services.now(), has_asked)
        if self._goodbye is not None and actions and not any(isinstance(each, HangUp) for each in actions):
            self._goodbye = self._story.goodbye = None  # the caller has more to say
        self._carry_out(actions)

    def _open_turn(self, item: Input) -> None:
        """Begin a turn in the record; what the bot was saying is over when the caller has spoken."""
        if isinstance(item, TaskOutcome):
            return
        self._turns.open(item if isinstance(item, TurnHeard) else None)
        is_filling = self._filler is not None and not self._filler.done.is_set()
        self._filler = None
        if isinstance(item, TurnHeard | EarsFailed) and is_filling:
            return  # 'one moment' is not cut off by the answer it announced
        if isinstance(item, TurnHeard | DigitPressed | TransferResult | EarsFailed):
            self._speaker.stop()
            self._hearing.bot_stopped()

    def _note(self, item: Input, actions: tuple[Action, ...], requests: int, failures: int) -> None:
        """Tell what the dialogue made of an input; `requests`, `failures`: its counts before."""
        at_ms, dialogue = self._at_ms(), self._dialogue
        has_asked = dialogue.human_requests > requests
        if isinstance(item, DigitPressed):
            self._sink(KeyPressed(at_ms, is_zero=has_asked and item.digit == "0"))
        if has_asked:
            by = "key" if isinstance(item, DigitPressed) else "words"
            self._sink(HumanRequested(at_ms, by=by, language=dialogue.language))
            self._story.human_wanted(self._services.clock())
        if isinstance(item, Silent) and not self._tasks_running:
            self._sink(NoInput(at_ms, silence_ms=item.silence_ms))
        is_repair = any(isinstance(each, Transfer) and each.reason == "repair" for each in actions)
        has_failed = dialogue.failures > failures or (is_repair and failures > 0)
        if isinstance(item, TurnHeard) and has_failed:
            self._sink(NoMatch(at_ms, failures=failures + 1))
        self._story.has_answered = dialogue.has_answered

    # -- doing ------------------------------------------------------------------------------------------

    def _carry_out(self, actions: tuple[Action, ...]) -> None:
        self._follow_dialogue()
        for action in actions:
            match action:
                case Say():
                    self._turns.add(self._speaker.say(action))
                case Listen():
                    self._silence.expect(action)
                case RunTask():
                    self._silence.expect(Listen(Expectation.ANYTHING, TASK_SILENCE_MS))
                    self._group.create_task(self._run_task(action), name="task")
                case Transfer():
                    self._begin_transfer(action)
                case StoreCallback():
                    self._store_callback(action)
                case HangUp() if self._goodbye is None:
                    self._goodbye, self._story.goodbye = action, action.disposition
                    self._group.create_task(self._say_goodbye(action), name="goodbye")
        if self._waiting is not None:
            return
        if self._silence.listen is None and self._goodbye is None:
            self._silence.expect(LISTEN_ANYWAY)
        self._expect(actions)

    def _expect(self, actions: tuple[Action, ...]) -> None:
        listen = self._silence.listen
        expectation = listen.expectation if listen is not None else Expectation.ANYTHING
        if any(isinstance(each, Listen) for each in actions):
            # A person may be offered while digits are expected: 'ja' counts all the same (law H6).
            is_offer = any(isinstance(each, Say) and each.prompt_id == OFFER for each in actions)
            self._may_be_yes = is_offer or expectation is Expectation.YES_NO
        self._hearing.expect(expectation, self._language, may_be_yes=self._may_be_yes)

    def _follow_dialogue(self) -> None:
        dialogue = self._dialogue
        if dialogue.language != self._language:
            self._language = dialogue.language
            self._sink(LanguageChanged(self._at_ms(), language=self._language))
        self._speaker.rate, self._speaker.gain_db = dialogue.rate, dialogue.gain_db

    async def _run_task(self, action: RunTask) -> None:
        self._tasks_running += 1
        slow = asyncio.get_running_loop().call_later(SLOW_TASK_SECONDS, self._one_moment, self._turns.add)
        try:
            outcome = await self._services.backend.run(action.name, dict(action.slots))
        finally:
            slow.cancel()
            self._tasks_running -= 1
        self._inbox.put_nowait(outcome)

    def _store_callback(self, action: StoreCallback) -> None:
        self._story.callback_stored()
        number, message = action.number, action.message
        self._sink(CallbackRequested(self._at_ms(), action.reason, action.language, number, message))

    async def _say_goodbye(self, goodbye: HangUp) -> None:
        await self._speaker.silent()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD_SECONDS):
                await self._hearing.calm()
        await self._speaker.silent()
        self._inbox.put_nowait(GoodbyeSaid(goodbye))

    def _give_up(self) -> None:
        """The voice is lost and nobody can be reached: at least a person learns of the caller."""
        if not self._story.has_callback and self._leg.info.caller:
            self._store_callback(StoreCallback("worker_failure", self._language))
        self._end(self._story.outcome_of_fault("voice lost"))

    # -- to a person ------------------------------------------------------------------------------------

    def _begin_transfer(self, action: Transfer) -> None:
        parts = WaitingParts(
            self._dialogue,
            self._speaker,
            self._transfer,
            self._turns,
            self._story,
            self._sink,
            self._at_ms,
            self._services.clock,
            self._let_go,
        )
        self._waiting = Waiting(parts, action)
        self._silence.expect(None)
        self._goodbye = self._story.goodbye = None
        self._hearing.reset()
        self._hearing.expect(Expectation.ANYTHING, self._language, may_be_yes=True)
        self._group.create_task(self._put_through(self._waiting), name="transfer")

    async def _put_through(self, waiting: Waiting) -> None:
        result = await waiting.run()
        if result.joined and result.ended_by not in {"agent", "handed_on"}:
            by = "bot" if result.ended_by == "referred" else result.ended_by
            self._end(CallOutcome(Disposition.TRANSFERRED, by))
        else:
            self._inbox.put_nowait(result)

    def _take_back(self) -> None:
        """Attend to the caller again: nobody took the call, or the agent has left."""
        self._story.is_waiting, self._waiting = False, None
        self._hearing.reset()
        if not self._listening:
            self._start_listening()
