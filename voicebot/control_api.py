"""The control API of the media process: health, metrics and live calls. Loopback by default."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import uvicorn
from fastapi import FastAPI, Response

from voicebot import __version__
from voicebot.errors import VoicebotError
from voicebot.metrics import CallMetrics


class LiveService(Protocol):
    """What the API shows of the running service."""

    def live_calls(self) -> list[dict[str, Any]]:
        """Facts of the calls that are up; no numbers, no texts."""

    def degraded(self) -> list[str]:
        """What does not work as it should, in words for an operator."""

    def health(self) -> dict[str, Any]:
        """State of workers, sockets and storage."""

    async def hang_up(self, call_id: str) -> bool:
        """End a call; False if there is none of that id."""


def build_api(service: LiveService, metrics: CallMetrics) -> FastAPI:
    """Return the application."""
    api = FastAPI(title="voicebot control", version=__version__, docs_url=None, redoc_url=None)

    @api.get("/health")
    async def health(response: Response) -> dict[str, Any]:
        state = service.health()
        if not state.get("can_answer", False):
            response.status_code = 503
        return {"version": __version__, "degraded": service.degraded(), **state}

    @api.get("/metrics")
    async def metrics_text() -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    @api.get("/calls")
    async def calls() -> list[dict[str, Any]]:
        return service.live_calls()

    @api.delete("/calls/{call_id}", status_code=204)
    async def hang_up(call_id: str, response: Response) -> None:
        if not await service.hang_up(call_id):
            response.status_code = 404

    return api


class ControlServer:
    """uvicorn on the media loop, without signal handlers of its own."""

    def __init__(self, api: FastAPI, host: str, port: int) -> None:
        self._config = uvicorn.Config(
            api, host=host, port=port, log_level="warning", access_log=False, lifespan="off", ws="none"
        )
        self._server = _QuietServer(self._config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen; raises VoicebotError when the port is taken."""
        self._task = asyncio.create_task(self._serve(), name="control-api")
        while not self._server.started:
            if self._task.done():
                raise VoicebotError(
                    f"the control API cannot listen on {self._config.host}:{self._config.port}; "
                    "set control.port to a free port"
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
            await asyncio.wait({self._task}, timeout=3)


class _QuietServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave SIGTERM to the service: the API must answer while the last calls end."""
        yield
