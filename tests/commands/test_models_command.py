"""`voicebot models` from the outside: output and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.fakes.model_hub import running_hub
from voicebot.commands.models import app

CATALOGUE = """
[role.recogniser]
purpose = "speech to text"
required = true
[role.voice_nl]
purpose = "Dutch voice"
without = "Dutch is spoken by eSpeak NG"
[profile.only]
[profile.only.roles]
recogniser = "toy"
[artifact.toy]
purpose = "a toy"
languages = ["nl"]
licence = "MIT"
[[artifact.toy.source]]
kind = "hub"
url = "{url}"
files = [{{ path = "model.bin", size = 4, sha256 = "" }}]
"""


def run(tmp_path: Path, command: str, url: str, *extra: str) -> tuple[int, str]:
    file = tmp_path / "catalogue.toml"
    file.write_text(CATALOGUE.format(url=url))
    arguments = [
        command,
        "--catalogue",
        str(file),
        "--weights",
        str(tmp_path / "weights"),
        "--profile",
        "only",
        *extra,
    ]
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout


def test_pull_list_verify(tmp_path):
    with running_hub() as hub:
        hub.files["/model.bin"] = b"abcd"
        assert run(tmp_path, "list", hub.url)[0] == 1
        code, output = run(tmp_path, "pull", hub.url)
        assert code == 0
        assert "degraded: Dutch is spoken by eSpeak NG" in output
        code, output = run(tmp_path, "verify", hub.url, "--json")
        assert code == 0
        report = json.loads(output)
        assert report["roles"] == {"recogniser": "toy"}
        assert report["models"][0]["state"] == "present"
        (tmp_path / "weights/toy/model.bin").write_bytes(b"abce")
        assert run(tmp_path, "list", hub.url)[0] == 0
        code, output = run(tmp_path, "verify", hub.url, "--json")
        assert code == 1
        assert json.loads(output)["models"][0]["problem"] == "model.bin has the wrong checksum"


def test_pull_that_cannot_says_why(tmp_path):
    with running_hub() as hub:
        code, output = run(tmp_path, "pull", hub.url, "--json")
    assert code == 1
    report = json.loads(output)
    assert report["missing"] == ["recogniser"]
    assert "404" in report["failures"]["toy"][0]


@pytest.mark.parametrize("arguments", [["list", "--profile", "none"], ["frobnicate"], ["pull", "--nope"]])
def test_wrong_usage_is_exit_code_2(arguments, tmp_path):
    file = tmp_path / "catalogue.toml"
    file.write_text(CATALOGUE.format(url="http://127.0.0.1:1/"))
    if arguments[0] == "list":
        arguments = [*arguments, "--catalogue", str(file), "--weights", str(tmp_path)]
    assert CliRunner().invoke(app, arguments).exit_code == 2
