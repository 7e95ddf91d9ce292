"""Each mistake in the settings names file, line, field and the mend; the environment wins over the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import ConfigError
from voicebot.settings import Settings, load_settings
from voicebot.settings_mistakes import line_of
from voicebot.settings_transfer import BRIEFING_AND_LEAST_RING_SECONDS
from voicebot.transfer.execute import BRIEFING_LIMIT_SECONDS, LEAST_RING_SECONDS

HUMAN = """\
[transfer]
human = "medewerker"

[transfer.destinations.medewerker]
uri = "sip:agent@127.0.0.1:5080"
label_nl = "een medewerker"
label_en = "an agent"
"""


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("VOICEBOT_"):
            monkeypatch.delenv(name)


def write(folder: Path, text: str) -> Path:
    file = folder / "voicebot.toml"
    file.write_text(text, encoding="utf-8")
    return file


def mistake(file: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_settings(file)
    assert caught.value.mend
    return caught.value


def test_the_shipped_file_is_right() -> None:
    settings = load_settings(Path("config/voicebot.toml"))
    assert settings.transfer.human in settings.transfer.destinations


def test_defaults_need_only_a_human(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, HUMAN))
    assert settings.sip.port == 5060
    assert "medewerker" in settings.transfer.destinations


# text, line, field, a word of the problem, a word of the mend
MISTAKES = {
    "syntax": ("[sip]\nport = \n" + HUMAN, 2, "", "TOML", "syntax"),
    "open string": ('organisation = "Fietshuis\n' + HUMAN, 1, "", "TOML", "syntax"),
    "twice": ("[sip]\nport = 1\nport = 2\n" + HUMAN, 3, "", "TOML", "syntax"),
    "unknown key": ("[sip]\nprot = 5060\n" + HUMAN, 2, "sip.prot", "not permitted", "spelling"),
    "unknown section": ("[spi]\nport = 5060\n" + HUMAN, 1, "spi", "not permitted", "spelling"),
    "wrong type": ('[sip]\nport = "five"\n' + HUMAN, 2, "sip.port", "integer", "'sip.port'"),
    "out of range": ("[sip]\n\nport = 70000\n" + HUMAN, 3, "sip.port", "65535", "65535"),
    "too small": ("[call]\nmax_seconds = 3\n" + HUMAN, 2, "call.max_seconds", "30", "30"),
    "no number": ("[rtp]\ntimeout_seconds = nan\n" + HUMAN, 2, "rtp.timeout_seconds", "", "timeout"),
    "bad choice": ('[speech]\nprofile = "tpu"\n' + HUMAN, 2, "speech.profile", "small-cpu", "gpu"),
    "bad network": ('[sip]\nallow = ["::1", "10.0.0.1/8"]\n' + HUMAN, 2, "sip.allow.1", "host bits", ""),
    "bad codec": ('[sip]\ncodecs = ["GSM"]\n' + HUMAN, 2, "sip.codecs.0", "PCMA", "PCMA"),
    "a name for an address": ('[sip]\nhost = "localhost"\n' + HUMAN, 2, "sip.host", "no IP address", ""),
    "no address": ('[sip]\nhost = ""\n' + HUMAN, 2, "sip.host", "", "sip.host"),
    "advertised name": ('[sip]\nadvertised_address = "pbx"\n' + HUMAN, 2, "sip.advertised_address", "IP", ""),
    "tls without certificate": ("[sip]\ntls_port = 5061\n" + HUMAN, 2, "sip.tls_port", "tls_certificate", ""),
    "rtp range": ("[rtp]\nfirst_port = 20000\nlast_port = 20001\n" + HUMAN, 3, "rtp.last_port", "above", ""),
    "line without number": ('[[lines]]\nlanguage = "nl"\n' + HUMAN, 1, "lines.0.number", "required", "add"),
    "second line": (
        '[[lines]]\nnumber = "1"\n[[lines]]\nnumber = "2"\nlanguage = "fr"\n' + HUMAN,
        5, "lines.1.language", "'nl'", "lines.1.language",
    ),
    "trunk": ('[[sip.trunks]]\nname = ""\ntransport = "w"\n' + HUMAN, 3, "sip.trunks.0.transport", "udp", ""),
    "no transfer": ("[sip]\nport = 5060\n", None, "transfer", "required", "add 'transfer'"),
    "no human": ('[transfer]\nhuman = "chef"\n', 2, "transfer.human", "somewhere to go", "message"),
    "human of no destination": (
        HUMAN.replace('human = "medewerker"', 'human = "chef"'), 2, "transfer.human", "destinations.chef", "",
    ),
    "uri with parameters": (
        HUMAN.replace(":5080", ":5080;transport=tcp"), 5, "transfer.destinations.medewerker.uri", "param", "",
    ),
    "uri with headers": (
        HUMAN.replace(":5080", "?Replaces=x"), 5, "transfer.destinations.medewerker.uri", "plain", "",
    ),
    "uri with a line break": (
        HUMAN.replace("agent", "agent\\r\\nX: y"), 5, "transfer.destinations.medewerker.uri", "plain", "",
    ),
    "offer before an agent was tried": (
        HUMAN.replace("\n\n", "\naccept_seconds = 60\noffer_seconds = 90\n\n"),
        4, "transfer.offer_seconds", "at least 95", "",
    ),
    "language of agents": (
        HUMAN.replace("\n\n", '\nagent_language = "fr"\n\n'), 3, "transfer.agent_language", "'nl'", "",
    ),
    "grace": ("[call]\ngrace_seconds = 3\n" + HUMAN, 2, "call.grace_seconds", "15", "15"),
    "no label": (
        HUMAN.replace('label_nl = "een medewerker"\n', ""), 4, "transfer.destinations.medewerker.label_nl",
        "required", "add",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_names_its_place_and_the_mend(tmp_path: Path, kind: str) -> None:
    text, line, field, problem, mend = MISTAKES[kind]
    file = write(tmp_path, text)
    error = mistake(file)
    assert (error.file, error.line, error.field) == (file, line, field), str(error)
    assert problem in error.problem
    assert mend in error.mend
    where = f"{file}:{line}: " if line else f"{file}: "
    assert str(error).startswith(where)


def test_a_long_acceptance_needs_a_later_offer_also_where_that_is_the_default(tmp_path: Path) -> None:
    error = mistake(write(tmp_path, HUMAN.replace("\n\n", "\naccept_seconds = 120\n\n")))
    assert error.field == "transfer.offer_seconds"
    assert "at least 155" in error.problem
    assert BRIEFING_AND_LEAST_RING_SECONDS == BRIEFING_LIMIT_SECONDS + LEAST_RING_SECONDS


def test_other_mistakes_are_named_too(tmp_path: Path) -> None:
    error = mistake(write(tmp_path, '[sip]\nport = "x"\n[call]\nconcurrent = 0\n' + HUMAN))
    assert "call.concurrent" in error.mend


def test_no_file(tmp_path: Path) -> None:
    error = mistake(tmp_path / "none.toml")
    assert "--config" in error.mend


def test_not_text(tmp_path: Path) -> None:
    file = tmp_path / "voicebot.toml"
    file.write_bytes(b'organisation = "\xff\xfe"\n')
    assert "UTF-8" in mistake(file).mend


@pytest.mark.parametrize(
    ("variable", "value", "problem", "mend"),
    [
        ("VOICEBOT_SIP__PORT", "abc", "integer", "sip.port"),
        ("VOICEBOT_SIP__PROT", "5060", "not permitted", "spelling"),
        ("VOICEBOT_SPI__PORT", "5060", "no section 'spi'", "sections are"),
        ("VOICEBOT_SIP__ALLOW", "10.0.0.0/8", "not JSON", '["a", "b"]'),
        ("VOICEBOT_SIP__ALLOW", '["10.0.0.1/8"]', "host bits", "message"),
        ("VOICEBOT_LINES", "nl", "not JSON", "lists"),
        ("VOICEBOT_SIP", "{", "not JSON", "tables"),
        ("VOICEBOT_TRANSFER__HUMAN", "chef", "destinations.chef", "message"),
        ("VOICEBOT_TRANSFER__DESTINATIONS__MEDEWERKER__URI", "sip:a@b;lr", "plain", "message"),
        ("VOICEBOT_LOG_LEVEL", "chatty", "'debug'", "log_level"),
    ],
)
def test_a_wrong_variable_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, problem: str, mend: str
) -> None:
    monkeypatch.setenv(variable, value)
    error = mistake(write(tmp_path, HUMAN))
    assert (error.file, error.field) == (None, variable), str(error)
    assert problem in error.problem
    assert mend in error.mend
    assert str(error).startswith(f"environment: {variable}: ")


def test_secrets_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '[[sip.trunks]]\nname = "a"\npassword = ["hunter2"]\n' + HUMAN
    assert "hunter2" not in str(mistake(write(tmp_path, text)))
    monkeypatch.setenv("VOICEBOT_SIP__TRUNKS", '[{"name": "a", "password": "hunter2"')
    assert "hunter2" not in str(mistake(write(tmp_path, HUMAN)))
    monkeypatch.setenv("VOICEBOT_SIP__TRUNKS", '[{"name": "a", "password": "hunter2"}]')
    assert "hunter2" not in repr(load_settings(write(tmp_path, HUMAN)))


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, "[sip]\nport = 5070\n[call]\nconcurrent = 7\n" + HUMAN)
    monkeypatch.setenv("VOICEBOT_SIP__PORT", "5071")
    monkeypatch.setenv("VOICEBOT_SIP__ALLOW", '["192.0.2.0/24"]')
    monkeypatch.setenv("VOICEBOT_TRUNK_PROVIDER_PASSWORD", "not a field")
    settings = load_settings(file)
    assert (settings.sip.port, settings.call.concurrent) == (5071, 7)
    assert [str(network) for network in settings.sip.allow] == ["192.0.2.0/24"]


def test_a_later_mistake_gets_its_place_too(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, HUMAN))
    with pytest.raises(ConfigError) as caught, settings.locating():
        raise ConfigError("is premium", field="transfer.destinations.medewerker.uri", mend="use another")
    assert (caught.value.file, caught.value.line) == (tmp_path / "voicebot.toml", 5)


@pytest.mark.parametrize(
    ("called", "language"),
    [("nl", "nl"), ("+3232345678", "nl"), ("3232345678", "nl"), ("en", "en"), ("9", "")],
)
def test_the_dialled_number_chooses_the_line(called: str, language: str) -> None:
    assert load_settings(Path("config/voicebot.toml")).line_for(called).language == language


@given(st.text(max_size=200))
def test_any_text_is_settings_or_one_clear_mistake(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_text(text + "\n" + HUMAN, encoding="utf-8")
    try:
        found: Settings | str = load_settings(file)
    except ConfigError as error:
        found = error.mend
    assert found


@given(st.text(alphabet='[]=."#\nabc0 ', max_size=80), st.lists(st.sampled_from("abc0"), max_size=3))
def test_a_line_lies_in_the_file(text: str, location: list[str]) -> None:
    line = line_of(text, tuple(location))
    assert line is None or 1 <= line <= len(text.splitlines())
