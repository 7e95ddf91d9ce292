"""The parent's side of one speech worker: start the process, exchange frames without blocking the loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

from voicebot import errors
from voicebot.worker_process import (
    HEADER,
    MAXIMUM_FRAME_BYTES,
    EngineSpec,
    Failure,
    Ready,
    WorkerStart,
    decode,
    encode,
)

_CLOSE_SECONDS = 2.0


def worker_environment(threads: int) -> dict[str, str]:
    """Environment of a worker: every numeric library is told its number of threads, and not to spin.

    Each library otherwise takes every core and they fight (speech-notes).
    """
    count = str(threads)
    return {
        **os.environ,
        "OMP_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "NUMEXPR_NUM_THREADS": count,
        "OMP_WAIT_POLICY": "PASSIVE",
        "KMP_BLOCKTIME": "0",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
        "PYTHONUNBUFFERED": "1",
    }


class WorkerLink:
    """A running worker process and the stream to it."""

    def __init__(
        self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process, self._reader, self._writer = process, reader, writer

    @classmethod
    async def open(
        cls, name: str, spec: EngineSpec, *, threads: int, niceness: int, start_limit_seconds: float
    ) -> WorkerLink:
        """Start a worker and wait until its engine is warm.

        Raises the engine's own VoicebotError, or SpeechWorkerError when it cannot be built in time.
        """
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours, limit=1 << 20)
        starting = asyncio.ensure_future(asyncio.to_thread(_spawn, name, theirs, worker_environment(threads)))
        try:
            process = await asyncio.shield(starting)
        except OSError as error:
            writer.close()
            raise errors.SpeechWorkerError(f"worker '{name}' cannot be started: {error.strerror}") from error
        except BaseException:  # cancelled: the process that is being started must not outlive us
            writer.close()
            with contextlib.suppress(OSError):
                await asyncio.to_thread(_reap, await starting)
            raise
        link = cls(process, reader, writer)
        try:
            link.send(WorkerStart(spec, niceness))
            async with asyncio.timeout(start_limit_seconds):
                message = await anext(link.messages(), None)
        except BaseException as error:  # cancelled, too late or broken: raised on once the process is gone
            process.kill()
            await link.close()
            if isinstance(error, TimeoutError):
                text = f"worker '{name}' was not ready in {start_limit_seconds:g} s"
                raise errors.SpeechWorkerError(text) from None
            raise
        if isinstance(message, Ready):
            return link
        await link.close()
        if isinstance(message, Failure):
            raise failure_to_error(message)
        raise errors.SpeechWorkerDied(f"worker '{name}' ended while it started")

    @property
    def pid(self) -> int:
        """Process id of the worker."""
        return self._process.pid

    def send(self, message: object) -> None:
        """Queue a frame; one request at a time keeps the buffer bounded. Never blocks."""
        if not self._writer.is_closing():
            self._writer.write(encode(message))

    async def messages(self) -> AsyncIterator[Any]:
        """Frames of the worker until it ends."""
        while True:
            try:
                (size,) = HEADER.unpack(await self._reader.readexactly(HEADER.size))
                if size > MAXIMUM_FRAME_BYTES:
                    return
                body = await self._reader.readexactly(size)
            except (asyncio.IncompleteReadError, OSError):
                return
            yield decode(body)

    def kill(self) -> None:
        """End a stuck worker; `messages()` ends then."""
        self._process.kill()

    async def close(self) -> None:
        """Close the socket, which ends the worker; kill it when it has not gone in time. Reaps it."""
        self._writer.close()
        reaping = asyncio.ensure_future(asyncio.to_thread(_reap, self._process))
        try:
            await asyncio.shield(reaping)
        except asyncio.CancelledError:
            await asyncio.wait([reaping])  # or the loop might end before the process has been waited for
            raise


def failure_to_error(failure: Failure) -> errors.VoicebotError:
    """Return the exception to raise in the parent; our own classes of one sentence are kept."""
    kept = (errors.ModelMissing, errors.ModelError, errors.SpeechWorkerBusy, errors.SpeechWorkerDied)
    for kind in kept:
        if kind.__name__ == failure.error_class:
            return kind(failure.text)
    return errors.SpeechWorkerError(failure.text)


def _spawn(name: str, theirs: socket.socket, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    # The worker's prints go to standard error: standard output belongs to commands with --json.
    with theirs:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "voicebot.worker_process", name, str(theirs.fileno())],
            env=environment,
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=2,
        )


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_CLOSE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
