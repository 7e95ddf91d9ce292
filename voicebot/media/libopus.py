"""Opus at 16 kHz mono through libopus itself (ctypes), which PyAV's wheels carry.

PyAV decodes at 48 kHz only and offers no loss concealment; libopus does both at the call's rate (RFC 6716).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
from pathlib import Path

import av

from voicebot.audio import SAMPLE_RATE
from voicebot.errors import MediaError

_APPLICATION_VOIP = 2048
_SET_BITRATE, _SET_INBAND_FEC, _SET_PACKET_LOSS_PERC, _SET_COMPLEXITY = 4002, 4012, 4014, 4010
_MAX_PACKET_BYTES = 1275
_MAX_SAMPLES = SAMPLE_RATE * 120 // 1000
_STEP_SAMPLES = SAMPLE_RATE // 400
_BITS_PER_SECOND = 24_000


@functools.cache
def _library() -> ctypes.CDLL:
    """Load libopus: PyAV's copy, else the system's. Raises MediaError."""
    beside = Path(av.__file__).parent.parent / "av.libs"
    found = [str(path) for path in sorted(beside.glob("libopus-*"))]
    system = ctypes.util.find_library("opus")
    for name in [*found, *([system] if system else [])]:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        pointer = ctypes.c_void_p
        library.opus_encoder_create.restype = library.opus_decoder_create.restype = pointer
        for destroy in (library.opus_encoder_destroy, library.opus_decoder_destroy):
            destroy.argtypes, destroy.restype = [pointer], None
        library.opus_encode.argtypes = [
            pointer,
            ctypes.c_char_p,
            ctypes.c_int,
            ctypes.c_char_p,
            ctypes.c_int32,
        ]
        library.opus_decode.argtypes = [
            pointer,
            ctypes.c_char_p,
            ctypes.c_int32,
            ctypes.c_char_p,
            ctypes.c_int,
            ctypes.c_int,
        ]
        return library
    raise MediaError("libopus is not there: neither in PyAV's wheel nor in the system")


def is_available() -> bool:
    """Whether Opus can be offered on this machine."""
    try:
        _library()
    except MediaError:
        return False
    return True


class LibopusEncoder:
    """One direction's encoder: 16 kHz mono in, packets out."""

    def __init__(self, bits_per_second: int = _BITS_PER_SECOND) -> None:
        self._library = _library()
        error = ctypes.c_int()
        self._state = ctypes.c_void_p(
            self._library.opus_encoder_create(SAMPLE_RATE, 1, _APPLICATION_VOIP, ctypes.byref(error))
        )
        if error.value or not self._state:
            raise MediaError(f"opus encoder: error {error.value}")
        for request, value in (
            (_SET_BITRATE, bits_per_second),
            (_SET_INBAND_FEC, 1),
            (_SET_PACKET_LOSS_PERC, 5),
            (_SET_COMPLEXITY, 5),
        ):
            self._library.opus_encoder_ctl(self._state, ctypes.c_int(request), ctypes.c_int(value))
        self._out = ctypes.create_string_buffer(_MAX_PACKET_BYTES)

    def encode(self, pcm: bytes) -> bytes:
        """Encode s16le of 10, 20, 40 or 60 ms at 16 kHz into one packet. Raises MediaError."""
        size = self._library.opus_encode(self._state, pcm, len(pcm) // 2, self._out, _MAX_PACKET_BYTES)
        if size < 0:
            raise MediaError(f"opus encoder: error {size}")
        return self._out.raw[:size]

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.opus_encoder_destroy(self._state)


class LibopusDecoder:
    """One direction's decoder: packets (mono or stereo, any rate) in, 16 kHz mono out."""

    def __init__(self) -> None:
        self._library = _library()
        error = ctypes.c_int()
        self._state = ctypes.c_void_p(self._library.opus_decoder_create(SAMPLE_RATE, 1, ctypes.byref(error)))
        if error.value or not self._state:
            raise MediaError(f"opus decoder: error {error.value}")
        self._out = ctypes.create_string_buffer(_MAX_SAMPLES * 2)

    def decode(self, payload: bytes) -> bytes:
        """Decode one packet; b'' when it is corrupt."""
        size = self._library.opus_decode(self._state, payload, len(payload), self._out, _MAX_SAMPLES, 0)
        return self._out.raw[: size * 2] if size > 0 else b""

    def conceal(self, samples: int) -> bytes:
        """Make up lost audio (libopus' own concealment), rounded up to 2.5 ms, at most 60 ms."""
        wanted = min(-(-samples // _STEP_SAMPLES) * _STEP_SAMPLES, SAMPLE_RATE * 60 // 1000)
        size = self._library.opus_decode(self._state, None, 0, self._out, wanted, 0)
        return self._out.raw[: size * 2] if size > 0 else b""

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.opus_decoder_destroy(self._state)


def packet_samples(payload: bytes, rate: int = 48_000) -> int:
    """Duration of an Opus packet in samples at `rate`, from its TOC (RFC 6716 §3.1); 0 if impossible."""
    if not payload:
        return 0
    config, code = payload[0] >> 3, payload[0] & 3
    if config < 12:
        tenths = (100, 200, 400, 600)[config & 3]
    elif config < 16:
        tenths = (100, 200)[config & 1]
    else:
        tenths = (25, 50, 100, 200)[config & 3]
    frames = 1 if code == 0 else 2 if code < 3 else (payload[1] & 0x3F if len(payload) > 1 else 0)
    total = tenths * frames
    return total * rate // 10_000 if total <= 1200 else 0
