"""`voicebot speak`: what a caller would hear for a text, as a WAV file.

Exit codes: 0 written, 1 the voice failed or the file cannot be written, 2 wrong usage or configuration.
"""

from __future__ import annotations

import json
import sys
import time
import wave
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.audio import SAMPLE_RATE, AudioClip
from voicebot.errors import ConfigError
from voicebot.events import Language

if TYPE_CHECKING:
    from voicebot.speaking.voices import VoiceSpec


class SpokenLanguage(StrEnum):
    """Choices of --language."""

    NL = "nl"
    EN = "en"


def speak(
    text: Annotated[str, typer.Argument(help="What to say; '-' reads standard input.")],
    *,
    language: Annotated[SpokenLanguage, typer.Option(help="Language of the text.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="WAV file to write: 16 kHz mono, 16 bits.")],
    rate: Annotated[float, typer.Option(min=0.5, max=2.0, help="1.0 is normal, 0.8 slower.")] = 1.0,
    variant: Annotated[str, typer.Option(help="nl-BE for a Flemish line.")] = "",
    weights: Annotated[
        Path | None, typer.Option(help="Folder of the weights; default: the configured one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Write a text as speech, exactly as a caller would hear it before the phone line."""
    from voicebot.speaking.spoken_text import spoken
    from voicebot.speaking.synthesiser import SpeechRequest
    from voicebot.speaking.voices import VoicesEngine

    lang: Language = "nl" if language is SpokenLanguage.NL else "en"
    normalised = spoken(sys.stdin.read() if text == "-" else text, lang, variant)
    if not normalised:
        raise typer.BadParameter("there is nothing in it to say", param_hint="TEXT")
    engine = VoicesEngine(_voices(weights))
    started = time.perf_counter()
    clip = AudioClip(b"".join(engine.synthesise(SpeechRequest(normalised, lang, rate))))
    elapsed_seconds = time.perf_counter() - started
    voice_id = engine.voice_ids()[lang]
    _write(output, clip)
    if voice_id.startswith("espeak"):
        sys.stderr.write(
            f"voicebot: no Piper voice for '{lang}' on disk, eSpeak NG speaks; "
            "`voicebot models pull` fetches what the profile has\n"
        )
    report = {
        "file": str(output),
        "text": text if text != "-" else "",
        "spoken": normalised,
        "language": lang,
        "voice": voice_id,
        "seconds": round(clip.duration_ms / 1000, 3),
        "elapsed_seconds": round(elapsed_seconds, 3),
    }
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))
    else:
        typer.echo(f"{output}: {report['seconds']} s, voice {voice_id}\n{normalised}")


def _voices(weights: Path | None) -> Mapping[Language, VoiceSpec]:
    """Return the voices that `serve` would use: those of the configured profile that are on disk."""
    from voicebot.commands.models import CATALOGUE
    from voicebot.model_catalogue import load_catalogue
    from voicebot.model_store import resolve_profile
    from voicebot.settings import SpeechSettings, load_settings
    from voicebot.speaking.voices import voices_of

    try:
        configured = load_settings().speech
    except ConfigError as error:
        sys.stderr.write(f"voicebot: {error}\nvoicebot: going on with the defaults for speech\n")
        configured = SpeechSettings()
    try:
        profile = resolve_profile(
            load_catalogue(CATALOGUE), weights or configured.weights_dir, configured.profile
        )
    except ConfigError as error:
        sys.stderr.write(f"voicebot: {error}\nvoicebot: going on with eSpeak NG\n")
        return voices_of({})
    chosen = {role: state.path for role, state in profile.chosen.items()}
    return voices_of({"nl": chosen.get("voice_nl"), "en": chosen.get("voice_en")})


def _write(file: Path, clip: AudioClip) -> None:
    try:
        with file.open("wb") as opened, wave.open(opened, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(SAMPLE_RATE)
            sound.writeframes(clip.pcm)
    except OSError as error:
        sys.stderr.write(f"voicebot: {file} cannot be written ({error.strerror}): name another with -o\n")
        raise typer.Exit(1) from error
