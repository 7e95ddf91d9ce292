"""`voicebot agents` and `voicebot callbacks`: what they do, print and return."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.storage.samples import a_callback
from voicebot.cli import app
from voicebot.privacy.encryption import load_or_create_key
from voicebot.storage.agent_store import AgentStore
from voicebot.storage.store import CallStore

SECRET = "vier blauwe fietsen"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("VOICEBOT_STORAGE__URL", f"sqlite:///{tmp_path}/calls.db")
    monkeypatch.setenv("VOICEBOT_STORAGE__KEY_FILE", str(tmp_path / "key"))

    def run(*arguments: str, typed: str = f"{SECRET}\n") -> Result:
        return CliRunner().invoke(app, list(arguments), input=typed)

    return run


def add_anna(run: Run, *more: str) -> Result:
    return run("agents", "add", "anna", "--name", "Anna", "--queue", "service", "--password-stdin", *more)


def test_an_agent_is_added_listed_changed_and_removed(run: Run) -> None:
    assert add_anna(run).exit_code == 0
    (row,) = json.loads(run("agents", "list", "--json").stdout)
    assert row == {
        "agent": "anna",
        "name": "Anna",
        "contact": "desk:anna",
        "languages": ["en", "nl"],
        "skills": [],
        "queues": ["service"],
        "from": "storage",
    }
    changed = run(
        "agents", "add", "anna", "--change", "--name", "Anna de Wit", "--language", "nl", "--skill", "repairs"
    )
    assert changed.exit_code == 0
    (row,) = json.loads(run("agents", "list", "--json").stdout)
    assert (row["name"], row["languages"], row["skills"], row["queues"]) == (
        "Anna de Wit", ["nl"], ["repairs"], []
    )  # fmt: skip
    assert "Anna de Wit" in run("agents", "list").stdout
    assert json.loads(run("agents", "remove", "anna", "--json").stdout) == {"agent": "anna", "removed": True}
    assert json.loads(run("agents", "list", "--json").stdout) == []


def test_what_is_not_there_or_there_already_is_exit_code_1(run: Run) -> None:
    add_anna(run)
    again = add_anna(run, "--json")
    assert (again.exit_code, json.loads(again.stdout)) == (1, {"agent": "anna", "added": False})
    assert "--change" in again.stderr
    for command in (
        ["agents", "remove", "bram"],
        ["agents", "password", "bram", "--password-stdin"],
        ["agents", "add", "bram", "--name", "Bram", "--change"],
        ["callbacks", "done", "cb-9"],
    ):
        result = run(*command)
        assert result.exit_code == 1, command
        assert result.stderr


def test_a_password_is_checked_and_can_be_changed(run: Run, tmp_path: Path) -> None:
    weak = run("agents", "add", "anna", "--name", "Anna", "--password-stdin", typed="anna1\n")
    assert weak.exit_code == 2
    add_anna(run)
    assert run("agents", "password", "anna", "--password-stdin", typed="zes rode bakfietsen\n").exit_code == 0
    prompted = run("agents", "password", "anna", typed="one thing here\nanother thing\n")
    assert prompted.exit_code != 0

    async def check(password: str) -> bool:
        store = AgentStore(f"sqlite:///{tmp_path}/calls.db", load_or_create_key(tmp_path / "key"))
        try:
            return await store.check_password("anna", password)
        finally:
            await store.close()

    assert asyncio.run(check("zes rode bakfietsen"))
    assert not asyncio.run(check(SECRET))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["Anna B"], "no name"),
        (["anna", "--queue", "sales"], "no queue"),
        (["anna", "--language", "de"], "not spoken"),
        (["anna", "--skill", "A B"], "no name"),
        (["anna", "--contact", "sip:09001234@10.0.0.5"], "premium"),
        (["anna", "--contact", "sip:x@y;transport=tcp"], "plain SIP"),
        (["anna", "--contact", "desk:bram"], "desk:anna"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_says_what(run: Run, arguments: list[str], word: str) -> None:
    result = run("agents", "add", *arguments, "--name", "Anna")
    assert result.exit_code == 2
    assert word in " ".join(result.stderr.replace("│", " ").split())


def test_callbacks_are_listed_with_what_is_late_and_ticked_off(run: Run, tmp_path: Path) -> None:
    assert json.loads(run("callbacks", "list", "--json").stdout) == []
    assert "nobody" in run("callbacks", "list").stdout

    async def fill() -> None:
        store = CallStore(f"sqlite:///{tmp_path}/calls.db", load_or_create_key(tmp_path / "key"))
        await store.save(a_callback("early", due=datetime(2026, 1, 1, tzinfo=UTC)))
        await store.save(a_callback("later", due=datetime(2126, 1, 1, tzinfo=UTC)))
        await store.close()

    asyncio.run(fill())
    rows = json.loads(run("callbacks", "list", "--json").stdout)
    assert [(row["id"], row["is_late"]) for row in rows] == [("early", True), ("later", False)]
    assert rows[0]["contact"] == "0301234567"
    shown = run("callbacks", "list").stdout.splitlines()
    assert len(shown) == 4
    assert "LATE  0301234567  nl  early" in shown[0]
    assert "de ketting ligt eraf" in shown[1]
    assert "LATE" not in shown[2]
    assert run("callbacks", "done", "early").exit_code == 0
    assert run("callbacks", "done", "early").exit_code == 1
    assert [row["id"] for row in json.loads(run("callbacks", "list", "--json").stdout)] == ["later"]
    done = json.loads(run("callbacks", "list", "--status", "done", "--json").stdout)
    assert [row["id"] for row in done] == ["early"]
    assert run("callbacks", "list", "--status", "odd").exit_code == 2
