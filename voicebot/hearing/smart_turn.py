"""Smart Turn v3.2: one vote on whether a turn is complete, from the last 8 s of audio.

It says 'complete' to four in five Dutch sentences cut in the middle (speech-notes): it never decides alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from faster_whisper.feature_extractor import FeatureExtractor

from voicebot.audio import SAMPLE_RATE
from voicebot.errors import ModelMissing

_WINDOW_SAMPLES = 8 * SAMPLE_RATE
_VARIANCE_FLOOR = 1e-7


class SmartTurn:
    """The model in a worker. `model`: path of the onnx file; `threads`: of onnxruntime."""

    def __init__(self, model: str, threads: int = 1) -> None:
        if not Path(model).is_file():
            raise ModelMissing(f"{model} is not there: run `voicebot models pull`")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._features: Any = FeatureExtractor(chunk_length=8)

    def completeness(self, samples: npt.NDArray[np.float32]) -> float:
        """Return the probability (0-1) that the turn is complete. `samples`: 16 kHz, -1 to 1."""
        window = samples[-_WINDOW_SAMPLES:]
        # The silence goes in front: the model was trained with the end of the turn at the end of its window.
        window = np.pad(window, (_WINDOW_SAMPLES - len(window), 0))
        window = (window - window.mean()) / np.sqrt(window.var() + _VARIANCE_FLOOR)
        features = self._features(window.astype(np.float32), padding=0).astype(np.float32)
        (output,) = self._session.run(None, {"input_features": features[None, :, :800]})
        return float(np.asarray(output).reshape(-1)[0])
