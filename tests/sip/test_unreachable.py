"""UDP peers that are gone: their machine's ICMP error is noticed at once (RFC 3261 section 18.4)."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

import pytest

from tests.sip.bench import OFFER
from tests.sip.test_endpoint import all_gone, endpoint, next_event
from voicebot.sip.addressing import Hop
from voicebot.sip.call_control import SetupFailed
from voicebot.sip.core import UserAgentConfig
from voicebot.sip.timers import TimerValues
from voicebot.sip.transport import SipSockets, SocketCallbacks, SocketConfig

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs IP_RECVERR")


@pytest.mark.parametrize(
    ("bind", "peer"), [("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "localhost"), ("::1", "[::1]")]
)
async def test_a_udp_port_where_nobody_listens_is_known_at_once(bind: str, peer: str) -> None:
    slow = UserAgentConfig(timer_values=TimerValues(t1=30))  # the timers take half an hour
    with socket.socket(socket.AF_INET6 if ":" in bind else socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind((bind, 0))
        port = gone.getsockname()[1]
    sockets = SocketConfig(host=bind, port=0)
    async with endpoint(sockets=sockets, agent=slow) as caller:
        call = await caller.invite(f"sip:bot@{peer}:{port}", sdp=OFFER)
        assert await next_event(call.events()) == SetupFailed(503, "Service Unavailable")
        await all_gone(caller)


async def test_an_error_of_one_peer_costs_another_no_packet() -> None:
    failed: list[Hop] = []
    nothing: Any = lambda *_: None  # noqa: E731
    sockets = SipSockets(
        SocketConfig(host="127.0.0.1", port=0),
        SocketCallbacks(
            received=nothing, failed=failed.append, lost=nothing, dropped=nothing, resolved=nothing
        ),
    )
    await sockets.open()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as alive,
    ):
        for each in (gone, alive):
            each.bind(("127.0.0.1", 0))
        alive.settimeout(5)
        nobody, somebody = (Hop("udp", *each.getsockname()) for each in (gone, alive))
        gone.close()
        for number in range(20):  # no turn of the loop between: the error waits when the next packet goes
            sockets.send(b"to nobody", nobody)
            sockets.send(b"%d" % number, somebody)
        assert [alive.recv(100) for _ in range(20)] == [b"%d" % number for number in range(20)]
    await asyncio.sleep(0)
    await sockets.close()
    assert set(failed) == {nobody}
