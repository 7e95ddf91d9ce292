"""Ports that are taken or shared are told before anything is loaded, with the setting and the mend."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from voicebot.app import Service
from voicebot.errors import PortUnusable
from voicebot.ports import port_problems, require_free_ports, wanted_ports
from voicebot.settings import Settings, load_settings

FIELDS = {
    ("sip.port", socket.SOCK_DGRAM): "VOICEBOT_SIP__PORT",
    ("sip.port", socket.SOCK_STREAM): "VOICEBOT_SIP__PORT",
    ("control.port", socket.SOCK_STREAM): "VOICEBOT_CONTROL__PORT",
    ("gateway.port", socket.SOCK_STREAM): "VOICEBOT_GATEWAY__PORT",
    ("web.port", socket.SOCK_STREAM): "VOICEBOT_WEB__PORT",
}


@pytest.fixture(autouse=True)
def free_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in set(FIELDS.values()):
        monkeypatch.setenv(variable, "0")
    for section in ("SIP", "GATEWAY", "WEB"):
        monkeypatch.setenv(f"VOICEBOT_{section}__HOST", "127.0.0.1")


@pytest.fixture(params=FIELDS, ids=lambda key: f"{key[0]}-{key[1].name}")
def taken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """Let another program have one of the ports."""
    field, kind = request.param
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            other.listen()
        port = other.getsockname()[1]
        monkeypatch.setenv(FIELDS[field, kind], str(port))
        yield field, port


def settings() -> Settings:
    return load_settings(Path("config/voicebot.toml"))


def test_a_taken_port_names_its_setting_and_the_mend(taken: tuple[str, int]) -> None:
    field, port = taken
    with pytest.raises(
        PortUnusable, match=f"{field} (UDP|TCP) port {port}: .*in use.*set {field} to a free port"
    ):
        require_free_ports(settings())


async def test_the_service_says_it_before_it_opens_anything(taken: tuple[str, int]) -> None:
    service = Service.__new__(Service)  # without engines and records: touching them would fail
    service._settings = settings()
    with pytest.raises(PortUnusable, match=taken[0]):
        await service.start()


def test_free_ports_are_no_problem() -> None:
    require_free_ports(settings())
    assert {(wanted.field, wanted.kind) for wanted in wanted_ports(settings())} == set(FIELDS)


def test_one_port_for_two_settings_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    monkeypatch.setenv("VOICEBOT_CONTROL__PORT", port)
    monkeypatch.setenv("VOICEBOT_GATEWAY__PORT", port)
    problems = [problem for _, problem in port_problems(settings()) if problem is not None]
    assert [(each.port, each.mend) for each in problems] == [
        (f"gateway.port TCP port {port}", "give gateway.port and control.port different ports")
    ]


def test_an_address_that_is_not_ours_is_told_with_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEBOT_SIP__HOST", "192.0.2.1")
    with pytest.raises(PortUnusable, match=r"set sip\.host to an address of this machine"):
        require_free_ports(settings())


def test_a_tls_port_is_wanted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("CERTIFICATE", "cert.pem"), ("KEY", "key.pem"), ("PORT", "15061")):
        monkeypatch.setenv(f"VOICEBOT_SIP__TLS_{name}", value)
    assert "sip.tls_port TCP port 15061" in {wanted.name for wanted in wanted_ports(settings())}
