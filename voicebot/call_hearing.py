"""From received frames to completed turns, for one call.

Each frame goes through the VAD, the endpointing and, while the bot talks, the barge-in decision. At a pause
the utterance so far is transcribed and interpreted speculatively: when the turn ends the meaning is there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from voicebot.audio import FRAME_BYTES, FRAME_MS, AudioFrame
from voicebot.call_speech import Speaker
from voicebot.dialogue.actions import Listen
from voicebot.dialogue.barge_in import BargeInDecision, BargeInState, is_backchannel
from voicebot.errors import SpeechWorkerBusy, SpeechWorkerError
from voicebot.events import BackchannelHeard, BargeIn, EventSink, Language, UtteranceEnded
from voicebot.hearing.endpointing import (
    DropSpeculation,
    Endpointing,
    EndpointingAction,
    NoiseIgnored,
    Speculate,
    TurnEnded,
    UtteranceStarted,
)
from voicebot.hearing.language import LanguageTracker
from voicebot.hearing.transcriber import Transcriber, Transcription, TranscriptionRequest
from voicebot.hearing.vad import VoiceActivity
from voicebot.hearing.vad_decision import VadDecision
from voicebot.understanding.completeness import completeness
from voicebot.understanding.interpretation import Expectation, Interpretation, Interpreter

PRE_ROLL_FRAMES = 25
"""Half a second before the first speech frame: what the VAD needed to be sure, and soft first consonants."""
MAX_UTTERANCE_BYTES = 30 * 50 * FRAME_BYTES
"""Whisper's 30 s window."""
DOUBTFUL_LOG_PROBABILITY = -0.8
"""Below this average per token, numbers are asked back (Whisper's own threshold for failure is -1.0)."""


@dataclass(frozen=True, slots=True)
class TurnHeard:
    """A completed turn of the caller; `interpretation` None when no words came out.

    `last_speech_at`, `ended_at`: monotonic seconds of the last speech frame and of the end of the turn.
    `is_doubtful`: the recogniser was unsure of the words.
    """

    text: str
    language: Language
    interpretation: Interpretation | None
    last_speech_at: float
    ended_at: float
    transcription_ms: int | None = None
    understanding_ms: int | None = None
    is_doubtful: bool = False


class HearingParts(Protocol):
    """What hearing needs: fresh state for each call, and the shared recognisers."""

    transcriber: Transcriber
    interpreter: Interpreter

    def voice_activity(self) -> VoiceActivity:
        """Return a VAD with a state of its own."""

    def endpointing(self) -> Endpointing:
        """Return an endpointing state machine."""

    def barge_in(self) -> BargeInState:
        """Return a barge-in state machine."""

    def language(self) -> LanguageTracker:
        """Return a language tracker."""

    def vocabulary(self, expectation: Expectation) -> Mapping[Language, str]:
        """Return the words to expect, per language."""

    def today(self) -> str:
        """Return the ISO date."""


@dataclass(frozen=True, slots=True)
class _Meaning:
    transcription: Transcription
    language: Language
    interpretation: Interpretation | None
    transcription_ms: int
    understanding_ms: int | None


class CallHearing:
    """The ears of one call."""

    def __init__(
        self,
        parts: HearingParts,
        speaker: Speaker,
        *,
        on_turn: Callable[[TurnHeard], None],
        on_failed: Callable[[str], None],
        on_retry: Callable[[], None],
        sink: EventSink,
        at_ms: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        self._parts, self._speaker = parts, speaker
        self._on_turn, self._on_failed, self._on_retry = on_turn, on_failed, on_retry
        self._sink, self._at_ms, self._clock = sink, at_ms, clock
        self._vad = parts.voice_activity()
        self._endpointing = parts.endpointing()
        self._barge_in = parts.barge_in()
        self._languages = parts.language()
        self._expectation = Expectation.ANYTHING
        self._pre_roll: deque[bytes] = deque(maxlen=PRE_ROLL_FRAMES)
        self._audio = bytearray()
        self._in_utterance = False
        self._spoke_over_bot = False
        self._speculation: asyncio.Task[_Meaning] | None = None
        self._deliveries: set[asyncio.Task[None]] = set()
        self._last_speech_at = clock()
        self._speech_started_at = self._paused_at = clock()
        self.language: Language = "nl"

    @property
    def is_busy(self) -> bool:
        """The caller is speaking, or a turn is still being understood."""
        return self._in_utterance or bool(self._deliveries)

    def expect(self, listen: Listen | None, language: str) -> None:
        """Note what was asked and in which language the call goes on."""
        self._expectation = listen.expectation if listen else Expectation.ANYTHING
        self.language = "en" if language == "en" else "nl"
        self._languages.follow(self.language)
        self._endpointing.expect(self._expectation)

    def close(self) -> None:
        """Cancel what is under way."""
        for task in (self._speculation, *self._deliveries):
            if task is not None:
                task.cancel()

    def reset(self) -> None:
        """Forget the present utterance: others have the caller's ear now."""
        self.close()
        self._vad = self._parts.voice_activity()
        self._endpointing = self._parts.endpointing()
        self._barge_in = self._parts.barge_in()
        self._audio.clear()
        self._in_utterance = False

    # -- frames -----------------------------------------------------------------------------------------

    def take(self, frame: AudioFrame) -> None:
        """Take one frame of 20 ms."""
        self._pre_roll.append(frame.pcm)
        decision = self._vad.process(frame)
        if decision.is_speech:
            self._last_speech_at = self._clock()
        if self._in_utterance and len(self._audio) < MAX_UTTERANCE_BYTES:
            self._audio += frame.pcm
        self._listen_for_barge_in(decision)
        self._follow(self._endpointing.step(decision))

    def _listen_for_barge_in(self, decision: VadDecision) -> None:
        if not self._barge_in.is_paused and decision.is_speech and decision.speech_ms <= FRAME_MS:
            self._speech_started_at = self._clock()
        self._apply(
            self._barge_in.step(
                decision,
                bot_is_speaking=self._speaker.is_speaking,
                can_be_interrupted=self._speaker.can_be_interrupted,
            )
        )

    def _apply(self, decision: BargeInDecision) -> None:
        match decision:
            case BargeInDecision.PAUSE:
                self._speaker.pause()
                self._paused_at = self._clock()
            case BargeInDecision.RESUME:
                self._speaker.resume()
            case BargeInDecision.STOP:
                stopped = self._speaker.stop()
                self._sink(
                    BargeIn(
                        self._at_ms(),
                        reaction_ms=_ms(self._paused_at - self._speech_started_at),
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
                    self._in_utterance = False
                    self._apply(self._barge_in.nothing_said())

    def _start_utterance(self) -> None:
        self._in_utterance = True
        self._spoke_over_bot = self._speaker.is_speaking
        self._audio.clear()
        for pcm in self._pre_roll:
            self._audio += pcm

    # -- understanding ----------------------------------------------------------------------------------

    def _drop(self) -> None:
        if self._speculation is not None:
            self._speculation.cancel()
            self._speculation = None

    def _speculate(self, number: int) -> None:
        """Understand the utterance so far; tell the endpointing what came out."""
        self._drop()
        pcm = bytes(self._audio)
        self._speculation = asyncio.create_task(self._understand(pcm, is_speculative=True), name="speculate")
        self._speculation.add_done_callback(lambda task: self._speculated(number, task))

    def _speculated(self, number: int, task: asyncio.Task[_Meaning]) -> None:
        if task.cancelled() or task.exception() is not None or task is not self._speculation:
            return
        meaning = task.result()
        text = meaning.transcription.text
        slots = meaning.interpretation.slots if meaning.interpretation else {}
        verdict = completeness(text, meaning.language, self._expectation, slots)
        self._apply(self._barge_in.heard(text, may_be_answer=self._expectation is Expectation.YES_NO))
        self._follow(
            self._endpointing.understood(number, verdict.value, meaning.transcription.turn_completeness)
        )

    async def _understand(self, pcm: bytes, *, is_speculative: bool) -> _Meaning:
        began = self._clock()
        transcription = await self._parts.transcriber.transcribe(
            TranscriptionRequest(
                pcm,
                prior=self._languages.prior,
                prompts=self._parts.vocabulary(self._expectation),
                is_speculative=is_speculative,
            )
        )
        heard_at = self._clock()
        language = self._languages.judge(transcription)
        if not transcription.text:
            return _Meaning(transcription, language, None, _ms(heard_at - began), None)
        interpretation = await self._parts.interpreter.interpret(
            transcription.text, language, self._expectation, self._parts.today()
        )
        done_at = self._clock()
        return _Meaning(
            transcription, language, interpretation, _ms(heard_at - began), _ms(done_at - heard_at)
        )

    def _end_turn(self, ended: TurnEnded) -> None:
        self._in_utterance = False
        at_ms = self._at_ms()
        start_ms = max(0, at_ms - ended.silence_ms - ended.speech_ms)
        self._sink(UtteranceEnded(at_ms, speech_ms=ended.speech_ms, start_ms=start_ms))
        delivery = asyncio.create_task(
            self._deliver(
                self._speculation, bytes(self._audio), self._last_speech_at, self._clock(), ended.speech_ms
            ),
            name="deliver-turn",
        )
        self._speculation = None
        self._deliveries.add(delivery)
        delivery.add_done_callback(self._deliveries.discard)

    async def _deliver(
        self,
        speculation: asyncio.Task[_Meaning] | None,
        pcm: bytes,
        last_speech_at: float,
        ended_at: float,
        speech_ms: int,
    ) -> None:
        """Hand on the meaning of a turn; a dead or busy worker gets one more try (design: then the human)."""
        try:
            meaning = await self._first_or_second_try(speculation, pcm)
        except SpeechWorkerError as error:
            self._apply(self._barge_in.heard(""))
            self._on_failed(error.code)
            return
        transcription = meaning.transcription
        self._languages.note(meaning.language, transcription)
        may_be_answer = self._expectation is Expectation.YES_NO
        self._apply(self._barge_in.heard(transcription.text, may_be_answer=may_be_answer))
        if self._spoke_over_bot and self._speaker.is_speaking and not may_be_answer:
            if not transcription.text or is_backchannel(transcription.text):
                self._sink(BackchannelHeard(self._at_ms(), speech_ms=speech_ms))
                return
        self._on_turn(
            TurnHeard(
                transcription.text,
                meaning.language,
                meaning.interpretation,
                last_speech_at,
                ended_at,
                meaning.transcription_ms,
                meaning.understanding_ms,
                transcription.average_log_probability < DOUBTFUL_LOG_PROBABILITY,
            )
        )

    async def _first_or_second_try(self, speculation: asyncio.Task[_Meaning] | None, pcm: bytes) -> _Meaning:
        if speculation is not None:
            try:
                return await speculation
            except SpeechWorkerBusy:
                pass  # a speculation gives way when the workers are busy: now it is a sure request
            except SpeechWorkerError:
                self._on_retry()
        try:
            return await self._understand(pcm, is_speculative=False)
        except SpeechWorkerBusy:
            raise
        except SpeechWorkerError:
            self._on_retry()
            return await self._understand(pcm, is_speculative=False)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
