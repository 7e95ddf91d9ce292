"""Symmetric RTP: to whom we send and from whom we accept, decided without I/O and without a clock.

We send to the address of the SDP until media arrives, then to its source. Once bound, packets of others are
refused and counted: a latch that follows any sender is a way into the call (RTP injection, 'RTPbleed').
"""

from __future__ import annotations

import ipaddress

from voicebot.errors import MediaError

Address = tuple[str, int]


def checked_address(host: str, port: int) -> Address:
    """Address that can be sent to without a look-up. Raises MediaError for names and impossible ports."""
    try:
        literal = ipaddress.ip_address(host)
    except ValueError as error:
        raise MediaError("media address is not an IP literal") from error
    if not 0 < port < 65536:
        raise MediaError(f"media port {port} is outside 1-65535")
    if literal.is_multicast:
        raise MediaError("media address is a multicast group")
    return str(literal), port


class PeerLatch:
    """Binds to one source. All times in milliseconds, monotonic.

    `same_source_silence_ms`: after so long without a packet of the bound peer, its SSRC may go on from
    another address (a NAT that moved); `new_source_silence_ms`: so may any valid source.
    """

    def __init__(
        self,
        negotiated: Address | None,
        *,
        same_source_silence_ms: float = 400.0,
        new_source_silence_ms: float = 2000.0,
    ) -> None:
        self.negotiated = negotiated
        self.bound: Address | None = None
        self.refused = 0
        """Packets that came from somebody else."""
        self.relatched = 0
        self._same_ms, self._new_ms = same_source_silence_ms, new_source_silence_ms
        self._ssrc: int | None = None
        self._last_ms = 0.0

    @property
    def send_to(self) -> Address | None:
        """Where our packets go."""
        return self.bound or self.negotiated

    def renegotiate(self, negotiated: Address | None) -> None:
        """Take the address of a re-INVITE: a changed one frees the latch, the same one keeps it."""
        if negotiated != self.negotiated:
            self.negotiated = negotiated
            self.bound = None

    def admit(self, source: Address, ssrc: int, at_ms: float) -> bool:
        """Whether a valid RTP packet from `source` is the peer's; binds when nobody is bound."""
        if not 0 < source[1] < 65536:
            self.refused += 1  # nothing can be sent back there
            return False
        if self.bound is None or source == self.bound:
            self._bind(source, ssrc, at_ms)
            return True
        silence_ms = at_ms - self._last_ms
        if (
            (source == self.negotiated)  # the announced address always wins over one that was only first
            or (ssrc == self._ssrc and silence_ms >= self._same_ms)
            or silence_ms >= self._new_ms
        ):
            self.relatched += 1
            self._bind(source, ssrc, at_ms)
            return True
        self.refused += 1
        return False

    def _bind(self, source: Address, ssrc: int, at_ms: float) -> None:
        self.bound, self._ssrc, self._last_ms = source, ssrc, at_ms
