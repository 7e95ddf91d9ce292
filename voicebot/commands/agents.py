"""`voicebot agents`: the people who take calls. A running service takes changes over within seconds.

Exit codes: 0 done, 1 there is no such agent or there is one already, 2 wrong usage or configuration.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from voicebot.errors import ConfigError
from voicebot.settings import Settings, load_settings

if TYPE_CHECKING:
    from voicebot.storage.agent_store import AgentStore
    from voicebot.transfer.agents import Agent
    from voicebot.transfer.queues_file import QueuePlan

app = typer.Typer(no_args_is_help=True, help="The people who take calls.")

T = TypeVar("T")
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, for scripts.")
]
AgentArgument = Annotated[
    str, typer.Argument(metavar="AGENT", help="Id: lower-case letters, digits, - and _.")
]


@app.command()
def add(
    agent_id: AgentArgument,
    name: Annotated[str, typer.Option(help="Name, as colleagues know it.")],
    contact: Annotated[str, typer.Option(help="desk:ID (default) or sip:user@host for a phone.")] = "",
    language: Annotated[list[str] | None, typer.Option(help="nl, en; repeat it. Default: both.")] = None,
    skill: Annotated[list[str] | None, typer.Option(help="What a queue may ask for; repeat it.")] = None,
    queue: Annotated[list[str] | None, typer.Option(help="Queue of queues.yaml; repeat it.")] = None,
    change: Annotated[bool, typer.Option("--change", help="Change an agent; the password stays.")] = False,
    password_stdin: StdinOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add an agent, or change one. Asks for the password; a phone needs none."""
    settings = load_settings(config)
    agent = _agent(settings, agent_id, name, contact, language or ["nl", "en"], skill or [], queue or [])
    if change:
        is_done = _run(settings, lambda store: store.change(agent, changed_by=getpass.getuser()))
        _report(is_done, f"there is no agent '{agent_id}'", {"agent": agent_id, "changed": is_done}, as_json)
        return
    password = _password(agent_id, from_stdin=password_stdin) if agent.has_desk else ""
    is_new = _run(settings, lambda store: store.add(agent, password, changed_by=getpass.getuser()))
    problem = f"there is an agent '{agent_id}' already: use --change, or 'voicebot agents password'"
    _report(is_new, problem, {"agent": agent_id, "added": is_new}, as_json)


@app.command("list")
def list_agents(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show all agents, and the phones of queues.yaml."""
    settings = load_settings(config)
    stored = _run(settings, lambda store: store.list())
    rows = [_row(agent, "storage") for agent in stored]
    rows += [_row(phone, "queues.yaml") for phone in _plan(settings).phones]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("agent", "name", "contact", "languages", "skills", "queues", "from")
    for row in rows:
        cells = (" ".join(cell) if isinstance(cell, list) else cell for cell in row.values())
        table.add_row(*(escape(cell) for cell in cells))
    Console().print(table if rows else "no agents yet: voicebot agents add anna --name Anna --queue service")


@app.command()
def remove(agent_id: AgentArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Remove an agent; a call that is going on is not cut off."""
    was_there = _run(
        load_settings(config), lambda store: store.remove(agent_id, changed_by=getpass.getuser())
    )
    _report(was_there, f"there is no agent '{agent_id}'", {"agent": agent_id, "removed": was_there}, as_json)


@app.command()
def password(
    agent_id: AgentArgument,
    password_stdin: StdinOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set an agent's password."""
    settings = load_settings(config)
    new = _password(agent_id, from_stdin=password_stdin)
    is_known = _run(settings, lambda store: store.set_password(agent_id, new, changed_by=getpass.getuser()))
    _report(is_known, f"there is no agent '{agent_id}'", {"agent": agent_id, "changed": is_known}, as_json)


def _agent(
    settings: Settings,
    agent_id: str,
    name: str,
    contact: str,
    languages: list[str],
    skills: list[str],
    queues: list[str],
) -> Agent:
    from voicebot.events import LANGUAGES
    from voicebot.transfer.agents import Agent
    from voicebot.transfer.queues_file import NAME, check_contact

    for value, option in [(agent_id, "AGENT"), *((skill, "--skill") for skill in skills)]:
        if not NAME.fullmatch(value):
            raise typer.BadParameter(
                f"'{value}' is no name: use lower-case letters, digits, - and _", param_hint=option
            )
    if not name.strip() or len(name) > 100:
        raise typer.BadParameter("give a name of at most 100 characters", param_hint="--name")
    unknown = sorted(set(languages) - set(LANGUAGES))
    if unknown:
        raise typer.BadParameter(f"'{unknown[0]}' is not spoken here: use nl or en", param_hint="--language")
    plan = _plan(settings)
    known = [queue.name for queue in plan.queues]
    for queue in queues:
        if queue not in known:
            raise typer.BadParameter(
                f"there is no queue '{queue}': use {', '.join(known)}", param_hint="--queue"
            )
    if agent_id in {phone.agent_id for phone in plan.phones}:
        raise typer.BadParameter(f"'{agent_id}' is a phone of queues.yaml", param_hint="AGENT")
    chosen = contact or f"desk:{agent_id}"
    try:
        check_contact(chosen, "--contact")
    except ConfigError as error:
        raise typer.BadParameter(f"{error.problem}: {error.mend}", param_hint="--contact") from error
    if chosen.startswith("desk:") and chosen != f"desk:{agent_id}":
        raise typer.BadParameter(f"the desk of '{agent_id}' is desk:{agent_id}", param_hint="--contact")
    spoken = frozenset(language for language in LANGUAGES if language in languages)
    return Agent(agent_id, name.strip(), chosen, spoken, frozenset(skills), frozenset(queues))


def _plan(settings: Settings) -> QueuePlan:
    from voicebot.transfer.opening_hours_file import load_opening_hours
    from voicebot.transfer.queues_file import load_queues

    hours = load_opening_hours(settings.config_dir / "opening_hours.yaml")
    return load_queues(settings.config_dir / "queues.yaml", hours)


def _password(agent_id: str, *, from_stdin: bool) -> str:
    from voicebot.privacy.passwords import weakness

    if from_stdin:
        given = sys.stdin.readline().rstrip("\r\n")
    else:
        given = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    problem = weakness(given, agent_id)
    if problem:
        raise typer.BadParameter(f"the password {problem}", param_hint="password")
    return given


def _row(agent: Agent, source: str) -> dict[str, str | list[str]]:
    return {
        "agent": agent.agent_id,
        "name": agent.name,
        "contact": agent.contact,
        "languages": sorted(agent.languages),
        "skills": sorted(agent.skills),
        "queues": sorted(agent.queues),
        "from": source,
    }


def _run(settings: Settings, work: Callable[[AgentStore], Awaitable[T]]) -> T:
    from voicebot.privacy.encryption import load_or_create_key
    from voicebot.storage.agent_store import AgentStore
    from voicebot.storage.schema import upgrade

    upgrade(settings.storage.url)

    async def run() -> T:
        store = AgentStore(settings.storage.url, load_or_create_key(settings.storage.key_file))
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def _report(is_done: bool, problem: str, facts: dict[str, object], as_json: bool) -> None:
    """Print the outcome; exit code 1 when it is not done."""
    if as_json:
        typer.echo(json.dumps(facts))
    elif is_done:
        typer.echo(", ".join(f"{name}: {value}" for name, value in facts.items()))
    if not is_done:
        sys.stderr.write(f"voicebot: {problem}\n")
        raise typer.Exit(1)
