"""The speech engines of one service: models on disk, three pools of workers, and what is made of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from voicebot.dialogue.barge_in import BargeInState
from voicebot.errors import VoicebotError
from voicebot.events import LANGUAGES, Language
from voicebot.hearing.endpointing import Endpointing, EndpointingConfig
from voicebot.hearing.language import LanguageRules
from voicebot.hearing.pool_transcriber import PoolTranscriber
from voicebot.hearing.silero import SileroModel
from voicebot.hearing.vad import VadConfig, VoiceActivity
from voicebot.hearing.whisper import DecodingOptions
from voicebot.interpreter_pool import PoolInterpreter
from voicebot.model_catalogue import load_catalogue
from voicebot.model_store import ProfileState, resolve_profile
from voicebot.settings import Settings
from voicebot.speaking.pool_synthesiser import ENGINE_FACTORY, PoolSynthesiser
from voicebot.speaking.voices import voices_of
from voicebot.speech_workers import EngineSpec, WorkerPool
from voicebot.understanding.interpretation import Expectation
from voicebot.vocabulary import Vocabulary

CATALOGUE = Path("models/catalogue.toml")
MOUTH_THREADS = 1


@dataclass(slots=True)
class SpeechEngines:
    """Pools and the protocols over them; `start()` before use."""

    profile: ProfileState
    ears: WorkerPool
    mind: WorkerPool
    mouth: WorkerPool
    transcriber: PoolTranscriber
    interpreter: PoolInterpreter
    synthesiser: PoolSynthesiser
    silero: SileroModel
    extra_degraded: list[str] = field(default_factory=list)

    async def start(self) -> None:
        """Start all workers at once and wait until they are warm. Raises ModelMissing, SpeechWorkerError."""
        try:
            async with asyncio.TaskGroup() as group:
                for pool in self.pools:
                    group.create_task(pool.start(), name="start-pool")
        except ExceptionGroup as group:
            ours = group.subgroup(VoicebotError)
            if ours is None:
                raise
            raise ours.exceptions[0] from group
        await self.synthesiser.start()

    async def close(self) -> None:
        """End all workers."""
        await asyncio.gather(*(pool.close() for pool in self.pools))

    @property
    def pools(self) -> tuple[WorkerPool, ...]:
        """Ears, mind and mouth."""
        return (self.ears, self.mind, self.mouth)

    @property
    def degraded(self) -> list[str]:
        """What an operator should know."""
        return [*self.profile.degraded, *self.extra_degraded]

    def voice_names(self) -> dict[str, str]:
        """Return the voice that speaks each language."""
        return {language: self.synthesiser.voice_id(language) for language in LANGUAGES}


def build_engines(settings: Settings) -> SpeechEngines:
    """Find the models and describe the pools; nothing is started. Raises ModelMissing, ConfigError."""
    speech = settings.speech
    profile = resolve_profile(load_catalogue(CATALOGUE), speech.weights_dir, speech.profile)
    vad_file = _only_file(profile.folder("vad"), "*.onnx")
    ears_arguments: dict[str, object] = {
        "model": str(profile.folder("recogniser")),
        "vad": str(vad_file),
        "smart_turn": str(_only_file(profile.folder("turn"), "*.onnx")) if speech.smart_turn else "",
        "threads": speech.ears_threads,
        "device": "cuda" if speech.profile == "gpu" else "cpu",
        "options": DecodingOptions(window_frames=speech.window_frames),
    }
    voices = voices_of({language: _folder_or_none(profile, f"voice_{language}") for language in LANGUAGES})
    ears = WorkerPool(
        "ears",
        EngineSpec("voicebot.hearing.whisper:WhisperEngine", ears_arguments),
        size=speech.ears_workers,
        threads=speech.ears_threads,
        time_limit_seconds=speech.time_limit_seconds,
    )
    mind = WorkerPool(
        "mind",
        EngineSpec(
            "voicebot.understanding.engine:InterpreterEngine", {"config_dir": str(settings.config_dir)}
        ),
        threads=1,
        niceness=3,
        queue_limit=64,
        time_limit_seconds=speech.time_limit_seconds,
    )
    mouth = WorkerPool(
        "mouth",
        EngineSpec(ENGINE_FACTORY, {"voices": voices, "threads": MOUTH_THREADS}),
        size=speech.mouth_workers,
        threads=MOUTH_THREADS,
        niceness=3,
        queue_limit=32,
        time_limit_seconds=speech.time_limit_seconds,
    )
    return SpeechEngines(
        profile,
        ears,
        mind,
        mouth,
        PoolTranscriber(ears),
        PoolInterpreter(mind),
        PoolSynthesiser(mouth),
        SileroModel(vad_file),
    )


def _only_file(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[0]


def _folder_or_none(profile: ProfileState, role: str) -> Path | None:
    state = profile.chosen.get(role)
    return state.path if state else None


class EarsOfCalls:
    """Implements call_hearing.HearingParts: fresh state a call, shared recognisers."""

    def __init__(
        self,
        engines: SpeechEngines,
        vocabulary: Vocabulary,
        *,
        line_language: Language | None,
        endpointing: EndpointingConfig | None = None,
        vad: VadConfig | None = None,
    ) -> None:
        self.transcriber = engines.transcriber
        self.interpreter = engines.interpreter
        self._silero, self._vocabulary = engines.silero, vocabulary
        self._line_language = line_language
        self._endpointing, self._vad = endpointing, vad

    def voice_activity(self) -> VoiceActivity:
        """Return a VAD with a state of its own."""
        return VoiceActivity(self._silero.stream(), self._vad)

    def endpointing(self) -> Endpointing:
        """Return an endpointing state machine."""
        return Endpointing(self._endpointing)

    def barge_in(self) -> BargeInState:
        """Return a barge-in state machine."""
        return BargeInState()

    @property
    def language_rules(self) -> LanguageRules:
        """A line without a language of its own still hears more Dutch than English."""
        return LanguageRules() if self._line_language else LanguageRules(first_prior=0.75)

    def vocabulary(self, expectation: Expectation) -> Mapping[Language, str]:
        """Return the words to expect, per language."""
        return self._vocabulary.prompts(expectation)

    def today(self) -> str:
        """Return the ISO date."""
        return date.today().isoformat()  # noqa: DTZ011 - the caller's 'tomorrow' is a local day
