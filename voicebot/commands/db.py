"""`voicebot db`: the database's schema, and the proof that its audit trail is whole."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from voicebot.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Prepare and verify the database.")

ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _print(values: dict[str, object], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(values))
    else:
        typer.echo(", ".join(f"{name}: {value}" for name, value in values.items()))


@app.command()
def upgrade(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Bring the database to the newest schema; makes it when there is none."""
    from voicebot.storage.schema import newest_revision
    from voicebot.storage.schema import upgrade as upgrade_database

    settings = load_settings(config)
    upgrade_database(settings.storage.url)
    _print({"revision": newest_revision()}, as_json)


@app.command()
def verify(
    config: ConfigOption = None,
    noted: Annotated[str | None, typer.Option(help="A hash noted earlier: it must be in the chain.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check the audit trail's hash chain (law L1). Exit code 1 when a link does not hold."""
    from dataclasses import asdict

    from voicebot.privacy.encryption import load_or_create_key
    from voicebot.storage.store import CallStore

    settings = load_settings(config)

    async def check() -> dict[str, object]:
        store = CallStore(settings.storage.url, load_or_create_key(settings.storage.key_file))
        try:
            return asdict(await store.verify_audit(noted))
        finally:
            await store.close()

    verdict = asyncio.run(check())
    _print(verdict, as_json)
    if verdict["problem"]:
        raise typer.Exit(1)
