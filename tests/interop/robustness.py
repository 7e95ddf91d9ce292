"""What the tests of the whole service under stress share: what it takes of the machine, records, floods."""

from __future__ import annotations

import asyncio
import random
import re
import select
import socket
import sqlite3
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.peers.service import RunningService
from tests.peers.signals import tone_dbfs
from tests.sip import test_torture as torture
from voicebot.audio import SAMPLE_RATE, AudioClip
from voicebot.events import Language
from voicebot.media.leg import Leg, LegEnded
from voicebot.settings import SpeechSettings
from voicebot.test_caller.dialling import caller_stack
from voicebot.test_caller.listening import BotSpeech
from voicebot.test_caller.preparing import CallerVoice
from voicebot.test_caller.script import Step

_DIALOG = ("via:", "from:", "to:", "call-id:", "cseq:")


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

    async def again(self, service: RunningService, condition: str = "True", seconds: float = 60.0) -> int:
        """Wait until no more files and tasks are there than now; returns by how many bytes it has grown."""
        no_more = f"resources['tasks'] <= {self.tasks} and resources['open_files'] <= {self.open_files}"
        after = await Taken.by(service, f"{no_more} and {condition}", seconds)
        return after.resident_bytes - self.resident_bytes


_CALLS = {"SDP", "BADINV01", "ESC01", "LONGREQ", "ESCRURI", "CPARAM", "SDP01", "INV2543"}
"""Strange, but calls: unanswered by their sender they would stay for 64*T1, and as long again for the BYE."""


def torture_messages() -> list[bytes]:
    """RFC 4475's messages, as tests/sip has them, but for those that start a call."""
    found = [value for name, value in vars(torture).items() if name.isupper() and name not in _CALLS]
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


@dataclass
class Flood:
    """Requests of ever new calls from one source, which acknowledges and takes BYEs, but sends no media.

    `answers`: responses that came, by status.
    """

    host: str
    port: int
    method: str
    user: str = "flood"

    def __post_init__(self) -> None:
        self.answers: Counter[int] = Counter()

    def run(self, count: int, per_second: float = 4000.0, linger: float = 0.5) -> Counter[int]:
        """Send `count` requests and go on answering for `linger` seconds; blocks."""
        with bound(self.host) as sock:
            sock.setblocking(False)
            began = time.monotonic()
            for number in range(count):
                sock.sendto(
                    request(self.method, number, sock.getsockname(), self.user), ("127.0.0.1", self.port)
                )
                if number % 20 == 0:
                    self._listen(sock, began + number / per_second)
            self._listen(sock, time.monotonic() + linger)
        return self.answers

    def _listen(self, sock: socket.socket, until: float) -> None:
        while True:
            readable, _, _ = select.select([sock], [], [], max(0.0, until - time.monotonic()))
            if not readable:
                return
            self._take(sock, sock.recv(65535).decode("utf-8", "replace"))

    def _take(self, sock: socket.socket, message: str) -> None:
        first, _, rest = message.partition("\r\n")
        kept = [line for line in rest.split("\r\n") if line.lower().startswith(_DIALOG)]
        if first.startswith("SIP/2.0"):
            status = int(first.split()[1])
            self.answers[status] += 1
            if self.method != "INVITE" or status < 200:
                return
            contact = re.search(r"(?im)^contact: *<([^>]+)>", rest)
            target = contact[1] if contact and status < 300 else "sip:nl@127.0.0.1"
            reply = [f"ACK {target} SIP/2.0", *kept, "Max-Forwards: 70", "Content-Length: 0", "", ""]
            text = "\r\n".join(reply).replace(" INVITE", " ACK")
        elif first.startswith("BYE"):
            text = "\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""])
        else:
            return
        sock.sendto(text.encode(), ("127.0.0.1", self.port))


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


class Phone:
    """A caller made of our own SIP stack: tells when the bot speaks, says a text, presses keys."""

    def __init__(self, leg: Leg) -> None:
        self.leg = leg
        self.ended: asyncio.Future[LegEnded] = asyncio.get_running_loop().create_future()
        self._speech = BotSpeech(pause_ms=600)
        self._stretches = 0
        self._changed = asyncio.Event()
        self._latest: deque[bytes] = deque(maxlen=25)

    @classmethod
    @asynccontextmanager
    async def calling(cls, uri: str, display_name: str = "") -> AsyncIterator[Phone]:
        """Dial and be answered. Raises DialFailed."""
        async with caller_stack() as dialler:
            phone = cls(await dialler.dial(uri, display_name=display_name, timeout_seconds=20))
            tasks = [asyncio.create_task(phone._listen()), asyncio.create_task(phone._watch())]
            try:
                yield phone
            finally:
                await phone.leg.hang_up()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def bot_speaks(self, seconds: float = 10.0) -> None:
        """Wait until the bot is heard."""
        async with asyncio.timeout(seconds):
            while not self._speech.is_speaking:
                self._changed.clear()
                await self._changed.wait()

    async def bot_has_spoken(self, seconds: float = 20.0) -> None:
        """Wait until the bot has finished a stretch of speech from now on."""
        wanted = self._stretches + 1
        async with asyncio.timeout(seconds):
            while self._stretches < wanted:
                self._changed.clear()
                await self._changed.wait()

    async def hears(self, hz: float, seconds: float = 15.0) -> None:
        """Wait until a tone is heard: it is that of the person we were put through to."""
        async with asyncio.timeout(seconds):
            while True:
                samples = np.frombuffer(b"".join(self._latest), "<i2") / 32768
                if len(samples) and tone_dbfs(samples, SAMPLE_RATE, hz) > -20:
                    return
                self._changed.clear()
                await self._changed.wait()

    async def says(self, clip: AudioClip) -> None:
        """Speak to the end of the clip."""
        await self.leg.playout.play(clip).finished()

    async def _listen(self) -> None:
        async for frame in self.leg.frames():
            if self._speech.take(frame, time.monotonic()) is not None:
                self._stretches += 1
            self._latest.append(frame.pcm)
            self._changed.set()

    async def _watch(self) -> None:
        async for signal in self.leg.signals():
            if isinstance(signal, LegEnded) and not self.ended.done():
                self.ended.set_result(signal)


def spoken_clip(text: str, language: Language) -> AudioClip:
    """Render a caller's words."""
    steps = CallerVoice(SpeechSettings(), language).prepared([Step("say", text, language)])
    assert steps[0].clip is not None
    return steps[0].clip
