"""Pairs of UDP sockets (RTP even, RTCP odd; RFC 3550 §11) from a configured range."""

from __future__ import annotations

import ipaddress
import socket

from voicebot.errors import MediaError

_RECEIVE_BUFFER_BYTES = 256 * 1024


class RtpPorts:
    """Hands out bound sockets round robin, so that a port just closed is used again as late as possible.

    `host`: IP literal to bind. `first`, `last`: the range, inclusive; odd ends are not used.
    """

    def __init__(self, host: str, first: int = 20000, last: int = 29999) -> None:
        self.host = host
        self._family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
        self._even = range(first + first % 2, last, 2)
        if not 0 < first < last < 65536 or not self._even:
            raise MediaError(f"RTP port range {first}-{last} holds no pair")
        self._next = 0

    @property
    def capacity(self) -> int:
        """Sessions that the range has room for."""
        return len(self._even)

    def bind(self) -> tuple[socket.socket, socket.socket]:
        """Bind the next free pair (RTP, RTCP), non-blocking. Raises MediaError when none is free."""
        for _ in range(len(self._even)):
            port = self._even[self._next]
            self._next = (self._next + 1) % len(self._even)
            pair = self._try(port)
            if pair is not None:
                return pair
        raise MediaError("all RTP ports are in use")

    def _try(self, port: int) -> tuple[socket.socket, socket.socket] | None:
        sockets: list[socket.socket] = []
        try:
            for number in (port, port + 1):
                sock = socket.socket(self._family, socket.SOCK_DGRAM)
                sockets.append(sock)
                sock.setblocking(False)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
                sock.bind((self.host, number))
        except OSError:
            for sock in sockets:
                sock.close()
            return None
        return sockets[0], sockets[1]
