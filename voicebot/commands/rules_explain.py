"""`voicebot rules explain`: what would happen to a caller in a given situation, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.commands.rules_options import ConfigOption, JsonOption, in_force, read_text, show, with_store
from voicebot.settings import Settings, load_settings

if TYPE_CHECKING:
    from voicebot.transfer.rules import QueueFacts, RuleAction, RuleFinding, Situation

_OUTCOMES = {
    "applied": "->  DECIDES",
    "did_not_hold": "    does not hold",
    "applied_before": "    holds, but was applied before in this call",
    "disabled": "    is disabled",
    "not_tried": "    holds too, but a rule above it decides",
}


def explain(
    file: Annotated[Path | None, typer.Argument(help="Rule file; default: the rules in force.")] = None,
    say: Annotated[str, typer.Option(help="What the caller says.")] = "",
    asked: Annotated[
        bool, typer.Option("--asked", help="The caller asks for a person (also found in --say).")
    ] = False,
    intent: Annotated[str, typer.Option(help="What the caller wants: an intent of the configuration.")] = "",
    language: Annotated[str, typer.Option(help="nl or en.")] = "nl",
    entity: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, such as branch=utrecht.")] = None,
    key: Annotated[str, typer.Option(help="Key pressed; 0 asks for a person.")] = "",
    task: Annotated[str, typer.Option(help="NAME=STATUS, such as order_status=unavailable.")] = "",
    failed_turns: Annotated[int, typer.Option(min=0, help="Failed turns in a row.")] = 0,
    silences: Annotated[int, typer.Option(min=0, help="Silences in a row.")] = 0,
    loop: Annotated[bool, typer.Option("--loop", help="The conversation goes round in circles.")] = False,
    vulnerable: Annotated[
        list[str] | None, typer.Option(help="A signal: hearing, understanding … (also found in --say).")
    ] = None,
    caller: Annotated[str, typer.Option(help="Caller's number; default: withheld.")] = "",
    dialled: Annotated[str, typer.Option(help="Dialled number.")] = "",
    queue: Annotated[list[str] | None, typer.Option(help="NAME=WAITING or NAME=WAITING,SECONDS.")] = None,
    transfer_failures: Annotated[int, typer.Option(min=0, help="Failed transfers in this call.")] = 0,
    applied: Annotated[list[str] | None, typer.Option(help="A rule applied before in this call.")] = None,
    at: Annotated[str, typer.Option(help="Local time, 2026-12-24T16:30; default: now.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which rule decides in a situation, and of each rule which conditions hold and which do not."""
    from voicebot.transfer.rules import Situation, TaskFact
    from voicebot.understanding.human_request import find_request
    from voicebot.understanding.vulnerable import VULNERABLE_SIGNALS, vulnerable_signals

    named = set(vulnerable or ())
    if unknown := named - set(VULNERABLE_SIGNALS):
        raise typer.BadParameter(f"{unknown}: use {', '.join(VULNERABLE_SIGNALS)}", param_hint="--vulnerable")
    if language not in {"nl", "en"}:
        raise typer.BadParameter("use nl or en", param_hint="--language")
    task_name, task_status = _pair(task, "--task") if task else ("", "")
    situation = Situation(
        moment=_moment(at),
        asked_for_human=asked or key == "0" or find_request(say).wants_human,
        words=say,
        intent=intent,
        entities=dict(_pair(each, "--entity") for each in entity or ()),
        key=key,
        task=TaskFact(task_name, task_status) if task else None,
        language="en" if language == "en" else "nl",
        failed_turns=failed_turns,
        silences=silences,
        is_loop=loop,
        vulnerable=vulnerable_signals(say) | {each for each in VULNERABLE_SIGNALS if each in named},
        caller=caller,
        dialled=dialled,
        queues=dict(_queue(each) for each in queue or ()),
        transfer_failures=transfer_failures,
        applied=frozenset(applied or ()),
    )
    _explain(situation, file, load_settings(config), as_json)


def _explain(situation: Situation, file: Path | None, settings: Settings, as_json: bool) -> None:
    from voicebot.rule_desk import RuleDesk
    from voicebot.transfer.rules import explain as explain_rules

    desk = RuleDesk.of(settings)
    if file is not None:
        rules = desk.read(read_text(file), file)
    else:
        rules = with_store(settings, desk, lambda store: in_force(settings, desk, store))
    findings = explain_rules(rules, situation)
    decided = next((finding.rule for finding in findings if finding.outcome == "applied"), None)
    actions = next((rule.actions for rule in rules.rules if rule.name == decided), ())
    values = {
        "version": rules.version,
        "decides": decided,
        "actions": [in_words(action) for action in actions],
        "asked_for_human": situation.asked_for_human,
        "vulnerable": sorted(situation.vulnerable),
        "rules": [_values(finding) for finding in findings],
    }
    show(values, as_json, _lines(situation, findings, actions))


def in_words(action: RuleAction) -> str:
    """Say what an action does."""
    from voicebot.transfer.rules import EndCall, OfferCallback, SayText, TransferTo

    match action:
        case TransferTo(target=target, kind=kind):
            return f"transfer to {target} ({kind})"
        case OfferCallback():
            return "offer a callback"
        case SayText(text_nl=nl):
            return f"say: {nl}"
        case EndCall(text_nl=nl):
            return f"end the call, saying: {nl}"
        case _:
            return "take a message"


def _lines(situation: Situation, findings: Sequence[RuleFinding], actions: Sequence[RuleAction]) -> list[str]:
    lines = ["the caller asks for a person"] if situation.asked_for_human else []
    if situation.vulnerable:
        lines.append(f"the caller says that a call is difficult: {', '.join(sorted(situation.vulnerable))}")
    for finding in findings:
        lines.append(f"{_OUTCOMES[finding.outcome]}: {finding.rule}")
        lines += [f"        yes  {term}" for term in finding.held]
        lines += [f"        NO   {term}" for term in finding.failed]
    if not any(finding.outcome == "applied" for finding in findings):
        return [*lines, "no rule decides: the bot goes on by itself"]
    return [*lines, *(f"{number}. {in_words(action)}" for number, action in enumerate(actions, start=1))]


def _values(finding: RuleFinding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "outcome": finding.outcome,
        "held": [str(term) for term in finding.held],
        "failed": [str(term) for term in finding.failed],
    }


def _moment(at: str) -> datetime:
    try:
        return datetime.fromisoformat(at) if at else datetime.now().astimezone()
    except ValueError as error:
        raise typer.BadParameter(f"'{at}' is no time like 2026-12-24T16:30", param_hint="--at") from error


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise typer.BadParameter(f"'{text}' is not NAME=VALUE", param_hint=option)
    return name, value


def _queue(text: str) -> tuple[str, QueueFacts]:
    from voicebot.transfer.rules import QueueFacts

    name, value = _pair(text, "--queue")
    waiting, _, seconds = value.partition(",")
    try:
        return name, QueueFacts(int(waiting), float(seconds) if seconds else None)
    except ValueError as error:
        raise typer.BadParameter(f"'{text}' is not NAME=WAITING,SECONDS", param_hint="--queue") from error
