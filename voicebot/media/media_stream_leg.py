"""A leg over a media stream: what the bot's side (server) and the test caller's side (client) share."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog

from voicebot.audio import AudioFrame
from voicebot.media.codecs import PCMU
from voicebot.media.leg import Leg, LegEndCause, LegEnded, LegInfo, LegSignal, ReferOutcome
from voicebot.media.media_stream_audio import StreamAudio
from voicebot.media.media_stream_guard import Allowance
from voicebot.media.media_stream_messages import (
    POLICY,
    Media,
    MessageRefused,
    SequenceCheck,
    StreamMessage,
    Unknown,
    parse,
)
from voicebot.media.media_stream_playout import StreamPlayout
from voicebot.media.media_stream_socket import StreamSocket
from voicebot.media.streams import FrameStream, SignalStream
from voicebot.media.ticker import Ticker

_log = structlog.get_logger()
_MAX_CATCH_UP = 5


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Bounds of one stream. Rates per second of real time, with room for bursts after a stall.

    `media_seconds`: without audio from the peer the leg ends. `stalled_seconds`: so long may a peer not read.
    """

    messages_per_second: float = 200.0
    audio_bytes_per_second: float = 16_000.0
    burst_seconds: float = 5.0
    media_seconds: float = 20.0
    stalled_seconds: float = 5.0


class StreamLeg(ABC):
    """Implements `leg.Leg` but for setting up. `run()` is the leg's life; the clock is the ticker's."""

    def __init__(self, socket: StreamSocket, ticker: Ticker, info: LegInfo, limits: StreamLimits) -> None:
        self.audio = StreamAudio()
        self.sequence = SequenceCheck()
        self.unknown_messages = 0
        self._socket, self._ticker, self._info, self._limits = socket, ticker, info, limits
        self._playout = StreamPlayout(self._send_mark, self._send_clear)
        self._frames, self._signals = FrameStream(), SignalStream()
        self._encoder = PCMU.new_encoder()
        burst = limits.burst_seconds
        self._messages_left = Allowance(limits.messages_per_second, limits.messages_per_second * burst)
        self._audio_left = Allowance(limits.audio_bytes_per_second, limits.audio_bytes_per_second * burst)
        self._heard_at = ticker.clock()
        self._behind_since: float | None = None
        self._close_code, self._close_reason = 1000, ""
        self._is_ticking = False
        self._ending = asyncio.Event()
        self._over = asyncio.Event()

    @property
    def info(self) -> LegInfo:
        """Current facts."""
        return self._info

    @property
    def playout(self) -> StreamPlayout:
        """The sender."""
        return self._playout

    @property
    def is_on_hold(self) -> bool:
        """Media streams know no hold."""
        return False

    @property
    def dropped_out(self) -> int:
        """Audio messages that a slow peer did not get."""
        return self._socket.dropped

    def frames(self) -> AsyncIterator[AudioFrame]:
        """Received audio, one frame each 20 ms."""
        return self._frames.read()

    def signals(self) -> AsyncIterator[LegSignal]:
        """Keys and the end."""
        return self._signals.read()

    async def refer(self, target: str, *, replaces: Leg | None = None) -> ReferOutcome:
        """Media streams cannot transfer."""
        raise NotImplementedError("a media stream cannot be transferred blindly")

    async def hang_up(self, reason: str = "normal") -> None:
        """End the stream; returns when it is closed."""
        self._end(LegEndCause.US, reason)
        await self._over.wait()

    async def run(self) -> None:
        """Live until the stream ends, whoever ends it; everything is closed when this returns."""
        sender = asyncio.create_task(self._socket.run(), name=f"stream-send {self._info.leg_id}")
        reader = asyncio.create_task(self._read(), name=f"stream-read {self._info.leg_id}")
        ended = asyncio.create_task(self._ending.wait(), name=f"stream-end {self._info.leg_id}")
        try:
            await asyncio.wait({reader, ended}, return_when=asyncio.FIRST_COMPLETED)
            self._end(*self._socket.end_cause())
            self._before_close()
            await self._socket.close(self._close_code, self._close_reason)
        finally:
            self._end(LegEndCause.ERROR, "cancelled")
            for task in (sender, reader, ended):
                task.cancel()
            await asyncio.wait({sender, reader, ended})
            self._over.set()

    async def _read(self) -> None:
        try:
            while self._signals.ended is None and (text := await self._socket.receive()) is not None:
                self._receive(text)
        except MessageRefused as refused:
            _log.warning("stream.refused", leg_id=self._info.leg_id, why=refused.reason)
            self._close_code, self._close_reason = refused.close_code, refused.reason
            self._end(LegEndCause.ERROR, refused.reason)

    def _receive(self, text: str | bytes) -> None:
        now = self._ticker.clock()
        if not self._messages_left.take(1, now):
            raise MessageRefused("too many messages", POLICY)
        received = parse(text)
        self.sequence.note(received.sequence)
        match received.message:
            case Media(payload, timestamp_ms, is_inbound=True):
                if not self._audio_left.take(len(payload), now):
                    raise MessageRefused("audio comes faster than time passes", POLICY)
                self._heard_at = now
                if self._is_ticking:
                    self.audio.receive(payload, timestamp_ms, now * 1000)
            case Media():
                pass  # the bot's own track, from a gateway that was asked for both
            case Unknown():
                self.unknown_messages += 1
            case message:
                self._take(message)

    @abstractmethod
    def _take(self, message: StreamMessage) -> None:
        """Act on a message that is no audio. Raises MessageRefused."""

    @abstractmethod
    def _media_text(self, payload: bytes) -> str:
        """Write audio for the peer."""

    @abstractmethod
    def _send_mark(self, name: str) -> None:
        """Ask the peer to say when it has played what was sent."""

    @abstractmethod
    def _send_clear(self) -> None:
        """Ask the peer to forget what it has not played."""

    def _before_close(self) -> None:  # noqa: B027 - not every side has one
        """Say goodbye, where the protocol has a word for it."""

    def _start_media(self) -> None:
        if not self._is_ticking and self._signals.ended is None:
            self._is_ticking = True
            self._heard_at = self._ticker.clock()
            self._ticker.add(self._slot, self._failed)

    def _slot(self, now: float, slots: int) -> None:
        """Send and deliver one frame; after a stall of the loop those of the missed slots too."""
        for _ in range(min(slots, _MAX_CATCH_UP)):
            payload = self._encoder.encode(self._playout.take_frame(now))
            self._socket.send(self._media_text(payload), is_audio=True)
            self._playout.send_due_marks()
            self._frames.push(self.audio.frame(now * 1000))
            self._after_frame()
        self._check_life(now)

    def _after_frame(self) -> None:  # noqa: B027 - not every side does
        """React to the frame just delivered."""

    def _check_life(self, now: float) -> None:
        if now - self._heard_at > self._limits.media_seconds:
            self._end(LegEndCause.MEDIA_LOST, "no audio came")
        if not self._socket.is_behind:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = now
        elif now - self._behind_since > self._limits.stalled_seconds:
            self._end(LegEndCause.NETWORK, "the peer does not read")

    def _failed(self, error: Exception) -> None:
        self._end(LegEndCause.ERROR, type(error).__name__)

    def _end(self, cause: LegEndCause, detail: str) -> None:
        """End once; later causes are ignored."""
        if self._signals.ended is not None:
            return
        if self._is_ticking:
            self._is_ticking = False
            self._ticker.remove(self._slot)
        self._signals.push(LegEnded(cause, detail))
        self._frames.close()
        self._playout.end()
        self._ending.set()
