"""The media gateway: a WebSocket server for Twilio Media Streams messages; each stream is a leg.

A connection is judged before its upgrade (source, token or signature, number of connections), must say
`start` in time, and lives until either side ends it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from voicebot.errors import MediaError
from voicebot.media.leg import DigitPressed, Leg, LegEndCause, LegInfo
from voicebot.media.media_stream_guard import Access, Doorkeeper
from voicebot.media.media_stream_leg import StreamLeg, StreamLimits
from voicebot.media.media_stream_messages import (
    POLICY,
    PROTOCOL_ERROR,
    Connected,
    Dtmf,
    Mark,
    MessageRefused,
    Started,
    Stopped,
    StreamMessage,
    Unknown,
    clear_message,
    mark_message,
    media_to_gateway,
    parse,
)
from voicebot.media.media_stream_socket import StreamSocket
from voicebot.media.media_stream_tones import dtmf_audio
from voicebot.media.ticker import Ticker

_log = structlog.get_logger()
_MAX_MESSAGE_BYTES = 64 * 1024
_SEND_BUFFER_BYTES = 32 * 1024
_KEY_MS = 100
_CLOSE_SECONDS = 2
_REJECTED = 4000
"""Close codes 4000-4999 are an application's own (RFC 6455 §7.4.2): ours is 4000 plus the SIP status."""


@dataclass(frozen=True, slots=True)
class MediaStreamConfig:
    """Where the gateway listens and what it allows. Times in seconds."""

    access: Access
    host: str = "0.0.0.0"  # noqa: S104 - reached by gateways; token, signature and allow-list guard it
    port: int = 8765
    max_connections: int = 50
    start_seconds: float = 5.0
    end_seconds: float = 10.0
    limits: StreamLimits = field(default_factory=StreamLimits)


class MediaStreamLeg(StreamLeg):
    """The bot's side of one stream. It rings from `start` until `answer()`; audio before that is dropped."""

    def __init__(self, stream: StreamSocket, ticker: Ticker, started: Started, limits: StreamLimits) -> None:
        parameters = {name.lower(): value for name, value in started.parameters.items()}
        info = LegInfo(
            leg_id=uuid.uuid4().hex,
            kind="media_stream",
            caller=parameters.get("caller") or parameters.get("from", ""),
            called=parameters.get("called") or parameters.get("to", ""),
            codec="",
            peer_call_id=started.call_sid or started.stream_sid,
            inbound=True,
        )
        super().__init__(stream, ticker, info, limits)
        self._stream_sid = started.stream_sid

    async def answer(self) -> None:
        """Accept: audio flows from now on. Raises MediaError when the stream has ended."""
        if self._signals.ended is not None:
            raise MediaError("the stream ended before it was answered")
        self._info = replace(self._info, codec="PCMU/8000")
        self._start_media()

    def end(self, reason: str) -> None:
        """End the stream without waiting."""
        self._close_code, self._close_reason = 1001, reason
        self._end(LegEndCause.US, reason)

    async def reject(self, status: int, reason: str = "") -> None:
        """Refuse: the stream is closed with 4000 plus the SIP status."""
        self._close_code, self._close_reason = _REJECTED + status % 1000, reason[:100]
        await self.hang_up(f"{status} {reason}".strip())

    async def send_digits(self, digits: str) -> None:
        """Play DTMF tones, since the protocol has no other way; returns when they were sent."""
        playback = self._playout.begin("dtmf")
        playback.write(dtmf_audio(digits))
        playback.close()
        await playback.finished()

    def _take(self, message: StreamMessage) -> None:
        match message:
            case Dtmf(digit):
                self._signals.push(DigitPressed(digit, _KEY_MS))
            case Mark(name):
                self._playout.confirm(name)
            case Stopped():
                self._end(LegEndCause.PEER, "stop")
            case _:
                raise MessageRefused("unexpected message", PROTOCOL_ERROR)

    def _media_text(self, payload: bytes) -> str:
        return media_to_gateway(self._stream_sid, payload)

    def _send_mark(self, name: str) -> None:
        self._socket.send(mark_message(self._stream_sid, name))

    def _send_clear(self) -> None:
        self._socket.drop_audio()
        self._socket.send(clear_message(self._stream_sid))


def _start_of(text: str | bytes) -> Started | None:
    """Read a message before the call: `start`, or one that may come before it (None)."""
    match parse(text).message:
        case Started() as started:
            return started
        case Connected() | Unknown():
            return None
        case _:
            raise MessageRefused("start must come first", PROTOCOL_ERROR)


OnLeg = Callable[[Leg], Awaitable[None]]


class MediaStreamServer:
    """Listens for streams and calls `on_leg` with each; when that returns the stream is closed."""

    def __init__(self, config: MediaStreamConfig, on_leg: OnLeg, ticker: Ticker) -> None:
        self.refused = 0
        self._config, self._on_leg, self._ticker = config, on_leg, ticker
        self._door = Doorkeeper(config.access)
        self._server: Server | None = None
        self._open = 0
        self._legs: set[MediaStreamLeg] = set()

    @property
    def connections(self) -> int:
        """Streams that are open now."""
        return self._open

    @property
    def port(self) -> int:
        """The port in use (of interest when 0 was asked for)."""
        assert self._server is not None
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def start(self) -> None:
        """Listen. Raises OSError when the address is in use."""
        quiet = logging.getLogger(
            "voicebot.media_stream.websockets"
        )  # it logs URLs, which may hold the token
        quiet.setLevel(logging.CRITICAL)
        self._server = await serve(
            self._serve,
            self._config.host,
            self._config.port,
            process_request=self._judge,
            compression=None,
            max_size=_MAX_MESSAGE_BYTES,
            max_queue=64,
            write_limit=4096,
            open_timeout=self._config.start_seconds,
            close_timeout=_CLOSE_SECONDS,
            logger=quiet,
        )

    async def close(self) -> None:
        """Stop listening, end all streams, wait until each is closed. Bounded time."""
        if self._server is None:
            return
        for leg in tuple(self._legs):
            leg.end("going away")
        self._server.close()
        await self._server.wait_closed()

    def _judge(self, connection: ServerConnection, request: Request) -> Response | None:
        source = str(connection.remote_address[0]) if connection.remote_address else ""
        status = self._door.judge(source, request.path, request.headers, self._ticker.clock())
        if status is None and self._open >= self._config.max_connections:
            status = HTTPStatus.SERVICE_UNAVAILABLE
        if status is None:
            return None
        self.refused += 1
        _log.warning("stream.not_admitted", status=status.value, source=source)
        return connection.respond(status, f"{status.phrase}\n")

    async def _serve(self, connection: ServerConnection) -> None:
        if self._open >= self._config.max_connections:  # several may have been judged at once
            await connection.close(1013, "too many streams")
            return
        self._open += 1
        try:
            raw: socket.socket = connection.transport.get_extra_info("socket")
            # a peer that does not read must not get half a minute of audio into the kernel's buffers
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            started = await self._wait_start(connection)
            if started is not None:
                await self._live(connection, started)
        finally:
            self._open -= 1

    async def _wait_start(self, connection: ServerConnection) -> Started | None:
        """Read up to the start message; closes and returns None when it does not come as it should."""
        try:
            async with asyncio.timeout(self._config.start_seconds):
                stream = StreamSocket(connection)
                while (text := await stream.receive()) is not None:
                    if (started := _start_of(text)) is not None:
                        return started
        except MessageRefused as refused:
            _log.warning("stream.refused", why=refused.reason)
            await connection.close(refused.close_code, refused.reason)
        except TimeoutError:
            await connection.close(POLICY, "no start message in time")
        return None

    async def _live(self, connection: ServerConnection, started: Started) -> None:
        leg = MediaStreamLeg(StreamSocket(connection), self._ticker, started, self._config.limits)
        call = asyncio.create_task(self._call(leg), name=f"stream-call {leg.info.leg_id}")
        self._legs.add(leg)
        try:
            await leg.run()
            await asyncio.wait({call}, timeout=self._config.end_seconds)
        finally:
            self._legs.discard(leg)
            call.cancel()
            await asyncio.wait({call})

    async def _call(self, leg: MediaStreamLeg) -> None:
        try:
            await self._on_leg(leg)
        except Exception as error:  # noqa: BLE001 - edge: one call must not take the gateway down
            _log.error("stream.call_failed", leg_id=leg.info.leg_id, error=type(error).__name__)
        finally:
            await leg.hang_up("call over")
