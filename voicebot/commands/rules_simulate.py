"""`voicebot rules simulate`: what would have changed in past calls, had a draft been in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.commands.rules_explain import in_words
from voicebot.commands.rules_options import (
    ConfigOption,
    JsonOption,
    in_force,
    login,
    read_text,
    show,
    with_store,
)
from voicebot.settings import load_settings

if TYPE_CHECKING:
    from voicebot.storage.records import CallRecord
    from voicebot.storage.rule_versions import RuleStore
    from voicebot.storage.store import CallStore
    from voicebot.transfer.rules import RuleSet
    from voicebot.transfer.rules_replay import Difference, Replay, Verdict


def simulate(
    draft: Annotated[Path, typer.Argument(help="Rule file to try.")],
    calls: Annotated[int, typer.Option(min=1, max=100_000, help="How many calls, the newest first.")] = 200,
    against: Annotated[
        Path | None, typer.Option(help="Compare with this file; default: the rules in force.")
    ] = None,
    actor: Annotated[str, typer.Option("--as", help="Who does this; default: your login name.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay stored calls against a draft and say what would have changed.

    Reading a call's transcript is noted in the audit trail. Nothing is changed. Exit code 1 when the draft
    would leave a request for a person unanswered.
    """
    from voicebot.privacy.encryption import load_or_create_key
    from voicebot.rule_desk import RuleDesk
    from voicebot.storage.store import CallStore

    settings = load_settings(config)
    desk = RuleDesk.of(settings)
    after = desk.read(read_text(draft), draft)

    async def run(rules: RuleStore) -> tuple[RuleSet, list[Replay]]:
        if against is not None:
            before = desk.read(read_text(against), against)
        else:
            before = await in_force(settings, desk, rules)
        store = CallStore(settings.storage.url, load_or_create_key(settings.storage.key_file))
        try:
            return before, await _replays(store, before, after, calls, actor or login())
        finally:
            await store.close()

    before, replays = with_store(settings, desk, run)
    values = _values(before, replays)
    show(values, as_json, _lines(values, replays))
    if values["requests_unserved"]:
        raise typer.Exit(1)


async def _replays(store: CallStore, before: RuleSet, after: RuleSet, calls: int, actor: str) -> list[Replay]:
    from voicebot.transfer.rules_replay import replay

    known = _digests(store, (before, after))
    found: list[Replay] = []
    for summary in await store.list_calls(limit=calls):
        record = await store.get_call(summary.call_id, accessed_by=actor)
        if record is not None:
            found.append(replay(record, before, after, caller=_caller(record, known, (before, after))))
    return found


def _digests(store: CallStore, sets: Iterable[RuleSet]) -> dict[str, str]:
    """Records keep a keyed hash of the caller's number: it tells members of the groups, nobody else."""
    numbers = {number for rules in sets for group in rules.groups.values() for number in group}
    return {
        digest: number
        for number in numbers
        if not number.endswith("*")
        for written in _ways_to_write(number)
        for digest in store.caller_digests(written)
    }


def _ways_to_write(number: str) -> tuple[str, ...]:
    national = f"0{number[3:]}" if number.startswith(("+31", "+32")) else number
    return (number, number.removeprefix("+"), f"00{number.removeprefix('+')}", national)


def _caller(record: CallRecord, known: dict[str, str], sets: Iterable[RuleSet]) -> str | None:
    """Return the number, '' when withheld, 'other' of nobody's group; None when a pattern might match."""
    if record.caller_digest is None:
        return ""
    if record.caller_digest in known:
        return known[record.caller_digest]
    patterns = any(
        number.endswith("*") for rules in sets for group in rules.groups.values() for number in group
    )
    return None if patterns else "other"


def _values(before: RuleSet, replays: Sequence[Replay]) -> dict[str, object]:
    differences = [each.difference for each in replays if each.difference is not None]
    return {
        "compared_with_version": before.version,
        "calls": len(replays),
        "moments": sum(each.moments for each in replays),
        "requests": sum(each.requests for each in replays),
        "requests_unserved": sum(each.unserved for each in replays),
        "changed": sum(each.is_certain for each in differences),
        "perhaps_changed": sum(not each.is_certain for each in differences),
        "applied_before": dict(Counter(name for each in replays for name in each.applied_before)),
        "applied_after": dict(Counter(name for each in replays for name in each.applied_after)),
        "differences": [_difference(each) for each in differences],
    }


def _difference(found: Difference) -> dict[str, object]:
    return {
        "call_id": found.call_id,
        "at_ms": found.at_ms,
        "happening": found.happening,
        "before": _verdict(found.before),
        "after": _verdict(found.after),
        "really": found.really,
        "certain": found.is_certain,
    }


def _verdict(verdict: Verdict) -> dict[str, object]:
    return {
        "rule": verdict.rule or None,
        "actions": [in_words(action) for action in verdict.actions],
        "maybe": list(verdict.maybe),
    }


def _lines(values: dict[str, object], replays: Sequence[Replay]) -> list[str]:
    lines = [
        f"{values['calls']} calls replayed, {values['moments']} moments at which rules are asked",
        f"{values['changed']} calls would have gone another way, {values['perhaps_changed']} perhaps",
        f"{values['requests']} requests for a person, {values['requests_unserved']} unanswered by the draft",
    ]
    for each in replays:
        found = each.difference
        if found is not None:
            sure = "" if found.is_certain else "perhaps "
            where = f"{found.call_id}, {found.at_ms / 1000:.1f} s ({found.happening})"
            lines.append(f"{where}: {sure}{_words(found.before)}")
            lines.append(f"    with the draft: {_words(found.after)}; in fact: {found.really}")
    return lines


def _words(verdict: Verdict) -> str:
    if not verdict.rule:
        words = "the bot goes on"
    else:
        words = f"'{verdict.rule}': " + ", ".join(in_words(action) for action in verdict.actions)
    return words + (f" (unless {', '.join(verdict.maybe)})" if verdict.maybe else "")
