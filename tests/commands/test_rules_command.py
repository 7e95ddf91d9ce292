"""`voicebot rules`: exit codes and output, on the configuration that is shipped."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.storage.samples import a_call
from voicebot.cli import app
from voicebot.errors import ConfigError
from voicebot.privacy.encryption import load_or_create_key
from voicebot.storage.store import CallStore

SHIPPED = Path("config/transfer_rules.yaml")
REQUEST = "- {name: asks, when: {asked_for_human: true}, then: [{transfer: medewerker}, offer_callback]}\n"
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/calls.db"


@pytest.fixture
def run(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("VOICEBOT_STORAGE__URL", url)
    monkeypatch.setenv("VOICEBOT_STORAGE__KEY_FILE", str(tmp_path / "key"))

    def invoke(*arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["rules", *map(str, arguments)])
        if isinstance(result.exception, ConfigError):
            raise result.exception
        return result.exit_code, result.stdout

    return invoke


def told(run: Run, *arguments: object) -> tuple[int, Any]:
    code, out = run(*arguments, "--json")
    return code, json.loads(out)


def draft(tmp_path: Path, *rules: str) -> Path:
    path = tmp_path / "draft.yaml"
    path.write_text("rules:\n" + "".join(rules), encoding="utf-8")
    return path


def test_the_shipped_rules_are_right(run: Run) -> None:
    assert told(run, "check") == (0, {"file": str(SHIPPED), "problems": []})
    assert run("check") == (0, f"{SHIPPED}: the rules are right\n")


def test_check_tells_every_problem_with_its_line(run: Run, tmp_path: Path) -> None:
    bad = draft(tmp_path, "- {name: x, when: {intent: nonsense}, then: [{transfer: nobody}]}\n")
    code, values = told(run, "check", bad)
    assert code == 1
    assert [(each["code"], each["line"]) for each in values["problems"]] == [
        ("request_rule", None), ("no_callback", 2), ("unknown_name", 2), ("destination", 2),
    ]  # fmt: skip
    code, text = run("check", bad)
    assert code == 1
    assert "line 2: rule 'x': there is no intent 'nonsense'" in text


def test_a_file_that_is_no_rule_file_is_exit_code_2(run: Run, tmp_path: Path) -> None:
    bad = draft(tmp_path, "- {name: x}\n")
    code, values = told(run, "check", bad)
    assert code == 2
    assert values["problems"][0]["line"] == 2
    for command in ("check", "import", "explain", "simulate"):
        with pytest.raises(ConfigError):
            run(command, bad)
    with pytest.raises(ConfigError):
        run("check", tmp_path / "none.yaml")


def test_explain_names_the_rule_and_each_condition(run: Run) -> None:
    code, values = told(run, "explain", "--say", "ik begrijp dit niet goed", "--at", "2026-11-24T10:00")
    assert (code, values["decides"], values["vulnerable"]) == (0, "hard for this caller", ["understanding"])
    first = values["rules"][0]
    assert first["failed"] == ["the caller asks for a person", "desk is closed"]
    assert values["actions"][1] == "transfer to queue:service (bridged)"
    _, text = run("explain", "--key", "0")
    assert "DECIDES: person requested" in text
    assert "1. transfer to queue:service" in text
    _, text = run("explain", "--intent", "greeting")
    assert "the bot goes on by itself" in text


def test_explain_takes_every_fact(run: Run) -> None:
    facts = [
        *("--task", "order_status=unavailable", "--queue", "service=12,300", "--entity", "branch=utrecht"),
        *(
            "--failed-turns",
            2,
            "--silences",
            1,
            "--loop",
            "--vulnerable",
            "sight",
            "--caller",
            "+31612345678",
        ),
        *("--dialled", "nl", "--transfer-failures", 1, "--applied", "going round in circles"),
        *("--language", "en"),
    ]
    _, values = told(run, "explain", *facts)
    assert values["decides"] == "system down, busy"
    outcomes = {each["rule"]: each["outcome"] for each in values["rules"]}
    assert outcomes["going round in circles"] == "applied_before"


@pytest.mark.parametrize(
    "wrong",
    [
        ("--at", "noon"),
        ("--queue", "service"),
        ("--queue", "service=many"),
        ("--entity", "branch"),
        ("--task", "x="),
        ("--vulnerable", "sad"),
        ("--language", "fr"),
    ],
)
def test_explain_refuses_what_it_does_not_understand(run: Run, wrong: tuple[str, str]) -> None:
    assert run("explain", *wrong)[0] == 2


def test_import_export_and_versions(run: Run, tmp_path: Path) -> None:
    assert run("export")[0] == 1
    assert told(run, "versions") == (0, {"versions": []})
    assert told(run, "import", SHIPPED, "--note", "begin", "--as", "anna")[1]["version"] == 1
    small = draft(tmp_path, "# ours\n", REQUEST)
    assert run("import", small, "--based-on", 1) == (0, "version 2 is in force for new calls\n")
    _, listed = told(run, "versions")
    assert [(each["version"], each["note"]) for each in listed["versions"]] == [(2, ""), (1, "begin")]
    assert run("export") == (0, small.read_text())
    assert run("export", "--version", 1)[1] == SHIPPED.read_text()
    output = tmp_path / "out.yaml"
    assert told(run, "export", "-o", output)[1]["file"] == str(output)
    assert output.read_text() == small.read_text()
    assert told(run, "explain", "--asked")[1]["version"] == 2


def test_import_refuses_what_is_wrong_and_what_is_stale(run: Run, tmp_path: Path) -> None:
    bad = draft(tmp_path, "- {name: x, when: {loop: true}, then: [take_message]}\n")
    code, values = told(run, "import", bad)
    assert (code, values["problems"][0]["code"]) == (1, "request_rule")
    assert told(run, "versions")[1] == {"versions": []}
    run("import", SHIPPED)
    assert run("import", SHIPPED, "--based-on", 7)[0] == 1
    assert len(told(run, "versions")[1]["versions"]) == 1


def test_simulate_replays_stored_calls(run: Run, tmp_path: Path, url: str) -> None:
    run("import", SHIPPED)

    async def store_calls() -> None:
        store = CallStore(url, load_or_create_key(tmp_path / "key"))
        for number, caller in enumerate(["+31612345678", "0612345678", "+31301111111", ""]):
            digest = store.caller_digest(caller) if caller else None
            await store.save(replace(a_call(f"call-{number}"), caller_digest=digest))
        await store.close()

    asyncio.run(store_calls())
    vip = "- {name: vip, when: {caller: vip, asked_for_human: false}, then: [take_message]}\n"
    new = draft(tmp_path, vip, REQUEST, "groups: {vip: ['+31612345678']}\n")
    code, values = told(run, "simulate", new, "--as", "anna")
    assert code == 0
    assert (values["calls"], values["requests"], values["requests_unserved"]) == (4, 4, 0)
    assert values["applied_after"] == {"vip": 2, "asks": 4}
    first = [each for each in values["differences"] if each["happening"] == "turn" and each["at_ms"] == 5000]
    assert sorted(each["call_id"] for each in first) == ["call-0", "call-1"]
    assert first[0]["after"] == {"rule": "vip", "actions": ["take a message"], "maybe": []}
    assert first[0]["really"] == "transfer to medewerker (busy); transferred"
    unserving = draft(tmp_path, "- {name: x, when: {loop: true}, then: [take_message]}\n")
    code, text = run("simulate", unserving, "--calls", 2, "--against", SHIPPED)
    assert code == 1
    assert "2 requests for a person, 2 unanswered by the draft" in text

    async def accesses() -> int:
        store = CallStore(url, load_or_create_key(tmp_path / "key"))
        found = [each for each in await store.audit_entries() if each.action == "transcript.read"]
        await store.close()
        return sum(each.actor == "anna" for each in found)

    assert asyncio.run(accesses()) == 4
