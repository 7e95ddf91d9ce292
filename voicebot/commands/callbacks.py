"""`voicebot callbacks`: promised calls, those due first before the others. Reading them is audited (law P3).

Exit codes: 0 done, 1 there is no such callback, 2 wrong usage or configuration.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from voicebot.settings import load_settings

if TYPE_CHECKING:
    from voicebot.storage.callback_store import CallbackStore
    from voicebot.storage.records import CallbackRecord

app = typer.Typer(no_args_is_help=True, help="Promised calls.")

T = TypeVar("T")
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Which(StrEnum):
    """Choices of --status."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"
    ALL = "all"


@app.command("list")
def list_callbacks(
    status: Annotated[Which, typer.Option(help="Which of them.")] = Which.OPEN,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="At most so many.")] = 200,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show promised calls with number, due time, who is at it, and what came of it."""
    chosen = None if status is Which.ALL else status.value
    found = _run(config, lambda store: store.list(accessed_by=getpass.getuser(), status=chosen, limit=limit))
    now = datetime.now().astimezone()
    if as_json:
        typer.echo(json.dumps([_row(record, now) for record in found], ensure_ascii=False))
        return
    for record in found:
        typer.echo(_lines(record, is_late=record.status == "open" and record.due_at < now))
    if not found:
        typer.echo("nobody is waiting to be called back")


def _lines(record: CallbackRecord, *, is_late: bool) -> str:
    """Two lines a record; texts from outside without control characters (law S5)."""
    facts = [f"{record.due_at.astimezone():%a %d-%m-%Y %H:%M}", record.contact, record.language]
    about = [record.reason, record.message]
    if is_late:
        facts.insert(1, "LATE")
    if record.status != "open":
        about.append(record.status)
    if record.claimed_by:
        about.append(f"{record.claimed_by} is at it")
    if record.attempts:
        about.append(f"{record.attempts} attempts, last: {record.outcome}")
    lines = ("  ".join([*facts, record.callback_id]), "    " + "; ".join(filter(None, about)))
    return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)


@app.command()
def done(
    callback_id: Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tick one off."""
    is_done = _run(config, lambda store: store.done(callback_id, done_by=getpass.getuser()))
    if as_json:
        typer.echo(json.dumps({"id": callback_id, "done": is_done}))
    if not is_done:
        sys.stderr.write(f"voicebot: there is no open callback '{callback_id}'\n")
        raise typer.Exit(1)


def _row(record: CallbackRecord, now: datetime) -> dict[str, object]:
    return {
        "id": record.callback_id,
        "due": record.due_at.isoformat(),
        "is_late": record.status == "open" and record.due_at < now,
        "contact": record.contact,
        "language": record.language,
        "reason": record.reason,
        "message": record.message,
        "status": record.status,
        "claimed_by": record.claimed_by,
        "attempts": record.attempts,
        "outcome": record.outcome,
        "call": record.call_id,
    }


def _run(config: Path | None, work: Callable[[CallbackStore], Awaitable[T]]) -> T:
    from voicebot.privacy.encryption import load_or_create_key
    from voicebot.storage.callback_store import CallbackStore
    from voicebot.storage.schema import upgrade

    settings = load_settings(config)
    upgrade(settings.storage.url)

    async def run() -> T:
        store = CallbackStore(settings.storage.url, load_or_create_key(settings.storage.key_file))
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())
