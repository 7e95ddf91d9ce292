"""Piper as a synchronous engine: 22.05 kHz neural voices, a sentence in about 4% of its length on one core.

piper-tts is GPL-3.0-or-later. Its phonemizer is not thread-safe: one synthesis at a time in a process
(speech-notes); the pool of workers gives concurrency.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import soxr
from piper import PiperVoice, SynthesisConfig
from piper.config import PiperConfig

from voicebot.audio import SAMPLE_RATE
from voicebot.errors import ModelError, ModelMissing
from voicebot.speaking.levels import Samples


class PiperEngine:
    """One Piper voice. `model`: the .onnx file, its .onnx.json beside it; `threads`: of onnxruntime."""

    def __init__(self, model: Path, *, threads: int = 1) -> None:
        config_file = model.with_name(model.name + ".json")
        for file in (model, config_file):
            if not file.is_file():
                raise ModelMissing(f"{file.name} is not there: run `voicebot models pull`")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            written = config_file.read_bytes()
            config = PiperConfig.from_dict(json.loads(written))
            session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise _broken(model, error) from error
        except Exception as error:  # onnxruntime's own exceptions derive from Exception only
            if type(error).__module__.startswith("onnxruntime"):
                raise _broken(model, error) from error
            raise
        self._voice = PiperVoice(session=session, config=config)
        self.voice_id = f"piper-{model.stem}-{model.stat().st_size}-{hashlib.sha256(written).hexdigest()[:8]}"

    def sentence(self, text: str, rate: float) -> Iterator[Samples]:
        """Yield float32 at 16 kHz. `rate`: 1.0 normal, 0.8 slower; Piper may cut `text` further."""
        base = self._voice.config.length_scale
        settings = SynthesisConfig(length_scale=base / min(2.0, max(0.5, rate)), normalize_audio=True)
        for chunk in self._voice.synthesize(text, settings):
            samples: np.ndarray[Any, np.dtype[np.float32]] = chunk.audio_float_array
            yield soxr.resample(samples, chunk.sample_rate, SAMPLE_RATE).astype(np.float32)


def _broken(model: Path, error: Exception) -> ModelError:
    return ModelError(f"{model.name} cannot be loaded ({type(error).__name__}): run `voicebot models verify`")
