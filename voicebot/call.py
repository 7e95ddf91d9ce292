"""One call from ring to record: the file to read first.

Three tasks live in one TaskGroup: *hear* turns frames into turns, *signals* takes keys, hold and the end of
the leg, *think* feeds both to the dialogue and carries out what it decides. Speaking has a fourth. Time is
counted in received frames (20 ms each), so nothing here needs a timer.

This module sees protocols only; `app.py` chooses what is behind them.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from voicebot.call_hearing import CallHearing, HearingParts, TurnHeard
from voicebot.call_record import TurnLog
from voicebot.call_speech import Saying, Speaker, Voice
from voicebot.call_transfer import CallTransfer, TransferParts
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
from voicebot.errors import DialFailure, VoicebotError
from voicebot.events import (
    CallAnswered,
    CallbackRequested,
    CallEnded,
    DisclosurePlayed,
    Disposition,
    EventSink,
    HumanRequested,
    KeyPressed,
    Language,
    LanguageChanged,
    NoInput,
    NoMatch,
    Overflowed,
    SpeechWorkerFailed,
)
from voicebot.media.leg import (
    DigitPressed,
    HeldByPeer,
    Leg,
    LegEndCause,
    LegEnded,
    ResumedByPeer,
)
from voicebot.transfer.execute import TransferResult
from voicebot.understanding.interpretation import Interpretation

log = structlog.get_logger()

INBOX_LIMIT = 64
SLOW_TASK_SECONDS = 1.0
"""After this long a task is announced: 'one moment, please'."""


class Dialogue(Protocol):
    """The policy, as the call uses it; each input yields what to do next."""

    @property
    def language(self) -> Language:
        """The language the bot speaks now."""

    def begin(self, now: datetime) -> tuple[Action, ...]:
        """The call was answered."""

    @property
    def rate(self) -> float:
        """Speaking rate; 1.0 is normal."""

    @property
    def gain_db(self) -> float:
        """Louder by so much than normal."""

    def heard(self, turn: Interpretation, now: datetime, *, doubtful: bool) -> tuple[Action, ...]:
        """The caller said something that was recognised."""

    def nothing_understood(self, now: datetime) -> tuple[Action, ...]:
        """The caller spoke, but no words came out of it."""

    def silence(self, now: datetime) -> tuple[Action, ...]:
        """The caller said nothing for as long as Listen allowed."""

    def key(self, digit: str, now: datetime) -> tuple[Action, ...]:
        """A key was pressed."""

    def ears_failed(self, now: datetime) -> tuple[Action, ...]:
        """Recognition does not work."""

    def task_done(self, outcome: TaskOutcome, now: datetime) -> tuple[Action, ...]:
        """A backend has answered."""

    def transfer_failed(self, failure: DialFailure, now: datetime) -> tuple[Action, ...]:
        """Nobody took the call; the caller is with the bot."""

    def transfer_returned(self, now: datetime) -> tuple[Action, ...]:
        """The agent has hung up; the caller is back."""

    def time_is_up(self, now: datetime) -> tuple[Action, ...]:
        """The call has lasted as long as is allowed."""


class TaskBackend(Protocol):
    """What tasks call."""

    async def run(self, name: str, slots: dict[str, str]) -> TaskOutcome:
        """Never raises: trouble is the status 'unavailable'."""


@dataclass(frozen=True, slots=True)
class CallServices:
    """What a call needs of the rest. `clock`: monotonic seconds; `now`: local date and time."""

    voice: Voice
    hearing: HearingParts
    transfer: TransferParts
    backend: TaskBackend
    clock: Callable[[], float]
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Longest call in seconds."""

    max_seconds: int = 900


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How the call ended. `ended_by`: caller, bot, agent, network, error."""

    disposition: Disposition
    ended_by: str
    detail: str = ""


class Mode(enum.Enum):
    """Who has the caller now."""

    CONVERSING = "conversing"
    TRANSFERRING = "transferring"
    CLOSING = "closing"


@dataclass(frozen=True, slots=True)
class _Silent:
    silence_ms: int


@dataclass(frozen=True, slots=True)
class _TimeUp:
    pass


@dataclass(frozen=True, slots=True)
class _EarsFailed:
    code: str


_Input = TurnHeard | DigitPressed | TaskOutcome | TransferResult | _Silent | _TimeUp | _EarsFailed


class Call:
    """One caller on one leg."""

    def __init__(
        self,
        leg: Leg,
        dialogue: Dialogue,
        services: CallServices,
        sink: EventSink,
        limits: CallLimits | None = None,
    ) -> None:
        self._leg, self._dialogue, self._services, self._sink = leg, dialogue, services, sink
        self._limits = limits or CallLimits()
        self._inbox: asyncio.Queue[_Input] = asyncio.Queue(INBOX_LIMIT)
        self._over: asyncio.Future[CallOutcome] = asyncio.get_running_loop().create_future()
        self._answered_at = services.clock()
        self._mode = Mode.CONVERSING
        self._asked_for_human = False
        self._was_helped = False
        self._language: str = ""
        self._listen: Listen | None = None
        self._quiet_ms = 0
        self._no_match_in_a_row = 0
        self._running_tasks = 0
        self._group: asyncio.TaskGroup | None = None
        self._closing: asyncio.Task[None] | None = None
        self._hear_task: asyncio.Task[None] | None = None
        self._signal_task: asyncio.Task[None] | None = None
        self._transfer_task: asyncio.Task[None] | None = None
        self._turns = TurnLog(sink, self._at_ms)
        self._speaker = Speaker(
            leg, services.voice, on_finished=self._said, on_failed=self._voice_failed
        )
        self._hearing = CallHearing(
            services.hearing,
            self._speaker,
            on_turn=self._post,
            on_failed=self._ears_failed,
            on_retry=self._ears_retry,
            sink=sink,
            at_ms=self._at_ms,
            clock=services.clock,
        )
        self._transfer = CallTransfer(leg, services.transfer, sink, self._at_ms)

    # -- the whole call ---------------------------------------------------------------------------------

    async def run(self) -> CallOutcome:
        """Answer, talk, end. Always emits CallEnded and always ends the leg."""
        outcome = CallOutcome(Disposition.FAILED, "error")
        try:
            await self._leg.answer()
            self._answered_at = self._services.clock()
            info = self._leg.info
            self._sink(CallAnswered(self._at_ms(), leg_kind=info.kind, codec=info.codec))
            outcome = await self._converse()
        except VoicebotError as error:
            outcome = CallOutcome(Disposition.FAILED, "error", error.code)
        except Exception as error:  # noqa: BLE001 - the edge of a call: a mistake of ours becomes a disposition
            log.exception("call failed", leg=self._leg.info.leg_id)
            outcome = await self._rescue(type(error).__name__)
        finally:
            await asyncio.shield(self._close(outcome))
        return outcome

    async def _converse(self) -> CallOutcome:
        async with asyncio.TaskGroup() as group:
            self._group = group
            speak = group.create_task(self._speaker.run(), name="speak")
            think = group.create_task(self._think(), name="think")
            self._start_listening()
            outcome = await asyncio.shield(self._over)
            tasks = (speak, think, self._hear_task, self._signal_task, self._transfer_task, self._closing)
            for task in tasks:
                if task is not None:
                    task.cancel()
            self._hearing.close()
        return outcome

    def _start_listening(self) -> None:
        assert self._group is not None
        self._hear_task = self._group.create_task(self._hear(), name="hear")
        self._signal_task = self._group.create_task(self._signals(), name="signals")

    async def _stop_listening(self) -> None:
        """Give the leg's frames and signals away (to a bridge)."""
        tasks = [task for task in (self._hear_task, self._signal_task) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._hearing.reset()

    async def _close(self, outcome: CallOutcome) -> None:
        self._speaker.stop()
        await self._leg.hang_up()  # settles every playback
        await self._speaker.settled()
        self._turns.flush()
        self._sink(
            CallEnded(
                self._at_ms(),
                disposition=outcome.disposition.value,
                ended_by=outcome.ended_by,
                detail=outcome.detail,
            )
        )

    async def _rescue(self, detail: str) -> CallOutcome:
        """Something of ours broke: apologise from memory and put the caller through."""
        self._leg.playout.stop()
        language = self._hearing.language
        await self._leg.playout.play(self._services.voice.emergency_clip(language)).finished()
        self._sink(HumanRequested(self._at_ms(), by="fallback", language=language))
        result = await self._transfer.run(Transfer("", "worker_failure", language, ""), self._services.voice)
        if result.joined:
            return CallOutcome(Disposition.TRANSFERRED, result.ended_by, detail)
        return CallOutcome(Disposition.FAILED, "error", detail)

    def _at_ms(self) -> int:
        return int((self._services.clock() - self._answered_at) * 1000)

    def _end(self, disposition: Disposition, ended_by: str, detail: str = "") -> None:
        if not self._over.done():
            self._over.set_result(CallOutcome(disposition, ended_by, detail))

    # -- hearing ----------------------------------------------------------------------------------------

    async def _hear(self) -> None:
        max_ms = self._limits.max_seconds * 1000
        async for frame in self._leg.frames():
            if self._mode is Mode.TRANSFERRING or self._leg.is_on_hold:
                self._quiet_ms = 0
                continue
            self._hearing.take(frame)
            self._count_silence()
            if frame.at_ms >= max_ms and frame.at_ms < max_ms + 20:
                self._post(_TimeUp())

    def _count_silence(self) -> None:
        """Post a no-input when bot and caller have been silent for as long as Listen says."""
        speaks = self._speaker.is_speaking or self._hearing.is_busy
        busy = speaks or self._running_tasks or self._inbox.qsize()
        if self._listen is None or busy:
            self._quiet_ms = 0
            return
        self._quiet_ms += 20
        if self._quiet_ms >= self._listen.no_input_ms:
            silence_ms, self._quiet_ms, self._listen = self._quiet_ms, 0, None
            self._post(_Silent(silence_ms))

    async def _signals(self) -> None:
        async for signal in self._leg.signals():
            match signal:
                case DigitPressed(digit=digit):
                    self._sink(KeyPressed(self._at_ms(), is_zero=digit == "0"))
                    self._post(signal)
                case LegEnded():
                    self._caller_gone(signal)
                case HeldByPeer():
                    self._speaker.pause()
                case ResumedByPeer():
                    self._speaker.resume()

    def _caller_gone(self, ended: LegEnded) -> None:
        by = "caller" if ended.cause is LegEndCause.PEER else "network"
        if ended.cause is LegEndCause.MEDIA_LOST:
            self._end(Disposition.MEDIA_LOST, "network", ended.detail)
        elif self._mode is Mode.TRANSFERRING or self._asked_for_human:
            self._end(Disposition.ABANDONED_WAITING, by, ended.detail)
        else:
            helped = self._was_helped or self._mode is Mode.CLOSING
            self._end(Disposition.COMPLETED if helped else Disposition.ABANDONED, by, ended.detail)

    def _ears_failed(self, code: str) -> None:
        self._sink(SpeechWorkerFailed(self._at_ms(), what="transcription", code=code))
        self._post(_EarsFailed(code))

    def _ears_retry(self) -> None:
        """A worker died with the caller's words: say so while they are recognised once more."""
        self._sink(SpeechWorkerFailed(self._at_ms(), what="transcription", code="worker.died"))
        if not self._speaker.is_speaking:
            self._turns.add(self._speaker.say(Say("one_moment", self._hearing.language)))

    def _voice_failed(self, code: str) -> None:
        self._sink(SpeechWorkerFailed(self._at_ms(), what="synthesis", code=code))

    def _post(self, item: _Input) -> None:
        try:
            self._inbox.put_nowait(item)
        except asyncio.QueueFull:
            self._sink(Overflowed(self._at_ms(), queue="inbox", dropped=1))

    # -- thinking ---------------------------------------------------------------------------------------

    async def _think(self) -> None:
        self._carry_out(self._dialogue.begin(self._services.now()))
        while True:
            item = await self._inbox.get()
            if self._mode is Mode.TRANSFERRING and not isinstance(item, TransferResult):
                continue
            if isinstance(item, TransferResult):
                self._mode = Mode.CONVERSING
            self._open_turn(item)
            actions = self._decide(item)
            if self._closing is not None and not isinstance(item, _Silent):
                self._closing.cancel()  # the caller has more to say after the goodbye
                self._closing, self._mode = None, Mode.CONVERSING
            self._carry_out(actions)

    def _open_turn(self, item: _Input) -> None:
        if isinstance(item, TurnHeard):
            self._turns.open(item)
        elif isinstance(item, DigitPressed | _Silent | TransferResult):
            self._turns.open(None)
        if isinstance(item, TurnHeard | DigitPressed):
            self._speaker.stop()

    def _decide(self, item: _Input) -> tuple[Action, ...]:
        now = self._services.now()
        dialogue = self._dialogue
        match item:
            case TurnHeard(interpretation=None):
                self._no_match_in_a_row += 1
                self._sink(NoMatch(self._at_ms(), failures=self._no_match_in_a_row))
                return dialogue.nothing_understood(now)
            case TurnHeard(interpretation=interpretation) if interpretation is not None:
                return self._decide_heard(interpretation, now, doubtful=item.is_doubtful)
            case DigitPressed(digit=digit):
                if digit == "0":
                    self._note_human_request("key")
                return dialogue.key(digit, now)
            case _Silent(silence_ms=silence_ms):
                self._sink(NoInput(self._at_ms(), silence_ms=silence_ms))
                return dialogue.silence(now)
            case TaskOutcome():
                self._was_helped = self._was_helped or item.status == "done"
                return dialogue.task_done(item, now)
            case TransferResult():
                return self._decide_after_transfer(item, now)
            case _TimeUp():
                return dialogue.time_is_up(now)
            case _EarsFailed():
                return dialogue.ears_failed(now)
        return ()

    def _decide_heard(
        self, interpretation: Interpretation, now: datetime, *, doubtful: bool
    ) -> tuple[Action, ...]:
        if interpretation.wants_human:
            self._note_human_request("words")
        if interpretation.intent is None and not interpretation.wants_human and not interpretation.slots:
            self._no_match_in_a_row += 1
            self._sink(NoMatch(self._at_ms(), failures=self._no_match_in_a_row))
        else:
            self._no_match_in_a_row = 0
            self._was_helped = True
        return self._dialogue.heard(interpretation, now, doubtful=doubtful)

    def _decide_after_transfer(self, result: TransferResult, now: datetime) -> tuple[Action, ...]:
        if result.failure is not None:
            return self._dialogue.transfer_failed(result.failure, now)
        self._asked_for_human = False
        self._was_helped = True
        return self._dialogue.transfer_returned(now)

    def _note_human_request(self, by: str) -> None:
        self._asked_for_human = True
        self._sink(HumanRequested(self._at_ms(), by=by, language=self._dialogue.language))

    # -- doing ------------------------------------------------------------------------------------------

    def _carry_out(self, actions: tuple[Action, ...]) -> None:
        assert self._group is not None
        for action in actions:
            match action:
                case Say():
                    self._turns.add(self._speaker.say(action))
                case Listen():
                    self._listen = action
                    self._quiet_ms = 0
                case RunTask():
                    self._running_tasks += 1
                    self._group.create_task(self._run_task(action), name="task")
                case Transfer():
                    self._mode = Mode.TRANSFERRING
                    self._transfer_task = self._group.create_task(self._put_through(action), name="transfer")
                case StoreCallback():
                    self._asked_for_human = False
                    self._sink(
                        CallbackRequested(
                            self._at_ms(), action.reason, action.language, action.number, action.message
                        )
                    )
                case HangUp():
                    self._mode = Mode.CLOSING
                    self._closing = self._group.create_task(self._hang_up(action), name="closing")
        self._follow_dialogue()

    def _follow_dialogue(self) -> None:
        language = self._dialogue.language
        if language != self._language:
            if self._language:
                self._sink(LanguageChanged(self._at_ms(), language=language))
            self._language = language
        self._hearing.expect(self._listen, language)
        self._speaker.rate, self._speaker.gain_db = self._dialogue.rate, self._dialogue.gain_db

    async def _run_task(self, action: RunTask) -> None:
        try:
            task = asyncio.ensure_future(self._services.backend.run(action.name, dict(action.slots)))
            done, _ = await asyncio.wait({task}, timeout=SLOW_TASK_SECONDS)
            if not done and not self._speaker.is_speaking:
                self._turns.add(self._speaker.say(Say("one_moment", self._hearing.language)))
            outcome = await task
        finally:
            self._running_tasks -= 1
        self._post(outcome)

    async def _put_through(self, action: Transfer) -> None:
        await self._speaker.silent()
        result = await self._transfer.run(action, self._services.voice, before_join=self._stop_listening)
        if result.joined and result.ended_by in {"caller", "referred"}:
            self._end(Disposition.TRANSFERRED, result.ended_by)
            return
        if result.joined:
            self._start_listening()
        self._post(result)

    async def _hang_up(self, action: HangUp) -> None:
        await self._speaker.silent()
        self._end(action.disposition, "bot")

    def _said(self, saying: Saying) -> None:
        if saying.say.prompt_id.startswith("disclosure"):
            self._sink(
                DisclosurePlayed(
                    self._at_ms(),
                    language=saying.say.language,
                    text_version=self._services.voice.text_version(saying.say.prompt_id, saying.say.language),
                    frames_sent=saying.frames_sent,
                    frames_total=saying.frames_total,
                )
            )
