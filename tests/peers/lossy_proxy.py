"""A bad line: a UDP relay that drops, delays and reorders, repeatable by its seed.

One relay serves many clients: each client address gets a socket of its own towards the target, so that
answers find their way back. For SIP the peers' Via needs rport; Contact and SDP go round the relay.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.peers.ports import LOOPBACK

Address = tuple[str, int]


@dataclass
class Line:
    """What happens to a datagram, in either direction. Rates 0..1; may be changed while it runs.

    `delay_ms` plus up to `jitter_ms` more (which alone reorders, where it exceeds the packet interval).
    `reorder`: share held back `reorder_by_ms` longer. `duplicate`: share sent twice.
    """

    loss: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    reorder: float = 0.0
    reorder_by_ms: float = 40.0
    duplicate: float = 0.0
    seed: int = 1


class _Socket(asyncio.DatagramProtocol):
    """Hands what it receives to the proxy."""

    def __init__(self, proxy: LossyProxy, client: Address | None) -> None:
        self._proxy, self._client = proxy, client

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._proxy.received(data, addr if self._client is None else None, self._client)

    def error_received(self, exc: Exception) -> None:
        """ICMP port unreachable: the peer is gone, which is none of the line's business."""


def bound_socket() -> socket.socket:
    """Make a non-blocking UDP socket on a free loopback port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((LOOPBACK, 0))
    sock.setblocking(False)
    return sock


class LossyProxy:
    """Use as `async with LossyProxy.to(target, Line(loss=0.05)) as proxy:`; peers send to `proxy.port`."""

    def __init__(self, target: Address, line: Line) -> None:
        self.line = line
        self.port = 0
        self.forwarded = self.dropped = 0
        self._target = target
        self._random = random.Random(line.seed)
        self._front: asyncio.DatagramTransport | None = None
        self._backs: dict[Address, asyncio.Future[asyncio.DatagramTransport]] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()

    @classmethod
    @asynccontextmanager
    async def to(cls, target: Address, line: Line | None = None) -> AsyncIterator[LossyProxy]:
        """Run one on a free loopback port."""
        proxy = cls(target, line or Line())
        await proxy.listen(bound_socket())
        try:
            yield proxy
        finally:
            await proxy.close()

    async def listen(self, sock: socket.socket) -> None:
        """Take datagrams from a bound socket."""
        self.port = sock.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._front, _ = await loop.create_datagram_endpoint(lambda: _Socket(self, None), sock=sock)

    def received(self, data: bytes, sender: Address | None, client: Address | None) -> None:
        """Decide the fate of a datagram from `sender` (a client), or from the target for `client`."""
        line = self.line
        for _ in range(2 if self._random.random() < line.duplicate else 1):
            if self._random.random() < line.loss:
                self.dropped += 1
                continue
            delay_ms = line.delay_ms + self._random.random() * line.jitter_ms
            if self._random.random() < line.reorder:
                delay_ms += line.reorder_by_ms
            self._after(delay_ms / 1000, data, sender, client)

    def _after(self, seconds: float, data: bytes, sender: Address | None, client: Address | None) -> None:
        if seconds <= 0:
            self._forward(data, sender, client)
            return

        def due() -> None:
            self._timers.discard(timer)
            self._forward(data, sender, client)

        timer = asyncio.get_running_loop().call_later(seconds, due)
        self._timers.add(timer)

    def _forward(self, data: bytes, sender: Address | None, client: Address | None) -> None:
        if sender is None:
            if self._front is not None and client is not None:
                self.forwarded += 1
                self._front.sendto(data, client)
            return
        back = self._backs.get(sender)
        if back is None:
            back = self._backs[sender] = asyncio.get_running_loop().create_future()
            opening = asyncio.create_task(self._open(sender, back), name="lossy-proxy-open")
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)
        self.forwarded += 1
        back.add_done_callback(lambda ready: None if ready.cancelled() else ready.result().sendto(data))

    async def _open(self, client: Address, back: asyncio.Future[asyncio.DatagramTransport]) -> None:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Socket(self, client), (LOOPBACK, 0), self._target
        )
        back.set_result(transport)

    async def close(self) -> None:
        """Drop what is under way."""
        for timer in self._timers:
            timer.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        for back in self._backs.values():
            if back.done():
                back.result().close()
            else:
                back.cancel()
        if self._front is not None:
            self._front.close()
