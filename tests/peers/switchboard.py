"""Telephones of several agents behind one SIP address: each new call goes to the next one in line.

Datagrams are passed on unchanged by Call-ID (responses come back the same way; what is in a dialog goes
round it, to the Contact). So one destination of the bot can be busy, silent and willing in one test.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.peers.ports import LOOPBACK, eventually

Address = tuple[str, int]
_CALL_ID = re.compile(rb"(?im)^(?:call-id|i)[ \t]*:[ \t]*(\S+)")


class _Towards(asyncio.DatagramProtocol):
    def __init__(self, board: Switchboard, caller: Address) -> None:
        self._board, self._caller = board, caller

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._board.answered(data, self._caller)

    def error_received(self, exc: Exception) -> None:
        """The agent's port is closed: the caller is left without an answer, as with a host that is off."""


class Switchboard(asyncio.DatagramProtocol):
    """`in_line`: ports of the agents for the calls to come. `calls`: how many came."""

    def __init__(self) -> None:
        self.in_line: deque[int] = deque()
        self.calls = 0
        self._routes: dict[bytes, asyncio.Task[asyncio.DatagramTransport]] = {}
        self._front: asyncio.DatagramTransport | None = None

    @classmethod
    @asynccontextmanager
    async def on(cls, port: int) -> AsyncIterator[Switchboard]:
        """Listen on a loopback port."""
        loop = asyncio.get_running_loop()
        transport, board = await loop.create_datagram_endpoint(cls, (LOOPBACK, port))
        board._front = transport
        try:
            yield board
        finally:
            transport.close()
            for ready in await asyncio.gather(*board._routes.values(), return_exceptions=True):
                if not isinstance(ready, BaseException):
                    ready.close()

    async def has_put_through(self, calls: int, seconds: float = 30.0) -> None:
        """Wait until so many calls came since the start."""
        await eventually(lambda: self.calls >= calls, f"call {calls} reaches the agents", seconds)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Pass a request on."""
        found = _CALL_ID.search(data)
        if found is None:
            return
        route = self._routes.get(found[1])
        if route is None:
            if not self.in_line or not data.startswith(b"INVITE"):
                return
            self.calls += 1
            opening = self._open(addr, self.in_line.popleft())
            route = self._routes[found[1]] = asyncio.create_task(opening, name="switchboard-route")
        route.add_done_callback(lambda ready: None if ready.cancelled() else ready.result().sendto(data))

    def answered(self, data: bytes, caller: Address) -> None:
        """Pass a response back."""
        if self._front is not None:
            self._front.sendto(data, caller)

    async def _open(self, caller: Address, port: int) -> asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Towards(self, caller), (LOOPBACK, 0), (LOOPBACK, port)
        )
        return transport
