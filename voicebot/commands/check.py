"""`voicebot check`: what is wrong with configuration, models, ports and database, and how to mend it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from voicebot.errors import ConfigError, VoicebotError
from voicebot.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class Finding:
    """`level`: ok, degraded or wrong. `mend`: what to do, '' when ok."""

    what: str
    level: str
    detail: str
    mend: str = ""


def check(
    config: Annotated[Path | None, typer.Option("--config", help="Settings file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check everything that `serve` needs, without starting it. Exit codes: 0 it can start, 1 it cannot."""
    try:
        settings = load_settings(config)
    except ConfigError as error:
        findings = [_of_config_error("settings", error)]
    else:
        findings = [Finding("settings", "ok", "read")]
        for examine in (_files, _models, _ports, _database, _destinations):
            findings.extend(examine(settings))
    _show(findings, as_json)
    if any(finding.level == "wrong" for finding in findings):
        raise typer.Exit(1)


def _of_config_error(what: str, error: ConfigError) -> Finding:
    place = f"{error.file or 'environment'}{f':{error.line}' if error.line else ''}"
    field = f" {error.field}:" if error.field else ""
    return Finding(what, "wrong", f"{place}:{field} {error.problem}", error.mend)


def _tried(what: str, load: Callable[[], object]) -> Finding:
    try:
        load()
    except ConfigError as error:
        return _of_config_error(what, error)
    return Finding(what, "ok", "read")


def _files(settings: Settings) -> Iterator[Finding]:
    from voicebot.integrations.demo_files import load_demo_data
    from voicebot.speaking.prompts import PromptBook
    from voicebot.storage.store import utc_now
    from voicebot.transfer.opening_hours_file import load_opening_hours
    from voicebot.understanding.intents import load_intents
    from voicebot.understanding.knowledge import load_knowledge

    config = settings.config_dir
    yield _tried("prompts", lambda: PromptBook.load(config / "prompts"))
    yield _tried("opening hours", lambda: load_opening_hours(config / "opening_hours.yaml"))
    yield _tried("intents", lambda: load_intents(config / "intents"))
    yield _tried("knowledge", lambda: load_knowledge(config / "knowledge"))
    yield _tried("demo data", lambda: load_demo_data(config / "demo", utc_now().date()))


def _models(settings: Settings) -> Iterator[Finding]:
    from voicebot.engines import CATALOGUE
    from voicebot.model_catalogue import load_catalogue
    from voicebot.model_store import resolve_profile

    try:
        profile = resolve_profile(
            load_catalogue(CATALOGUE), settings.speech.weights_dir, settings.speech.profile
        )
    except ConfigError as error:
        yield _of_config_error("models", error)
        return
    for role in profile.missing:
        yield Finding(f"model: {role}", "wrong", "not on disk", "run `voicebot models pull`")
    for line in profile.degraded:
        yield Finding(
            "model", "degraded", line, "run `voicebot models pull` where the model hub can be reached"
        )
    if not profile.missing:
        names = ", ".join(sorted(state.artifact.name for state in profile.chosen.values()))
        yield Finding("models", "ok", names)


def _ports(settings: Settings) -> Iterator[Finding]:
    wanted = [
        ("sip.port", settings.sip.host, settings.sip.port, socket.SOCK_DGRAM),
        ("sip.port", settings.sip.host, settings.sip.port, socket.SOCK_STREAM),
        ("control.port", settings.control.host, settings.control.port, socket.SOCK_STREAM),
    ]
    if settings.gateway.enabled:
        wanted.append(("gateway.port", settings.gateway.host, settings.gateway.port, socket.SOCK_STREAM))
    for field, host, port, kind in wanted:
        name = "UDP" if kind is socket.SOCK_DGRAM else "TCP"
        problem = _bind_problem(host, port, kind)
        if problem:
            yield Finding(
                f"{field} {name} {port}",
                "wrong",
                problem,
                f"stop what uses it (a bot that runs already?), or set {field} to a free port",
            )
        else:
            yield Finding(f"{field} {name} {port}", "ok", "free")


def _bind_problem(host: str, port: int, kind: socket.SocketKind) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _database(settings: Settings) -> Iterator[Finding]:
    from voicebot.storage.engine import open_engine
    from voicebot.storage.schema import current_revision, newest_revision

    async def revision() -> str | None:
        engine = open_engine(settings.storage.url)
        try:
            return await current_revision(engine)
        finally:
            await engine.dispose()

    try:
        found = asyncio.run(revision())
    except ConfigError as error:
        yield _of_config_error("database", error)
    except VoicebotError as error:
        yield Finding(
            "database",
            "degraded",
            str(error),
            "calls are answered and their records wait in the spool; run `voicebot db upgrade`, "
            "or correct storage.url",
        )
    else:
        newest = newest_revision()
        if found == newest:
            yield Finding("database", "ok", f"schema {found}")
        else:
            yield Finding(
                "database", "degraded", f"schema {found}, newest {newest}", "run `voicebot db upgrade`"
            )


def _destinations(settings: Settings) -> Iterator[Finding]:
    from voicebot.app import destinations_of

    yield _tried("transfer destinations", lambda: destinations_of(settings))


def _show(findings: list[Finding], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"findings": [asdict(finding) for finding in findings]}, ensure_ascii=False))
        return
    signs = {"ok": "ok      ", "degraded": "degraded", "wrong": "WRONG   "}
    for finding in findings:
        typer.echo(f"{signs[finding.level]}  {finding.what}: {finding.detail}")
        if finding.mend:
            typer.echo(f"          -> {finding.mend}")
