"""ICMP errors of a UDP socket: which peer has nobody listening (RFC 3261 section 18.4; Linux: ip(7)).

An unconnected socket hears of them only with IP_RECVERR, by its error queue. Elsewhere the timers decide.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from collections.abc import Iterator

_IP_RECVERR, _IPV6_RECVERR = 11, 25
_ORIGINS = {2: 3, 3: 1}
"""Who reported (ICMP, ICMPv6): the type that means 'destination unreachable'. Others are to be ignored."""
_UNREACHABLE = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH})
_EXTENDED_ERROR = struct.Struct("=IBBBxII")
"""sock_extended_err: errno, origin, type, code, padding, info, data."""
MAX_REPORTS = 64


def bound_datagram_socket(host: str, port: int) -> socket.socket:
    """Return a UDP socket that keeps ICMP errors for `unreachable_peers`. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        if sys.platform == "linux":
            level, option = (
                (socket.IPPROTO_IPV6, _IPV6_RECVERR)
                if family == socket.AF_INET6
                else (socket.IPPROTO_IP, _IP_RECVERR)
            )
            made.setsockopt(level, option, 1)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


def unreachable_peers(datagrams: socket.socket) -> Iterator[tuple[str, int]]:
    """Empty the error queue; yield the destination of each packet that nobody could receive."""
    if sys.platform != "linux":
        return
    for _ in range(MAX_REPORTS):
        try:
            _, ancillary, _, destination = datagrams.recvmsg(0, 512, socket.MSG_ERRQUEUE)
        except OSError:  # empty, or the socket is closed
            return
        if destination and any(_is_unreachable(data) for _, _, data in ancillary):
            yield str(destination[0]), int(destination[1])


def _is_unreachable(data: bytes) -> bool:
    if len(data) < _EXTENDED_ERROR.size:
        return False
    number, origin, kind, *_ = _EXTENDED_ERROR.unpack_from(data)
    return number in _UNREACHABLE and _ORIGINS.get(origin) == kind
