"""eSpeak NG as a synchronous engine: the voice for Dutch where no Piper model could be had, and the fallback.

The library and its data come from the `espeakng-loader` wheel and are called through ctypes
(speak_lib.h of eSpeak NG 1.52); the espeak-ng binary is never run. The library is one global state per
process: one synthesis at a time, guarded by a lock.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import espeakng_loader
import numpy as np
import soxr

from voicebot.audio import SAMPLE_RATE
from voicebot.errors import ModelError
from voicebot.events import Language
from voicebot.speaking.levels import Samples

# speak_lib.h
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_POS_CHARACTER = 1
_CHARS_UTF8 = 1
_RATE, _VOLUME, _PITCH, _RANGE, _WORDGAP = 1, 2, 3, 4, 7
_SLOWEST, _FASTEST = 80, 450
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@dataclass(frozen=True, slots=True)
class EspeakSettings:
    """A way of speaking. `words_per_minute` at rate 1.0; `pitch` 0-99; `word_gap` in 10 ms units."""

    voice: str
    words_per_minute: int
    pitch: int
    word_gap: int


SETTINGS: dict[Language, EspeakSettings] = {
    # Of 22 settings tried, the one that a recogniser understands best (speech-notes).
    "nl": EspeakSettings("nl", 120, 40, 2),
    "en": EspeakSettings("en", 135, 40, 1),
}


class EspeakEngine:
    """Speaks one sentence at a time. `sentence()` gives float32 at 16 kHz, as loud as eSpeak made it."""

    _lock = threading.Lock()
    _library: ctypes.CDLL | None = None
    _rate_hz = 0

    def __init__(self, language: Language, settings: EspeakSettings | None = None) -> None:
        self._settings = settings or SETTINGS[language]
        self._chunks: list[bytes] = []
        self._callback = _CALLBACK(self._take)
        with self._lock:
            self._load()

    @property
    def voice_id(self) -> str:
        """Name and settings of the voice, for the prompt cache's key."""
        s = self._settings
        return f"espeak-1.52-{s.voice}-s{s.words_per_minute}-p{s.pitch}-g{s.word_gap}"

    def sentence(self, text: str, rate: float) -> Iterator[Samples]:
        """Yield the audio of one sentence (once; nothing for silence). `rate`: 1.0 normal, 0.8 slower."""
        with self._lock:
            raw = self._speak(text, rate)
        if not raw:
            return
        samples = np.frombuffer(raw, np.int16).astype(np.float32) / 32768
        yield soxr.resample(samples, EspeakEngine._rate_hz, SAMPLE_RATE).astype(np.float32)

    def _take(self, wav: object, count: int, _events: object) -> int:
        if wav and count > 0:
            self._chunks.append(ctypes.string_at(wav, count * 2))  # type: ignore[arg-type]
        return 0

    def _speak(self, text: str, rate: float) -> bytes:
        library = EspeakEngine._library
        assert library is not None
        s = self._settings
        speed = min(_FASTEST, max(_SLOWEST, round(s.words_per_minute * rate)))
        self._chunks = []
        library.espeak_SetSynthCallback(self._callback)
        if library.espeak_SetVoiceByName(s.voice.encode()) != 0:
            raise ModelError(f"eSpeak NG has no voice '{s.voice}': reinstall espeakng-loader")
        for parameter, value in (
            (_RATE, speed),
            (_VOLUME, 80),
            (_PITCH, s.pitch),
            (_RANGE, 50),
            (_WORDGAP, s.word_gap),
        ):
            library.espeak_SetParameter(parameter, value, 0)
        encoded = text.replace("\0", " ").encode()
        status = library.espeak_Synth(
            encoded, len(encoded) + 1, 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None
        )
        if status != 0:
            raise ModelError(f"eSpeak NG refused a text (status {status})")
        library.espeak_Synchronize()
        chunks, self._chunks = self._chunks, []
        return b"".join(chunks)

    @classmethod
    def _load(cls) -> None:
        if cls._library is not None:
            return
        try:
            library = ctypes.CDLL(espeakng_loader.get_library_path())
            data = espeakng_loader.get_data_path()
        except (OSError, RuntimeError) as error:
            raise ModelError(f"eSpeak NG cannot be loaded: reinstall espeakng-loader ({error})") from error
        library.espeak_Synth.argtypes = [
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.POINTER(ctypes.c_uint),
            ctypes.c_void_p,
        ]
        library.espeak_SetSynthCallback.argtypes = [_CALLBACK]
        library.espeak_SetSynthCallback.restype = None
        rate_hz = library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, 0, data.encode(), _INITIALIZE_DONT_EXIT
        )
        if rate_hz <= 0:
            raise ModelError("eSpeak NG finds no voice data: reinstall espeakng-loader")
        cls._library, cls._rate_hz = library, rate_hz
