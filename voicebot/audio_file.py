"""Audio files in and out: any format that FFmpeg reads becomes s16le mono 16 kHz; WAV is written."""

from __future__ import annotations

import wave
from pathlib import Path

import av
import av.error

from voicebot.audio import SAMPLE_RATE
from voicebot.errors import ConfigError

LONGEST_SECONDS = 600


def read_audio(path: Path, *, longest_seconds: int = LONGEST_SECONDS) -> bytes:
    """Return s16le mono 16 kHz. Raises ConfigError when the file is missing, no audio, empty or too long."""
    if not path.is_file():
        raise ConfigError("there is no such file", file=path, mend="name an audio file")
    pcm = bytearray()
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise ConfigError("holds no audio", file=path, mend="name a WAV, Ogg, MP3 or similar file")
            resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
            for frame in container.decode(audio=0):
                for part in resampler.resample(frame):
                    pcm += bytes(part.planes[0])[: part.samples * 2]
                if len(pcm) > longest_seconds * SAMPLE_RATE * 2:
                    raise ConfigError(
                        f"is longer than {longest_seconds // 60} minutes", file=path, mend="cut it in two"
                    )
            for part in resampler.resample(None):
                pcm += bytes(part.planes[0])[: part.samples * 2]
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise ConfigError(
            "cannot be read as audio", file=path, mend="name a WAV, Ogg, MP3 or similar file"
        ) from error
    if not pcm:
        raise ConfigError("is empty", file=path, mend="name a file with at least 0.1 s of audio")
    return bytes(pcm)


def write_wav(path: Path, pcm: bytes) -> None:
    """Write s16le mono 16 kHz. Raises ConfigError when the file cannot be written."""
    try:
        with path.open("wb") as opened, wave.open(opened, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(SAMPLE_RATE)
            sound.writeframes(pcm)
    except OSError as error:
        raise ConfigError(
            f"cannot be written ({error.strerror})",
            file=path,
            mend="name a file in a folder you may write to",
        ) from error
