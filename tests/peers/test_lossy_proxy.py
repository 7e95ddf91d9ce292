"""The bad line is as bad as it says, and no worse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.peers.lossy_proxy import Line, LossyProxy
from tests.peers.ports import LOOPBACK, eventually


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data, addr)  # type: ignore[attr-defined]


class Client(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.got: list[int] = []

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.got.append(int(data))


@pytest.fixture
async def echo() -> AsyncIterator[tuple[str, int]]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Echo, (LOOPBACK, 0))
    yield transport.get_extra_info("sockname")
    transport.close()


async def through(proxy: LossyProxy, count: int) -> list[int]:
    transport, client = await asyncio.get_running_loop().create_datagram_endpoint(
        Client, remote_addr=(LOOPBACK, proxy.port)
    )
    for number in range(count):
        transport.sendto(str(number).encode())
        if number % 20 == 19:
            await asyncio.sleep(0)
    await eventually(
        lambda: not proxy._timers and proxy.forwarded + proxy.dropped >= count, "all was relayed"
    )
    seen = -1
    while seen != len(client.got):  # echoes still coming
        seen = len(client.got)
        for _ in range(50):
            await asyncio.sleep(0.001)
    transport.close()
    return client.got


async def test_a_good_line_loses_nothing_and_keeps_order(echo: tuple[str, int]) -> None:
    async with LossyProxy.to(echo) as proxy:
        assert await through(proxy, 100) == list(range(100))


async def test_loss_is_near_the_rate_both_ways_and_repeatable(echo: tuple[str, int]) -> None:
    async with LossyProxy.to(echo, Line(loss=0.2, seed=3)) as proxy:
        got = await through(proxy, 200)
    assert len(got) == pytest.approx(200 * 0.8 * 0.8, abs=20)
    assert proxy.dropped == pytest.approx(200 - len(got), abs=1)


async def test_jitter_delays_and_reorders_but_loses_nothing(echo: tuple[str, int]) -> None:
    async with LossyProxy.to(echo, Line(delay_ms=5, jitter_ms=20, duplicate=0.1)) as proxy:
        got = await through(proxy, 100)
    assert set(got) == set(range(100))
    assert got != sorted(got)
    assert len(got) > 100


async def test_two_clients_get_their_own_answers(echo: tuple[str, int]) -> None:
    async with LossyProxy.to(echo) as proxy:
        first, second = await asyncio.gather(through(proxy, 10), through(proxy, 5))
    assert (len(first), len(second)) == (10, 5)
