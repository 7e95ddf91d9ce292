"""Messages out of a byte stream by Content-Length: RFC 3261 section 18.3, keep-alives of RFC 5626. No I/O."""

from __future__ import annotations

import re

from voicebot.errors import SipParseError
from voicebot.sip.messages import MAX_HEADER_BYTES, MAX_MESSAGE_BYTES

_CONTENT_LENGTH = re.compile(
    rb"^(?:content-length|l)[ \t]*:[ \t]*(\d{1,6})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)


class StreamFramer:
    """Holds at most one unfinished message. `pings`: double CRLFs seen since it was last read."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.pings = 0

    @property
    def is_midway(self) -> bool:
        """A message has begun and is not whole."""
        return bool(self._buffer.strip(b"\r\n"))

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes, return the messages that are whole now.

        Raises SipParseError when the stream cannot be followed any longer: no Content-Length, or too large.
        """
        self._buffer += data
        messages = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _next(self) -> bytes | None:
        self._skip_keepalives()
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEADER_BYTES:
                raise SipParseError("headers have no end")
            return None
        lengths = _CONTENT_LENGTH.findall(bytes(self._buffer[: end + 2]))
        if end > MAX_HEADER_BYTES or len(lengths) != 1 or int(lengths[0]) > MAX_MESSAGE_BYTES:
            raise SipParseError("no usable Content-Length")
        total = end + 4 + int(lengths[0])
        if len(self._buffer) < total:
            return None
        message = bytes(self._buffer[:total])
        del self._buffer[:total]
        return message

    def _skip_keepalives(self) -> None:
        while self._buffer.startswith(b"\r\n\r\n"):
            self.pings += 1
            del self._buffer[:4]
        if self._buffer.startswith(b"\r\n") and bytes(self._buffer[2:3]) not in (b"", b"\r"):
            del self._buffer[:2]
