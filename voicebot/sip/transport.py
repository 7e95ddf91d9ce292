"""The sockets: UDP, TCP and TLS on one asyncio loop (RFC 3261 section 18). The only I/O of `voicebot.sip`.

Nothing is decided here but where bytes go. A packet that cannot be sent is reported, never raised.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal, cast

from voicebot.errors import SipError
from voicebot.sip.addressing import Hop, Transport
from voicebot.sip.streams import Stream, StreamCallbacks
from voicebot.sip.unreachable import bound_datagram_socket, unreachable_peers

BIND_ATTEMPTS = 20
MAX_NAMES = 256
MAX_UNSENT_DATAGRAM_BYTES = 1_048_576
_ADVERTISE_FALLBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class SocketConfig:
    """Where to listen. `host`: IP literal; `port`: for UDP and TCP, 0 for any free one.

    `tls_port` counts when `certificate` and `private_key` (PEM paths) are given; `ca_file` verifies peers
    that we connect to, the system's store when empty. `advertised_host`: what Via and Contact say, the
    local address towards the peer when empty. `max_streams`: connections open at once.
    `idle_seconds`: a connection that sends nothing, or half a message, is closed. `name_seconds`: how long
    a host name's address is trusted.
    """

    host: str = "0.0.0.0"  # noqa: S104 - a phone service listens on every interface; admission decides
    port: int = 5060
    tls_port: int = 5061
    advertised_host: str = ""
    certificate: str = ""
    private_key: str = ""
    ca_file: str = ""
    max_streams: int = 512
    max_waiting_messages: int = 32
    connect_seconds: float = 5.0
    idle_seconds: float = 300.0
    midway_seconds: float = 30.0
    name_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class SocketCallbacks:
    """Called on the loop, one at a time. `resolved(name, address)`: a host name was looked up."""

    received: Callable[[bytes, Hop], None]
    failed: Callable[[Hop], None]
    lost: Callable[[Hop], None]
    dropped: Callable[[str], None]
    resolved: Callable[[str, str], None]


class SipSockets:
    """Listening sockets, open streams, and the names that were looked up."""

    def __init__(self, config: SocketConfig, callbacks: SocketCallbacks) -> None:
        self._config, self._callbacks = config, callbacks
        self._udp: asyncio.DatagramTransport | None = None
        self._servers: list[asyncio.Server] = []
        self._streams: dict[int, Stream] = {}
        self._by_address: dict[tuple[str, str, int], Stream] = {}
        self._connecting: dict[tuple[str, str, int], list[bytes]] = {}
        self._names: dict[str, tuple[str, float]] = {}
        self._local: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server_tls: ssl.SSLContext | None = None
        self._client_tls: ssl.SSLContext | None = None
        self._serial = self._reports = 0
        self._is_open = False
        self.port = config.port
        self.tls_port = config.tls_port

    @property
    def stream_count(self) -> int:
        """Open connections."""
        return len(self._streams)

    async def open(self) -> None:
        """Bind. Raises SipError with the port when it is taken or the certificate is unusable."""
        config = self._config
        self._load_certificates()
        for attempt in range(BIND_ATTEMPTS):
            try:
                await self._bind_plain()
                break
            except OSError as error:
                self._close_listeners()
                if config.port or attempt == BIND_ATTEMPTS - 1:
                    raise SipError(
                        f"cannot listen on {config.host} port {config.port}: {_why(error)}"
                    ) from error
        if self._server_tls is not None:
            try:
                server = await self._listen("tls", config.tls_port, self._server_tls)
            except OSError as error:
                self._close_listeners()
                raise SipError(f"cannot listen on TLS port {config.tls_port}: {_why(error)}") from error
            self.tls_port = server.sockets[0].getsockname()[1]
        self._is_open = True

    async def close(self) -> None:
        """Close everything; waits for the tasks of its own."""
        self._is_open = False
        self._close_listeners()
        for stream in list(self._streams.values()):
            stream.abort()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    def local_address(self, hop: Hop) -> tuple[str, int]:
        """Address of ours to put into Via and Contact of messages to `hop`."""
        port = self.tls_port if hop.transport == "tls" else self.port
        if self._config.advertised_host:
            return self._config.advertised_host, port
        if not ipaddress.ip_address(self._config.host).is_unspecified:
            return self._config.host, port
        name = self._names.get(hop.host)
        host = name[0] if name else hop.host
        if host not in self._local:
            if len(self._local) >= MAX_NAMES:
                self._local.clear()
            self._local[host] = _address_towards(host)
        return self._local[host], port

    def send(self, data: bytes, hop: Hop) -> None:
        """Send, now or when the connection or the name is there. Failures come as `failed(hop)`, later."""
        if not self._is_open:
            return
        if hop.is_reliable:
            self._send_stream(data, hop)
        elif _is_literal(hop.host):
            self._send_datagram(data, hop, hop.host)
        else:
            known = self._names.get(hop.host)
            if known is not None and known[1] > asyncio.get_running_loop().time():
                self._send_datagram(data, hop, known[0])
            else:
                self._spawn(self._resolve_and_send(data, hop), hop)

    async def resolve(self, host: str) -> str:
        """Address of a host name. Raises OSError."""
        if _is_literal(host):
            return host
        loop = asyncio.get_running_loop()
        known = self._names.get(host)
        if known is not None and known[1] > loop.time():
            return known[0]
        family = socket.AF_INET6 if ":" in self._config.host else socket.AF_INET
        found = await loop.getaddrinfo(host, None, family=family, type=socket.SOCK_DGRAM)
        if not found:
            raise OSError(f"no address for {host}")
        address = str(found[0][4][0])
        if len(self._names) >= MAX_NAMES:
            self._names.pop(next(iter(self._names)))
        self._names[host] = (address, loop.time() + self._config.name_seconds)
        self._callbacks.resolved(host, address)
        return address

    # --- UDP ---

    def _send_datagram(self, data: bytes, hop: Hop, address: str) -> None:
        # asyncio closes the whole socket when sendto raises anything but OSError (a bad port does)
        if self._udp is None or self._udp.is_closing() or not 1 <= hop.port <= 65535:
            self._fail_later(hop)
            return
        if (":" in address) != (":" in self._config.host):
            self._fail_later(hop)
            return
        if cast(asyncio.WriteTransport, self._udp).get_write_buffer_size() > MAX_UNSENT_DATAGRAM_BYTES:
            self._callbacks.dropped("send_buffer")
            return
        reports = self._reports
        self._udp.sendto(data, (address, hop.port))
        if self._reports != reports:  # an ICMP error of an earlier packet came instead of the sending
            self._udp.sendto(data, (address, hop.port))

    def _note_unreachable(self, datagrams: socket.socket) -> None:
        """Fail what waits for a peer whose machine says that nobody listens (RFC 3261 section 18.4)."""
        self._reports += 1
        for address, port in set(unreachable_peers(datagrams)):
            names = [name for name, (found, _) in self._names.items() if found == address]
            for host in (address, *names):
                self._fail_later(Hop("udp", host, port))

    async def _resolve_and_send(self, data: bytes, hop: Hop) -> None:
        address = await self.resolve(hop.host)
        self._send_datagram(data, hop, address)

    # --- streams ---

    def _send_stream(self, data: bytes, hop: Hop) -> None:
        key = (hop.transport, hop.host, hop.port)
        stream = self._streams.get(hop.connection) or self._by_address.get(key)
        if stream is not None:
            if not stream.write(data):
                self._callbacks.dropped("slow_stream")
            return
        waiting = self._connecting.get(key)
        if waiting is not None:
            if len(waiting) < self._config.max_waiting_messages:
                waiting.append(data)
            else:
                self._callbacks.dropped("slow_stream")
            return
        if hop.transport == "tls" and self._client_tls is None:
            self._client_tls = ssl.create_default_context(cafile=self._config.ca_file or None)
        self._connecting[key] = [data]
        self._spawn(self._connect(key, hop), hop)

    async def _connect(self, key: tuple[str, str, int], hop: Hop) -> None:
        try:
            async with asyncio.timeout(self._config.connect_seconds):
                address = await self.resolve(hop.host)
                _, stream = await asyncio.get_running_loop().create_connection(
                    lambda: self._new_stream(hop.transport, is_ours=True, name=hop.host),
                    address,
                    hop.port,
                    ssl=self._client_tls if hop.transport == "tls" else None,
                    server_hostname=hop.host if hop.transport == "tls" else None,
                )
            for data in self._connecting[key]:
                stream.write(data)
        finally:
            del self._connecting[key]

    def _new_stream(self, transport: Transport, *, is_ours: bool, name: str = "") -> Stream:
        self._serial += 1
        callbacks = StreamCallbacks(
            self._stream_opened, self._stream_closed, self._callbacks.received, self._callbacks.dropped
        )
        config = self._config
        return Stream(
            self._serial,
            transport,
            callbacks,
            limits=(config.idle_seconds, config.midway_seconds),
            is_ours=is_ours,
            name=name,
        )

    def _stream_opened(self, stream: Stream) -> bool:
        if not self._is_open or len(self._streams) >= self._config.max_streams:
            self._callbacks.dropped("too_many_streams")
            return False
        self._streams[stream.number] = stream
        self._by_address[stream.key] = stream
        return True

    def _stream_closed(self, stream: Stream) -> None:
        if self._streams.pop(stream.number, None) is None:
            return
        if self._by_address.get(stream.key) is stream:
            del self._by_address[stream.key]
        if self._is_open:
            self._callbacks.lost(stream.hop)

    # --- listening ---

    async def _bind_plain(self) -> None:
        config, loop = self._config, asyncio.get_running_loop()
        server = await self._listen("tcp", config.port, None)
        self.port = server.sockets[0].getsockname()[1]
        datagrams = bound_datagram_socket(config.host, self.port)
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._callbacks, lambda: self._note_unreachable(datagrams)), sock=datagrams
        )

    async def _listen(
        self, transport: Literal["tcp", "tls"], port: int, context: ssl.SSLContext | None
    ) -> asyncio.Server:
        server = await asyncio.get_running_loop().create_server(
            lambda: self._new_stream(transport, is_ours=False),
            self._config.host,
            port,
            ssl=context,
            ssl_handshake_timeout=self._config.connect_seconds if context else None,
        )
        self._servers.append(server)
        return server

    def _load_certificates(self) -> None:
        config = self._config
        if not config.certificate:
            return
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(config.certificate, config.private_key or None)
        except (OSError, ssl.SSLError) as error:
            raise SipError("the TLS certificate or its key cannot be read") from error
        self._server_tls = context

    def _close_listeners(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()
        if self._udp is not None:
            self._udp.abort()
            self._udp = None

    # --- tasks ---

    def _spawn(self, work: Coroutine[Any, Any, None], hop: Hop) -> None:
        if len(self._tasks) >= self._config.max_streams:
            work.close()
            self._connecting.pop((hop.transport, hop.host, hop.port), None)
            self._callbacks.dropped("too_many_connects")
            self._fail_later(hop)
            return
        task = asyncio.get_running_loop().create_task(
            self._reporting(work, hop), name=f"sip-send-{hop.transport}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reporting(self, work: Coroutine[Any, Any, None], hop: Hop) -> None:
        try:
            await work
        except (OSError, TimeoutError, ssl.SSLError, UnicodeError, ValueError):
            self._callbacks.failed(hop)

    def _fail_later(self, hop: Hop) -> None:
        asyncio.get_running_loop().call_soon(self._callbacks.failed, hop)


class _Datagrams(asyncio.DatagramProtocol):
    """Hands datagrams on, and tells of errors that the socket reports."""

    def __init__(self, callbacks: SocketCallbacks, has_errors: Callable[[], None]) -> None:
        self._callbacks, self._has_errors = callbacks, has_errors

    def datagram_received(self, data: bytes, addr: tuple[str, int] | tuple[str, int, int, int]) -> None:
        self._callbacks.received(data, Hop("udp", addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        self._has_errors()


def _why(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _address_towards(host: str) -> str:
    """Local address that packets to `host` (an IP literal) leave from; no packet is sent."""
    if not _is_literal(host):
        return _ADVERTISE_FALLBACK
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError:
            return _ADVERTISE_FALLBACK
        return str(probe.getsockname()[0])
