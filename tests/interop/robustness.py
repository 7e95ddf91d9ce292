"""What the tests of the whole service under stress share: what it takes of the machine, records, floods."""

from __future__ import annotations

import asyncio
import random
import socket
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers.service import RunningService
from tests.sip import test_torture as torture

CALLER = "+31201234567"
"""The number of sipp's scenarios."""


def recorded(service: RunningService) -> list[tuple[str, str]]:
    """Return (disposition, ended_by) of every call in the database, in the order of their end."""
    with sqlite3.connect(f"file:{service.state}/voicebot.db?mode=ro", uri=True, timeout=10) as connection:
        rows = connection.execute("SELECT disposition, ended_by FROM calls ORDER BY ended_at").fetchall()
    connection.close()
    return [(str(row[0]), str(row[1])) for row in rows]


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def worker_pids(health: dict[str, Any], *pools: str) -> list[int]:
    """Return the processes of some pools, or of all."""
    workers = health["workers"]
    return [pid for name in pools or workers for pid in workers[name]["pids"]]


@dataclass(frozen=True)
class Taken:
    """What a service takes when no call is up. `resident_bytes`: of the media process alone."""

    resident_bytes: int
    open_files: int
    tasks: int

    @classmethod
    async def by(cls, service: RunningService, condition: str = "True", seconds: float = 60.0) -> Taken:
        """Wait until no call is left and all records are stored, then look."""
        idle = "live_calls == 0 and sip['calls'] == 0 and records_waiting == 0 and gateway_connections == 0"
        resources = (await service.until(f"{idle} and {condition}", seconds))["resources"]
        return cls(resources["resident_bytes"], resources["open_files"], resources["tasks"])


def torture_messages() -> list[bytes]:
    """RFC 4475's messages, as tests/sip has them."""
    found = [value for name, value in vars(torture).items() if name.isupper() and name != "SDP"]
    return [
        value.encode() if isinstance(value, str) else value
        for value in found
        if isinstance(value, str | bytes)
    ]


def garbage(seed: int, count: int) -> list[bytes]:
    """Random bytes, and SIP and RTP messages with bytes changed, cut or doubled."""
    chance = random.Random(seed)
    seeds = [*torture_messages(), b"\x80\x08" + bytes(170), b"\x80\xc8\x00\x06" + bytes(24)]
    messages = []
    for _ in range(count):
        message = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 20)):
            message[chance.randrange(len(message))] = chance.randrange(256)
        start = chance.randrange(len(message))
        messages.append(bytes(message[start:] if chance.random() < 0.2 else message[: start + 1]))
        messages.append(chance.randbytes(chance.choice((0, 1, 11, 12, 13, 200, 1400, 9000))))
    return messages


def request(method: str, number: int, source: tuple[str, int], user: str = "flood") -> bytes:
    """Make a plain request of its own call; an INVITE offers PCMA at a port where nobody listens."""
    host, port = source
    body = f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"
    body = body if method == "INVITE" else ""
    lines = (
        f"{method} sip:nl@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{user}{number}",
        f"From: <sip:{user}@{host}>;tag=t{number}",
        "To: <sip:nl@127.0.0.1>",
        f"Call-ID: {user}-{number}",
        f"CSeq: 1 {method}",
        "Max-Forwards: 70",
        f"Contact: <sip:{user}@{host}:{port}>",
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
        "",
        body,
    )
    return "\r\n".join(lines).encode()


def bound(host: str) -> socket.socket:
    """Bind a UDP socket to a loopback address of its own."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    return sock


def send_all(host: str, ports: Iterable[int], messages: Sequence[bytes], per_second: float = 4000.0) -> None:
    """Send every message to every port from `host`, paced; blocks."""
    with bound(host) as sock:
        began, sent = time.monotonic(), 0
        for port in ports:
            for message in messages:
                sock.sendto(message, ("127.0.0.1", port))
                sent += 1
                if sent % 50 == 0:
                    time.sleep(max(0.0, began + sent / per_second - time.monotonic()))


def flood(
    host: str, port: int, method: str, *, count: int, per_second: float = 4000.0, user: str = "flood"
) -> int:
    """Send that many requests, each of a new call; blocks. Returns how many answers came back."""
    answers = 0
    with bound(host) as sock:
        sock.setblocking(False)
        began = time.monotonic()
        for number in range(count):
            sock.sendto(request(method, number, sock.getsockname(), user), ("127.0.0.1", port))
            if number % 20 == 0:
                answers += _answers(sock)
                time.sleep(max(0.0, began + number / per_second - time.monotonic()))
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            answers += _answers(sock)
            time.sleep(0.01)
    return answers


def _answers(sock: socket.socket) -> int:
    count = 0
    while True:
        try:
            sock.recv(65535)
        except BlockingIOError:
            return count
        count += 1


async def pour_into(port: int, messages: Sequence[bytes]) -> None:
    """Open a connection a message, send it, and close when the other side does or after a moment."""
    for message in messages:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(message)
            async with asyncio.timeout(0.2):
                await writer.drain()
                await reader.read(100)
        except (TimeoutError, OSError):
            pass
        finally:
            writer.transport.abort()
