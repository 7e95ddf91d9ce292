"""`voicebot models`: what the catalogue names, what is on disk, and fetching what is not.

Exit codes: 0 everything the profile needs is there, 1 something is missing or wrong, 2 wrong usage.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.errors import ConfigError
from voicebot.model_catalogue import Catalogue, load_catalogue
from voicebot.model_store import ArtifactState, ProfileState, State, inspect, resolve_profile

if TYPE_CHECKING:
    from voicebot.model_pull import PullResult

app = typer.Typer(help="Model weights: list, pull, verify.", no_args_is_help=True)

CATALOGUE = Path("models/catalogue.toml")
_Profile = Annotated[str, typer.Option(help="small-cpu, cpu or gpu; default: the configured one.")]
_Weights = Annotated[Path | None, typer.Option(help="Folder of the weights; default: the configured one.")]
_CatalogueFile = Annotated[Path, typer.Option("--catalogue", help="The catalogue.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


@app.command("list")
def list_models(
    profile: _Profile = "",
    weights: _Weights = None,
    catalogue: _CatalogueFile = CATALOGUE,
    as_json: _Json = False,
) -> None:
    """Show every model and what the profile comes down to."""
    _, resolved = _inspected(catalogue, profile, weights, thorough=False, as_json=as_json)
    raise typer.Exit(1 if resolved.missing else 0)


@app.command()
def verify(
    profile: _Profile = "",
    weights: _Weights = None,
    catalogue: _CatalogueFile = CATALOGUE,
    as_json: _Json = False,
) -> None:
    """Read every byte of what is on disk and compare the checksums."""
    states, resolved = _inspected(catalogue, profile, weights, thorough=True, as_json=as_json)
    is_wrong = any(state.state is State.WRONG for state in states)
    raise typer.Exit(1 if is_wrong or resolved.missing else 0)


@app.command()
def pull(
    profile: _Profile = "",
    weights: _Weights = None,
    catalogue: _CatalogueFile = CATALOGUE,
    as_json: _Json = False,
) -> None:
    """Fetch what the profile needs; what is there already costs nothing."""
    known, profile, folder = _open(catalogue, profile, weights)
    result = _pull(known, profile, folder)
    states = [inspect(artifact, folder) for artifact in known.artifacts.values()]
    _show(known, states, result.profile, result.failures, as_json=as_json, with_table=False)
    raise typer.Exit(1 if result.profile.missing else 0)


def _inspected(
    catalogue: Path, profile: str, weights: Path | None, *, thorough: bool, as_json: bool
) -> tuple[list[ArtifactState], ProfileState]:
    """Look at every model, show them all and what the profile comes down to."""
    known, profile, folder = _open(catalogue, profile, weights)
    states = [inspect(artifact, folder, thorough=thorough) for artifact in known.artifacts.values()]
    resolved = resolve_profile(known, folder, profile)
    _show(known, states, resolved, {}, as_json=as_json, with_table=True)
    return states, resolved


def _open(catalogue: Path, profile: str, weights: Path | None) -> tuple[Catalogue, str, Path]:
    """Catalogue, profile and folder; what is not given comes from the configuration, if there is one."""
    known = load_catalogue(catalogue)
    if not profile or weights is None:
        from voicebot.settings import SpeechSettings, load_settings

        try:
            configured = load_settings().speech
        except ConfigError as error:
            sys.stderr.write(f"voicebot: {error}\nvoicebot: going on with the defaults for models\n")
            configured = SpeechSettings()
        profile, weights = profile or configured.profile, weights or configured.weights_dir
    if profile not in known.profiles:
        raise typer.BadParameter(
            f"'{profile}' is not one of {', '.join(known.profiles)}", param_hint="--profile"
        )
    return known, profile, weights


def _pull(known: Catalogue, profile: str, folder: Path) -> PullResult:
    """Fetch with a progress bar a file on standard error."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    from voicebot.model_pull import Puller

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done, total=total)

        def report(name: str, text: str) -> None:
            tasks.clear()
            console.print(f"{name}: {text}", markup=False, highlight=False, soft_wrap=True)

        puller = Puller(folder, progress=progress, report=report)
        try:
            return puller.pull_profile(known, profile)
        finally:
            puller.close()


def _show(
    known: Catalogue,
    states: list[ArtifactState],
    resolved: ProfileState,
    failures: dict[str, tuple[str, ...]],
    *,
    as_json: bool,
    with_table: bool,
) -> None:
    if as_json:
        sys.stdout.write(json.dumps(_as_json(states, resolved, failures)) + "\n")
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("model", "languages", "MB", "state", "licence", box=None)
    for state in states:
        artifact = state.artifact
        size = f"{artifact.sources[0].size / 1e6:.0f}" if artifact.sources[0].size else "-"
        shown = state.state.value + (f": {state.problem}" if state.state is State.WRONG else "")
        table.add_row(artifact.name, " ".join(artifact.languages), size, shown, artifact.licence)
    if with_table:
        console.print(table)
        console.print()
    console.print(f"profile {resolved.profile}:", highlight=False)
    for role, meaning in known.roles.items():
        chosen = resolved.chosen.get(role)
        console.print(f"  {meaning.purpose}: {chosen.artifact.name if chosen else '-'}", highlight=False)
    for sentence in resolved.degraded:
        console.print(f"  degraded: {sentence}", highlight=False)
    for role in resolved.missing:
        console.print(
            f"  MISSING: {known.roles[role].purpose}; `voicebot models pull` fetches it", highlight=False
        )
    for name, reasons in failures.items():
        for reason in reasons:
            console.print(
                f"  could not fetch {name}: {reason}", markup=False, highlight=False, soft_wrap=True
            )


def _as_json(
    states: list[ArtifactState], resolved: ProfileState, failures: dict[str, tuple[str, ...]]
) -> dict[str, object]:
    return {
        "profile": resolved.profile,
        "roles": {role: state.artifact.name for role, state in resolved.chosen.items()},
        "degraded": list(resolved.degraded),
        "missing": list(resolved.missing),
        "failures": {name: list(reasons) for name, reasons in failures.items()},
        "models": [
            {
                "name": state.artifact.name,
                "purpose": state.artifact.purpose,
                "state": state.state.value,
                "problem": state.problem,
                "source": state.source,
                "path": str(state.path) if state.path else None,
                "languages": list(state.artifact.languages),
                "licence": state.artifact.licence,
                "bytes": state.artifact.sources[0].size,
            }
            for state in states
        ],
    }
