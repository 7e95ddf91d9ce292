"""`voicebot bench`: latency, barge-in and load of a running service; pacing of the media loop."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from voicebot.events import Language

app = typer.Typer(help="Measure a running service; the machine and its load are shown.")


@app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure a running service; without a command: one English call of 20 turns with barge-ins."""
    if context.invoked_subcommand is None:
        calls(interrupts=True, as_json=as_json)


@app.command()
def calls(
    target: Annotated[str, typer.Option(help="Service to call; its user part chooses the line.")] = "",
    language: Annotated[str, typer.Option(help="nl or en.")] = "en",
    at_once: Annotated[int, typer.Option(help="Calls at the same time.")] = 1,
    turns: Annotated[int, typer.Option(help="Turns a call.")] = 20,
    interrupts: Annotated[bool, typer.Option(help="Make every fifth turn a barge-in.")] = False,
    clips: Annotated[
        Path | None, typer.Option(help="Folder with audio files to speak instead of synthetic phrases.")
    ] = None,
    codec: Annotated[str, typer.Option(help="PCMA, PCMU, G722 or opus.")] = "PCMA",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Talk to a running service and measure from the last word to the first answer sample."""
    from voicebot.bench.latency import machine, run_calls, script
    from voicebot.settings import SpeechSettings
    from voicebot.test_caller.preparing import CallerVoice
    from voicebot.test_caller.script import Step

    if language not in {"nl", "en"}:
        raise typer.BadParameter("nl or en", param_hint="--language")
    spoken: Language = "en" if language == "en" else "nl"
    steps = script(spoken, turns, with_interrupts=interrupts)
    if clips is not None:
        files = sorted(path for path in clips.iterdir() if path.is_file())[:turns]
        steps = tuple(Step("play", str(path), spoken) for path in files)
    prepared = CallerVoice(SpeechSettings(), spoken).prepared(steps)
    before = machine()
    result = asyncio.run(
        run_calls(target or f"sip:{language}@127.0.0.1:5060", prepared, calls=at_once, codec=codec)
    )
    after = machine()
    _print(
        {
            "machine": before,
            "load_average_after": after["load_average"],
            "language": language,
            "codec": codec,
            "calls_at_once": at_once,
            **result.summary(),
        },
        as_json,
    )
    if result.failed_calls:
        raise typer.Exit(1)


def _print(values: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(values, ensure_ascii=False))
        return
    for name, value in values.items():
        typer.echo(f"{name:20} {value}")


@app.command()
def playout(
    legs: Annotated[int, typer.Option(help="Legs that talk at once.")] = 10,
    seconds: Annotated[float, typer.Option(help="How long.")] = 10.0,
    codec: Annotated[str, typer.Option(help="PCMA, PCMU, G722 or opus.")] = "PCMA",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure how well packets keep to their 20 ms slots, by kernel receive times; no service is needed."""
    from voicebot.bench.latency import machine
    from voicebot.bench.playout import measure_playout

    report = asyncio.run(measure_playout(legs=legs, seconds=seconds, codec=codec))
    _print({"machine": machine(), **report.as_dict()}, as_json)
