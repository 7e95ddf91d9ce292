"""uvicorn on the media loop: no signal handlers of its own, nothing logged of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

from voicebot.errors import VoicebotError

_SHUTDOWN_SECONDS = 2


class HttpServer:
    """Serves one application. `name`: what it is, for errors. `setting`: the field that names its port.

    `options`: further ones of uvicorn.Config.
    """

    def __init__(
        self, api: FastAPI, host: str, port: int, *, name: str, setting: str, **options: Any
    ) -> None:
        self._name, self._setting = name, setting
        self._config = uvicorn.Config(
            api,
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            **{"ws": "none", **options},
        )
        self._server = _QuietServer(self._config)
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port it listens on, also where 0 was asked for."""
        for server in self._server.servers if self._server.started else ():
            return int(server.sockets[0].getsockname()[1])
        return self._config.port

    async def start(self) -> None:
        """Listen; raises VoicebotError when the port is taken."""
        self._task = asyncio.create_task(self._serve(), name=self._setting)
        while not self._server.started:
            if self._task.done():
                raise VoicebotError(
                    f"{self._name} cannot listen on {self._config.host}:{self._config.port}; "
                    f"set {self._setting} to a free port"
                )
            await asyncio.sleep(0.01)

    async def _serve(self) -> None:
        try:
            await self._server.serve()
        except SystemExit:
            return  # uvicorn exits on a bind error; start() tells

    async def close(self) -> None:
        """Stop listening."""
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=_SHUTDOWN_SECONDS + 1)


class _QuietServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave SIGTERM to the service: pages must be served while the last calls end."""
        yield
