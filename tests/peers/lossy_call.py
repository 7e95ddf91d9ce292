"""A bad line for whole calls: a relay for SIP that leads the RTP of both directions through bad lines too.

It rewrites the port of the audio line in the session descriptions that pass. In-dialog requests go round it
(Contact is left alone), so what is lost is mostly media; SIP has `sip_line` of its own, good by default.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from tests.peers.lossy_proxy import Address, Line, LossyProxy, bound_socket
from tests.peers.ports import LOOPBACK

_AUDIO = re.compile(rb"(?m)^m=audio ([1-9][0-9]*) ")
_LENGTH = re.compile(rb"(?im)^(content-length|l)[ \t]*:[^\r\n]*")


class LossyCall(LossyProxy):
    """Use as `async with LossyCall.between(target, Line(loss=0.05)) as line:`, then dial `line.port`.

    `media`: the relays so far, by the port that was offered or answered; their `line` may be changed.
    """

    def __init__(self, target: Address, sip_line: Line, media_line: Line) -> None:
        super().__init__(target, sip_line)
        self.media: dict[int, LossyProxy] = {}
        self._media_line = media_line
        self._starting: list[asyncio.Task[None]] = []

    @classmethod
    @asynccontextmanager
    async def between(
        cls, target: Address, media_line: Line, sip_line: Line | None = None
    ) -> AsyncIterator[LossyCall]:
        """Run one on a free port in front of `target`."""
        line = cls(target, sip_line or Line(), media_line)
        await line.listen(bound_socket())
        try:
            yield line
        finally:
            await asyncio.gather(*line._starting)
            for relay in line.media.values():
                await relay.close()
            await line.close()

    @property
    def media_dropped(self) -> int:
        """RTP and RTCP packets lost so far, in both directions."""
        return sum(relay.dropped for relay in self.media.values())

    @property
    def media_forwarded(self) -> int:
        """RTP and RTCP packets that came through."""
        return sum(relay.forwarded for relay in self.media.values())

    def received(self, data: bytes, sender: Address | None, client: Address | None) -> None:
        """Lead the media that this message speaks of through a relay, then treat it as any datagram."""
        head, blank, body = data.partition(b"\r\n\r\n")
        found = _AUDIO.search(body)
        if found:
            port = self._relay_port(int(found[1]))
            body = body[: found.start(1)] + str(port).encode() + body[found.end(1) :]
            head = _LENGTH.sub(b"Content-Length: " + str(len(body)).encode(), head)
        super().received(head + blank + body, sender, client)

    def _relay_port(self, port: int) -> int:
        relay = self.media.get(port)
        if relay is None:
            seeded = replace(self._media_line, seed=self._media_line.seed + len(self.media))
            relay = self.media[port] = LossyProxy((LOOPBACK, port), seeded)
            sock = bound_socket()
            relay.port = sock.getsockname()[1]
            self._starting.append(asyncio.create_task(relay.listen(sock), name="lossy-call-media"))
        return relay.port
