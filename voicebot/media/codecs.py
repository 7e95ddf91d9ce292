"""Codecs of RTP payloads: s16le 16 kHz mono on our side, payload bytes on the wire's; state per direction.

RFC 3551 (PCMU, PCMA, G.722 with its 8 kHz RTP clock), RFC 7587 (Opus, 48 kHz RTP clock, any payload type).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import av
import av.error
import numpy as np

from voicebot.audio import (
    SAMPLE_RATE,
    Resampler,
    alaw_decode,
    alaw_encode,
    ulaw_decode,
    ulaw_encode,
)
from voicebot.errors import MediaError
from voicebot.media import libopus


class Encoder(Protocol):
    """One direction's encoder."""

    def encode(self, pcm: bytes) -> bytes:
        """Encode s16le 16 kHz of a whole number of milliseconds (Opus: 10, 20, 40, 60) into one payload."""


class Decoder(Protocol):
    """One direction's decoder."""

    def decode(self, payload: bytes) -> bytes:
        """Decode a payload to s16le 16 kHz; b'' when corrupt."""

    def conceal(self, samples: int) -> bytes | None:
        """Make up at least `samples` at 16 kHz; None where the codec has no concealment of its own."""


@dataclass(frozen=True, slots=True)
class Codec:
    """What RTP needs to know. `clock_rate`: of timestamps, Hz. `duration`: of a payload in its units."""

    name: str
    clock_rate: int
    duration: Callable[[bytes], int]
    new_encoder: Callable[[], Encoder]
    new_decoder: Callable[[], Decoder]
    silence: bytes = b""
    """20 ms of silence as a payload; empty where it has to be encoded."""


class _G711:
    """G.711 with resampling between 8 and 16 kHz (2 ms of delay each way)."""

    def __init__(self, encode: Callable[[bytes], bytes], decode: Callable[[bytes], bytes]) -> None:
        self._encode, self._decode = encode, decode
        self._down, self._up = Resampler(SAMPLE_RATE, 8000), Resampler(8000, SAMPLE_RATE)

    def encode(self, pcm: bytes) -> bytes:
        return self._encode(self._down.process(pcm))

    def decode(self, payload: bytes) -> bytes:
        return self._up.process(self._decode(payload))

    def conceal(self, samples: int) -> bytes | None:
        return None


class _G722:
    """G.722 at 64 kbit/s by libavcodec."""

    def __init__(self, mode: Literal["r", "w"]) -> None:
        self._codec = av.AudioCodecContext.create("g722", mode)
        self._codec.format, self._codec.layout = av.AudioFormat("s16"), av.AudioLayout("mono")
        self._codec.sample_rate = SAMPLE_RATE

    def encode(self, pcm: bytes) -> bytes:
        samples = np.frombuffer(pcm, dtype="<i2").reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))

    def decode(self, payload: bytes) -> bytes:
        try:
            frames = self._codec.decode(av.Packet(payload))
        except av.error.FFmpegError:
            return b""
        return b"".join(frame.to_ndarray().tobytes() for frame in frames)

    def conceal(self, samples: int) -> bytes | None:
        return None


PCMA = Codec(
    "PCMA",
    8000,
    len,
    lambda: _G711(alaw_encode, alaw_decode),
    lambda: _G711(alaw_encode, alaw_decode),
    b"\xd5" * 160,
)
PCMU = Codec(
    "PCMU",
    8000,
    len,
    lambda: _G711(ulaw_encode, ulaw_decode),
    lambda: _G711(ulaw_encode, ulaw_decode),
    b"\xff" * 160,
)
G722 = Codec("G722", 8000, len, lambda: _G722("w"), lambda: _G722("r"))
OPUS = Codec("opus", 48_000, libopus.packet_samples, libopus.LibopusEncoder, libopus.LibopusDecoder)

_BY_NAME = {codec.name.lower(): codec for codec in (PCMA, PCMU, G722, OPUS)}


def codec_named(name: str) -> Codec:
    """Find a codec by its SDP encoding name, any case. Raises MediaError for one we do not have."""
    codec = _BY_NAME.get(name.lower())
    if codec is None or (codec is OPUS and not libopus.is_available()):
        raise MediaError(f"no codec {name!r}")
    return codec


def available_codecs() -> tuple[str, ...]:
    """Names to offer, best for telephony first; Opus only where libopus is there."""
    return ("opus", "G722", "PCMA", "PCMU") if libopus.is_available() else ("G722", "PCMA", "PCMU")
