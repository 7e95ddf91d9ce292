"""Two tries, a speculation that may be dropped, and a transcription that is not made twice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest

from tests.fakes.interpreter import FakeInterpreter
from tests.fakes.spoken_words import spoken
from tests.fakes.transcriber import FakeTranscriber
from tests.fakes.virtual_time import in_virtual_time
from voicebot.call_understanding import Meaning, NoMeaning, Recognisers, Recognition, TurnHeard
from voicebot.errors import SpeechWorkerBusy, SpeechWorkerDied
from voicebot.events import Language
from voicebot.hearing.language import CallLanguage, LanguageRules
from voicebot.hearing.transcriber import Transcription, TranscriptionRequest
from voicebot.understanding.interpretation import Expectation, Interpretation


class Bench:
    def __init__(self) -> None:
        self.transcriber, self.interpreter = FakeTranscriber(), FakeInterpreter()
        self.interpreter.knows("waar blijft mijn bestelling", "order_status")
        self.failures: list[tuple[str, str]] = []
        using = Recognisers(
            self.transcriber,
            self.interpreter,
            LanguageRules(),
            lambda expectation: {"nl": expectation.value},
            lambda: "2026-11-24",
            asyncio.get_running_loop().time,
            lambda what, code: self.failures.append((what, code)),
        )
        pcm = spoken("waar blijft mijn bestelling")
        self.recognition = Recognition(pcm, CallLanguage("nl"), Expectation.DIGITS, using)


@in_virtual_time
async def test_words_meaning_language_and_times() -> None:
    bench = Bench()
    meaning = await bench.recognition.run()
    assert isinstance(meaning, Meaning)
    assert meaning.text == "waar blijft mijn bestelling"
    assert meaning.call_language == CallLanguage("nl", is_heard=True)
    assert (meaning.transcription_ms, meaning.understanding_ms) == (100, 20)
    (request,) = bench.transcriber.requests
    assert (request.is_speculative, request.prompts) == (True, {"nl": "digits"})


@in_virtual_time
async def test_a_dropped_speculation_waits_for_the_end_of_the_turn_and_costs_no_try() -> None:
    bench = Bench()
    bench.transcriber.failures = [SpeechWorkerBusy("full"), SpeechWorkerDied("killed")]
    task = asyncio.create_task(bench.recognition.run())
    await asyncio.sleep(5)
    assert len(bench.transcriber.requests) == 1
    bench.recognition.make_sure()
    assert isinstance(await task, Meaning)
    assert [request.is_speculative for request in bench.transcriber.requests] == [True, False, False]
    assert bench.failures == [("transcription", "worker.died")]


@in_virtual_time
async def test_a_second_failure_is_the_last() -> None:
    bench = Bench()
    told: list[bool] = []
    bench.recognition.on_failed = lambda: told.append(bench.recognition.has_failed)
    bench.recognition.make_sure()
    bench.transcriber.failures = [SpeechWorkerDied("killed"), SpeechWorkerBusy("slow")]
    assert await bench.recognition.run() == NoMeaning("worker.busy")
    assert told == [True]
    assert len(bench.transcriber.requests) == 2


@in_virtual_time
async def test_what_was_transcribed_is_not_transcribed_again() -> None:
    bench = Bench()
    bench.interpreter.failures = [SpeechWorkerDied("killed"), SpeechWorkerDied("killed")]
    assert await bench.recognition.run() == NoMeaning("worker.died")
    assert len(bench.transcriber.requests) == 1
    assert bench.failures == [("understanding", "worker.died")] * 2


@in_virtual_time
async def test_a_second_look_in_the_other_language_costs_no_try_when_it_fails() -> None:
    bench = Bench()
    bench.interpreter.meanings.clear()
    bench.transcriber.unsure = True
    bench.transcriber.failures = [None, SpeechWorkerDied("killed")]
    meaning = await bench.recognition.run()
    assert isinstance(meaning, Meaning)
    assert meaning.text == "waar blijft mijn bestelling"
    assert [request.language for request in bench.transcriber.requests] == [None, "nl"]
    assert not bench.failures


@pytest.mark.parametrize(
    ("interpretation", "says_nothing"),
    [
        (None, True),
        (Interpretation("hallo", "nl", None, 0.1), True),
        (Interpretation("mens", "nl", None, 0.1, wants_human=True), False),
        (Interpretation("robot", "nl", None, 0.1, asks_if_robot=True), False),
        (Interpretation("english", "nl", None, 0.1, requested_language="en"), False),
        (Interpretation("open", "nl", "opening_hours", 0.9), False),
        (Interpretation("ja", "nl", None, 0.1, {"yes_no": "yes"}), False),
    ],
)
def test_what_counts_as_saying_something(interpretation: Interpretation | None, says_nothing: bool) -> None:
    assert TurnHeard("", "nl", interpretation, 0.0, 0.0).says_nothing is says_nothing


class _Misheard(FakeTranscriber):
    """Takes Dutch for English, unless it is told the language."""

    text_in_english = "wear the life mine"
    chance_of_dutch = 0.3
    log_probabilities: Mapping[Language, float] = MappingProxyType({"nl": -0.2, "en": -0.2})

    async def transcribe(self, request: TranscriptionRequest) -> Transcription:
        found = await super().transcribe(request)
        if request.language is not None:
            return replace(
                found,
                language=request.language,
                language_probabilities={request.language: 1.0},
                average_log_probability=self.log_probabilities[request.language],
            )
        chances: dict[Language, float] = {"nl": self.chance_of_dutch, "en": 1 - self.chance_of_dutch}
        return replace(found, text=self.text_in_english, language="en", language_probabilities=chances)


def _misheard(bench: Bench) -> _Misheard:
    transcriber = _Misheard()
    bench.transcriber = transcriber
    bench.recognition._using = replace(bench.recognition._using, transcriber=transcriber)
    return transcriber


@in_virtual_time
async def test_words_that_mean_nothing_are_heard_once_more_in_the_other_language() -> None:
    bench = Bench()
    transcriber = _misheard(bench)
    meaning = await bench.recognition.run()
    assert isinstance(meaning, Meaning)
    assert meaning.text == "waar blijft mijn bestelling"
    assert meaning.interpretation is not None
    assert meaning.interpretation.intent == "order_status"
    assert meaning.call_language == CallLanguage("nl", is_heard=True)
    assert [request.language for request in transcriber.requests] == [None, "nl", "en"]
    assert meaning.transcription_ms >= 300


@in_virtual_time
@pytest.mark.parametrize(("dutch", "english", "language"), [(-0.77, -0.82, "nl"), (-0.82, -0.3, "en")])
async def test_of_two_meanings_the_likelier_words_count(
    dutch: float, english: float, language: Language
) -> None:
    """Measured: 'Wat zijn de openingstijden?' by eSpeak NG, over the gateway, is 'opening statement' too."""
    bench = Bench()
    transcriber = _misheard(bench)
    transcriber.log_probabilities = {"nl": dutch, "en": english}
    meaning = await bench.recognition.run()
    assert isinstance(meaning, Meaning)
    assert meaning.interpretation is not None
    assert meaning.interpretation.intent == "order_status"
    assert meaning.call_language.language == language


@in_virtual_time
async def test_what_is_understood_in_neither_language_leaves_the_call_in_its_own() -> None:
    bench = Bench()
    bench.interpreter.meanings.clear()
    _misheard(bench)
    meaning = await bench.recognition.run()
    assert isinstance(meaning, Meaning)
    assert meaning.call_language == CallLanguage("nl")
    assert meaning.interpretation is not None
    assert meaning.interpretation.language == "nl"


@in_virtual_time
async def test_the_second_look_is_thorough_and_keeps_the_language_where_there_is_no_doubt() -> None:
    bench = Bench()
    bench.interpreter.meanings.clear()
    transcriber = _misheard(bench)
    transcriber.chance_of_dutch = 0.01
    await bench.recognition.run()
    looks = [(request.language, request.is_thorough) for request in transcriber.requests]
    assert looks == [(None, False), ("en", True)]


@in_virtual_time
async def test_without_time_for_a_second_look_the_first_counts() -> None:
    bench = Bench()
    transcriber = _misheard(bench)
    transcriber.failures = [None, SpeechWorkerBusy("full")]
    meaning = await bench.recognition.run()
    assert isinstance(meaning, Meaning)
    assert meaning.text == transcriber.text_in_english
    assert bench.failures == []
