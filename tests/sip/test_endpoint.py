"""The endpoint on real sockets of the loopback: UDP, TCP, TLS; no sleeps, everything is waited for."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.sip.bench import ANSWER, OFFER, request
from voicebot.errors import SipError
from voicebot.sip.admission import AdmissionConfig
from voicebot.sip.call_control import (
    Answered,
    CallControl,
    CallControlEvent,
    Ended,
    InfoReceived,
    Reoffered,
    Ringing,
    SetupFailed,
)
from voicebot.sip.call_handle import CallHandle, CallRefused
from voicebot.sip.core import UserAgentConfig
from voicebot.sip.endpoint import SipEndpoint, SipEndpointConfig
from voicebot.sip.timers import TimerValues
from voicebot.sip.transport import SocketConfig

QUICK = TimerValues(t1=0.02, t2=0.08, t4=0.05)


async def answer_and_listen(call: CallControl) -> None:
    call.ring()
    await call.accept(ANSWER)
    async for event in call.events():
        if isinstance(event, Reoffered):
            call.answer_reoffer(ANSWER)


@asynccontextmanager
async def endpoint(
    on_call: Callable[[CallControl], object] = answer_and_listen,
    *,
    sockets: SocketConfig | None = None,
    admission: AdmissionConfig | None = None,
    agent: UserAgentConfig | None = None,
) -> AsyncIterator[SipEndpoint]:
    config = SipEndpointConfig(
        sockets=sockets or SocketConfig(host="127.0.0.1", port=0),
        agent=agent or UserAgentConfig(timer_values=QUICK),
        admission=admission or AdmissionConfig(),
    )
    running = SipEndpoint(config, on_call)  # type: ignore[arg-type]
    await running.start()
    try:
        yield running
    finally:
        await running.close()
        assert running.task_count == 0


async def next_event(events: AsyncIterator[CallControlEvent]) -> CallControlEvent:
    async with asyncio.timeout(5):
        return await anext(events)


async def all_gone(*endpoints: SipEndpoint) -> None:
    """Wait until every transaction, timer and call has run out (2 s of QUICK timers at most)."""
    async with asyncio.timeout(10):
        for running in endpoints:
            while (left := running.statistics()).calls + left.transactions + left.timers:
                await asyncio.sleep(0.02)


def certificate(directory: Path) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, key_pem = directory / "cert.pem", directory / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return str(pem), str(key_pem)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_whole_call(transport: str, tmp_path: Path) -> None:
    pem, key = certificate(tmp_path)
    sockets = SocketConfig(
        host="127.0.0.1", port=0, tls_port=0, certificate=pem, private_key=key, ca_file=pem
    )
    heard: list[CallControlEvent] = []
    facts = []

    async def bot(call: CallControl) -> None:
        facts.append(call.facts)
        call.ring()
        assert await call.accept(ANSWER) is None
        async for event in call.events():
            heard.append(event)
            if isinstance(event, Reoffered):
                call.answer_reoffer(ANSWER)

    async with endpoint(bot, sockets=sockets) as callee, endpoint(sockets=sockets) as caller:
        port = callee.tls_port if transport == "tls" else callee.port
        uri = f"sip:bot@127.0.0.1:{port};transport={transport}"
        call = await caller.invite(uri, sdp=OFFER, from_user="jan", headers={"X-Line": "nl"})
        events = call.events()
        assert await next_event(events) == Ringing(180, None)
        assert await next_event(events) == Answered(ANSWER)
        assert await call.reinvite(OFFER) == ANSWER
        assert await call.send_info("application/dtmf-relay", "Signal=0") == 200
        await call.hang_up()
        assert await next_event(events) == Ended("us", "")
        await all_gone(callee, caller)
        assert facts[0].caller == "jan"
        assert facts[0].headers["x-line"] == "nl"
        assert facts[0].offer == OFFER
        assert heard == [
            Reoffered(OFFER),
            InfoReceived("application/dtmf-relay", "Signal=0"),
            Ended("peer", "BYE"),
        ]


async def test_bot_hangs_up_over_the_callers_connection() -> None:
    async def bot(call: CallControl) -> None:
        await call.accept(ANSWER)
        await call.hang_up()

    async with endpoint(bot) as callee, endpoint() as caller:
        call = await caller.invite(f"sip:bot@127.0.0.1:{callee.port};transport=tcp", sdp=OFFER)
        events = call.events()
        assert isinstance(await next_event(events), Answered)
        assert await next_event(events) == Ended("peer", "BYE")
        await all_gone(callee, caller)


async def test_refused_and_unreachable_calls() -> None:
    async def bot(call: CallControl) -> None:
        call.reject(486)

    async with endpoint(bot) as callee, endpoint() as caller:
        call = await caller.invite(f"sip:bot@127.0.0.1:{callee.port}", sdp=OFFER)
        assert await next_event(call.events()) == SetupFailed(486, "Busy Here")
        nobody = await caller.invite("sip:bot@127.0.0.1:1;transport=tcp", sdp=OFFER)
        assert await next_event(nobody.events()) == SetupFailed(503, "Service Unavailable")
        lost = await caller.invite("sip:bot@no-such-host.invalid", sdp=OFFER)
        assert await next_event(lost.events()) == SetupFailed(503, "Service Unavailable")
        for uri in ("tel:+31201234567", "sip:a@b:99999", "sip:a@b\r\nX: y", "http://x"):
            with pytest.raises(SipError):
                await caller.invite(uri, sdp=OFFER)
        await all_gone(callee, caller)


async def test_cancel_reaches_who_waits_in_accept() -> None:
    ringing = asyncio.Event()
    outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def bot(call: CallControl) -> None:
        call.ring()
        ringing.set()
        events = call.events()
        assert await next_event(events) == Ended("peer", "cancelled")
        try:
            await call.accept(ANSWER)
        except CallRefused as refused:
            outcome.set_result(f"{refused.status}")

    async with endpoint(bot) as callee, endpoint() as caller:
        call = await caller.invite(f"sip:bot@127.0.0.1:{callee.port}", sdp=OFFER)
        events = call.events()
        await next_event(events)
        await ringing.wait()
        await call.hang_up()
        assert await next_event(events) == Ended("us", "cancelled")
        assert await asyncio.wait_for(outcome, 5) == "487"
        await all_gone(callee, caller)


async def test_a_call_that_raises_or_forgets_is_refused() -> None:
    statuses = iter([500, 480])

    async def bot(call: CallControl) -> None:
        if next(statuses) == 500:
            raise RuntimeError("engine fault")

    async with endpoint(bot) as callee, endpoint() as caller:
        for status in (500, 480):
            call = await caller.invite(f"sip:bot@127.0.0.1:{callee.port}", sdp=OFFER)
            event = await next_event(call.events())
            assert isinstance(event, SetupFailed)
            assert event.status == status


class Peer(asyncio.DatagramProtocol):
    """A raw UDP socket whose datagrams are queued."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.received.put_nowait(data)


@asynccontextmanager
async def raw_peer(port: int) -> AsyncIterator[tuple[asyncio.DatagramTransport, Peer]]:
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(Peer, remote_addr=("127.0.0.1", port))
    try:
        yield transport, peer
    finally:
        transport.close()


async def test_bad_packets_do_not_stop_the_listener() -> None:
    via = "Via: SIP/2.0/UDP 127.0.0.1:99999;branch=z9hG4bKbad"
    async with endpoint() as running, raw_peer(running.port) as (transport, peer):
        for bad in (
            request(via=via).encode(),
            b"\0" * 100,
            b"\xff" * 60_000,
            request().encode()[:100],
            b"\r\n\r\n",
        ):
            transport.sendto(bad)
        transport.sendto(request("OPTIONS", via="Via: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKok").encode())
        answer = await asyncio.wait_for(peer.received.get(), 5)
        assert answer.startswith(b"SIP/2.0 200 OK")
        assert running.statistics().dropped == {"garbage": 3}


async def test_strangers_hear_nothing() -> None:
    admission = AdmissionConfig(networks=("192.0.2.0/24",))
    async with endpoint(admission=admission) as running, raw_peer(running.port) as (transport, peer):
        transport.sendto(request("OPTIONS").encode())
        async with asyncio.timeout(5):
            while running.statistics().dropped != {"source": 1}:
                await asyncio.sleep(0)
        assert peer.received.empty()


async def test_tcp_pings_pipelining_garbage_and_limits() -> None:
    sockets = SocketConfig(host="127.0.0.1", port=0, max_streams=2)
    via = "Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK{}"
    async with endpoint(sockets=sockets) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"\r\n\r\n")
        assert await asyncio.wait_for(reader.readexactly(2), 5) == b"\r\n"
        two = (request("OPTIONS", via=via.format(1)) + request("OPTIONS", via=via.format(2))).encode()
        writer.write(two[:40])
        await writer.drain()
        writer.write(two[40:])
        for branch in (b"z9hG4bK1", b"z9hG4bK2"):
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            assert answer.startswith(b"SIP/2.0 200 OK")
            assert branch in answer
        _, second = await asyncio.open_connection("127.0.0.1", running.port)
        third_reader, third = await asyncio.open_connection("127.0.0.1", running.port)
        with pytest.raises(ConnectionError):  # noqa: PT012 - the abort may be seen at either
            assert await asyncio.wait_for(third_reader.read(), 5) == b""
            raise ConnectionResetError
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionError):  # noqa: PT012
            assert await asyncio.wait_for(reader.read(), 5) == b""
            raise ConnectionResetError
        for each in (writer, second, third):
            each.close()


async def test_idle_and_half_sent_connections_are_closed() -> None:
    sockets = SocketConfig(host="127.0.0.1", port=0, idle_seconds=0.05, midway_seconds=0.05)
    async with endpoint(sockets=sockets) as running:
        for start in (b"", b"OPTIONS sip:a SIP/2.0\r\nVia"):
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(start)
            with pytest.raises(ConnectionError):  # noqa: PT012
                assert await asyncio.wait_for(reader.read(), 5) == b""
                raise ConnectionResetError
            writer.close()


async def test_a_lost_connection_is_opened_anew() -> None:
    connections: list[asyncio.StreamWriter] = []
    again = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        if len(connections) == 1:
            writer.transport.abort()
        elif head.startswith(b"INVITE"):
            again.set()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with endpoint() as caller:
        call = await caller.invite(f"sip:bot@127.0.0.1:{port};transport=tcp", sdp=OFFER)
        await asyncio.wait_for(again.wait(), 5)
        assert len(connections) == 2
        await call.hang_up()
    for writer in connections:
        writer.close()
    server.close()
    await server.wait_closed()


async def test_taken_port_is_said_so() -> None:
    async with endpoint() as running:
        other = SipEndpoint(
            SipEndpointConfig(SocketConfig(host="127.0.0.1", port=running.port)), answer_and_listen
        )
        with pytest.raises(SipError, match=str(running.port)):
            await other.start()


async def test_unreadable_certificate_is_said_so() -> None:
    sockets = SocketConfig(host="127.0.0.1", port=0, certificate="/nowhere.pem", private_key="/nowhere.key")
    with pytest.raises(SipError, match="certificate"):
        await SipEndpoint(SipEndpointConfig(sockets), answer_and_listen).start()


async def test_close_hangs_up_and_leaves_no_task_or_socket() -> None:
    before = asyncio.all_tasks()
    async with endpoint() as callee:
        async with endpoint() as caller:
            call = await caller.invite(f"sip:bot@127.0.0.1:{callee.port}", sdp=OFFER)
            events = call.events()
            assert isinstance(await next_event(events), Ringing)
            assert isinstance(await next_event(events), Answered)
        assert await next_event(events) == Ended("us", "")
        await all_gone(callee)
    assert asyncio.all_tasks() == before


async def test_two_hundred_calls_leave_nothing() -> None:
    async with endpoint() as callee, endpoint() as caller:

        async def one(transport: str) -> None:
            call: CallHandle[object] = await caller.invite(  # type: ignore[type-var,assignment]
                f"sip:bot@127.0.0.1:{callee.port};transport={transport}", sdp=OFFER
            )
            async for event in call.events():
                if isinstance(event, Answered):
                    await call.hang_up()

        for number in range(20):
            await asyncio.gather(*(one("udp" if number % 2 else "tcp") for _ in range(10)))
        await all_gone(callee, caller)
        assert callee.statistics().calls_received == 200
        assert callee.task_count == 0
        assert caller._sockets.stream_count <= 1
