"""The ports that `voicebot serve` listens on: are they free? Asked before models load, and by `check`."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from voicebot.errors import PortUnusable
from voicebot.settings import Settings


@dataclass(frozen=True, slots=True)
class WantedPort:
    """`field`: the setting that names the port; `kind`: SOCK_DGRAM (UDP) or SOCK_STREAM (TCP)."""

    field: str
    host: str
    port: int
    kind: socket.SocketKind

    @property
    def name(self) -> str:
        """As an operator calls it: 'sip.port UDP port 5060'."""
        return f"{self.field} {'UDP' if self.kind is socket.SOCK_DGRAM else 'TCP'} port {self.port}"


def wanted_ports(settings: Settings) -> tuple[WantedPort, ...]:
    """Return every port that these settings listen on; RTP ports are taken later, one free pair a call."""
    sip, control, gateway, web = settings.sip, settings.control, settings.gateway, settings.web
    wanted = [
        WantedPort("sip.port", sip.host, sip.port, socket.SOCK_DGRAM),
        WantedPort("sip.port", sip.host, sip.port, socket.SOCK_STREAM),
        WantedPort("control.port", control.host, control.port, socket.SOCK_STREAM),
    ]
    if sip.tls_port:
        wanted.append(WantedPort("sip.tls_port", sip.host, sip.tls_port, socket.SOCK_STREAM))
    if gateway.enabled:
        wanted.append(WantedPort("gateway.port", gateway.host, gateway.port, socket.SOCK_STREAM))
    if web.enabled:
        wanted.append(WantedPort("web.port", web.host, web.port, socket.SOCK_STREAM))
    return tuple(wanted)


def port_problems(settings: Settings) -> Iterator[tuple[WantedPort, PortUnusable | None]]:
    """Try each wanted port: what is wrong with it, or None."""
    taken: dict[tuple[socket.SocketKind, int], str] = {}
    for wanted in wanted_ports(settings):
        key = (wanted.kind, wanted.port)
        other = taken.setdefault(key, wanted.field) if wanted.port else wanted.field
        if other != wanted.field:
            mend = f"give {wanted.field} and {other} different ports"
            yield wanted, PortUnusable(wanted.name, f"{other} is the same port", mend)
        else:
            yield wanted, _bind_problem(wanted)


def require_free_ports(settings: Settings) -> None:
    """Raise PortUnusable for the first port that cannot be listened on."""
    for _, problem in port_problems(settings):
        if problem is not None:
            raise problem


def _bind_problem(wanted: WantedPort) -> PortUnusable | None:
    family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
    with socket.socket(family, wanted.kind) as probe:
        if wanted.kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as asyncio's servers do
        try:
            probe.bind((wanted.host, wanted.port))
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            return PortUnusable(wanted.name, reason, _mend(wanted, error.errno))
    return None


def _mend(wanted: WantedPort, number: int | None) -> str:
    if number == errno.EADDRINUSE:
        return f"stop what uses it (a bot that runs already?), or set {wanted.field} to a free port"
    if number == errno.EACCES:
        return f"set {wanted.field} to a port from 1024 on, or let this user bind lower ones"
    section = wanted.field.partition(".")[0]
    return f"set {section}.host to an address of this machine"
