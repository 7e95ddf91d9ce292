"""Every command: help, JSON, exit codes, and mistakes in files, as `voicebot …` shows them."""

# ruff: noqa: E501 - the tables hold one case a line

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
import typer

from voicebot import cli

COMMANDS = {
    "serve": (), "check": (), "understand": (), "transcribe": (), "speak": (), "call": (),
    "bench": ("calls", "playout"), "models": ("list", "pull", "verify"), "db": ("upgrade", "verify"),
    "agents": ("add", "list", "remove", "password"), "callbacks": ("list", "done"),
    "rules": ("check", "explain", "simulate", "export", "import", "versions"),
}  # fmt: skip
LEAVES = [(name, *leaf) for name, leaves in COMMANDS.items() for leaf in ([[one] for one in leaves] or [[]])]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("VOICEBOT_"):
            monkeypatch.delenv(name)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Run a command line in this process: (exit code, standard output, standard error)."""

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["voicebot", *map(str, arguments)])
        try:
            cli.main()
            code: object = 0
        except SystemExit as end:
            code = end.code or 0
        out, err = capfd.readouterr()
        return (code if isinstance(code, int) else 1), out, err

    return command


def test_the_list_of_commands_is_whole() -> None:
    group = typer.main.get_command(cli.app)
    found = {
        name: frozenset(getattr(one, "commands", {}))
        for name, one in group.commands.items()  # type: ignore[attr-defined]
    }
    assert found == {name: frozenset(leaves) for name, leaves in COMMANDS.items()}


@pytest.mark.parametrize("leaf", LEAVES, ids=" ".join)
def test_each_has_help_and_json(run, leaf) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run(*leaf, "--help")
    assert code == 0
    assert "Usage:" in out
    assert "--json" in out


def test_version(run) -> None:  # type: ignore[no-untyped-def]
    assert run("--version")[:2] == (0, "0.1.0\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"], ["check", "--nonsense"], ["call"], ["speak", "hallo"], ["understand"], ["transcribe"],
        ["understand", "hallo", "--stdin"], ["understand", "hallo", "--language", "fr"], ["understand", ""],
        ["understand", "x" * 3000], ["understand", "hallo", "--today", "gisteren"], ["models"], ["db"],
        ["call", "tel:112", "--say", "hallo"], ["call", "sip:nl@127.0.0.1", "--dtmf", "x"],
        ["call", "sip:nl@127.0.0.1", "--play", "/nowhere.wav"], ["call", "sip:nl@127.0.0.1", "--language", "fr"],
        ["models", "list", "--profile", "tpu"], ["speak", "hallo", "--language", "nl", "--rate", "9", "-o", "x"],
        ["transcribe", "--language", "fr", "x.wav"], ["bench", "calls", "--language", "fr"],
        ["serve", "--config", "/nowhere.toml"], ["db", "upgrade", "--config", "/nowhere.toml"],
        ["db", "verify", "--config", "/nowhere.toml"],
    ],
    ids=lambda arguments: " ".join(arguments)[:60],
)  # fmt: skip
def test_wrong_usage_is_exit_code_2(run, arguments) -> None:  # type: ignore[no-untyped-def]
    code, out, err = run(*arguments)
    assert code == 2
    assert (err or out).strip()
    assert "Traceback" not in err


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of config/ that a test may spoil; `config/voicebot.toml` points to it."""
    folder = tmp_path / "config"
    shutil.copytree("config", folder)
    settings = folder / "voicebot.toml"
    text = re.sub(r"^port = (5060|8765|8088|8080)$", "port = 0", settings.read_text(), flags=re.MULTILINE)
    text = f'config_dir = "{folder}"\n' + text
    settings.write_text(text.replace("///var/", f"///{tmp_path}/"))
    return folder


def spoil(file: Path, old: str, new: str) -> int:
    """Replace the first `old`; its line."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


# what check calls it, file, old text, new text, words of detail and mend; a line is expected unless None
FILES = {
    "prompt missing in one language": (
        "prompts", "prompts/en.yaml", "\ngoodbye:", "\ngoodbye2:", ("goodbye", "nl.yaml:", "en.yaml"), None),
    "placeholder that nobody fills": (
        "prompts", "prompts/nl.yaml", "{organisation}", "{organization}", ("{organization}", "en.yaml:"), None),
    "placeholder not closed": ("prompts", "prompts/nl.yaml", "{organisation}", "{organisation", ("}",), None),
    "prompts are no YAML": ("prompts", "prompts/nl.yaml", "\nhow_can_i_help:", "\n how_can_i_help:", ("YAML",), None),
    "intent without an id": ("intents", "intents/human.yaml", "id: human", "di: human", ("di", "id"), 0),
    "intent in a strange language": ("intents", "intents/human.yaml", "  en:", "  fr:", ("fr",), 0),
    "intents are no YAML": ("intents", "intents/human.yaml", "examples:", "examples: [", ("YAML",), None),
    "no such day": ("opening hours", "opening_hours.yaml", "mon-sun:", "mun-sun:", ("mun-sun",), None),
    "hours run backwards": (
        "opening hours", "opening_hours.yaml", "13:00-18:00", "19:00-18:00", ("backwards", "branches.utrecht"), 0),
    "no such time zone": (
        "opening hours", "opening_hours.yaml", "Europe/Brussels", "Europe/Brugge", ("Europe/Brussels",), 0),
    "vocabulary in a strange language": ("vocabulary", "vocabulary/vocabulary.yaml", "\nnl:", "\nfr:", ("nl",), 1),
    "foreign destination": (
        "transfer destinations", "voicebot.toml", "agent@127.0.0.1", "+49301234567@127.0.0.1", ("international",), 0),
    "premium destination": (
        "transfer destinations", "voicebot.toml", "agent@127.0.0.1", "0900-1234@127.0.0.1", ("premium",), 0),
    "parameter in a destination": (
        "settings", "voicebot.toml", "127.0.0.1:5080", "127.0.0.1;lr", ("parameters", "medewerker.uri"), 0),
    "unknown setting": ("settings", "voicebot.toml", "no_input_ms", "no_imput_ms", ("call.no_imput_ms",), 0),
    "unknown database": ("database", "voicebot.toml", "sqlite+aiosqlite", "mysql", ("mysql", "postgresql"), 0),
    "trunk without a way": (
        "trunks", "voicebot.toml", "[gateway]", '[[sip.trunks]]\nname = "x"\n[gateway]', ("registrar",), None),
}  # fmt: skip


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without models check has no hundred megabytes to compare; wrong files are told before missing models."""
    monkeypatch.setenv("VOICEBOT_SPEECH__WEIGHTS_DIR", str(tmp_path / "none"))


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize("kind", FILES)
def test_check_names_file_line_field_and_mend(run, config: Path, kind: str) -> None:  # type: ignore[no-untyped-def]
    what, name, old, new, words, line_offset = FILES[kind]
    line = spoil(config / name, old, new)
    code, out, err = run("check", "--json", "--config", config / "voicebot.toml")
    wrong = {one["what"]: one for one in json.loads(out)["findings"] if one["exit_code"] == 2}
    assert (code, list(wrong)) == (2, [what]), out + err
    finding = wrong[what]
    assert str((config / name).parent) in finding["detail"]
    if line_offset is not None:
        assert f"{name}:{line + line_offset}:" in finding["detail"]
    assert all(word in finding["detail"] + finding["mend"] for word in words), finding
    assert finding["mend"]


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize("name", ["prompts/nl.yaml", "opening_hours.yaml", "voicebot.toml"])
def test_serve_and_check_tell_the_same(run, config: Path, name: str) -> None:  # type: ignore[no-untyped-def]
    (config / name).write_text("{ [ :\n")
    checked = run("check", "--config", config / "voicebot.toml")
    served = run("serve", "--config", config / "voicebot.toml")
    assert (checked[0], served[0]) == (2, 2)
    assert str(config / name) in checked[1]
    assert str(config / name) in served[2]
    assert "To mend: " in served[2]
    assert "Traceback" not in served[2]


def test_missing_models_are_exit_code_3(run, config: Path, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("VOICEBOT_SPEECH__WEIGHTS_DIR", str(tmp_path / "none"))
    for command in ("serve", "check"):
        code, out, err = run(command, "--config", config / "voicebot.toml")
        assert code == 3
        assert "voicebot models pull" in out + err


def test_a_whole_configuration_is_right(run, config: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("check", "--json", "--config", config / "voicebot.toml")
    findings = json.loads(out)["findings"]
    assert code in {0, 3}
    assert {one["what"] for one in findings if one["level"] == "ok"} >= {
        "settings",
        "prompts",
        "intents",
        "trunks",
    }
    assert not [one for one in findings if one["exit_code"] in {1, 2}]


def test_database_commands(run, config: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("db", "upgrade", "--json", "--config", config / "voicebot.toml")
    assert (code, list(json.loads(out))) == (0, ["revision"])
