"""A leg over WebRTC: a caller's browser, an agent's browser, a gateway that speaks WHIP."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass

import structlog
from aiortc import RTCCertificate

from voicebot.audio import AudioFrame
from voicebot.errors import MediaError
from voicebot.events import Language
from voicebot.media.codecs import available_codecs, codec_named
from voicebot.media.leg import (
    Leg,
    LegEndCause,
    LegEnded,
    LegInfo,
    LegSignal,
    Playout,
    ReferOutcome,
    Speaking,
)
from voicebot.media.media_stream_guard import Allowance
from voicebot.media.rtp import RtpSession
from voicebot.media.secure_rtp import SecureRtpSession
from voicebot.media.streams import SignalStream
from voicebot.media.ticker import Ticker
from voicebot.media.webrtc_link import IceServer, WebRtcLink
from voicebot.media.webrtc_messages import SaidBye, caption_message, ended_message, read_message
from voicebot.media.webrtc_sdp import choose_format, read_offer, write_answer

log = structlog.get_logger()

_LEAD_SECONDS = 0.2
"""A browser's jitter buffer settles on silence first, or it stretches the first word."""


@dataclass(frozen=True, slots=True)
class WebRtcSettings:
    """How WebRTC legs use media. `codecs`: best first.

    `connect_seconds`: from the answer until media can flow. `media_timeout_seconds`: a leg without any packet
    for so long ends. `messages_per_second`: what a page may say over the data channel, with bursts of ten
    seconds.
    """

    codecs: tuple[str, ...] = ("opus", "PCMA", "PCMU")
    connect_seconds: float = 15.0
    media_timeout_seconds: float = 20.0
    messages_per_second: float = 5.0


class WebRtcParts:
    """What all WebRTC legs of a process share: ticker, settings, and one certificate made at the start.

    `ice_servers`: asked for each leg, because passwords of TURN servers expire.
    """

    def __init__(
        self,
        ticker: Ticker,
        settings: WebRtcSettings | None = None,
        ice_servers: Callable[[], tuple[IceServer, ...]] = tuple,
    ) -> None:
        self.ticker, self.settings = ticker, settings or WebRtcSettings()
        self.ice_servers = ice_servers
        self.certificate = RTCCertificate.generateCertificate()


class WebRtcLeg:
    """Implements `Leg` and `Captioned`. Born from an offer; `describe()` gives the answer.

    Raises SdpRefused when the offer cannot be used. `caller`, `called`: for LegInfo.
    """

    def __init__(
        self,
        offer_sdp: str,
        parts: WebRtcParts,
        *,
        leg_id: str = "",
        caller: str = "",
        called: str = "",
        inbound: bool = True,
    ) -> None:
        self._offer = read_offer(offer_sdp)
        settings, there = parts.settings, available_codecs()
        codecs = [codec_named(name) for name in settings.codecs if name in there]
        self._agreed = choose_format(self._offer, codecs)
        leg_id = leg_id or uuid.uuid4().hex
        codec = f"{self._agreed.codec.name}/{self._agreed.codec.clock_rate}"
        self._info = LegInfo(leg_id, "webrtc", caller, called, codec, leg_id, inbound)
        self._settings = settings
        self._link = WebRtcLink(parts.certificate, parts.ice_servers())
        self._rtp = SecureRtpSession(
            ticker=parts.ticker, timeout_seconds=settings.media_timeout_seconds, send=self._link.send_packet
        )
        rate = settings.messages_per_second
        self._messages_left = Allowance(rate, rate * 10)
        self._signals = SignalStream()
        self._answer_sdp: asyncio.Task[str] | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._refusal: tuple[int, str] | None = None
        self._described: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = asyncio.Event()
        self._wire()

    def _wire(self) -> None:
        link, rtp = self._link, self._rtp
        link.on_packet = rtp.receive
        link.on_text = self._message_came
        link.on_lost = lambda by_peer: self._end(
            LegEndCause.PEER if by_peer else LegEndCause.NETWORK, "connection closed"
        )
        rtp.on_digit = self._signals.push
        rtp.on_timeout = lambda: self._end(LegEndCause.MEDIA_LOST, "no RTP")
        rtp.on_failure = lambda error: self._end(LegEndCause.ERROR, type(error).__name__)

    # --- Leg ---

    @property
    def info(self) -> LegInfo:
        """Current facts."""
        return self._info

    @property
    def playout(self) -> Playout:
        """The sender."""
        return self._rtp.playout

    @property
    def is_on_hold(self) -> bool:
        """A browser mutes; it does not hold."""
        return False

    @property
    def rtp(self) -> RtpSession | None:
        """Its media session, for forwarding and statistics; None before media can flow."""
        return self._rtp if self._rtp.agreed is not None else None

    @property
    def ended(self) -> LegEnded | None:
        """How it ended, None while it lives."""
        return self._signals.ended

    @property
    def refusal(self) -> tuple[int, str] | None:
        """SIP status and reason with which it was rejected."""
        return self._refusal

    async def answer(self) -> None:
        """Accept; returns when media can flow. Raises MediaError; the leg has ended then."""
        await self.describe()
        assert self._connecting is not None
        try:
            await asyncio.shield(self._connecting)
        except MediaError:
            raise
        except asyncio.CancelledError:
            if self._connecting.cancelled():
                raise MediaError("the leg has ended") from None
            raise

    async def reject(self, status: int, reason: str = "") -> None:
        """Refuse; the signalling maps the SIP status."""
        if self._signals.ended is None:
            self._refusal = (status, reason)
            self._end(LegEndCause.US, f"{status} {reason}".strip())

    def frames(self) -> AsyncIterator[AudioFrame]:
        """Received audio, a frame each 20 ms."""
        return self._rtp.frames.read()

    def signals(self) -> AsyncIterator[LegSignal]:
        """Keys, typed lines and the end."""
        return self._signals.read()

    async def send_digits(self, digits: str) -> None:
        """Send keys as RFC 4733 events where the peer knows them (no browser). May raise ValueError."""
        if self._signals.ended is None and self.rtp is not None:
            await self._rtp.send_digits(digits)

    async def refer(self, target: str, *, replaces: Leg | None = None) -> ReferOutcome:
        """Browsers cannot be transferred."""
        raise NotImplementedError("a browser cannot be transferred blindly")

    async def hang_up(self, reason: str = "normal") -> None:
        """End the leg; idempotent; returns when it is closed."""
        self._end(LegEndCause.US, reason)
        await self._closed.wait()

    # --- Captioned ---

    def caption(self, speaker: Speaking, text: str, language: Language, *, is_final: bool = True) -> None:
        """Show a line in the browser."""
        if text and self._signals.ended is None:
            self._link.send_text(caption_message(speaker, text, language, is_final=is_final))

    # --- signalling (WHIP, the desk) ---

    async def describe(self) -> str:
        """Return the answer to the offer, gathered once; connecting begins. Raises MediaError."""
        if self._signals.ended is not None:
            raise MediaError("the leg has ended")
        if self._answer_sdp is None:
            self._answer_sdp = asyncio.create_task(self._describe(), name=f"webrtc-{self._info.leg_id}-sdp")
        return await asyncio.shield(self._answer_sdp)

    async def described(self) -> str | None:
        """Wait for the answer that whoever takes the call makes; None when it was refused or has ended."""
        return await asyncio.shield(self._described)

    @property
    def entity_tag(self) -> str:
        """The ICE session of the peer, as WHIP names it in ETag and If-Match (RFC 9725 §4.3.1)."""
        return self._offer.ice.ufrag

    async def add_candidates(self, candidates: tuple[str, ...], *, is_last: bool) -> None:
        """Take in trickled candidates, read by webrtc_sdp.read_fragment."""
        if self._signals.ended is None:
            await self._link.add_candidates(candidates, is_last=is_last)

    def peer_hung_up(self, detail: str = "DELETE") -> None:
        """The peer has ended the call by the signalling."""
        self._end(LegEndCause.PEER, detail)

    async def wait_ended(self) -> LegEnded:
        """Wait until it has ended and is closed."""
        await self._closed.wait()
        assert self._signals.ended is not None
        return self._signals.ended

    # --- inside ---

    async def _describe(self) -> str:
        try:
            ours = await self._link.prepare(self._offer)
        except MediaError as error:
            self._end(LegEndCause.ERROR, error.code)
            raise
        if self._signals.ended is not None:
            raise MediaError("the leg has ended")
        self._connecting = asyncio.create_task(self._connect(), name=f"webrtc-{self._info.leg_id}-connect")
        self._connecting.add_done_callback(_seen)
        answer = write_answer(self._offer, self._agreed, ours)
        self._described.set_result(answer)
        return answer

    async def _connect(self) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._settings.connect_seconds):
                await self._link.connect()
        except TimeoutError as error:
            self._end(LegEndCause.NETWORK, "no connection in time")
            raise MediaError("no connection to the browser in time") from error
        except MediaError as error:
            self._end(LegEndCause.NETWORK, error.code)
            raise
        if self._signals.ended is not None:
            raise MediaError("the leg has ended")
        self._rtp.begin(
            self._agreed,
            may_send=self._offer.direction in {"sendrecv", "recvonly"},
            may_receive=self._offer.direction in {"sendrecv", "sendonly"},
        )
        await asyncio.sleep(_LEAD_SECONDS)
        log.info(
            "leg connected",
            action="leg.connect",
            leg=self._info.leg_id,
            codec=self._info.codec,
            milliseconds=round((time.monotonic() - began) * 1000),
        )

    def _message_came(self, text: str | bytes) -> None:
        if not self._messages_left.take(1, time.monotonic()):
            return
        match read_message(text):
            case SaidBye():
                self._end(LegEndCause.PEER, "bye")
            case None:
                pass
            case signal:
                self._signals.push(signal)

    def _end(self, cause: LegEndCause, detail: str) -> None:
        """End once; closing goes on in a task of its own."""
        if self._signals.ended is not None:
            return
        self._signals.push(LegEnded(cause, detail))
        if not self._described.done():
            self._described.set_result(None)
        self._rtp.close()
        if self._connecting is not None:
            self._connecting.cancel()
        log.info("leg ended", action="leg.end", leg=self._info.leg_id, cause=cause.value)
        self._spawn(self._close(cause), "close")

    async def _close(self, cause: LegEndCause) -> None:
        try:
            await self._link.close(ended_message(cause))
        finally:
            self._closed.set()

    def _spawn(self, job: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(job, name=f"webrtc-{self._info.leg_id}-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def accept_offer(
    sdp: str,
    parts: WebRtcParts,
    *,
    leg_id: str = "",
    caller: str = "",
    called: str = "",
    inbound: bool = True,
) -> tuple[WebRtcLeg, str]:
    """Make a leg of an offer; the leg and the answer for the peer. Await `leg.answer()` for the media.

    Raises SdpRefused for an offer that cannot be used, MediaError when there is no network.
    """
    leg = WebRtcLeg(sdp, parts, leg_id=leg_id, caller=caller, called=called, inbound=inbound)
    return leg, await leg.describe()


def _seen(task: asyncio.Task[None]) -> None:
    """Mark its exception as seen: an agent's leg may have nobody who waits for it."""
    if not task.cancelled():
        task.exception()
