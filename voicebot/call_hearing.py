"""From received frames to completed turns, for one call.

Each frame goes through the VAD, the endpointing and, while the bot talks, the barge-in decision. At a pause
the utterance so far is recognised speculatively: when the turn ends the meaning is there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from voicebot.audio import FRAME_BYTES, FRAME_MS, AudioFrame
from voicebot.call_speech import Speaker
from voicebot.call_text import MAX_LINES, TYPING_SECONDS, TypedLine
from voicebot.call_understanding import (
    DOUBTFUL_LOG_PROBABILITY,
    Meaning,
    NoMeaning,
    Recognisers,
    Recognition,
    TurnHeard,
)
from voicebot.dialogue.barge_in import BargeInDecision, BargeInState, is_backchannel
from voicebot.events import (
    BackchannelHeard,
    BargeIn,
    EventSink,
    Language,
    Overflowed,
    SpeechWorkerFailed,
    UtteranceEnded,
)
from voicebot.hearing.endpointing import (
    PATIENT,
    DropSpeculation,
    Endpointing,
    EndpointingAction,
    NoiseIgnored,
    Speculate,
    TurnEnded,
    UtteranceStarted,
)
from voicebot.hearing.language import CallLanguage, LanguageRules
from voicebot.hearing.transcriber import Transcriber
from voicebot.hearing.vad_decision import VadDecision
from voicebot.media.leg import CallerTyping, TextReceived
from voicebot.understanding.completeness import Completeness, completeness
from voicebot.understanding.interpretation import Expectation, Interpreter

PRE_ROLL_FRAMES = 25
"""Half a second before the first speech frame: what the VAD needed to be sure, and soft first consonants."""
MAX_UTTERANCE_BYTES = 30 * 50 * FRAME_BYTES
"""Whisper's 30 s window."""
SLOW_SECONDS = 1.5
"""So long after the end of a turn without a meaning, the caller is told: 'one moment'."""


class VoiceDetector(Protocol):
    """Says of each frame whether it is speech; see VoiceActivity."""

    def process(self, frame: AudioFrame) -> VadDecision:
        """Take the next frame of 20 ms."""


class HearingParts(Protocol):
    """What hearing needs: fresh state for each call, and the shared recognisers."""

    @property
    def transcriber(self) -> Transcriber:
        """Speech to text."""

    @property
    def interpreter(self) -> Interpreter:
        """Text to meaning."""

    @property
    def language_rules(self) -> LanguageRules:
        """How readily a call of this line changes its language."""

    def voice_activity(self) -> VoiceDetector:
        """Return a VAD with a state of its own."""

    def endpointing(self) -> Endpointing:
        """Return an endpointing state machine."""

    def barge_in(self) -> BargeInState:
        """Return a barge-in state machine."""

    def vocabulary(self, expectation: Expectation) -> Mapping[Language, str]:
        """Return the words to expect, per language."""

    def today(self) -> str:
        """Return the ISO date."""


class HeardSink(Protocol):
    """Who is told what was heard; each returns at once."""

    def turn_heard(self, turn: TurnHeard) -> None:
        """The caller has completed a turn."""

    def turn_is_slow(self) -> None:
        """The caller waits for an answer: recognition is slow, or is tried once more."""

    def ears_failed(self, code: str) -> None:
        """Recognition failed twice."""


@dataclass(frozen=True, slots=True)
class _EndedTurn:
    """What is known when a turn ends, before its meaning."""

    recognition: Recognition | TypedLine
    task: asyncio.Task[Meaning | NoMeaning]
    may_be_yes: bool
    last_speech_at: float
    ended_at: float
    speech_ms: int
    was_over_bot: bool
    was_over_notice: bool


class CallHearing:
    """The ears of one call. Its tasks belong to `group`; `language`: of the line or the dialogue."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        parts: HearingParts,
        speaker: Speaker,
        heard: HeardSink,
        *,
        language: Language,
        sink: EventSink,
        at_ms: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        self._group, self._parts, self._speaker, self._heard = group, parts, speaker, heard
        self._sink, self._at_ms, self._clock = sink, at_ms, clock
        self._call_language = CallLanguage(language)
        self._recognisers = Recognisers(
            parts.transcriber,
            parts.interpreter,
            parts.language_rules,
            parts.vocabulary,
            parts.today,
            clock,
            lambda what, code: sink(SpeechWorkerFailed(at_ms(), what=what, code=code)),
        )
        self._expectation = Expectation.ANYTHING
        self._may_be_yes = False
        self._delivering: set[asyncio.Task[None]] = set()
        self._typing_until = 0.0
        self._speculation: tuple[Recognition, asyncio.Task[Meaning | NoMeaning]] | None = None
        self._calm = asyncio.Event()
        self._begin()

    def _begin(self) -> None:
        self._vad = self._parts.voice_activity()
        self._endpointing = self._parts.endpointing()
        self._endpointing.expect(self._expectation)
        self._barge_in = self._parts.barge_in()
        self._pre_roll: deque[bytes] = deque(maxlen=PRE_ROLL_FRAMES)
        self._audio = bytearray()
        self._in_utterance = self._was_over_bot = self._was_over_notice = False
        self._last_speech_at = self._clock()
        self._reaction_ms = 0
        self._calm.set()

    @property
    def is_busy(self) -> bool:
        """The caller is speaking or typing, or a turn is still being understood."""
        return not self._calm.is_set() or self._clock() < self._typing_until

    async def calm(self) -> None:
        """Wait until the caller is silent and all was understood."""
        await self._calm.wait()

    def expect(self, expectation: Expectation, language: Language, *, may_be_yes: bool) -> None:
        """Note what was asked and in which language the call goes on.

        `may_be_yes`: 'ja' over the prompt answers it, and is no backchannel.
        """
        self._may_be_yes = may_be_yes
        if expectation is not self._expectation:
            self._expectation = expectation
            self._endpointing.expect(expectation)
        if language != self._call_language.language:
            self._call_language = CallLanguage(language, is_heard=True)

    def reset(self) -> None:
        """Forget the present utterance and all that is not understood yet; the bot speaks on if it paused."""
        self._drop()
        for task in self._delivering:
            task.cancel()
        self._delivering.clear()
        if self._barge_in.is_paused:
            self._speaker.resume()
        self._begin()

    def bot_stopped(self) -> None:
        """Take note that what the caller may have interrupted is not played any more."""
        self._barge_in = self._parts.barge_in()

    # -- frames -----------------------------------------------------------------------------------------

    def take(self, frame: AudioFrame) -> None:
        """Take one frame of 20 ms."""
        self._pre_roll.append(frame.pcm)
        decision = self._vad.process(frame)
        if decision.is_speech:
            self._last_speech_at = self._clock()
        if self._in_utterance and len(self._audio) < MAX_UTTERANCE_BYTES:
            self._audio += frame.pcm
        barge_in = self._barge_in.step(
            decision,
            bot_is_speaking=self._speaker.is_speaking,
            can_be_interrupted=self._speaker.can_be_interrupted,
        )
        if barge_in is BargeInDecision.PAUSE and decision.onset_at_ms is not None:
            # From the first speech to the end of the fade, which is the next frame sent.
            self._reaction_ms = decision.at_ms - decision.onset_at_ms + 2 * FRAME_MS
        self._interrupt(barge_in)
        self._follow(self._endpointing.step(decision))

    def _interrupt(self, decision: BargeInDecision) -> None:
        match decision:
            case BargeInDecision.PAUSE:
                self._speaker.pause()
            case BargeInDecision.RESUME:
                self._speaker.resume()
            case BargeInDecision.STOP:
                stopped = self._speaker.stop()
                self._sink(
                    BargeIn(
                        self._at_ms(),
                        reaction_ms=self._reaction_ms,
                        frames_sent=sum(result.frames_sent for result in stopped),
                        frames_total=sum(result.frames_total for result in stopped),
                    )
                )
            case BargeInDecision.NONE:
                pass

    def _follow(self, actions: tuple[EndpointingAction, ...]) -> None:
        for action in actions:
            match action:
                case UtteranceStarted():
                    self._start_utterance()
                case Speculate(number=number):
                    self._speculate(number)
                case DropSpeculation():
                    self._drop()
                case TurnEnded():
                    self._end_turn(action)
                case NoiseIgnored():
                    self._drop()
                    self._end_utterance()
                    self._interrupt(self._barge_in.nothing_said())

    def _start_utterance(self) -> None:
        self._in_utterance = True
        self._calm.clear()
        self._was_over_bot = self._speaker.is_speaking
        self._was_over_notice = not self._speaker.can_be_interrupted
        self._audio.clear()
        for pcm in self._pre_roll:
            self._audio += pcm

    def _end_utterance(self) -> None:
        self._in_utterance = False
        if not self._delivering:
            self._calm.set()

    # -- understanding ----------------------------------------------------------------------------------

    def _recognise(self) -> tuple[Recognition, asyncio.Task[Meaning | NoMeaning]]:
        recognition = Recognition(
            bytes(self._audio), self._call_language, self._expectation, self._recognisers
        )
        return recognition, self._group.create_task(recognition.run(), name="recognise")

    def _drop(self) -> None:
        if self._speculation is not None:
            self._speculation[1].cancel()
            self._speculation = None

    def _speculate(self, number: int) -> None:
        """Understand the utterance so far; tell the endpointing what came out."""
        self._drop()
        self._speculation = self._recognise()
        self._group.create_task(self._judge(number, self._speculation[1]), name="judge-speculation")

    async def _judge(self, number: int, task: asyncio.Task[Meaning | NoMeaning]) -> None:
        await asyncio.wait({task})
        if self._speculation is None or self._speculation[1] is not task or task.cancelled():
            return  # the caller went on, or the turn has ended meanwhile
        meaning = task.result()
        if isinstance(meaning, NoMeaning):
            return
        found = meaning.interpretation
        slots = found.slots if found else {}
        verdict = completeness(meaning.text, meaning.call_language.language, self._expectation, slots)
        if verdict is Completeness.LIKELY_COMPLETE and found and found.intent and not slots:
            # Asked for a number, the caller said something else that is clear: no more digits will follow.
            verdict = Completeness.COMPLETE if self._expectation in PATIENT else verdict
        self._interrupt(self._barge_in.heard(meaning.text, may_be_answer=self._may_be_yes))
        self._speaker.captions.guessed(meaning.text, meaning.call_language.language)
        turn_probability = meaning.transcription.turn_completeness
        self._follow(self._endpointing.understood(number, verdict.value, turn_probability))

    def _end_turn(self, ended: TurnEnded) -> None:
        at_ms = self._at_ms()
        start_ms = max(0, at_ms - ended.silence_ms - ended.speech_ms)
        self._sink(UtteranceEnded(at_ms, speech_ms=ended.speech_ms, start_ms=start_ms))
        recognition, task = self._speculation or self._recognise()
        self._speculation = None
        recognition.make_sure()
        turn = _EndedTurn(
            recognition,
            task,
            self._may_be_yes,
            self._last_speech_at,
            self._clock(),
            ended.speech_ms,
            self._was_over_bot,
            self._was_over_notice,
        )
        self._start_delivery(turn)
        self._end_utterance()

    def take_text(self, signal: TextReceived | CallerTyping) -> None:
        """Take a line that was typed: a turn like one that was said, in its order (law X1)."""
        if isinstance(signal, CallerTyping):
            self._typing_until = self._clock() + TYPING_SECONDS
            return
        self._typing_until = 0.0
        if len(self._delivering) >= MAX_LINES:
            self._sink(Overflowed(self._at_ms(), queue="lines", dropped=1))
            return
        line = TypedLine(signal.text, self._call_language, self._expectation, self._recognisers)
        task = self._group.create_task(line.run(), name="understand-line")
        now, is_over_notice = self._clock(), not self._speaker.can_be_interrupted
        self._calm.clear()
        # Nobody types 'ja' to say that he is listening: a typed line always may be an answer.
        self._start_delivery(_EndedTurn(line, task, True, now, now, 0, False, is_over_notice))

    def _start_delivery(self, turn: _EndedTurn) -> None:
        delivery = self._group.create_task(self._deliver(turn, tuple(self._delivering)), name="deliver-turn")
        self._delivering.add(delivery)
        delivery.add_done_callback(self._delivered)

    def _delivered(self, delivery: asyncio.Task[None]) -> None:
        self._delivering.discard(delivery)
        if not self._delivering and not self._in_utterance:
            self._calm.set()

    async def _deliver(self, turn: _EndedTurn, before: tuple[asyncio.Task[None], ...]) -> None:
        """Hand on the meaning of a turn, after those before it; tell the caller when that takes long."""
        slow = asyncio.get_running_loop().call_later(SLOW_SECONDS, self._heard.turn_is_slow)
        if turn.recognition.has_failed:
            self._heard.turn_is_slow()
        turn.recognition.on_failed = self._heard.turn_is_slow
        try:
            meaning = await turn.task
            if before:
                await asyncio.wait(before)
        finally:
            slow.cancel()
            turn.task.cancel()
        if isinstance(meaning, NoMeaning):
            self._interrupt(self._barge_in.nothing_said())
            self._heard.ears_failed(meaning.code)
            return
        self._call_language = meaning.call_language
        self._interrupt(self._barge_in.heard(meaning.text, may_be_answer=turn.may_be_yes))
        is_backchanneling = not meaning.text or is_backchannel(meaning.text)
        if turn.was_over_bot and self._speaker.is_speaking and not turn.may_be_yes and is_backchanneling:
            self._sink(BackchannelHeard(self._at_ms(), speech_ms=turn.speech_ms))
            return
        heard = _turn_heard(turn, meaning)
        self._speaker.captions.heard(heard)
        self._heard.turn_heard(heard)


def _turn_heard(turn: _EndedTurn, meaning: Meaning) -> TurnHeard:
    return TurnHeard(
        meaning.text,
        meaning.call_language.language,
        meaning.interpretation,
        turn.last_speech_at,
        turn.ended_at,
        meaning.transcription_ms,
        meaning.understanding_ms,
        is_doubtful=meaning.transcription.average_log_probability < DOUBTFUL_LOG_PROBABILITY,
        was_over_notice=turn.was_over_notice,
    )
