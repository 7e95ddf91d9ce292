"""`voicebot transcribe`: the recogniser on audio files, with the settings that calls use.

Exit codes: 0 all files done, 1 a file could not be read (the others are done), 2 wrong usage, 3 no model.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from voicebot.errors import ConfigError, ModelMissing

if TYPE_CHECKING:
    from voicebot.events import Language
    from voicebot.hearing.whisper import WhisperEngine

_SAMPLE_RATE = 16_000
_WINDOW_SECONDS = 29.0
_LONGEST_SECONDS = 4 * 3600


@dataclass(frozen=True, slots=True)
class FileTranscript:
    """One line of output; `seconds` of audio, `elapsed_seconds` of work without decoding the file."""

    file: str
    text: str
    language: str
    seconds: float
    elapsed_seconds: float


def transcribe(
    files: Annotated[
        list[Path], typer.Argument(help="Audio files of any common format.", show_default=False)
    ],
    language: Annotated[Literal["auto", "nl", "en"], typer.Option(help="Force one, or detect.")] = "auto",
    telephone: Annotated[
        bool, typer.Option("--telephone", help="As heard over a phone line (A-law).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Transcribe audio files with the recogniser of the configured profile."""
    from voicebot.audio_file import read_audio

    forced: Language | None = None if language == "auto" else language
    engine: WhisperEngine | None = None
    has_failed = False
    for file in files:
        try:
            pcm = read_audio(file, longest_seconds=_LONGEST_SECONDS)
        except ConfigError as error:
            has_failed = True
            sys.stderr.write(f"voicebot: {error}\n")
            if as_json:
                sys.stdout.write(
                    json.dumps({"file": str(file), "error": str(error)}, ensure_ascii=False) + "\n"
                )
            continue
        engine = engine or _engine()
        if telephone:
            from voicebot.hearing.telephone_band import through_telephone

            pcm = through_telephone(pcm)
        _write(_transcript(engine, file, pcm, forced), as_json)
    if has_failed:
        raise typer.Exit(1)


def windows(pcm: bytes, seconds: float = _WINDOW_SECONDS) -> list[bytes]:
    """Cut a long recording where it is quietest in the last fifth of each window."""
    import numpy as np

    samples = np.frombuffer(pcm, dtype="<i2")
    longest, block = int(seconds * _SAMPLE_RATE), _SAMPLE_RATE // 50
    parts: list[bytes] = []
    while len(samples) > longest:
        start = longest * 4 // 5
        tail = samples[start : start + (longest - start) // block * block].astype(np.float64)
        energies = (tail.reshape(-1, block) ** 2).mean(axis=1)
        cut = start + int(energies.argmin()) * block + block // 2
        parts.append(samples[:cut].tobytes())
        samples = samples[cut:]
    return [*parts, samples.tobytes()]


def _transcript(engine: WhisperEngine, file: Path, pcm: bytes, forced: Language | None) -> FileTranscript:
    from voicebot.hearing.transcriber import TranscriptionRequest

    started = time.perf_counter()
    prior: Mapping[Language, float] = {}
    texts: list[str] = []
    spoken: list[str] = []
    for part in windows(pcm):
        answer = engine.transcribe(TranscriptionRequest(part, language=forced, prior=prior))
        if answer.text:
            prior = answer.language_probabilities
            texts.append(answer.text)
        spoken.append(answer.language)
    elapsed = time.perf_counter() - started
    seconds = len(pcm) / 2 / _SAMPLE_RATE
    return FileTranscript(str(file), " ".join(texts), spoken[0], round(seconds, 3), round(elapsed, 3))


def _engine() -> WhisperEngine:
    """Build the recogniser in this process from the weights on disk. Raises ModelMissing."""
    from voicebot.commands.models import CATALOGUE
    from voicebot.hearing.whisper import DecodingOptions, WhisperEngine
    from voicebot.model_catalogue import load_catalogue
    from voicebot.model_store import resolve_profile
    from voicebot.settings import load_settings

    speech = load_settings().speech
    resolved = resolve_profile(load_catalogue(CATALOGUE), speech.weights_dir, speech.profile)
    try:
        vad = str(resolved.folder("vad") / "silero_vad_v6.onnx")
    except ModelMissing:
        vad = ""
    return WhisperEngine(
        str(resolved.folder("recogniser")),
        vad=vad,
        threads=speech.ears_threads,
        options=DecodingOptions(window_frames=speech.window_frames),
    )


def _write(transcript: FileTranscript, as_json: bool) -> None:
    if as_json:
        record = {name: getattr(transcript, name) for name in FileTranscript.__slots__}
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
        return
    sys.stdout.write(
        f"{transcript.file}\t{transcript.language}\t{transcript.seconds:.1f} s"
        f"\t{transcript.elapsed_seconds:.2f} s\t{transcript.text}\n"
    )
