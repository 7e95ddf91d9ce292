"""`voicebot check`: what is wrong with configuration, models, ports and database, and how to mend it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from voicebot.errors import ConfigError, VoicebotError
from voicebot.settings import Settings, load_settings

DONE, CANNOT_START, FILE_IS_WRONG, MODEL_IS_MISSING = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Finding:
    """`level`: ok, degraded or wrong. `mend`: what to do, '' when ok. `exit_code`: of a wrong one."""

    what: str
    level: str
    detail: str
    mend: str = ""
    exit_code: int = DONE


def check(
    config: Annotated[Path | None, typer.Option("--config", help="Settings file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check everything that `serve` needs, without starting it.

    Exit codes: 0 it can start, 1 it cannot (a port is taken), 2 a file is wrong, 3 a model is missing.
    """
    try:
        settings = load_settings(config)
    except ConfigError as error:
        findings = [_of_config_error("settings", error)]
    else:
        findings = [Finding("settings", "ok", "read")]
        for examine in (_files, _addresses, _models, _ports, _database):
            findings.extend(examine(settings))
    _show(findings, as_json)
    wrong = {finding.exit_code for finding in findings if finding.level == "wrong"}
    for code in (FILE_IS_WRONG, MODEL_IS_MISSING, CANNOT_START):
        if code in wrong:
            raise typer.Exit(code)


def _of_config_error(what: str, error: ConfigError) -> Finding:
    place = f"{error.file or 'environment'}{f':{error.line}' if error.line else ''}"
    field = f" {error.field}:" if error.field else ""
    return Finding(what, "wrong", f"{place}:{field} {error.problem}", error.mend, FILE_IS_WRONG)


def _tried(what: str, load: Callable[[], object], settings: Settings) -> Finding:
    try:
        with settings.locating():
            load()
    except ConfigError as error:
        return _of_config_error(what, error)
    return Finding(what, "ok", "read")


def _files(settings: Settings) -> Iterator[Finding]:
    from voicebot.dialogue.prompt_ids import SPOKEN
    from voicebot.integrations.demo_files import load_demo_data
    from voicebot.speaking.prompts import PromptBook
    from voicebot.storage.store import utc_now
    from voicebot.transfer.opening_hours_file import load_opening_hours
    from voicebot.understanding.intent_files import load_intents
    from voicebot.understanding.knowledge import load_knowledge
    from voicebot.vocabulary import Vocabulary

    config = settings.config_dir
    today = utc_now().date()
    for what, load in (
        ("prompts", lambda: PromptBook.load(config / "prompts", SPOKEN)),
        ("opening hours", lambda: load_opening_hours(config / "opening_hours.yaml")),
        ("intents", lambda: load_intents(config / "intents")),
        ("knowledge", lambda: load_knowledge(config / "knowledge")),
        ("vocabulary", lambda: Vocabulary.load(config / "vocabulary")),
        ("demo data", lambda: load_demo_data(config / "demo", today)),
    ):
        yield _tried(what, load, settings)


def _addresses(settings: Settings) -> Iterator[Finding]:
    from voicebot.allow_list import destinations_of
    from voicebot.listeners import endpoint_config

    yield _tried("transfer destinations", lambda: destinations_of(settings), settings)
    yield _tried("trunks", lambda: endpoint_config(settings), settings)


def _models(settings: Settings) -> Iterator[Finding]:
    """Compare every byte of the models that would be used; what is missing is told with its state."""
    from voicebot.engines import CATALOGUE
    from voicebot.model_catalogue import load_catalogue
    from voicebot.model_store import State, inspect, resolve_profile

    speech, mend = settings.speech, "run `voicebot models pull`"
    try:
        catalogue = load_catalogue(CATALOGUE)
    except ConfigError as error:
        yield _of_config_error("models", error)
        return
    profile = resolve_profile(catalogue, speech.weights_dir, speech.profile)
    for role in profile.missing:
        states = [
            inspect(artifact, speech.weights_dir) for artifact in catalogue.candidates(speech.profile, role)
        ]
        detail = "; ".join(f"{state.artifact.name}: {state.problem}" for state in states)
        yield Finding(f"model: {role}", "wrong", detail, mend, MODEL_IS_MISSING)
    for line in profile.degraded:
        yield Finding("model", "degraded", line, f"{mend} where the model hub can be reached")
    for role, found in profile.chosen.items():
        state = inspect(found.artifact, speech.weights_dir, thorough=True)
        if state.state is not State.PRESENT:
            detail = f"{state.artifact.name}: {state.problem}"
            yield Finding(
                f"model: {role}", "wrong", detail, f"remove {state.path} and {mend}", MODEL_IS_MISSING
            )
    if not profile.missing:
        names = ", ".join(sorted(state.artifact.name for state in profile.chosen.values()))
        yield Finding("models", "ok", names)


def _ports(settings: Settings) -> Iterator[Finding]:
    from voicebot.ports import port_problems

    for wanted, problem in port_problems(settings):
        if problem is None:
            yield Finding(wanted.name, "ok", "free")
        else:
            yield Finding(wanted.name, "wrong", problem.problem, problem.mend, CANNOT_START)


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
        with settings.locating():
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


def _show(findings: list[Finding], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"findings": [asdict(finding) for finding in findings]}, ensure_ascii=False))
        return
    signs = {"ok": "ok      ", "degraded": "degraded", "wrong": "WRONG   "}
    for finding in findings:
        typer.echo(f"{signs[finding.level]}  {finding.what}: {finding.detail}")
        if finding.mend:
            typer.echo(f"          -> {finding.mend}")
