"""A leg over SIP: one dialog (CallControl) and one RTP session, seen through the Leg protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine

import structlog

from voicebot.audio import AudioFrame
from voicebot.errors import MediaError, SdpRefused, SipError
from voicebot.media.dtmf import info_body, parse_info
from voicebot.media.leg import (
    DigitPressed,
    HeldByPeer,
    Leg,
    LegEndCause,
    LegEnded,
    LegInfo,
    LegSignal,
    Playout,
    ReferOutcome,
    ResumedByPeer,
)
from voicebot.media.playout import LegPlayout
from voicebot.media.rtp import RtpSession
from voicebot.media.sip_media import MediaParts, open_media, rtp_format
from voicebot.media.streams import FrameStream, SignalStream
from voicebot.sip.call_control import (
    Answered,
    CallControl,
    CallControlEvent,
    Ended,
    InfoReceived,
    ReferProgressed,
    Reoffered,
    Ringing,
    SetupFailed,
)
from voicebot.sip.sdp_answer import AudioSession, NegotiatedAudio

_REFER_SECONDS = 90.0
_ACCEPT_SECONDS = 0.05
_SAME_KEY_SECONDS = 0.5
_log = structlog.get_logger()


class SipLeg:
    """Implements `Leg`. Make it with `SipLeg.ringing()` (inbound); outbound ones come from SipDialler."""

    def __init__(self, control: CallControl, parts: MediaParts, leg_id: str) -> None:
        self._control, self._parts, self._leg_id = control, parts, leg_id
        self._rtp: RtpSession | None = None
        self._sdp: AudioSession | None = None
        self._unanswered_playout, self._unanswered_frames = LegPlayout(), FrameStream()
        self._signals = SignalStream()
        self._is_on_hold = False
        self._awaits_answer = self._has_rung = False
        self._refer: asyncio.Future[ReferOutcome] | None = None
        self._refer_was_taken, self._refer_status = False, 0
        self._last_key: tuple[str, str, float] = ("", "", 0.0)
        self._setup: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._setup.add_done_callback(_retrieve)
        self._tasks: set[asyncio.Task[None]] = set()
        self._spawn(self._listen(), "events")

    @classmethod
    def ringing(cls, control: CallControl, parts: MediaParts, leg_id: str) -> SipLeg:
        """Make the leg of an incoming INVITE and send 180."""
        leg = cls(control, parts, leg_id)
        control.ring()
        return leg

    # --- Leg ---

    @property
    def info(self) -> LegInfo:
        """Current facts."""
        facts = self._control.facts
        agreed = self._sdp.agreed if self._sdp is not None else None
        codec = f"{agreed.codec}/{agreed.clock_rate}" if agreed is not None else ""
        return LegInfo(self._leg_id, "sip", facts.caller, facts.called, codec, facts.call_id, facts.inbound)

    @property
    def playout(self) -> Playout:
        """The sender."""
        return self._rtp.playout if self._rtp is not None else self._unanswered_playout

    @property
    def has_rung(self) -> bool:
        """Something answered our INVITE, if only provisionally."""
        return self._has_rung

    @property
    def is_on_hold(self) -> bool:
        """The peer holds us."""
        return self._is_on_hold

    @property
    def rtp(self) -> RtpSession | None:
        """Its media session, for forwarding and statistics; None before the answer."""
        return self._rtp

    async def answer(self) -> None:
        """Accept; returns when media can flow: at the 200, with a delayed offer at the ACK.

        Raises MediaError, SipError (SdpRefused: 488 was sent). An ACK that never comes ends the leg later.
        """
        if self._signals.ended is not None:
            raise MediaError("the leg has ended")
        try:
            sdp = await self._prepare()
            offer = self._control.facts.offer
            if offer is None:
                answer = await self._control.accept(sdp.offer())
                self._apply(sdp.read_answer(_present(answer)))
            else:
                body = sdp.answer(offer)
                if sdp.agreed is not None:
                    self._apply(sdp.agreed)
                await self._accept(body)
        except SdpRefused as refused:
            self._end(LegEndCause.ERROR, "SDP refused")
            self._control.reject(refused.status)
            await self._control.hang_up()
            raise
        except (SipError, MediaError) as error:
            self._end(LegEndCause.ERROR, error.code)
            await self._control.hang_up(503 if isinstance(error, MediaError) else 0)
            raise

    async def reject(self, status: int, reason: str = "") -> None:
        """Refuse with a SIP status."""
        if self._signals.ended is None:
            self._control.reject(status, reason)
            self._end(LegEndCause.US, f"{status} {reason}".strip())

    def frames(self) -> AsyncIterator[AudioFrame]:
        """Received audio, a frame each 20 ms."""
        return (self._rtp.frames if self._rtp is not None else self._unanswered_frames).read()

    def signals(self) -> AsyncIterator[LegSignal]:
        """Keys, hold and the end."""
        return self._signals.read()

    async def send_digits(self, digits: str) -> None:
        """Send keys as RFC 4733 events, or by INFO where the peer knows none. Raises ValueError."""
        if self._signals.ended is not None or self._rtp is None:
            return
        if await self._rtp.send_digits(digits):
            return
        for digit in digits:
            if self._signals.ended is None:
                await self._control.send_info(*info_body(digit))

    async def refer(self, target: str, *, replaces: Leg | None = None) -> ReferOutcome:
        """Transfer the peer; returns at the final NOTIFY, the end of the call, or after 90 s.

        Attended only where both peers say that they can (RFC 3891); the dialog of `replaces` is named to the
        peer, which takes our place in it.
        """
        dialog = ""
        if replaces is not None:
            if not isinstance(replaces, SipLeg) or not replaces._control.can_replace:
                raise NotImplementedError("the other leg cannot be replaced")
            if not (self._control.can_be_referred and self._control.can_replace):
                raise NotImplementedError("the peer cannot replace")
            dialog = replaces._control.replaces
            if not dialog:
                raise NotImplementedError("the other leg has ended")
        if self._signals.ended is not None:
            return ReferOutcome(False, 0)
        self._refer = asyncio.get_running_loop().create_future()
        self._refer_was_taken, self._refer_status = False, 0
        try:
            status = await self._control.refer(target, replaces=dialog)
            if not 200 <= status < 300:
                return ReferOutcome(False, status)
            self._refer_was_taken = True
            async with asyncio.timeout(_REFER_SECONDS):
                return await self._refer
        except TimeoutError:
            return ReferOutcome(False, 408)
        finally:
            self._refer = None

    async def hang_up(self, reason: str = "normal") -> None:
        """End the leg; idempotent."""
        self._end(LegEndCause.US, reason)
        await self._control.hang_up()

    # --- outbound (SipDialler) ---

    async def wait_answered(self) -> None:
        """Wait for the answer to our INVITE. Raises SetupRefused, SdpRefused, MediaError."""
        await self._setup

    def adopt(self, rtp: RtpSession, sdp: AudioSession) -> None:
        """Use the session whose offer went out."""
        self._rtp, self._sdp = rtp, sdp
        self._connect(rtp)

    # --- inside ---

    async def _accept(self, body: str) -> None:
        """Send the 200. Its ACK may be lost and come half a second late: the disclosure must not (law D1)."""
        accepting = asyncio.create_task(self._control.accept(body), name=f"leg-{self._leg_id}-accept")
        await asyncio.wait({accepting}, timeout=_ACCEPT_SECONDS)
        if accepting.done():
            accepting.result()
        else:
            self._spawn(self._await_ack(accepting), "ack")

    async def _await_ack(self, accepting: asyncio.Task[str | None]) -> None:
        try:
            await accepting
        except SipError as error:
            self._end(LegEndCause.ERROR, error.code)
            await self._control.hang_up()

    async def _prepare(self) -> AudioSession:
        rtp, sdp = await open_media(self._parts)
        if self._signals.ended is not None:
            rtp.close()
            raise MediaError("the leg has ended")
        self.adopt(rtp, sdp)
        return sdp

    def _connect(self, rtp: RtpSession) -> None:
        rtp.on_digit = lambda key: self._on_key(key, "rtp")
        rtp.on_timeout = lambda: self._abandon(LegEndCause.MEDIA_LOST, "no RTP")
        rtp.on_failure = lambda error: self._abandon(LegEndCause.ERROR, type(error).__name__)

    def _apply(self, agreed: NegotiatedAudio) -> None:
        assert self._rtp is not None
        is_held = agreed.is_held_by_peer
        remote = None if agreed.remote[0] in ("0.0.0.0", "::") else agreed.remote  # noqa: S104 - old hold
        self._rtp.start(
            rtp_format(agreed),
            remote,
            remote_rtcp=None
            if agreed.rtcp_mux or remote is None
            else (agreed.remote[0], agreed.remote_rtcp_port),
            may_send=agreed.direction in ("sendrecv", "sendonly") and remote is not None,
            may_receive=agreed.direction in ("sendrecv", "recvonly"),
        )
        if is_held != self._is_on_hold:
            self._is_on_hold = is_held
            self._signals.push(HeldByPeer() if is_held else ResumedByPeer())

    async def _listen(self) -> None:
        async for event in self._control.events():
            self._take(event)
        self._end(LegEndCause.NETWORK, "signalling ended")

    def _take(self, event: CallControlEvent) -> None:
        match event:
            case Ringing():
                self._has_rung = True  # early media is not played to anybody
            case Answered(sdp=body):
                self._answered(body)
            case SetupFailed(status=status):
                self._fail_setup(SetupRefused(status, has_rung=self._has_rung))
                self._end(LegEndCause.PEER if status else LegEndCause.NETWORK, f"{status}")
            case Reoffered(sdp=body):
                self._reoffered(body)
            case InfoReceived(content_type=kind, body=body):
                key = parse_info(kind, body)
                if key is not None:
                    self._on_key(key, "info")
            case ReferProgressed(status=status, is_final=True):
                self._refer_ended(ReferOutcome(200 <= status < 300, status))
            case ReferProgressed(status=status):
                self._refer_status = status
            case Ended(by="peer") if self._refer is not None and self._refer_was_taken:
                self._refer_ended(ReferOutcome(True, self._refer_status))
                self._end(LegEndCause.REFERRED, "unconfirmed")
            case Ended(by=by, detail=detail):
                cause = {"peer": LegEndCause.PEER, "us": LegEndCause.US}.get(by, LegEndCause.NETWORK)
                self._end(cause, detail)

    def _answered(self, body: str | None) -> None:
        """The answer to our INVITE, or to the offer in our 200 to a re-INVITE without one."""
        if self._sdp is None or (self._setup.done() and not self._awaits_answer):
            return
        self._awaits_answer = False
        try:
            self._apply(self._sdp.read_answer(_present(body)))
        except (SdpRefused, MediaError) as error:
            self._fail_setup(error)
            self._abandon(LegEndCause.ERROR, error.code)
            return
        if not self._setup.done():
            self._setup.set_result(None)

    def _reoffered(self, body: str | None) -> None:
        if self._sdp is None:
            self._control.answer_reoffer(None, 488)
            return
        if body is None:
            self._awaits_answer = True
            self._control.answer_reoffer(self._sdp.offer())
            return
        before = self._sdp.agreed
        try:
            answer = self._sdp.answer(body)
            if self._sdp.agreed is not None:
                self._apply(self._sdp.agreed)
        except SdpRefused as refused:
            self._control.answer_reoffer(None, refused.status)
        except MediaError:
            self._sdp.agreed = before
            self._control.answer_reoffer(None, 488)
        else:
            self._control.answer_reoffer(answer)

    def _on_key(self, key: DigitPressed, way: str) -> None:
        """Report a key once, also from peers that send each one as RTP event and as INFO."""
        digit, last_way, at = self._last_key
        now = self._parts.ticker.clock()
        if digit == key.digit and last_way != way and now - at < _SAME_KEY_SECONDS:
            self._last_key = ("", "", 0.0)  # the twin of that press; the next one is a new press
            return
        self._last_key = (key.digit, way, now)
        self._signals.push(key)

    def _refer_ended(self, outcome: ReferOutcome) -> None:
        if self._refer is not None and not self._refer.done():
            self._refer.set_result(outcome)

    def _fail_setup(self, error: Exception) -> None:
        if not self._setup.done():
            self._setup.set_exception(error)

    def _abandon(self, cause: LegEndCause, detail: str) -> None:
        """End from inside a callback: signalling goes on in a task of its own."""
        if self._signals.ended is None:
            self._end(cause, detail)
            self._spawn(self._control.hang_up(), "hang-up")

    def _end(self, cause: LegEndCause, detail: str) -> None:
        if self._signals.ended is not None:
            return
        self._signals.push(LegEnded(cause, detail))
        self._fail_setup(SetupRefused(0))
        self._refer_ended(ReferOutcome(False, 0))
        if self._rtp is not None:
            self._rtp.close()
            _log.info("leg ended", action="leg.end", leg=self._leg_id, cause=cause.value)
        self._unanswered_frames.close()
        self._unanswered_playout.end()

    def _spawn(self, job: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(job, name=f"leg-{self._leg_id}-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class SetupRefused(SipError):
    """Our INVITE was not answered.

    `status`: the final code, 0 when it ended otherwise. `has_rung`: something had answered provisionally.
    """

    code = "sip.setup"

    def __init__(self, status: int, *, has_rung: bool = True) -> None:
        super().__init__(f"not answered: {status}")
        self.status, self.has_rung = status, has_rung


def _present(body: str | None) -> str:
    if body is None:
        raise SdpRefused("no session description where our offer needs its answer")
    return body


def _retrieve(future: asyncio.Future[None]) -> None:
    """Mark the exception as seen: inbound legs have nobody who waits for it."""
    if not future.cancelled():
        future.exception()
