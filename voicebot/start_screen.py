"""The short screen that `voicebot serve` shows: where to call, and what is degraded."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from rich.console import Console


@dataclass(frozen=True, slots=True)
class StartFacts:
    """What an operator wants to know first. `sip`, `gateway`, `web`, `control`: addresses, '' when off."""

    organisation: str
    sip: tuple[str, ...]
    gateway: str
    web: str
    control: str
    database: str
    voices: dict[str, str]
    recogniser: str
    degraded: tuple[str, ...]
    start_seconds: float


def show_start(facts: StartFacts, *, as_json: bool) -> None:
    """Print the screen, or one JSON line."""
    if as_json:
        print(json.dumps({"event": "started", **asdict(facts)}), flush=True)
        return
    console = Console()
    console.print(f"\n[bold]{facts.organisation}[/bold] answers calls ({facts.start_seconds:.1f} s to start)")
    console.print(f"  call      {'  '.join(facts.sip)}")
    console.print(
        "            user part 'nl', 'be' or 'en' chooses the line's language, for example sip:nl@…"
    )
    if facts.web:
        console.print(f"  browser   {facts.web}/call   (elsewhere than on this machine browsers want https)")
    if facts.gateway:
        console.print(f"  gateway   {facts.gateway}")
    console.print(f"  control   {facts.control}   (/health /metrics /calls)")
    console.print(f"  database  {facts.database}")
    console.print(f"  hears     {facts.recogniser}")
    console.print(f"  speaks    {', '.join(f'{lang}: {voice}' for lang, voice in facts.voices.items())}")
    for line in facts.degraded:
        console.print(f"  [yellow]degraded[/yellow]  {line}")
    console.print(
        "  stop with Ctrl-C; try it: voicebot call sip:nl@127.0.0.1 --say 'nl:wat zijn de openingstijden'\n"
    )
