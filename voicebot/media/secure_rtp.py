"""An RTP session whose packets travel encrypted over somebody else's transport (DTLS-SRTP)."""

from __future__ import annotations

from collections.abc import Callable

from voicebot.media.peer_latch import Address
from voicebot.media.rtp import RtpSession
from voicebot.media.rtp_format import RtpFormat
from voicebot.media.ticker import Ticker

_PEER: Address = ("192.0.2.1", 9)
"""Stands for the one peer, whom the transport has authenticated; nothing is sent to this address."""


class SecureRtpSession(RtpSession):
    """An RtpSession without sockets: `send` takes what goes out, `receive` what came in; RTCP multiplexed."""

    def __init__(self, *, ticker: Ticker, timeout_seconds: float, send: Callable[[bytes], None]) -> None:
        super().__init__(host="", ticker=ticker, timeout_seconds=timeout_seconds)
        self._wire = send

    def begin(self, agreed: RtpFormat, *, may_send: bool = True, may_receive: bool = True) -> None:
        """Start to send: the transport is up."""
        self.start(agreed, _PEER, may_send=may_send, may_receive=may_receive)

    def receive(self, data: bytes) -> None:
        """Take in a decrypted RTP or RTCP packet."""
        self._on_rtp(data, _PEER)

    def _send(self, data: bytes) -> None:
        self._wire(data)
