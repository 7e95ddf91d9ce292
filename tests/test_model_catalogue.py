"""The catalogue that ships, and what is wrong with one that does not load."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.errors import ConfigError
from voicebot.model_catalogue import load_catalogue

SHIPPED = Path(__file__).parent.parent / "models" / "catalogue.toml"
SMALL = """
[role.recogniser]
purpose = "hears"
required = true
[profile.big]
fallback = "{fallback}"
[profile.big.roles]
{role} = "{artifact}"
[profile.little]
fallback = "{back}"
[profile.little.roles]
recogniser = "tiny"
[artifact.tiny]
purpose = "p"
languages = ["nl"]
licence = "MIT"
[[artifact.tiny.source]]
kind = "hub"
url = "http://127.0.0.1:1/"
files = [{{ path = "{path}", size = 1, sha256 = "{sha256}" }}]
"""
GOOD = {
    "fallback": "little",
    "back": "",
    "role": "recogniser",
    "artifact": "tiny",
    "path": "a.bin",
    "sha256": "",
}


def test_shipped_catalogue_names_every_profile_and_required_role():
    catalogue = load_catalogue(SHIPPED)
    assert set(catalogue.profiles) == {"small-cpu", "cpu", "gpu"}
    for profile in catalogue.profiles:
        for name, role in catalogue.roles.items():
            if role.required:
                assert list(catalogue.candidates(profile, name)), f"{profile} has no {name}"
            else:
                assert role.without


def test_shipped_catalogue_puts_the_hub_first_and_pins_revisions():
    for artifact in load_catalogue(SHIPPED).artifacts.values():
        kinds = [source.kind for source in artifact.sources]
        assert kinds == sorted(kinds, key=["hub", "wheels", "installed", "package"].index)
        for source in artifact.sources:
            if source.kind == "hub":
                assert source.url.startswith("https://huggingface.co/")
                assert source.url.endswith("/")
                assert "/resolve/main/" not in source.url
            assert all("==" in requirement for requirement in source.requirements)


def test_small_cpu_profile_needs_no_hub():
    catalogue = load_catalogue(SHIPPED)
    for name in catalogue.profiles["small-cpu"].roles.values():
        assert any(source.kind != "hub" for source in catalogue.artifacts[name].sources)


def test_candidates_follow_the_fallbacks_without_repeating():
    catalogue = load_catalogue(SHIPPED)
    assert [each.name for each in catalogue.candidates("gpu", "recogniser")] == [
        "whisper-large-v3-turbo",
        "whisper-small",
        "whisper-base",
    ]
    assert [each.name for each in catalogue.candidates("gpu", "vad")] == ["silero-vad-v6"]
    assert list(catalogue.candidates("small-cpu", "voice_nl")) == []


def test_good_small_catalogue_loads(tmp_path):
    (tmp_path / "c.toml").write_text(SMALL.format(**GOOD))
    assert load_catalogue(tmp_path / "c.toml").artifacts["tiny"].sources[0].size == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"artifact": "huge"}, "profile.big.roles.recogniser"),
        ({"role": "taster"}, "profile.big.roles.taster"),
        ({"fallback": "none"}, "profile.big.fallback"),
        ({"back": "big"}, "profile.big.fallback"),
        ({"path": "../../etc/passwd"}, "files.0.path"),
        ({"path": "/etc/passwd"}, "files.0.path"),
        ({"sha256": "123"}, "files.0.sha256"),
    ],
)
def test_each_mistake_names_its_field(change, field, tmp_path):
    (tmp_path / "c.toml").write_text(SMALL.format(**{**GOOD, **change}))
    with pytest.raises(ConfigError) as caught:
        load_catalogue(tmp_path / "c.toml")
    assert caught.value.field.endswith(field)
    assert caught.value.mend


def test_broken_toml_names_its_line(tmp_path):
    (tmp_path / "c.toml").write_text("[role.a]\npurpose = \n")
    with pytest.raises(ConfigError) as caught:
        load_catalogue(tmp_path / "c.toml")
    assert caught.value.line == 2


def test_absent_file_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_catalogue(tmp_path / "none.toml")
