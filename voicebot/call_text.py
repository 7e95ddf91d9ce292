"""Text beside the voice (law X1): lines typed instead of said come in, captions go out."""

from __future__ import annotations

from collections.abc import Callable

from voicebot.call_saying import Saying
from voicebot.call_understanding import TRIES, Meaning, NoMeaning, Recognisers, TurnHeard
from voicebot.errors import SpeechWorkerError
from voicebot.events import Language
from voicebot.hearing.language import CallLanguage, after_turn
from voicebot.hearing.transcriber import Transcription
from voicebot.media.leg import Captioned, Leg
from voicebot.understanding.interpretation import Expectation
from voicebot.understanding.language_words import guess_language

MAX_LINES = 8
"""Turns that may wait to be understood; more lines at once are not read."""
TYPING_SECONDS = 6.0
"""So long after a sign of typing the caller is not asked whether anybody is there."""


class TypedLine:
    """A typed line on its way to a meaning: what Recognition is to an utterance, but sure of its words."""

    def __init__(
        self, text: str, call_language: CallLanguage, expectation: Expectation, using: Recognisers
    ) -> None:
        self._text, self._call_language, self._expectation, self._using = (
            text,
            call_language,
            expectation,
            using,
        )
        self.has_failed = False
        self.on_failed: Callable[[], None] | None = None

    async def run(self) -> Meaning | NoMeaning:
        """Interpret; never raises SpeechWorkerError."""
        using, text = self._using, self._text
        language = self._language()
        written = Transcription(text, language.language, {language.language: 1.0}, 0.0, 0.0, 0.0)
        for attempt in range(TRIES):
            began = using.clock()
            try:
                found = await using.interpreter.interpret(
                    text, language.language, self._expectation, using.today()
                )
            except SpeechWorkerError as error:
                using.failed("understanding", error.code)
                if attempt == TRIES - 1:
                    return NoMeaning(error.code)
                self.has_failed = True
                if self.on_failed is not None:
                    self.on_failed()
            else:
                return Meaning(written, language, found, 0, round((using.clock() - began) * 1000))
        raise AssertionError("unreachable")

    def _language(self) -> CallLanguage:
        guess = guess_language(self._text, self._call_language.language)
        other: Language = "en" if guess == "nl" else "nl"
        return after_turn(
            self._call_language, self._text, {guess: 0.95, other: 0.05}, self._using.language_rules
        )


class Captions:
    """Shows on a leg that can what is said in the call; nothing on other legs."""

    def __init__(self, leg: Leg) -> None:
        self._screen = leg if isinstance(leg, Captioned) else None

    def said(self, saying: Saying) -> None:
        """Show what the bot says."""
        if self._screen is not None:
            self._screen.caption("bot", saying.text, saying.say.language)

    def heard(self, turn: TurnHeard) -> None:
        """Show what was understood of the caller."""
        if self._screen is not None:
            self._screen.caption("caller", turn.text, turn.language)

    def guessed(self, text: str, language: Language) -> None:
        """Show what the caller seems to be saying."""
        if self._screen is not None:
            self._screen.caption("caller", text, language, is_final=False)
