"""A real phone: headless baresip 1.0, driven by its ctrl_tcp module (netstrings of JSON).

async with Baresip.running(tmp_path / "alice", audio=tone_file) as alice:
    await alice.dial(uri)
    await alice.event("CALL_ESTABLISHED")
    await alice.hang_up()
    heard = await alice.recording("dec")
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import shutil
import tempfile
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.peers.ports import LOOPBACK, eventually, free_port
from tests.peers.process import running
from tests.peers.wav import Samples, read_wav, write_wav

Event = dict[str, Any]
MODULES = Path("/usr/lib/baresip/modules")
_LONGEST_CALL_SECONDS = 120


@dataclass(frozen=True)
class Account:
    """How the phone is set up.

    `codecs`: baresip's names in order of preference. `answer`: auto, manual or early. `extra`: more account
    parameters (';ptime=30;mwi=no'), among them ';auth_user=…;auth_pass=…;regint=60;outbound="sip:…"'.
    """

    user: str = "alice"
    codecs: tuple[str, ...] = ("pcma/8000/1", "pcmu/8000/1")
    answer: str = "auto"
    transport: str = "udp"
    extra: str = ";regint=0"

    def line(self, port: int) -> str:
        """Line of the accounts file."""
        uri = f"<sip:{self.user}@{LOOPBACK}:{port};transport={self.transport}>"
        codecs = ",".join(self.codecs)
        return f"{uri};answermode={self.answer};audio_codecs={codecs}{self.extra}\n"


class Baresip:
    """One running phone. `events`: all that it reported so far, in order."""

    def __init__(self, directory: Path, account: Account) -> None:
        self.account = account
        self.port = free_port(spread=2)
        self.events: list[Event] = []
        self._directory = directory
        # Short: under longer paths (pytest-xdist's) recordings were missing; a limit of baresip is suspected.
        self._recorded = Path(tempfile.mkdtemp(prefix="b"))
        weakref.finalize(self, shutil.rmtree, self._recorded, ignore_errors=True)
        self._control_port = free_port()
        self._rtp_port = free_port(spread=40)
        self._changed = asyncio.Condition()
        self._tokens = itertools.count(1)
        self._replies: dict[str, asyncio.Future[Event]] = {}
        self._writer: asyncio.StreamWriter | None = None

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        directory: Path,
        account: Account | None = None,
        *,
        audio: Samples | None = None,
        rate: int = 8000,
    ) -> AsyncIterator[Baresip]:
        """Start one in `directory` (made), speaking `audio` (at `rate` Hz) once a call, then silence."""
        phone = cls(directory, account or Account())
        phone._write_configuration(audio, rate)
        command = ["baresip", "-4", "-s", "-f", str(directory)]
        async with running(command, log=directory / "log", directory=directory) as process:
            reader = await phone._connected(process)
            listening = asyncio.create_task(phone._listen(reader), name=f"baresip-{phone.account.user}")
            try:
                yield phone
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
                if phone._writer is not None:
                    phone._writer.close()

    @property
    def uri(self) -> str:
        """Where it can be called."""
        return f"sip:{self.account.user}@{LOOPBACK}:{self.port}"

    @property
    def trace(self) -> str:
        """Its output with all SIP messages."""
        return (self._directory / "log").read_text(errors="replace")

    async def dial(self, uri: str) -> None:
        """Start a call; 'CALL_ESTABLISHED' or 'CALL_CLOSED' tells how it went."""
        await self.command("dial", uri)

    async def accept(self) -> None:
        """Pick up (answer='manual')."""
        await self.command("accept")

    async def hang_up(self) -> None:
        """End the call, or decline it while it rings (486)."""
        await self.command("hangup")

    async def press(self, keys: str) -> None:
        """Send DTMF, one key at a time."""
        for key in keys:
            await self.command("sndcode", key)

    async def say(self, audio: Samples, rate: int = 8000) -> None:
        """Speak from now on (once, then silence), instead of what was being spoken."""
        silence = np.zeros(_LONGEST_CALL_SECONDS * rate)
        file = self._directory / f"said-{next(self._tokens)}.wav"
        await self.command("ausrc", f"aufile,{write_wav(file, np.concatenate([audio, silence]), rate)}")

    async def hold(self) -> None:
        """Re-INVITE with sendonly."""
        await self.command("hold")

    async def resume(self) -> None:
        """Re-INVITE with sendrecv."""
        await self.command("resume")

    async def command(self, name: str, params: str = "") -> str:
        """Run any command; returns what it printed. Raises RuntimeError when baresip refuses it."""
        token = str(next(self._tokens))
        reply = self._replies[token] = asyncio.get_running_loop().create_future()
        body = json.dumps({"command": name, "params": params, "token": token}).encode()
        assert self._writer is not None
        self._writer.write(b"%d:%s," % (len(body), body))
        answered = await asyncio.wait_for(reply, 10)
        if not answered.get("ok"):
            raise RuntimeError(f"baresip refused {name}: {answered.get('data')}")
        return str(answered.get("data", ""))

    def count(self, kind: str) -> int:
        """How many events of a type came so far."""
        return sum(event.get("type") == kind for event in self.events)

    async def event(self, kind: str, *, number: int = 1, seconds: float = 15.0) -> Event:
        """Wait for the `number`-th event of a type since the start."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self.count(kind) >= number)
        except TimeoutError:
            seen = [event.get("type") for event in self.events]
            raise TimeoutError(f"{self.account.user}: no {kind} number {number}; seen: {seen}") from None
        return [event for event in self.events if event.get("type") == kind][number - 1]

    async def recording(
        self, side: str = "dec", *, number: int = 1, seconds: float = 5.0
    ) -> tuple[Samples, int]:
        """Return (samples, rate) of a call, finished or not: 'dec' is what it heard, 'enc' what it said."""
        await eventually(lambda: len(self._files(side)) >= number, f"{number} recordings", seconds)
        return read_wav(self._files(side)[number - 1])

    async def heard(self, audio_seconds: float, *, number: int = 1, seconds: float = 20.0) -> Samples:
        """Wait until the call has this much received audio on record, and return it."""

        def heard() -> Samples:
            files = self._files("dec")
            if len(files) < number or files[number - 1].stat().st_size < 44:
                return np.zeros(0)
            samples, rate = read_wav(files[number - 1])
            return samples if len(samples) >= audio_seconds * rate else np.zeros(0)

        await eventually(lambda: len(heard()) > 0, f"{audio_seconds} s heard by {self.account.user}", seconds)
        return heard()

    def _files(self, side: str) -> list[Path]:
        return sorted(self._recorded.glob(f"*-{side}.wav"))

    def _write_configuration(self, audio: Samples | None, rate: int) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        said = np.zeros(0) if audio is None else audio
        # baresip ends the call with its audio file
        padded = np.concatenate([said, np.zeros(max(0, _LONGEST_CALL_SECONDS * rate - len(said)))])
        source = write_wav(self._directory / "source.wav", padded, rate)
        settings = [
            f"sip_listen {LOOPBACK}:{self.port}",
            f"net_interface {LOOPBACK}",
            f"rtp_ports {self._rtp_port}-{self._rtp_port + 39}",
            f"audio_source aufile,{source}",
            "audio_player aubridge,sink",
            f"ausrc_srate {rate}",
            "ausrc_channels 1",
            f"snd_path {self._recorded}",
            f"module_path {MODULES}",
            *(f"module {name}.so" for name in ("g711", "g722", "opus", "aufile", "aubridge", "sndfile")),
            *(f"module_tmp {name}.so" for name in ("uuid", "account")),
            *(f"module_app {name}.so" for name in ("menu", "ctrl_tcp")),
            f"ctrl_tcp_listen {LOOPBACK}:{self._control_port}",
        ]
        (self._directory / "config").write_text("\n".join(settings) + "\n")
        (self._directory / "accounts").write_text(self.account.line(self.port))
        (self._directory / "contacts").touch()

    async def _connected(self, process: asyncio.subprocess.Process) -> asyncio.StreamReader:
        async with asyncio.timeout(10):
            while process.returncode is None:
                with contextlib.suppress(ConnectionError):
                    reader, self._writer = await asyncio.open_connection(LOOPBACK, self._control_port)
                    return reader
                await asyncio.sleep(0.02)
        raise RuntimeError(f"baresip ended at once:\n{self.trace[-2000:]}")

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            size = await reader.readuntil(b":")
            message: Event = json.loads(await reader.readexactly(int(size[:-1])))
            await reader.readexactly(1)
            reply = self._replies.pop(str(message.get("token")), None) if message.get("response") else None
            if reply is not None and not reply.done():
                reply.set_result(message)
            if message.get("event"):
                async with self._changed:
                    self.events.append(message)
                    self._changed.notify_all()
