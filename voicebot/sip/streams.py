"""One TCP or TLS connection: framing, keep-alives, bounded writes, idle limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from voicebot.errors import SipParseError
from voicebot.sip.addressing import Hop, Transport
from voicebot.sip.stream_framing import StreamFramer

MAX_UNSENT_BYTES = 262_144


@dataclass(frozen=True, slots=True)
class StreamCallbacks:
    """`opened` says whether there is room; `closed` is called once for each stream that was opened."""

    opened: Callable[[Stream], bool]
    closed: Callable[[Stream], None]
    received: Callable[[bytes, Hop], None]
    dropped: Callable[[str], None]


class Stream(asyncio.Protocol):
    """A connection with its number. `limits`: idle seconds, and seconds that half a message may take.

    `name`: the host that we connected to, under which later requests find it.
    """

    def __init__(
        self,
        number: int,
        transport_name: Transport,
        callbacks: StreamCallbacks,
        *,
        limits: tuple[float, float],
        is_ours: bool,
        name: str = "",
    ) -> None:
        self.number, self._transport_name = number, transport_name
        self._callbacks, self._limits, self._is_ours, self._name = callbacks, limits, is_ours, name
        self._framer = StreamFramer()
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._was_midway = False
        self.hop = Hop(transport_name, "", 0, number)

    @property
    def key(self) -> tuple[str, str, int]:
        """Under which requests find this stream."""
        return (self._transport_name, self._name or self.hop.host, self.hop.port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or close it when there are too many."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername") or ("", 0)
        self.hop = Hop(self._transport_name, str(peer[0]), int(peer[1]), self.number)
        self._transport.set_write_buffer_limits(high=MAX_UNSENT_BYTES)
        if not self._callbacks.opened(self):
            self._transport.abort()
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Hand whole messages on."""
        try:
            messages = self._framer.feed(data)
        except SipParseError:
            self._callbacks.dropped("garbage")
            self.abort()
            return
        if self._framer.pings:
            self._framer.pings = 0
            self.write(b"\r\n")
        # the limit for half a message is not renewed by a byte now and then
        if not (self._was_midway and self._framer.is_midway and not messages):
            self._watch()
        self._was_midway = self._framer.is_midway
        for message in messages:
            self._callbacks.received(message, self.hop)

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the end."""
        if self._idle is not None:
            self._idle.cancel()
        self._callbacks.closed(self)

    def write(self, data: bytes) -> bool:
        """Send; False when the peer reads too slowly, and then it is disconnected."""
        if self._transport is None or self._transport.is_closing():
            return False
        if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self.abort()
            return False
        self._transport.write(data)
        return True

    def abort(self) -> None:
        """Close without flushing."""
        if self._transport is not None:
            self._transport.abort()

    def _watch(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        idle, midway = self._limits
        seconds = midway if self._framer.is_midway else idle
        # a connection of ours to a trunk carries its calls to us: the registrar decides when it ends
        if self._is_ours and not self._framer.is_midway:
            self._idle = None
            return
        self._idle = asyncio.get_running_loop().call_later(seconds, self.abort)
