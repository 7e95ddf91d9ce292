"""Prompts as the call hears them: texts from the prompt book, audio from the cache or the synthesiser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import lru_cache

from voicebot.audio import AudioClip
from voicebot.dialogue.actions import Say
from voicebot.errors import ModelError
from voicebot.events import LANGUAGES, Language
from voicebot.speaking.prompt_cache import PromptCache
from voicebot.speaking.prompts import PromptBook
from voicebot.speaking.spoken_sentences import sentences
from voicebot.speaking.spoken_text import spoken
from voicebot.speaking.synthesiser import SpeechRequest

EMERGENCY_PROMPT = "technical_problem"
KNOWN_VALUES = frozenset({"organisation"})
"""Placeholders that have the same value in every call."""


@lru_cache(maxsize=4096)
def _request(sentence: str, language: Language, variant: str, rate: float) -> SpeechRequest:
    return SpeechRequest(spoken(sentence, language, variant), language, rate)


@lru_cache(maxsize=2048)
def _split(text: str, language: Language) -> tuple[str, ...]:
    return tuple(sentences(text, language))


class PromptVoice:
    """The voice of one line (language variant); all lines share book and cache."""

    def __init__(
        self, book: PromptBook, cache: PromptCache, variant: str = "", organisation: str = ""
    ) -> None:
        self._book, self._cache, self._variant = book, cache, variant
        self._organisation = organisation
        self._emergency: dict[Language, AudioClip] = {}

    def text_of(self, say: Say) -> str:
        """Return the written text of a prompt."""
        if say.text:
            return say.text
        values = {"organisation": self._organisation, **say.values}
        return self._book.render(say.prompt_id, say.language, say.variant, values, line_variant=self._variant)

    def text_version(self, prompt_id: str, language: Language) -> str:
        """Return the version of a prompt's text."""
        return self._book.version(prompt_id, language, self._variant)

    def sentences(self, text: str, language: Language) -> tuple[str, ...]:
        """Split text into what is spoken at once."""
        return _split(text, language)

    def ready(self, sentence: str, language: Language, rate: float) -> AudioClip | None:
        """Return the audio of a sentence if it is in memory."""
        return self._cache.peek(_request(sentence, language, self._variant, rate))

    def stream(
        self, sentence: str, language: Language, rate: float, *, may_persist: bool
    ) -> AsyncIterator[bytes]:
        """Render a sentence, or read it from disk."""
        request = _request(sentence, language, self._variant, rate)
        return self._cache.stream(request, may_persist=may_persist)

    def emergency_clip(self, language: Language) -> AudioClip:
        """Return the apology that is always in memory."""
        return self._emergency[language]

    def fixed_requests(self, *prompt_ids: str) -> list[SpeechRequest]:
        """Return what can be rendered before any call: prompts without placeholders, all wordings."""
        return [
            request
            for language in LANGUAGES
            for say in self._fixed_says(language, prompt_ids)
            for request in self.requests_of(say)
        ]

    def requests_of(self, say: Say) -> list[SpeechRequest]:
        """Return what must be rendered for a prompt at the usual rate."""
        return [
            _request(sentence, say.language, self._variant, 1.0)
            for sentence in self.sentences(self.text_of(say), say.language)
        ]

    def _fixed_says(self, language: Language, prompt_ids: tuple[str, ...]) -> list[Say]:
        return [
            Say(prompt_id, language, variant=variant)
            for prompt_id in (prompt_ids or sorted(self._book.ids))
            for prompt in [self._book.prompt(prompt_id, language, self._variant)]
            if prompt.placeholders <= KNOWN_VALUES
            for variant in range(len(prompt.wordings))
        ]

    def may_persist(self, say: Say) -> bool:
        """Whether the text is approved and fixed: nothing of a caller or a backend is in it."""
        if say.text:
            return True
        return self._book.prompt(say.prompt_id, say.language, self._variant).placeholders <= KNOWN_VALUES

    async def prepare(self) -> None:
        """Render the apology into memory. Raises ModelError when not even that can be spoken."""
        for language in LANGUAGES:
            say = Say(EMERGENCY_PROMPT, language)
            pcm = bytearray()
            for sentence in self.sentences(self.text_of(say), language):
                request = _request(sentence, language, self._variant, 1.0)
                pcm += (await self._cache.clip(request, may_persist=True)).pcm
            if not pcm:
                raise ModelError(f"the voice for '{language}' yields no audio: run `voicebot check`")
            self._emergency[language] = AudioClip(bytes(pcm), EMERGENCY_PROMPT)
