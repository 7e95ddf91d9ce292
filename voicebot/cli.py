"""The command line. Commands live in voicebot/commands; heavy imports happen inside them.

Exit codes: 0 done, 1 something is wrong that the output names, 2 the command line or a file is wrong,
3 the service cannot be reached or a model is missing, 130 interrupted.
"""

from __future__ import annotations

import sys

import typer

from voicebot import __version__
from voicebot.commands import (
    agents,
    bench,
    call,
    callbacks,
    check,
    db,
    models,
    rules,
    serve,
    speak,
    transcribe,
    understand,
)
from voicebot.errors import ConfigError, ModelMissing, VoicebotError

app = typer.Typer(
    name="voicebot",
    help="A voice bot for Dutch and Flemish phone lines.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("check")(check.check)
app.command("understand")(understand.understand)
app.command("transcribe")(transcribe.transcribe)
app.command("speak")(speak.speak)
app.command("call")(call.call)
app.add_typer(bench.app, name="bench")
app.add_typer(models.app, name="models")
app.add_typer(db.app, name="db")
app.add_typer(rules.app, name="rules")
app.add_typer(agents.app, name="agents")
app.add_typer(callbacks.app, name="callbacks")


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show it."),
) -> None:
    """A voice bot for Dutch and Flemish phone lines."""


def main() -> None:
    """Run; turn our errors into one clear line and an exit code."""
    try:
        app()
    except ConfigError as error:
        sys.stderr.write(f"voicebot: {error}\n")
        sys.exit(2)
    except ModelMissing as error:
        sys.stderr.write(f"voicebot: {error}\n")
        sys.exit(3)
    except VoicebotError as error:
        sys.stderr.write(f"voicebot: {error} [{error.code}]\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
