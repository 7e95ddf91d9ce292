"""Many callers, or an odd one: sipp with the scenarios of tests/interop/scenarios.

result = await Sipp.calls("uac_rtp.xml", tmp_path, target, calls=50, rate=20, hold_ms=3000)
assert result.failed == 0
async with Sipp.answering("uas_echo.xml", tmp_path) as callee: ...
"""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.ports import LOOPBACK, eventually, free_port
from tests.peers.process import running
from tests.peers.signals import tone
from tests.peers.wav import Samples, alaw_bytes

SCENARIOS = Path(__file__).parent.parent / "interop" / "scenarios"


@dataclass(frozen=True)
class SippResult:
    """Counts of a finished run. `errors`: sipp's own account of unexpected messages."""

    exit_code: int
    created: int
    successful: int
    failed: int
    retransmissions: int
    errors: str


class Sipp:
    """One sipp process on a port of its own, one socket for all calls."""

    def __init__(self, scenario: str, directory: Path, values: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.media_port = free_port(spread=4)
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._name = f"{scenario.removesuffix('.xml')}-{self.port}"
        self._scenario = directory / f"{self._name}.xml"
        text = (SCENARIOS / scenario).read_text()
        for name, value in {"AUDIO": str(directory / f"{self._name}.alaw"), **(values or {})}.items():
            text = text.replace(f"%{name}%", value)
        self._scenario.write_text(text)

    @property
    def uri(self) -> str:
        """Where an answering sipp can be called."""
        return f"sip:sipp@{LOOPBACK}:{self.port}"

    @classmethod
    async def calls(
        cls,
        scenario: str,
        directory: Path,
        target: tuple[str, int],
        *,
        calls: int = 1,
        rate: float = 20.0,
        at_once: int | None = None,
        hold_ms: int = 1000,
        service: str = "bot",
        audio: Samples | None = None,
        transport: str = "u1",
        extra: Sequence[str] = (),
        seconds: float = 60.0,
    ) -> SippResult:
        """Place calls (`rate` a second) and wait for all to end. `audio`: at 8 kHz, repeated as A-law."""
        caller = cls(scenario, directory)
        said = tone(440, 10.0) if audio is None else audio
        (directory / f"{caller._name}.alaw").write_bytes(alaw_bytes(said))
        arguments = [
            f"{target[0]}:{target[1]}",
            *("-m", str(calls), "-l", str(at_once or calls), "-r", str(rate), "-d", str(hold_ms)),
            *("-s", service, "-t", transport, *extra),
        ]
        command = caller._command(arguments)
        log = directory / f"{caller._name}.log"
        async with running(command, log=log, directory=directory) as process:
            try:
                await asyncio.wait_for(process.wait(), seconds)
            except TimeoutError:
                raise TimeoutError(f"sipp still ran after {seconds} s: {caller._result(-1)}") from None
            return caller._result(process.returncode or 0)

    @classmethod
    @asynccontextmanager
    async def answering(
        cls,
        scenario: str,
        directory: Path,
        *,
        values: Mapping[str, str] | None = None,
        transport: str = "u1",
        extra: Sequence[str] = (),
    ) -> AsyncIterator[Sipp]:
        """Answer calls until the end of the block; RTP received is sent back. `values`: for %NAME%s."""
        callee = cls(scenario, directory, values)
        command = callee._command(["-rtp_echo", "-t", transport, *extra])
        log = directory / f"{callee._name}.log"
        async with running(command, log=log, directory=directory) as process:
            await eventually(lambda: callee._is_listening() or process.returncode is not None, "sipp listens")
            if process.returncode is not None:
                raise RuntimeError(f"sipp ended at once:\n{log.read_text(errors='replace')[-2000:]}")
            yield callee

    def result(self) -> SippResult:
        """Counts so far of an answering sipp (its statistics are written every second)."""
        return self._result(0)

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [
            *("sipp", *arguments, "-sf", str(self._scenario)),
            *("-i", LOOPBACK, "-p", str(self.port), "-mi", LOOPBACK, "-mp", str(self.media_port)),
            *("-trace_stat", "-stf", f"{self._name}.csv", "-fd", "1", "-nostdin"),
            *("-trace_err", "-error_file", f"{self._name}.errors"),
        ]

    def _is_listening(self) -> bool:
        sockets = Path("/proc/net/udp").read_text() + Path("/proc/net/tcp").read_text()
        return f"0100007F:{self.port:04X} " in sockets

    def _result(self, exit_code: int) -> SippResult:
        statistics, errors = self._directory / f"{self._name}.csv", self._directory / f"{self._name}.errors"
        lines = statistics.read_text().splitlines() if statistics.exists() else []
        rows = list(csv.DictReader(lines, delimiter=";"))
        last = rows[-1] if rows else {}
        return SippResult(
            exit_code=exit_code,
            created=int(last.get("TotalCallCreated") or 0),
            successful=int(last.get("SuccessfulCall(C)") or 0),
            failed=int(last.get("FailedCall(C)") or 0),
            retransmissions=int(last.get("Retransmissions(C)") or 0),
            errors=errors.read_text(errors="replace") if errors.exists() else "",
        )
