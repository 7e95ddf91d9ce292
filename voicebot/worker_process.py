"""A speech worker: one process that builds one engine and answers requests over a socket pair.

Started as `python -m voicebot.worker_process NAME FD`. Frames are a 4-byte big-endian length and a
pickle; both ends are ours and the socket is private to parent and child. The first frame is the
WorkerStart; each later frame is one of the small classes below. A reader thread takes frames in while
the engine computes, so that the end of the parent (end of file) ends the worker even in mid-inference.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import queue
import signal
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from voicebot.errors import VoicebotError

HEADER = struct.Struct(">I")
MAXIMUM_FRAME_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """Which engine a worker builds. `factory`: 'package.module:Callable'; `arguments`: its keywords.

    The engine is a plain synchronous object; one with a `warm_up()` method gets it called once before
    the worker reports ready.
    """

    factory: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkerStart:
    """Parent to child, once. `niceness`: added to the parent's."""

    spec: EngineSpec
    niceness: int


@dataclass(frozen=True, slots=True)
class Request:
    """Parent to child. `window`: chunks that may be on their way unacknowledged; 0 means one plain result."""

    number: int
    method: str
    arguments: tuple[Any, ...]
    window: int = 0


@dataclass(frozen=True, slots=True)
class ChunkTaken:
    """Parent to child: one chunk of the stream was consumed, one more may be sent."""

    number: int


@dataclass(frozen=True, slots=True)
class RequestCancelled:
    """Parent to child: nobody waits for this any more."""

    number: int


@dataclass(frozen=True, slots=True)
class Ready:
    """Child to parent: engine built and warm."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Child to parent: one item of a stream."""

    number: int
    value: Any


@dataclass(frozen=True, slots=True)
class Result:
    """Child to parent: the request is finished; a stream's `value` is None."""

    number: int
    value: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """Child to parent: the engine raised. `number` 0 is the start. `text` holds no content of calls."""

    number: int
    error_class: str
    text: str


def encode(message: object) -> bytes:
    """One frame of the wire."""
    body = pickle.dumps(message, protocol=5)
    return HEADER.pack(len(body)) + body


def decode(body: bytes) -> Any:
    """Return the message of a frame without its header."""
    return pickle.loads(body)  # noqa: S301 - our own child or parent on a private socket pair


_cancelled: set[int] = set()
_current = 0


def is_cancelled() -> bool:
    """Whether nobody waits for the running request any more; engines may ask between two stages."""
    return _current in _cancelled


class _Worker:
    """The child's side: a reader thread fills `requests`, the main thread answers them."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._credit = threading.Semaphore(0)

    def receive(self) -> Any:
        """Next frame; the parent's end ends the process at once, whatever the engine is doing."""
        try:
            (size,) = HEADER.unpack(self._receive_exactly(HEADER.size))
            return decode(self._receive_exactly(size))
        except (EOFError, OSError):
            os._exit(0)

    def _receive_exactly(self, size: int) -> bytes:
        buffer = bytearray(size)
        view = memoryview(buffer)
        while view:
            got = self._connection.recv_into(view)
            if not got:
                raise EOFError
            view = view[got:]
        return bytes(buffer)

    def read_forever(self) -> None:
        """Run the reader thread."""
        while True:
            match self.receive():
                case Request() as request:
                    self.requests.put(request)
                case ChunkTaken():
                    self._credit.release()
                case RequestCancelled(number=number):
                    _cancelled.add(number)
                    self._credit.release()

    def send(self, message: object) -> None:
        """Blocks while the parent does not read; ends the process when the parent has gone."""
        try:
            self._connection.sendall(encode(message))
        except OSError:
            os._exit(0)

    def answer(self, engine: object, request: Request) -> None:
        """Run one request to its Result or Failure."""
        global _current  # noqa: PLW0603 - one request at a time is the worker's invariant
        _current = request.number
        try:
            value = getattr(engine, request.method)(*request.arguments)
            if request.window:
                self._send_chunks(value, request)
                value = None
            self.send(Result(request.number, value))
        except Exception as error:  # noqa: BLE001 - the edge of the process: becomes a Failure at the caller
            self.send(_failure(request.number, error))
        finally:
            _cancelled.discard(request.number)

    def _send_chunks(self, chunks: Any, request: Request) -> None:
        self._credit = threading.Semaphore(request.window)
        with contextlib.closing(chunks) if hasattr(chunks, "close") else contextlib.nullcontext():
            for chunk in chunks:
                self._credit.acquire()
                if is_cancelled():
                    return
                self.send(Chunk(request.number, chunk))


def _failure(number: int, error: BaseException) -> Failure:
    """Only our own errors keep their sentence; a library's may quote what a caller said."""
    if isinstance(error, VoicebotError):
        return Failure(number, type(error).__name__, str(error))
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "unknown"
    return Failure(number, type(error).__name__, f"{type(error).__name__} at {where}")


def build_engine(spec: EngineSpec) -> object:
    """Import and call the factory, then warm it up. Raises whatever the engine raises."""
    module, _, name = spec.factory.partition(":")
    engine: object = getattr(importlib.import_module(module), name)(**spec.arguments)
    warm_up = getattr(engine, "warm_up", None)
    if warm_up is not None:
        warm_up()
    return engine


def main() -> None:
    """Serve until the parent closes its end."""
    # Ctrl-C and a service manager's SIGTERM reach the whole group: calls are still being finished then,
    # and the parent closes the socket when it needs us no more.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    connection = socket.socket(fileno=int(sys.argv[2]))
    connection.set_inheritable(False)
    worker = _Worker(connection)
    start: WorkerStart = worker.receive()
    os.nice(start.niceness)
    threading.Thread(target=worker.read_forever, name="requests", daemon=True).start()
    try:
        engine = build_engine(start.spec)
    except Exception as error:  # noqa: BLE001 - the edge of the process: start() raises it in the parent
        worker.send(_failure(0, error))
        return
    worker.send(Ready())
    while True:
        worker.answer(engine, worker.requests.get())


if __name__ == "__main__":
    # Under -m this module is '__main__', but pickles and engines name voicebot.worker_process.
    importlib.import_module("voicebot.worker_process").main()
