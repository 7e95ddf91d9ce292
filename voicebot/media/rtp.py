"""One RTP session (RFC 3550, 3551): two UDP sockets, a slot each 20 ms, and the I/O-free halves between them.

Sends something in every slot that it may send in, silence when idle: NAT bindings and peers stay alive.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import structlog

from voicebot.audio import SILENCE
from voicebot.media.leg import DigitPressed
from voicebot.media.peer_latch import Address, PeerLatch, checked_address
from voicebot.media.playout import LegPlayout
from voicebot.media.rtcp import SenderInfo, ntp_time, pack_report
from voicebot.media.rtp_format import RtpFormat
from voicebot.media.rtp_inbound import RtpInbound
from voicebot.media.rtp_outbound import RtpOutbound
from voicebot.media.rtp_packet import RtpPacket
from voicebot.media.rtp_ports import RtpPorts
from voicebot.media.streams import FrameStream
from voicebot.media.ticker import Ticker
from voicebot.media.transcoder import Transcoder

_RTCP_SECONDS = 5.0
_FORWARD_IDLE_SECONDS = 0.2
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RtpStatistics:
    """Counters of a session. Packets, but `jitter_ms` (RFC 3550) and `wait_ms` (target of the jitter buffer).

    `lost`: never came; `late`: came after their turn; `refused`: from somebody else; `frames_dropped`:
    nobody read them; `remote_lost`: what the peer says it missed of ours (RTCP), None if it never said.
    """

    sent: int = 0
    received: int = 0
    lost: int = 0
    late: int = 0
    duplicates: int = 0
    refused: int = 0
    malformed: int = 0
    unknown_payload: int = 0
    source_changes: int = 0
    concealed_frames: int = 0
    frames_dropped: int = 0
    jitter_ms: float = 0.0
    wait_ms: float = 0.0
    remote_lost: int | None = None


class _Receiver(asyncio.DatagramProtocol):
    """Hands datagrams on; ICMP errors (a peer whose port is closed) are counted and nothing more."""

    def __init__(self, take: Callable[[bytes, Address], None]) -> None:
        self._take = take
        self.errors = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._take(data, (addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        self.errors += 1


class RtpSession:
    """Media of one leg. `open()` binds, `start()` begins to send, `close()` ends; all on one loop.

    `on_digit`, `on_timeout` (once: no packet for `timeout_seconds` while not held) and `on_failure` are set
    by the owner and must return at once.
    """

    def __init__(self, *, host: str, ticker: Ticker, timeout_seconds: float) -> None:
        self.host, self.port, self.rtcp_port = host, 0, 0
        self.playout = LegPlayout()
        self.frames = FrameStream()
        self.on_digit: Callable[[DigitPressed], None] = lambda _: None
        self.on_timeout: Callable[[], None] = lambda: None
        self.on_failure: Callable[[Exception], None] = lambda _: None
        self.has_media = asyncio.Event()
        self.agreed: RtpFormat | None = None
        self._ticker, self._timeout_ms = ticker, timeout_seconds * 1000
        self._rtp: asyncio.DatagramTransport | None = None
        self._rtcp: asyncio.DatagramTransport | None = None
        self._inbound: RtpInbound | None = None
        self._outbound: RtpOutbound | None = None
        self._may_send = self._may_receive = True
        self._remote_rtcp: Address | None = None
        self._is_closed = self._is_timed_out = False
        self._next_report = 0.0
        self._forwarded_from: RtpSession | None = None
        self._forwarded_at = 0.0
        self._forwards_to: tuple[RtpSession, bool] | None = None
        self._keys_sent = asyncio.Event()
        self._cname = f"{random.getrandbits(64):016x}"

    @classmethod
    async def open(cls, ports: RtpPorts, ticker: Ticker, *, timeout_seconds: float = 30.0) -> RtpSession:
        """Bind a pair of ports. Raises MediaError when none is free."""
        session = cls(host=ports.host, ticker=ticker, timeout_seconds=timeout_seconds)
        rtp, rtcp = ports.bind()
        session.port, session.rtcp_port = rtp.getsockname()[1], rtcp.getsockname()[1]
        loop = asyncio.get_running_loop()
        session._rtp = (await loop.create_datagram_endpoint(lambda: _Receiver(session._on_rtp), sock=rtp))[0]
        session._rtcp = (await loop.create_datagram_endpoint(lambda: _Receiver(session._on_rtcp), sock=rtcp))[
            0
        ]
        return session

    def start(
        self,
        agreed: RtpFormat,
        remote: Address | None,
        *,
        remote_rtcp: Address | None = None,
        may_send: bool = True,
        may_receive: bool = True,
    ) -> None:
        """Begin, or go on with what a re-INVITE agreed. Raises MediaError for an unusable address.

        `may_send` False: the peer holds us; the playout stands still. `remote_rtcp` None: multiplexed.
        """
        remote = checked_address(*remote) if remote is not None else None
        now = self._ticker.clock()
        self._remote_rtcp = checked_address(*remote_rtcp) if remote_rtcp is not None else None
        self._may_send, self._may_receive, self.agreed = may_send, may_receive, agreed
        if self._inbound is not None and self._outbound is not None:
            self._inbound.renegotiate(agreed, remote, now * 1000)
            self._outbound.renegotiate(agreed)
            self._renew_forwarding()
            return
        self._inbound = RtpInbound(agreed, PeerLatch(remote), now * 1000)
        self._outbound = RtpOutbound(
            agreed,
            ssrc=random.getrandbits(32),
            sequence=random.getrandbits(15),  # the upper half stays free: no wrap right at the start
            timestamp=random.getrandbits(32),
        )
        self._next_report = now + _RTCP_SECONDS * random.uniform(0.5, 1.5)
        if not self._is_closed:
            self._ticker.add(self._slot, self._failed)

    async def send_digits(self, digits: str) -> bool:
        """Send keys as RFC 4733 events and wait until they are out; False when the peer knows no events."""
        if self._outbound is None or self.agreed is None or self.agreed.event_send_type is None:
            return False
        self._outbound.keys.send(digits)
        self._keys_sent.clear()
        if not self._is_closed:
            await self._keys_sent.wait()
        return True

    @property
    def send_to(self) -> Address | None:
        """Where packets go now."""
        return self._inbound.latch.send_to if self._inbound is not None else None

    def statistics(self) -> RtpStatistics:
        """Counters so far."""
        inbound, outbound = self._inbound, self._outbound
        if inbound is None or outbound is None:
            return RtpStatistics()
        buffer, reception = inbound.audio.buffer, inbound.reception
        blocks = inbound.last_report[0].blocks if inbound.last_report else ()
        return RtpStatistics(
            sent=outbound.packets,
            received=reception.received if reception else 0,
            lost=max(0, reception.lost) if reception else 0,
            late=buffer.late,
            duplicates=buffer.duplicates,
            refused=inbound.latch.refused,
            malformed=inbound.malformed,
            unknown_payload=inbound.unknown_payload,
            source_changes=inbound.source_changes,
            concealed_frames=inbound.audio.concealed_frames,
            frames_dropped=self.frames.dropped,
            jitter_ms=reception.jitter_ms if reception else 0.0,
            wait_ms=buffer.delays.target_ms,
            remote_lost=next((block.lost for block in blocks if block.ssrc == outbound.ssrc), None),
        )

    def close(self) -> None:
        """Say BYE (RTCP), stop, free the ports; idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        self._ticker.remove(self._slot)
        if self._outbound is not None:
            self._send_report(bye=True)
        for transport in (self._rtp, self._rtcp):
            if transport is not None:
                transport.close()
        self.frames.close()
        self.playout.end()
        self._keys_sent.set()

    # --- forwarding (bridge.py) ---

    def forward_to(self, other: RtpSession, *, keeps_frames: bool = False) -> None:
        """Send each packet that arrives here out of `other` at once, transcoded where codecs differ.

        `keeps_frames`: the jitter buffer goes on as well (somebody listens in).
        """
        assert self._inbound is not None
        assert self.agreed is not None
        assert other.agreed is not None
        forwards_events = self.forwards_events_to(other)
        same_codec = self.agreed.codec is other.agreed.codec
        transcoder = None if same_codec else Transcoder(self.agreed.codec, other.agreed.codec)
        rate = self.agreed.codec.clock_rate

        def forward(packet: RtpPacket, is_event: bool) -> None:
            if is_event and not forwards_events:
                return
            packets = [packet] if transcoder is None else transcoder.packets(packet, is_event=is_event)
            for ours in packets:
                other._forward(ours, is_event=is_event, clock_rate=rate)

        self._inbound.forward = forward
        self._inbound.feeds_frames = keeps_frames
        self._forwards_to = (other, keeps_frames)
        other._forwarded_from = self

    def forwards_events_to(self, other: RtpSession) -> bool:
        """Whether keys go along as RFC 4733 packets when forwarding; otherwise the bridge relays them."""
        ours, theirs = self.agreed, other.agreed
        return (
            ours is not None
            and theirs is not None
            and None not in (ours.event_receive_type, theirs.event_send_type)
            and ours.event_clock_rate == theirs.event_clock_rate
        )

    def _renew_forwarding(self) -> None:
        """A re-INVITE may have changed codec or payload types on this side."""
        if self._forwards_to is not None:
            self.forward_to(self._forwards_to[0], keeps_frames=self._forwards_to[1])
        source = self._forwarded_from
        if source is not None and source._forwards_to is not None:
            source.forward_to(self, keeps_frames=source._forwards_to[1])

    def stop_forwarding(self, other: RtpSession) -> None:
        """Go back to frames and playout."""
        self._forwards_to = None
        if self._inbound is not None:
            self._inbound.forward = None
            if not self._inbound.feeds_frames:
                self._inbound.feeds_frames = True
                self._inbound.audio.restart()
        if other._forwarded_from is self:
            other._forwarded_from = None

    def _forward(self, packet: RtpPacket, *, is_event: bool, clock_rate: int) -> None:
        if self._outbound is None or self._is_closed or not self._may_send or not packet.payload:
            return
        self._forwarded_at = self._ticker.clock()
        data = self._outbound.forward(packet, is_event=is_event, clock_rate=clock_rate)
        if data is not None:
            self._send(data)

    # --- sockets and slots ---

    def _on_rtp(self, data: bytes, source: Address) -> None:
        if self._inbound is None or self._is_closed:
            return
        for key in self._inbound.datagram(data, source, self._ticker.clock() * 1000):
            self.on_digit(key)
        if self._inbound.has_received and not self.has_media.is_set():
            self.has_media.set()

    def _on_rtcp(self, data: bytes, source: Address) -> None:
        if self._inbound is not None and not self._is_closed:
            self._inbound.report(data, source, self._ticker.clock() * 1000)

    def _slot(self, now: float, slots: int) -> None:
        assert self._inbound is not None
        assert self._outbound is not None
        for data in self._due(self._outbound, now):
            self._send(data)
        for missed in range(slots - 1, -1, -1):
            frame, keys = self._inbound.slot((now - missed * 0.02) * 1000)
            if frame is not None:
                self.frames.push(frame)
            for key in keys:
                self.on_digit(key)
        if now >= self._next_report:
            self._next_report = now + _RTCP_SECONDS * random.uniform(0.5, 1.5)
            self._send_report()
        silence_ms = self._inbound.silence_ms(now * 1000)
        is_held = not (self._may_send and self._may_receive)
        if silence_ms >= self._timeout_ms and not is_held and not self._is_timed_out:
            self._is_timed_out = True
            self.on_timeout()

    def _due(self, outbound: RtpOutbound, now: float) -> list[bytes]:
        if not self._may_send:
            outbound.skip_slot()
            return []
        if outbound.sends_keys:
            packets = outbound.key_slot()
            if not outbound.sends_keys:
                self._keys_sent.set()
            return packets
        if self._forwarded_from is not None:
            if now - self._forwarded_at < _FORWARD_IDLE_SECONDS:
                return []
            return outbound.slot(SILENCE)
        return outbound.slot(self.playout.take_frame(now))

    def _send(self, data: bytes) -> None:
        to = self.send_to
        if self._rtp is not None and to is not None and not self._rtp.is_closing():
            self._rtp.sendto(data, to)

    def _send_report(self, *, bye: bool = False) -> None:
        inbound, outbound = self._inbound, self._outbound
        to = self.send_to
        if inbound is None or outbound is None or to is None:
            return
        last_sr, delay = 0, 0
        if inbound.last_report is not None and inbound.last_report[0].sender is not None:
            report, at_ms = inbound.last_report
            last_sr = (cast("SenderInfo", report.sender).ntp >> 16) & 0xFFFFFFFF
            delay = int((self._ticker.clock() * 1000 - at_ms) * 65.536)
        sender = SenderInfo(ntp_time(time.time()), outbound.timestamp, outbound.packets, outbound.octets)
        blocks = (inbound.reception.report(last_sr, delay),) if inbound.reception is not None else ()
        data = pack_report(
            outbound.ssrc, self._cname, sender=sender if outbound.packets else None, blocks=blocks, bye=bye
        )
        if self._remote_rtcp is None:
            self._send(data)
        elif self._rtcp is not None and not self._rtcp.is_closing():
            self._rtcp.sendto(data, (to[0], self._remote_rtcp[1]))

    def _failed(self, error: Exception) -> None:
        self.on_failure(error)
