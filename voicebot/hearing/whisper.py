"""Whisper for one utterance at a time, with a short window: 2.5-3.4 times as fast as 30 s (speech-notes).

Runs inside a speech worker. CTranslate2 takes fewer than 3,000 mel frames; only the first
max(floor, utterance + 0.5 s) are computed and encoded. A loop or a
hopeless result is decoded again with all 3,000.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import numpy.typing as npt
import tokenizers
from faster_whisper.feature_extractor import FeatureExtractor
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.vad import SileroVADModel

from voicebot.audio import SAMPLE_RATE
from voicebot.errors import ModelError, ModelMissing
from voicebot.events import LANGUAGES, Language
from voicebot.hearing.hallucination import Decoding, Limits, believed_text, better, is_loop
from voicebot.hearing.smart_turn import SmartTurn
from voicebot.hearing.text_language import text_vote
from voicebot.hearing.transcriber import Transcription, TranscriptionRequest
from voicebot.worker_process import is_cancelled

Samples = npt.NDArray[np.float32]

FRAME_SAMPLES = 160
"""Samples in one mel frame: 10 ms."""
FULL_WINDOW_FRAMES = 3000
_MARGIN_FRAMES = 50
_VAD_WINDOW = 512
_PROMPT_TOKENS = 120
_SILENT_RMS = 10 ** (-60 / 20)


@dataclass(frozen=True, slots=True)
class DecodingOptions:
    """How to decode; the defaults were measured (models/cards/whisper.md).

    `window_frames`: least window, 10 ms each. `beam_size`: 1 is greedy. `thorough_*`: of a second
    look at words that meant nothing. `tokens_per_second` and
    `tokens_spare` cap the length of a text by the length of the utterance. `no_repeat_ngram`: tokens.
    `language_weight` and `dutch_bias`: Whisper base took 25 of 60 Dutch telephone clips for English
    and never the reverse, so the log-odds of its nl against en are scaled by the one and raised by the other.
    """

    window_frames: int = 700
    beam_size: int = 1
    tokens_per_second: float = 7.0
    tokens_spare: int = 8
    no_repeat_ngram: int = 4
    language_weight: float = 0.6
    dutch_bias: float = 1.5
    thorough_window_frames: int = 1000
    thorough_beam_size: int = 5
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class _Heard:
    """What stays the same over all decodings of one utterance."""

    request: TranscriptionRequest
    language: Language
    speech_peak: float
    audio_seconds: float


class WhisperEngine:
    """Speech to text in a worker process.

    `model`: folder of CTranslate2 weights. `vad`: Silero's onnx file; without it every sound counts as
    speech. `smart_turn`: its onnx file, or '' for off. `threads`: of each library.
    """

    def __init__(
        self,
        model: str,
        *,
        vad: str = "",
        smart_turn: str = "",
        threads: int = 1,
        device: str = "cpu",
        compute_type: str = "",
        options: DecodingOptions | None = None,
    ) -> None:
        folder = Path(model)
        if not (folder / "model.bin").is_file():
            raise ModelMissing(f"no Whisper weights in {folder}: run `voicebot models pull`")
        self._options = options or DecodingOptions()
        try:
            self._model: Any = ctranslate2.models.Whisper(
                model,
                device=device,
                compute_type=compute_type or ("int8" if device == "cpu" else "float16"),
                intra_threads=threads,
                inter_threads=1,
            )
            vocabulary = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:
            raise ModelError(
                f"{folder.name} cannot be loaded ({type(error).__name__}): run `voicebot models verify`"
            ) from error
        self._features: Any = FeatureExtractor(feature_size=_feature_size(folder))
        self._tokenizers: dict[Language, Any] = {
            language: Tokenizer(vocabulary, True, task="transcribe", language=language)
            for language in LANGUAGES
        }
        self._vad: Any = SileroVADModel(vad) if vad else None
        self._smart_turn = SmartTurn(smart_turn, threads) if smart_turn else None

    def warm_up(self) -> None:
        """One inference each, so that the first caller does not pay for lazy allocation."""
        tone = (np.sin(np.arange(SAMPLE_RATE) * 0.05) * 8000).astype(np.int16)
        samples = _as_floats(tone.tobytes())
        self._speech_peak(samples)
        encoded = self._encode(samples, self._options.window_frames)
        self._language_chances(encoded, TranscriptionRequest(b""))
        self._decode(encoded, _Heard(TranscriptionRequest(b""), "nl", 1.0, 1.0))
        if self._smart_turn is not None:
            self._smart_turn.completeness(samples)
        text_vote("wij spreken hier Nederlands")  # langdetect loads its profiles

    def transcribe(self, request: TranscriptionRequest) -> Transcription:
        """Recognise one utterance; only the last 30 s of a longer one."""
        started = time.perf_counter()
        samples = _as_floats(request.pcm)[-FULL_WINDOW_FRAMES * FRAME_SAMPLES :]
        limits = self._options.limits
        if len(samples) < FRAME_SAMPLES or float(np.sqrt(np.mean(samples**2))) < _SILENT_RMS:
            return _nothing(request, started)
        frames = len(samples) // FRAME_SAMPLES + _MARGIN_FRAMES
        # Even, because the encoder's convolution halves it.
        least = self._options.thorough_window_frames if request.is_thorough else self._options.window_frames
        window = min(max(least, frames) + 1 & ~1, FULL_WINDOW_FRAMES)
        speech_peak = self._speech_peak(samples)
        encoded = self._encode(samples, window)
        chances = self._language_chances(encoded, request)
        heard = _Heard(request, _likeliest(chances), speech_peak, len(samples) / SAMPLE_RATE)
        decoding = self._decode(encoded, heard)
        is_poor = decoding.average_log_probability < limits.retry_log_probability or is_loop(
            decoding.text, limits
        )
        if is_poor and window < FULL_WINDOW_FRAMES and not is_cancelled():
            again = self._decode(self._encode(samples, FULL_WINDOW_FRAMES), heard)
            decoding = better(decoding, again, limits)
        text = believed_text(decoding, limits)
        completeness = None
        if text and self._smart_turn is not None and not is_cancelled():
            completeness = self._smart_turn.completeness(samples)
        return Transcription(
            text=text,
            language=heard.language,
            language_probabilities=chances,
            average_log_probability=decoding.average_log_probability,
            no_speech_probability=decoding.no_speech_probability,
            elapsed_seconds=time.perf_counter() - started,
            turn_completeness=completeness,
            text_vote=text_vote(text) if text else None,
        )

    def _decode(self, encoded: Any, heard: _Heard) -> Decoding:
        tokenizer = self._tokenizers[heard.language]
        prompt = self._prompt(tokenizer, heard.request.prompts.get(heard.language, ""))
        cap = int(self._options.tokens_per_second * heard.audio_seconds) + self._options.tokens_spare
        options = self._options
        beam_size = options.thorough_beam_size if heard.request.is_thorough else options.beam_size
        result = self._model.generate(
            encoded,
            [prompt],
            beam_size=beam_size,
            # CTranslate2 generates at most min(max_length / 2, max_length - prompt) tokens.
            max_length=max(2 * cap, cap + len(prompt)),
            no_repeat_ngram_size=self._options.no_repeat_ngram,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=[-1],
        )[0]
        tokens = result.sequences_ids[0]
        return Decoding(
            text=str(tokenizer.decode(tokens)).strip(),
            average_log_probability=float(result.scores[0]) * len(tokens) / (len(tokens) + 1),
            no_speech_probability=float(result.no_speech_prob),
            speech_peak=heard.speech_peak,
            audio_seconds=heard.audio_seconds,
        )

    def _encode(self, samples: Samples, window: int) -> Any:
        """Encoder output of exactly `window` frames.

        The silence after the utterance is zeros in the audio; zeros in the features are worse.
        """
        padded = np.zeros(window * FRAME_SAMPLES, dtype=np.float32)
        padded[: len(samples)] = samples[: len(padded)]
        features = self._features(padded, padding=0)[:, :window]
        return self._model.encode(
            ctranslate2.StorageView.from_array(np.ascontiguousarray(features[None], dtype=np.float32))
        )

    def _language_chances(self, encoded: Any, request: TranscriptionRequest) -> dict[Language, float]:
        """Probability of nl and en, summing to 1: Whisper's own, weighted with the prior."""
        if request.language is not None:
            return {language: float(language == request.language) for language in LANGUAGES}
        found = dict(self._model.detect_language(encoded)[0])
        heard = math.log(max(found["<|nl|>"], 1e-9) / max(found["<|en|>"], 1e-9))
        prior = _normalised(request)
        log_odds = self._options.language_weight * heard + self._options.dutch_bias
        log_odds += math.log(prior["nl"] / prior["en"])
        dutch = 1 / (1 + math.exp(-log_odds))
        return {"nl": dutch, "en": 1 - dutch}

    def _prompt(self, tokenizer: Any, bias: str) -> list[int]:
        before: list[int] = []
        if bias:
            before = [tokenizer.sot_prev, *tokenizer.encode(" " + bias.strip())[-_PROMPT_TOKENS:]]
        return [*before, *tokenizer.sot_sequence, tokenizer.no_timestamps]

    def _speech_peak(self, samples: Samples) -> float:
        """Highest probability of speech in any window; 1 when Silero is not loaded."""
        if self._vad is None:
            return 1.0
        padded = np.pad(samples, (0, -len(samples) % _VAD_WINDOW))  # a copy: the model writes into it
        return float(np.max(self._vad(padded)))


def _as_floats(pcm: bytes) -> Samples:
    return np.frombuffer(pcm[: len(pcm) & ~1], dtype="<i2").astype(np.float32) / 32768.0


def _nothing(request: TranscriptionRequest, started: float) -> Transcription:
    """Return the answer for noise and silence: no text, and the prior for the language."""
    chances = _normalised(request)
    return Transcription(
        text="",
        language=_likeliest(chances),
        language_probabilities=chances,
        average_log_probability=0.0,
        no_speech_probability=1.0,
        elapsed_seconds=time.perf_counter() - started,
    )


def _likeliest(chances: Mapping[Language, float]) -> Language:
    return max(LANGUAGES, key=lambda language: chances[language])


def _normalised(request: TranscriptionRequest) -> Mapping[Language, float]:
    if request.language is not None:
        return {language: float(language == request.language) for language in LANGUAGES}
    total = sum(max(request.prior.get(language, 0.5), 1e-6) for language in LANGUAGES)
    return {language: max(request.prior.get(language, 0.5), 1e-6) / total for language in LANGUAGES}


def _feature_size(folder: Path) -> int:
    """Mel bands: 80, or what large-v3 says in its preprocessor_config.json (128)."""
    try:
        record = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
        return int(record["feature_size"])
    except FileNotFoundError:
        return 80
