"""The control API of the media process: health, metrics and live calls. Loopback by default."""

from __future__ import annotations

from typing import Any, Protocol

from fastapi import FastAPI, Response

from voicebot import __version__
from voicebot.http_server import HttpServer
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


class ControlServer(HttpServer):
    """The API on the media loop."""

    def __init__(self, api: FastAPI, host: str, port: int) -> None:
        super().__init__(api, host, port, name="the control API", setting="control.port")
