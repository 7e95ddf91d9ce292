"""The voices engine of a speech worker: per language a voice, levelled, trimmed, with eSpeak NG behind it.

Runs in a worker process (synchronous). A voice that cannot be loaded, or fails on a sentence, is replaced
by eSpeak NG: a caller hears another voice, never silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import structlog

from voicebot.errors import ModelError
from voicebot.events import LANGUAGES, Language
from voicebot.speaking.espeak import EspeakEngine
from voicebot.speaking.levels import Samples, levelled, to_pcm, trimmed
from voicebot.speaking.piper import PiperEngine
from voicebot.speaking.spoken_sentences import quick_start, sentences
from voicebot.speaking.synthesiser import SpeechRequest

log = structlog.get_logger()

LEAD_MS = 20
"""Silence before the first sound: none is needed but a frame for the codec."""
PAUSE_MS = 220
"""Silence between sentences."""
CLAUSE_PAUSE_MS = 120
"""Silence where a long sentence was cut at a comma."""
TAIL_MS = 60
"""Silence after the last sound."""
SOUND_VERSION = "v1"
"""Part of every voice id: raise it when levels or edges change, so that cached prompts are made anew."""


@dataclass(frozen=True, slots=True)
class VoiceSpec:
    """Which voice speaks a language. `model`: the .onnx file of a Piper voice, None for eSpeak NG."""

    engine: Literal["piper", "espeak"]
    model: Path | None = None


class _Engine(Protocol):
    @property
    def voice_id(self) -> str: ...

    def sentence(self, text: str, rate: float) -> Iterator[Samples]: ...


class VoicesEngine:
    """Synthesises requests with the voice of their language.

    `threads`: of each Piper session. `degraded` names the languages whose voice could not be loaded.
    """

    def __init__(self, voices: Mapping[Language, VoiceSpec], *, threads: int = 1) -> None:
        self.degraded: list[Language] = []
        self._engines: dict[Language, _Engine] = {}
        self._spares: dict[Language, EspeakEngine] = {}
        for language in LANGUAGES:
            self._engines[language] = self._load(language, voices.get(language, VoiceSpec("espeak")), threads)

    def warm_up(self) -> None:
        """Speak in each language: the first inference of a length allocates and is several times as slow."""
        for language in LANGUAGES:
            for _ in self.synthesise(SpeechRequest("Hallo. " + "Hallo, hallo " * 6, language)):
                pass

    def voice_ids(self) -> dict[Language, str]:
        """Name and version of the voice really used per language, after any fallback."""
        return {language: f"{engine.voice_id}-{SOUND_VERSION}" for language, engine in self._engines.items()}

    def synthesise(self, request: SpeechRequest) -> Iterator[bytes]:
        """Yield s16le mono 16 kHz, a sentence or its first clause at a time; nothing for an empty text."""
        pieces = [
            (piece, is_last_piece)
            for sentence in sentences(request.text, request.language)
            for parts in [quick_start(sentence)]
            for piece, is_last_piece in zip(parts, [False] * (len(parts) - 1) + [True], strict=True)
        ]
        for index, (piece, ends_sentence) in enumerate(pieces):
            is_last = index == len(pieces) - 1
            tail = TAIL_MS if is_last else PAUSE_MS if ends_sentence else CLAUSE_PAUSE_MS
            sound = trimmed(levelled(self._sound(piece, request)), lead_ms=LEAD_MS, tail_ms=tail)
            if len(sound):
                yield to_pcm(sound)

    def _sound(self, piece: str, request: SpeechRequest) -> Samples:
        engine = self._engines[request.language]
        try:
            parts = list(engine.sentence(piece, request.rate))
        except (RuntimeError, ValueError, ModelError) as error:
            if isinstance(engine, EspeakEngine):
                raise
            log.warning("voice failed on a sentence, eSpeak NG says it", error=type(error).__name__)
            parts = list(self._spare(request.language).sentence(piece, request.rate))
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _spare(self, language: Language) -> EspeakEngine:
        if language not in self._spares:
            self._spares[language] = EspeakEngine(language)
        return self._spares[language]

    def _load(self, language: Language, spec: VoiceSpec, threads: int) -> _Engine:
        if spec.engine == "espeak" or spec.model is None:
            return self._spare(language)
        try:
            return PiperEngine(spec.model, threads=threads)
        except ModelError as error:
            log.warning(
                "voice degraded to eSpeak NG", language=language, code=error.code, model=spec.model.name
            )
            self.degraded.append(language)
            return self._spare(language)


def voices_of(folders: Mapping[Language, Path | None]) -> dict[Language, VoiceSpec]:
    """Return the voice per language: the Piper model in its folder, or eSpeak NG where there is none."""
    chosen: dict[Language, VoiceSpec] = {}
    for language in LANGUAGES:
        folder = folders.get(language)
        models = sorted(folder.glob("*.onnx")) if folder is not None else []
        chosen[language] = VoiceSpec("piper", models[0]) if models else VoiceSpec("espeak")
    return chosen
