"""A child process of the tests that cannot outlive them and is ended by its own pid."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.peers.ports import require_program


@asynccontextmanager
async def running(
    command: Sequence[str], *, log: Path, directory: Path, stop_seconds: float = 5.0
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a command with its output in `log`; at the end ask it to stop (SIGTERM), then kill it."""
    guard = [require_program("setpriv"), "--pdeathsig", "KILL"]
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *guard,
            require_program(command[0]),
            *command[1:],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=directory,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), stop_seconds)
            except TimeoutError:
                process.kill()
                await process.wait()
