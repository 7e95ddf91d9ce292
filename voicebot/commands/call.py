"""`voicebot call`: a test caller that holds a scripted conversation and reports what it heard."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from voicebot.events import Language


def call(
    target: Annotated[str, typer.Argument(help="sip:nl@127.0.0.1, or ws://127.0.0.1:8765/media?token=…")],
    say: Annotated[list[str] | None, typer.Option(help="Say a text ('nl:…' names its language).")] = None,
    play: Annotated[list[Path] | None, typer.Option(help="Play an audio file.")] = None,
    dtmf: Annotated[list[str] | None, typer.Option(help="Press keys.")] = None,
    interrupt: Annotated[list[str] | None, typer.Option(help="Say it while the bot is talking.")] = None,
    wait: Annotated[list[str] | None, typer.Option(help="Be silent for so many seconds.")] = None,
    then: Annotated[
        list[str] | None,
        typer.Option(help="A further step: text, say:…, play:…, dtmf:…, interrupt:…, wait:…"),
    ] = None,
    language: Annotated[str, typer.Option(help="Of texts that name none: nl or en.")] = "nl",
    record: Annotated[Path | None, typer.Option(help="Write what was heard to a WAV file.")] = None,
    reply_seconds: Annotated[float, typer.Option(help="How long to wait for the bot to answer.")] = 12.0,
    local_port: Annotated[int, typer.Option(help="SIP port of the caller; 0: any.")] = 0,
    codec: Annotated[str, typer.Option(help="PCMA, PCMU, G722 or opus.")] = "PCMA",
    caller: Annotated[str, typer.Option(help="Number to show as caller.")] = "testcaller",
    transcripts: Annotated[bool, typer.Option(help="Transcribe what was heard.")] = True,
    config: Annotated[Path | None, typer.Option("--config", help="Settings file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Call a bot and talk: steps run in the order given, each after the bot has finished speaking.

    Exit codes: 0 the call was answered and all steps were taken, 1 it was not, 2 the command line is wrong.
    """
    from voicebot.errors import DialFailed
    from voicebot.settings import SpeechSettings, load_settings
    from voicebot.test_caller.conversation import CallerPatience
    from voicebot.test_caller.dialling import check_target, place_call
    from voicebot.test_caller.preparing import CallerVoice
    from voicebot.test_caller.script import steps_in_order

    if language not in {"nl", "en"}:
        raise typer.BadParameter("nl or en", param_hint="--language")
    spoken_language: Language = "en" if language == "en" else "nl"
    check_target(target)  # before voices are loaded
    steps = steps_in_order(sys.argv[1:])
    speech = load_settings(config).speech if config else SpeechSettings()
    voice = CallerVoice(speech, spoken_language)
    patience = CallerPatience(reply_seconds=reply_seconds)
    try:
        report = asyncio.run(
            place_call(target, voice.prepared(steps), patience, codec=codec, port=local_port, caller=caller)
        )
    except DialFailed as error:
        _print({"target": target, "answered": False, "ended_by": error.reason.value, "turns": []}, as_json)
        raise typer.Exit(1) from error
    if record is not None:
        from voicebot.audio_file import write_wav

        write_wav(record, report.recording)
    if transcripts:
        voice.transcribe([report])
    summary = summary_of(target, report)
    _print(summary, as_json)
    if len(report.turns) <= len(steps):
        raise typer.Exit(1)


def summary_of(target: str, report: Any) -> dict[str, Any]:
    """Return the report as JSON values; durations in milliseconds."""
    return {
        "target": target,
        "answered": report.answered,
        "first_audio_ms": report.first_audio_ms,
        "seconds": round(report.seconds, 2),
        "ended_by": report.ended_by,
        "detail": report.detail,
        "turns": [
            {
                "step": f"{turn.step.kind}:{turn.step.content}" if turn.step else None,
                "heard": turn.transcript,
                "language": turn.language,
                "latency_ms": turn.latency_ms,
                "interrupt_ms": turn.interrupt_ms,
                "speech_ms": turn.speech_ms,
                "gaps": turn.gaps,
            }
            for turn in report.turns
        ],
    }


def _print(summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(summary, ensure_ascii=False))
        return
    for turn in summary["turns"]:
        if turn["step"]:
            typer.echo(f"> {turn['step']}")
        latency = f"{turn['latency_ms']} ms" if turn["latency_ms"] is not None else "no answer"
        typer.echo(f"< [{latency}] {turn['heard']}")
    typer.echo(f"answered: {summary['answered']}, ended by: {summary['ended_by']}")
