"""A voice whose every sentence has a level of its own, so that each frame on the line shows what it is of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from voicebot.audio import FRAME_MS, FRAME_SAMPLES, SILENCE, AudioClip, pcm_of
from voicebot.dialogue.actions import Say
from voicebot.errors import SpeechWorkerError
from voicebot.events import Language
from voicebot.speaking.prompts import PromptBook
from voicebot.speaking.spoken_sentences import sentences

BOOK = PromptBook.load(Path(__file__).parents[2] / "config" / "prompts")
MUSIC_LEVEL, EMERGENCY_LEVEL, _LOWEST = 100, 150, 200
MUSIC = AudioClip(pcm_of(np.full(FRAME_SAMPLES * 50, MUSIC_LEVEL, np.int16)), "music")
EMERGENCY_FRAMES = 40


@dataclass(frozen=True)
class Stretch:
    """One sound on the line, without a pause. `name`: 'disclosure[0]', 'music', 'emergency', ..."""

    name: str
    start_ms: int
    frames: int

    @property
    def end_ms(self) -> int:
        return self.start_ms + self.frames * FRAME_MS


class FakeVoice:
    """Implements Voice on the real prompt book; one frame a letter.

    `is_cached`: False renders everything, each sentence after `latency_seconds` and then in two chunks.
    `failures`: raised one a rendering, in order, half of the sentence being out. `uncached`: prompts that are
    rendered all the same. `is_dead`: every rendering fails.
    """

    def __init__(self) -> None:
        self.is_cached = True
        self.latency_seconds = 0.1
        self.failures: list[SpeechWorkerError | None] = []
        self.is_dead = False
        self.uncached: set[str] = set()
        self._levels: dict[str, int] = {}
        self._names: dict[int, str] = {MUSIC_LEVEL: "music", EMERGENCY_LEVEL: "emergency"}
        self.renderings = 0

    def text_of(self, say: Say) -> str:
        values = {"organisation": "Fietshuis", **say.values}
        text = say.text or BOOK.render(say.prompt_id, say.language, say.variant, values)
        for number, sentence in enumerate(sentences(text, say.language)):
            if sentence not in self._levels:
                level = _LOWEST + 3 * len(self._levels)
                self._levels[sentence] = level
                self._names[level] = f"{say.prompt_id}[{number}]"
        return text

    def text_version(self, prompt_id: str, language: Language) -> str:
        return BOOK.version(prompt_id, language)

    def sentences(self, text: str, language: Language) -> tuple[str, ...]:
        return tuple(sentences(text, language))

    def ready(self, sentence: str, language: Language, rate: float) -> AudioClip | None:
        is_cached = (
            self.is_cached and self._names[self._levels[sentence]].partition("[")[0] not in self.uncached
        )
        return AudioClip(self._audio(sentence), sentence) if is_cached else None

    def may_persist(self, say: Say) -> bool:
        return True

    async def stream(
        self, sentence: str, language: Language, rate: float, *, may_persist: bool
    ) -> AsyncIterator[bytes]:
        self.renderings += 1
        failure = self.failures.pop(0) if self.failures else None
        await asyncio.sleep(self.latency_seconds)
        if self.is_dead:
            raise SpeechWorkerError("no voice")
        pcm = self._audio(sentence)
        middle = len(pcm) // len(SILENCE) // 2 * len(SILENCE)
        yield pcm[:middle]
        if failure is not None:
            raise failure
        await asyncio.sleep(self.latency_seconds)
        yield pcm[middle:]

    def emergency_clip(self, language: Language) -> AudioClip:
        return AudioClip(_frames(EMERGENCY_LEVEL, EMERGENCY_FRAMES), "emergency")

    def name_of(self, frame: bytes) -> str:
        """Whose sentence a frame is of; '' for silence, fades and joins."""
        return self._names.get(int.from_bytes(frame[400:402], "little", signed=True), "")

    def _audio(self, sentence: str) -> bytes:
        return _frames(self._levels[sentence], len(sentence))


def stretches(names: list[str]) -> list[Stretch]:
    """Sounds in order, from the name of each frame."""
    found, slot = [], 0
    for name, frames in groupby(names):
        count = len(list(frames))
        if name:
            found.append(Stretch(name, slot * FRAME_MS, count))
        slot += count
    return found


def _frames(level: int, count: int) -> bytes:
    return pcm_of(np.full(FRAME_SAMPLES * count, level, np.int16))
