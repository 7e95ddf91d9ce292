"""The transport of a WebRTC leg: ICE, DTLS, SRTP and a data channel, by aiortc's transports.

aiortc's peer connection is not used: its receiver waits for lost packets (a gap of 320 ms), decodes in a
thread of its own and knows no telephone-events; its transports hand us the packets.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceGatherer, RTCIceServer, RTCIceTransport
from aiortc.rtcdatachannel import RTCDataChannel
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcicetransport import RTCIceParameters
from aiortc.rtcsctptransport import RTCSctpCapabilities, RTCSctpTransport
from aiortc.sdp import candidate_from_sdp, candidate_to_sdp

from voicebot.errors import MediaError
from voicebot.media.webrtc_messages import CHANNEL
from voicebot.media.webrtc_sdp import AnswerParts, IceCredentials, Offer

log = structlog.get_logger()

_MAX_PACKETS = 50
"""Packets that may wait for the sending task: a second of audio."""
_MAX_TEXTS = 64
_MAX_BUFFERED_BYTES = 65_536
_CLOSE_SECONDS = 2.0
_LAST_WORD_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server: 'stun:host:3478', 'turn:host:3478?transport=udp' with user and password."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)


class _Dtls(RTCDtlsTransport):
    """Hands decrypted RTP and RTCP on as bytes."""

    on_packet: Callable[[bytes], None] = staticmethod(lambda _: None)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self.on_packet(data)

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        self.on_packet(data)


class WebRtcLink:
    """One peer. `prepare()` gathers candidates, `connect()` brings it up, `close()` ends it; all on one loop.

    `on_packet`: a decrypted RTP or RTCP packet. `on_text`: a message of the data channel. `on_lost`: the
    transport has ended; True when the peer said so, False when it vanished. All must return at once.
    `packets_dropped`, `texts_dropped`: what did not fit.
    """

    def __init__(self, certificate: RTCCertificate, servers: tuple[IceServer, ...] = ()) -> None:
        self.on_packet: Callable[[bytes], None] = lambda _: None
        self.on_text: Callable[[str | bytes], None] = lambda _: None
        self.on_lost: Callable[[bool], None] = lambda _: None
        self.packets_dropped = self.texts_dropped = 0
        ice_servers = [RTCIceServer(each.url, each.user or None, each.password or None) for each in servers]
        self._gatherer = RTCIceGatherer(ice_servers)
        self._ice = RTCIceTransport(self._gatherer)
        self._dtls = _Dtls(self._ice, [certificate])
        self._dtls.on_packet = self._packet_came
        self._sctp: RTCSctpTransport | None = None
        self._channel: RTCDataChannel | None = None
        self._offer: Offer | None = None
        self._packets: deque[bytes] = deque()
        self._texts: deque[str] = deque()
        self._wake = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None
        self._is_closing = False

    async def prepare(self, offer: Offer) -> AnswerParts:
        """Gather candidates (STUN, TURN: up to 5 s); say what the answer holds. May raise MediaError."""
        self._offer = offer
        try:
            await self._gatherer.gather()
        except (OSError, ValueError) as error:
            raise MediaError("no network address can be used for WebRTC") from error
        ours = self._gatherer.getLocalParameters()
        self._ice._connection.ice_controlling = offer.is_lite
        is_server = offer.setup == "active"
        self._dtls._set_role("server" if is_server else "client")
        return AnswerParts(
            IceCredentials(ours.usernameFragment or "", ours.password or ""),
            tuple(
                (print_.algorithm, print_.value) for print_ in self._dtls.getLocalParameters().fingerprints
            ),
            "passive" if is_server else "active",
            tuple(candidate_to_sdp(each) for each in self._gatherer.getLocalCandidates()),
            secrets.randbits(62),
        )

    async def connect(self) -> None:
        """Bring up ICE and DTLS; returns when media can flow. Raises MediaError. Cancel, then close()."""
        offer = self._offer
        assert offer is not None
        await self.add_candidates(offer.candidates, is_last=offer.has_all_candidates)
        await self._ice.start(RTCIceParameters(offer.ice.ufrag, offer.ice.password, offer.is_lite))
        if self._ice.state != "completed":
            raise MediaError("no network path to the browser (ICE)")
        prints = [RTCDtlsFingerprint(algorithm, value) for algorithm, value in offer.fingerprints]
        if offer.data is not None:
            self._sctp = RTCSctpTransport(self._dtls)
            self._sctp.on("datachannel", self._channel_opened)
        await self._dtls.start(RTCDtlsParameters(prints))
        if self._dtls.state != "connected":
            raise MediaError("the encryption could not be agreed on (DTLS)")
        self._dtls.on("statechange", self._state_changed)
        self._sending = asyncio.create_task(self._send_packets(), name="webrtc-send")
        if self._sctp is not None:
            await self._sctp.start(RTCSctpCapabilities(offer.max_message_bytes), offer.sctp_port)

    async def add_candidates(self, candidates: tuple[str, ...], *, is_last: bool) -> None:
        """Take in candidates of the peer (trickle ICE), checked by webrtc_sdp."""
        if self._is_closing:
            return
        for candidate in candidates:
            await self._ice.addRemoteCandidate(candidate_from_sdp(candidate))
        if is_last:
            await self._ice.addRemoteCandidate(None)

    def send_packet(self, data: bytes) -> None:
        """Encrypt and send RTP or RTCP; the oldest goes when the transport does not take them."""
        if len(self._packets) >= _MAX_PACKETS:
            self._packets.popleft()
            self.packets_dropped += 1
        self._packets.append(data)
        self._wake.set()

    def send_text(self, text: str) -> None:
        """Send over the data channel; what comes before it is open waits."""
        if self._offer is None or self._offer.data is None or self._is_closing:
            return
        if len(self._texts) >= _MAX_TEXTS:
            self._texts.popleft()
            self.texts_dropped += 1
        self._texts.append(text)
        self._flush_texts()

    async def close(self, last_word: str = "") -> None:
        """End everything, with a last message where there is a channel; bounded time."""
        if self._is_closing:
            return
        if last_word:
            self.send_text(last_word)
        self._is_closing = True
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._close()
        except TimeoutError:
            log.warning("a WebRTC transport did not close in time", action="webrtc.close")

    async def _last_texts_sent(self) -> None:
        """Wait shortly until the channel has passed on what it was given."""
        channel = self._channel
        if channel is None or channel.readyState != "open" or not channel.bufferedAmount:
            return
        has_sent = asyncio.Event()
        channel.on("bufferedamountlow", has_sent.set)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                await has_sent.wait()

    async def _close(self) -> None:
        await self._last_texts_sent()
        if self._sending is not None:
            self._sending.cancel()
            await self._send_waiting()  # RTCP's goodbye among them
        self._dtls.remove_all_listeners()
        if self._sctp is not None:
            await self._sctp.stop()
        await self._dtls.stop()
        await self._ice.stop()

    async def _send_packets(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._send_waiting()

    async def _send_waiting(self) -> None:
        with suppress(ConnectionError):  # the state change tells
            while self._packets:
                await self._dtls._send_rtp(self._packets.popleft())

    def _packet_came(self, data: bytes) -> None:
        self.on_packet(data)

    def _channel_opened(self, channel: RTCDataChannel) -> None:
        channel.on("message", self.on_text)
        if channel.label == CHANNEL and self._channel is None:
            self._channel = channel
            self._flush_texts()

    def _flush_texts(self) -> None:
        channel = self._channel
        while self._texts and channel is not None and channel.readyState == "open":
            if channel.bufferedAmount > _MAX_BUFFERED_BYTES:
                return
            channel.send(self._texts.popleft())

    def _state_changed(self) -> None:
        if self._dtls.state in {"closed", "failed"} and not self._is_closing:
            self.on_lost(self._ice.state != "failed")
