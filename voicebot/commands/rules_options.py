"""What the commands on transfer rules share: options, output, and the rules in storage."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable, Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from voicebot.errors import ConfigError
from voicebot.settings import Settings

if TYPE_CHECKING:
    from voicebot.rule_desk import RuleDesk
    from voicebot.storage.rule_versions import RuleStore
    from voicebot.transfer.rules import RuleSet

ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Result = TypeVar("Result")


def show(values: object, as_json: bool, lines: Iterable[str]) -> None:
    """Print the values as JSON, or the lines."""
    if as_json:
        typer.echo(json.dumps(values, ensure_ascii=False, default=str))
    else:
        for line in lines:
            typer.echo(line)


def today() -> date:
    """Return the operator's local day."""
    return date.today()  # noqa: DTZ011 - the rules go by the local day


def login() -> str:
    """Name who runs the command, for the audit trail."""
    return f"cli:{getpass.getuser()}"


def read_text(path: Path) -> str:
    """Read a file. Raises ConfigError."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as cause:
        problem = f"cannot be read ({cause.strerror})"
        raise ConfigError(problem, mend="name a file that is there", file=path) from cause
    except UnicodeDecodeError as cause:
        raise ConfigError("is not UTF-8 text", mend="save the file as UTF-8", file=path) from cause


def with_store(
    settings: Settings,
    desk: RuleDesk,
    action: Callable[[RuleStore], Awaitable[Result]],
    path: Path = Path("transfer rules"),
) -> Result:
    """Run an action on the rules in storage, which is brought up to date first; `path`: named in errors."""
    from voicebot.privacy.encryption import load_or_create_key
    from voicebot.storage.rule_versions import RuleStore
    from voicebot.storage.schema import upgrade_async

    async def run() -> Result:
        await upgrade_async(settings.storage.url)
        store = RuleStore(
            settings.storage.url,
            load_or_create_key(settings.storage.key_file),
            check=lambda text: desk.check(text, path, today()),
        )
        try:
            return await action(store)
        finally:
            await store.close()

    return asyncio.run(run())


async def in_force(settings: Settings, desk: RuleDesk, store: RuleStore) -> RuleSet:
    """Return the rules that new calls get: of storage, or where it has none those of a first start."""
    from voicebot.rule_desk import SEED

    saved = await store.load()
    if saved is None:
        path = settings.config_dir / SEED
        return desk.read(read_text(path), path)
    number = saved.version.version
    return desk.read(saved.document, Path(f"version {number}"), number)
