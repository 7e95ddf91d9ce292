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
from voicebot.dialogue.barge_in import BargeInDecision, BargeInState
from voicebot.errors import SpeechWorkerBusy, SpeechWorkerError
from voicebot.events import (
    BackchannelHeard,
    BargeIn,
    EventSink,
    Language,
    SpeechWorkerFailed,
    UtteranceEnded,
)
from voicebot.hearing.endpointing import (
    DropSpeculation,
    Endpointing,
    NoiseIgnored,
    Speculate,
    TurnEnded,
    UtteranceStarted,
)
from voicebot.hearing.language import LanguageTracker
from voicebot.hearing.transcriber import Transcriber, TranscriptionRequest
from voicebot.hearing.vad import VoiceActivity
from voicebot.understanding.completeness import completeness
from voicebot.understanding.interpretation import Expectation, Interpretation, Interpreter

PRE_ROLL_FRAMES = 25
"""Half a second before the first speech frame: what the VAD needed to be sure, and soft first consonants."""
MAX_UTTERANCE_BYTES = 30 * 50 * FRAME_BYTES
"""Whisper's 30 s window."""


@dataclass(frozen=True, slots=True)
class TurnHeard:
    """A completed turn of the caller; `interpretation` None when no words came out.

    `last_speech_at`, `ended_at`: monotonic seconds of the last speech frame and of the end of the turn.
    """

    text: str
    language: Language
    interpretation: Interpretation | None
    last_speech_at: float
    ended_at: float
    transcription_ms: int | None = None
    understanding_ms: int | None = None


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


@dataclass(slots=True)
class _Meaning:
    turn: TurnHeard
    audio_bytes: int


class CallHearing:
    """The ears of one call."""

    def __init__(
        self,
        parts: HearingParts,
        speaker: Speaker,
        *,
        on_turn: Callable[[TurnHeard], None],
        on_failed: Callable[[str], None],
        sink: EventSink,
        at_ms: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        self._parts, self._speaker = parts, speaker
        self._on_turn, self._on_failed = on_turn, on_failed
        self._sink, self._at_ms, self._clock = sink, at_ms, clock
        self._vad = parts.voice_activity()
        self._endpointing = parts.endpointing()
        self._barge_in = parts.barge_in()
        self._languages = parts.language()
        self._expectation = Expectation.ANYTHING
        self._pre_roll: deque[bytes] = deque(maxlen=PRE_ROLL_FRAMES)
        self._audio = bytearray()
        self._in_utterance = False
        self._speculation: asyncio.Task[_Meaning | None] | None = None
        self._deliveries: set[asyncio.Task[None]] = set()
        self._last_speech_at = clock()
        self._speech_started_at = clock()
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
        self._apply(self._barge_in.step(decision, bot_is_speaking=self._speaker.is_speaking))
        for action in self._endpointing.step(decision):
            match action:
                case UtteranceStarted():
                    self._start_utterance()
                case Speculate():
                    self._speculate(is_speculative=True)
                case DropSpeculation():
                    self._drop()
                case TurnEnded():
                    self._end_turn()
                case NoiseIgnored():
                    self._drop()
                    self._in_utterance = False
                    self._apply(self._barge_in.nothing_said())

    def _start_utterance(self) -> None:
        self._in_utterance = True
        self._speech_started_at = self._clock()
        self._audio.clear()
        for pcm in self._pre_roll:
            self._audio += pcm

    def _drop(self) -> None:
        if self._speculation is not None:
            self._speculation.cancel()
            self._speculation = None

    def _speculate(self, *, is_speculative: bool) -> None:
        self._drop()
        self._speculation = asyncio.create_task(
            self._understand(bytes(self._audio), is_speculative=is_speculative), name="understand"
        )

    def _end_turn(self) -> None:
        self._in_utterance = False
        ended_at = self._clock()
        speech_ms = len(self._audio) // FRAME_BYTES * FRAME_MS
        self._sink(UtteranceEnded(self._at_ms(), speech_ms=speech_ms, start_ms=self._at_ms() - speech_ms))
        if self._speculation is None:
            self._speculate(is_speculative=False)
        assert self._speculation is not None
        task = asyncio.create_task(
            self._deliver(self._speculation, self._last_speech_at, ended_at), name="deliver-turn"
        )
        self._speculation = None
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    async def _deliver(
        self, speculation: asyncio.Task[_Meaning | None], last_speech_at: float, ended_at: float
    ) -> None:
        pass


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
