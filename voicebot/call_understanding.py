"""From the audio of an utterance to its meaning: recognised, interpreted, tried twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from voicebot.errors import SpeechWorkerBusy, SpeechWorkerError
from voicebot.events import Language
from voicebot.hearing.language import CallLanguage, LanguageRules, after_turn, prior_for
from voicebot.hearing.transcriber import Transcriber, Transcription, TranscriptionRequest
from voicebot.understanding.interpretation import Expectation, Interpretation, Interpreter

TRIES = 2
LEAST_CHANCE_OF_OTHER = 0.05
"""Below this chance the second look is in the same language."""
DOUBTFUL_LOG_PROBABILITY = -0.8
"""Below this average per token, numbers are asked back (Whisper's own threshold for failure is -1.0)."""


@dataclass(frozen=True, slots=True)
class TurnHeard:
    """A completed turn of the caller; `interpretation` None when no words came out.

    `last_speech_at`, `ended_at`: monotonic seconds of the last speech frame and of the end of the turn.
    `is_doubtful`: the recogniser was unsure of the words. `was_over_notice`: it began while the bot said
    what cannot be interrupted.
    """

    text: str
    language: Language
    interpretation: Interpretation | None
    last_speech_at: float
    ended_at: float
    transcription_ms: int | None = None
    understanding_ms: int | None = None
    is_doubtful: bool = False
    was_over_notice: bool = False

    @property
    def says_nothing(self) -> bool:
        """No intent, no answer, no request could be made out in it."""
        return says_nothing(self.interpretation)


def says_nothing(found: Interpretation | None) -> bool:
    """Whether no intent, no answer and no request could be made out."""
    return found is None or not (
        found.intent or found.slots or found.wants_human or found.asks_if_robot or found.requested_language
    )


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an utterance means. Durations in milliseconds. `call_language`: of the call, after this turn."""

    transcription: Transcription
    call_language: CallLanguage
    interpretation: Interpretation | None
    transcription_ms: int
    understanding_ms: int | None

    @property
    def text(self) -> str:
        """The words, '' for none."""
        return self.transcription.text


@dataclass(frozen=True, slots=True)
class NoMeaning:
    """The workers failed twice. `code`: of the last error."""

    code: str


class WorkerFailureNoted(Protocol):
    """Called at each failure, for the record; `what`: transcription or understanding."""

    def __call__(self, what: str, code: str) -> None:
        """Note it."""


@dataclass(frozen=True, slots=True)
class Recognisers:
    """What an utterance is recognised with, for all utterances of a call."""

    transcriber: Transcriber
    interpreter: Interpreter
    language_rules: LanguageRules
    vocabulary: Callable[[Expectation], Mapping[Language, str]]
    today: Callable[[], str]
    clock: Callable[[], float]
    failed: WorkerFailureNoted


class Recognition:
    """One utterance on its way to a meaning. `run()` never raises SpeechWorkerError.

    It begins as a speculation; `make_sure()` when the turn has ended. A busy worker may drop a speculation,
    which costs no try: it waits for the end of the turn then. `has_failed`: a try was lost.
    """

    def __init__(
        self, pcm: bytes, call_language: CallLanguage, expectation: Expectation, using: Recognisers
    ) -> None:
        self._pcm, self._call_language, self._expectation, self._using = (
            pcm,
            call_language,
            expectation,
            using,
        )
        self._is_sure = asyncio.Event()
        self._transcription: Transcription | None = None
        self._transcription_ms = 0
        self.has_failed = False
        self.on_failed: Callable[[], None] | None = None

    def make_sure(self) -> None:
        """The turn has ended: the result is wanted whatever it costs."""
        self._is_sure.set()

    async def run(self) -> Meaning | NoMeaning:
        """Recognise and interpret."""
        tries = TRIES
        while True:
            is_speculative = not self._is_sure.is_set()
            try:
                return await self._attempt(is_speculative=is_speculative)
            except SpeechWorkerError as error:
                if is_speculative and isinstance(error, SpeechWorkerBusy):
                    await self._is_sure.wait()
                    continue
                what = "transcription" if self._transcription is None else "understanding"
                self._using.failed(what, error.code)
                tries -= 1
                if not tries:
                    return NoMeaning(error.code)
                self.has_failed = True
                if self.on_failed is not None:
                    self.on_failed()

    async def _attempt(self, *, is_speculative: bool) -> Meaning:
        using = self._using
        if self._transcription is None:
            began = using.clock()
            self._transcription = await using.transcriber.transcribe(
                TranscriptionRequest(
                    self._pcm,
                    prior=prior_for(self._call_language, using.language_rules),
                    prompts=using.vocabulary(self._expectation),
                    is_speculative=is_speculative,
                )
            )
            self._transcription_ms = _ms(using.clock() - began)
        found = self._transcription
        meaning = await self._interpreted(found)
        if not found.text or not says_nothing(meaning.interpretation):
            return meaning
        return await self._second_look(meaning, is_speculative=is_speculative)

    def _languages_of_second_look(self, found: Transcription) -> tuple[Language, ...]:
        """Return the one that was heard, or both (the call's own first) where it may be the other."""
        own, heard = self._call_language.language, found.language
        other: Language = "en" if heard == "nl" else "nl"
        if found.language_probabilities.get(other, 0.0) < LEAST_CHANCE_OF_OTHER:
            return (heard,)
        return (own, other if own == heard else heard)

    async def _second_look(self, first: Meaning, *, is_speculative: bool) -> Meaning:
        """Hear words that mean nothing once more: thoroughly, and in both languages if it may be either.

        Of two meanings the one counts whose words are likelier: poor Dutch gives English words that mean
        something too. What is understood in neither language changes nothing in the call's.
        """
        using = self._using
        began = using.clock()
        best: Meaning | None = None
        for language in self._languages_of_second_look(first.transcription):
            request = TranscriptionRequest(
                self._pcm,
                language=language,
                prompts=using.vocabulary(self._expectation),
                is_speculative=is_speculative,
                is_thorough=True,
            )
            try:
                found = await self._interpreted(await using.transcriber.transcribe(request))
            except SpeechWorkerError:
                break
            if not says_nothing(found.interpretation) and (best is None or _likelier(found, best)):
                best = found
        spent = first.transcription_ms + _ms(using.clock() - began)
        return replace(best or self._unchanged(first), transcription_ms=spent)

    def _unchanged(self, meaning: Meaning) -> Meaning:
        """Leave the call's language as it is."""
        found = meaning.interpretation
        if found is not None:
            found = replace(found, language=self._call_language.language)
        return replace(meaning, call_language=self._call_language, interpretation=found)

    async def _interpreted(self, found: Transcription) -> Meaning:
        using = self._using
        language = after_turn(
            self._call_language,
            found.text,
            found.language_probabilities,
            using.language_rules,
            found.text_vote,
        )
        if not found.text:
            return Meaning(found, language, None, self._transcription_ms, None)
        began = using.clock()
        interpretation = await using.interpreter.interpret(
            found.text, language.language, self._expectation, using.today()
        )
        return Meaning(found, language, interpretation, self._transcription_ms, _ms(using.clock() - began))


def _likelier(one: Meaning, other: Meaning) -> bool:
    return one.transcription.average_log_probability > other.transcription.average_log_probability


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
