"""`voicebot rules`: check, explain, simulate, export and import the transfer rules.

Exit codes: 0 done, 1 the rules have problems (all are printed) or storage cannot be used, 2 the command line
or a file is wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.commands.rules_explain import explain
from voicebot.commands.rules_options import (
    ConfigOption,
    JsonOption,
    login,
    read_text,
    show,
    today,
    with_store,
)
from voicebot.commands.rules_simulate import simulate
from voicebot.errors import ConfigError
from voicebot.settings import load_settings

if TYPE_CHECKING:
    from voicebot.transfer.rules_problem import Problem

app = typer.Typer(no_args_is_help=True, help="Check, try, export and import the transfer rules.")
app.command()(explain)
app.command()(simulate)


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="Rule file; default: that of the configuration.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say all that is wrong with a rule file, with its line and how to mend it. Exit code 1 for problems."""
    from voicebot.rule_desk import SEED, RuleDesk

    settings = load_settings(config)
    path = file or settings.config_dir / SEED
    desk = RuleDesk.of(settings)
    try:
        problems = desk.problems(read_text(path), path, today())
    except ConfigError as error:
        if not as_json:
            raise
        show({"file": str(path), "problems": [_format_problem(error)]}, True, ())
        raise typer.Exit(2) from error
    _report(path, problems, as_json)
    if problems:
        raise typer.Exit(1)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="Rule file to put in force.")],
    note: Annotated[str, typer.Option(help="Why, for the history and the audit trail.")] = "",
    based_on: Annotated[
        int | None, typer.Option(help="Refuse when another version than this one is in force by now.")
    ] = None,
    actor: Annotated[str, typer.Option("--as", help="Who does this; default: your login name.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a rule file and put it in force for new calls. Exit code 1, and nothing saved, for problems."""
    from voicebot.rule_desk import RuleDesk
    from voicebot.transfer.rules_problem import RulesRefused

    settings = load_settings(config)
    document = read_text(file)
    try:
        saved = with_store(
            settings,
            RuleDesk.of(settings),
            lambda store: store.save(document, actor=actor or login(), note=note, based_on=based_on),
            file,
        )
    except RulesRefused as refused:
        _report(file, refused.problems, as_json)
        raise typer.Exit(1) from refused
    show(asdict(saved), as_json, [f"version {saved.version} is in force for new calls"])


@app.command()
def export(
    version: Annotated[int | None, typer.Option(help="Which version; default: the one in force.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File; default: standard output.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the rules in force (or an older version) as they were written, comments and all."""
    from voicebot.rule_desk import RuleDesk

    settings = load_settings(config)
    saved = with_store(settings, RuleDesk.of(settings), lambda store: store.load(version))
    if saved is None:
        sys.stderr.write("voicebot: there is no such version; `voicebot rules versions` lists them\n")
        raise typer.Exit(1)
    values = asdict(saved.version)
    if output is None:
        show({**values, "document": saved.document}, as_json, [saved.document.rstrip("\n")])
        return
    output.write_text(saved.document, encoding="utf-8")
    show({**values, "file": str(output)}, as_json, [f"version {saved.version.version} is in {output}"])


@app.command()
def versions(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 20,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the versions that were in force: when, by whom, why."""
    from voicebot.rule_desk import RuleDesk

    settings = load_settings(config)
    found = with_store(settings, RuleDesk.of(settings), lambda store: store.versions(limit))
    lines = [f"{each.version:>5}  {each.at:%Y-%m-%d %H:%M}  {each.actor}  {each.note}" for each in found]
    none_yet = ["none yet: the rules of the configuration are in force"]
    show({"versions": [asdict(each) for each in found]}, as_json, lines or none_yet)


def _report(path: Path, problems: Sequence[Problem], as_json: bool) -> None:
    lines = [f"{path}: {problem}" for problem in problems] or [f"{path}: the rules are right"]
    show({"file": str(path), "problems": [asdict(problem) for problem in problems]}, as_json, lines)


def _format_problem(error: ConfigError) -> dict[str, object]:
    return {
        "code": "format",
        "rule": error.field,
        "problem": error.problem,
        "mend": error.mend,
        "line": error.line,
    }
