"""A page of the desk without a browser: speaks ASGI to the application in the test's own loop."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
from fastapi import FastAPI

ORIGIN = "http://desk.test"
HOST = "desk.test"


def web_client(app: FastAPI, address: str = "10.1.1.1") -> httpx.AsyncClient:
    """HTTP as a page of ours does it."""
    transport = httpx.ASGITransport(app, client=(address, 5000))
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"origin": ORIGIN})


async def log_in(app: FastAPI, agent: str, password: str) -> str:
    """Return the Cookie header of a new session."""
    async with web_client(app) as client:
        response = await client.post("/desk/login", json={"agent": agent, "password": password})
        assert response.status_code == 200, response.text
        return response.headers["set-cookie"].split(";")[0]


class DeskPage:
    """One open page. `said`: what the server sent, in order. `answers_pings`: its network is there."""

    def __init__(self, app: FastAPI, cookie: str, tab: str = "tab-00000001", origin: str = ORIGIN) -> None:
        self._app, self.tab = app, tab
        headers = [(b"host", HOST.encode()), (b"cookie", cookie.encode()), (b"origin", origin.encode())]
        self._scope = {
            "type": "websocket",
            "path": "/desk/socket",
            "raw_path": b"/desk/socket",
            "query_string": f"tab={tab}".encode(),
            "headers": headers,
            "scheme": "ws",
            "client": ("10.1.1.1", 5000),
            "server": (HOST, 80),
            "subprotocols": [],
            "extensions": {},
        }
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._changed = asyncio.Event()
        self.said: list[dict[str, Any]] = []
        self.is_accepted = False
        self.close_code: int | None = None
        self.answers_pings = True
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> DeskPage:
        """Connect; returns when accepted or refused."""
        self._to_app.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.create_task(self._app(self._scope, self._to_app.get, self._from_app))
        while not self.is_accepted and self.close_code is None:
            await self._next()
        return self

    async def _from_app(self, message: Any) -> None:
        match message["type"]:
            case "websocket.accept":
                self.is_accepted = True
            case "websocket.close":
                self.close_code = message.get("code", 1000)
            case "websocket.send":
                said = json.loads(message["text"])
                if said["type"] != "ping":
                    self.said.append(said)
                elif self.answers_pings:
                    self.say(type="alive")
        self._changed.set()

    async def _next(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def say(self, **message: Any) -> None:
        self.say_text(json.dumps(message))

    def say_text(self, text: str) -> None:
        self._to_app.put_nowait({"type": "websocket.receive", "text": text})

    def say_bytes(self, data: bytes) -> None:
        self._to_app.put_nowait({"type": "websocket.receive", "bytes": data})

    async def heard(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """Wait for a message of that type with those fields; it and those before it are taken out."""
        async with asyncio.timeout(60):
            while True:
                for index, said in enumerate(self.said):
                    if said["type"] == kind and wanted.items() <= said.items():
                        del self.said[: index + 1]
                        return said
                await self._next()

    async def closed(self) -> int:
        """Wait until the server has closed it; the code."""
        async with asyncio.timeout(60):
            while self.close_code is None:
                await self._next()
        await self.gone()
        return self.close_code

    def leave(self) -> None:
        """The browser closes it."""
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1001})

    def breaks(self) -> None:
        """The connection breaks without a word."""
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def gone(self) -> None:
        """Wait until the server has done with it."""
        if self._task is not None:
            await self._task

    async def aclose(self) -> None:
        self.leave()
        await self.gone()
