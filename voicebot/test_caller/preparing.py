"""Audio for the steps of a script, made before the call; transcripts of what was heard, made after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from voicebot.audio import AudioClip
from voicebot.audio_file import read_audio
from voicebot.engines import CATALOGUE
from voicebot.events import LANGUAGES, Language
from voicebot.hearing.transcriber import TranscriptionRequest
from voicebot.hearing.whisper import WhisperEngine
from voicebot.model_catalogue import load_catalogue
from voicebot.model_store import ProfileState, resolve_profile
from voicebot.settings import SpeechSettings
from voicebot.speaking.spoken_text import spoken
from voicebot.speaking.synthesiser import SpeechRequest
from voicebot.speaking.voices import VoicesEngine, voices_of
from voicebot.test_caller.conversation import CallReport, SpokenStep
from voicebot.test_caller.script import Step


class CallerVoice:
    """Speaks and hears for a test caller, in this process: use it before and after a call, not during one."""

    def __init__(self, speech: SpeechSettings, default_language: Language) -> None:
        self._profile: ProfileState = resolve_profile(
            load_catalogue(CATALOGUE), speech.weights_dir, speech.profile
        )
        self._language = default_language
        self._voices: VoicesEngine | None = None

    def prepared(self, steps: Iterable[Step]) -> tuple[SpokenStep, ...]:
        """Return the steps with their audio. Raises ConfigError for a file that is no audio."""
        return tuple(SpokenStep(step, self._clip(step)) for step in steps)

    def _clip(self, step: Step) -> AudioClip | None:
        if step.kind == "play":
            return AudioClip(read_audio(Path(step.content)), Path(step.content).name)
        if step.kind not in {"say", "interrupt"}:
            return None
        if self._voices is None:
            folders = {language: self._voice_folder(language) for language in LANGUAGES}
            self._voices = VoicesEngine(voices_of(folders))
        language = step.language or self._language
        request = SpeechRequest(spoken(step.content, language), language)
        return AudioClip(b"".join(self._voices.synthesise(request)), "say")

    def _voice_folder(self, language: Language) -> Path | None:
        state = self._profile.chosen.get(f"voice_{language}")
        return state.path if state else None

    def transcribe(self, reports: Sequence[CallReport]) -> None:
        """Fill in the transcripts of what was heard."""
        vad = sorted(self._profile.folder("vad").glob("*.onnx"))[0]
        whisper = WhisperEngine(str(self._profile.folder("recogniser")), vad=str(vad), threads=2)
        for report in reports:
            for turn in report.turns:
                if turn.pcm:
                    heard = whisper.transcribe(TranscriptionRequest(turn.pcm))
                    turn.transcript, turn.language = heard.text, heard.language
