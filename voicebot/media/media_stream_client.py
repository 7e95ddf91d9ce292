"""The other side of the gateway: a leg that behaves like Twilio does, for the test caller and for tests."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import replace

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI, WebSocketException

from voicebot.errors import DialFailed, DialFailure
from voicebot.media.leg import LegEndCause, LegInfo
from voicebot.media.media_stream_leg import StreamLeg, StreamLimits
from voicebot.media.media_stream_messages import (
    PROTOCOL_ERROR,
    Clear,
    GatewayWriter,
    Mark,
    MessageRefused,
    StreamMessage,
)
from voicebot.media.media_stream_socket import StreamSocket
from voicebot.media.ticker import Ticker

_MAX_MESSAGE_BYTES = 64 * 1024
_KEY_SECONDS = 0.1


class MediaStreamClientLeg(StreamLeg):
    """The caller's side of one stream: sends audio at the pace of time, reports marks when it heard them."""

    def __init__(
        self, stream: StreamSocket, ticker: Ticker, info: LegInfo, writer: GatewayWriter, limits: StreamLimits
    ) -> None:
        super().__init__(stream, ticker, info, limits)
        self._writer = writer
        self._life: asyncio.Task[None] | None = None

    def begin(self, parameters: Mapping[str, str]) -> None:
        """Say `connected` and `start`, and let audio flow."""
        self._socket.send(self._writer.connected())
        self._socket.send(self._writer.start(parameters))
        self._start_media()
        self._life = asyncio.create_task(self.run(), name=f"stream-client {self._info.leg_id}")

    async def answer(self) -> None:
        """Do nothing: this leg dialled."""

    async def reject(self, status: int, reason: str = "") -> None:
        """End it: this leg dialled."""
        await self.hang_up(f"{status} {reason}".strip())

    async def send_digits(self, digits: str) -> None:
        """Send keys, ten a second."""
        for digit in digits:
            self._socket.send(self._writer.dtmf(digit))
            await asyncio.sleep(_KEY_SECONDS)

    async def hang_up(self, reason: str = "normal") -> None:
        """Say `stop` and close; returns when the connection is closed."""
        await super().hang_up(reason)
        if self._life is not None:
            await asyncio.wait({self._life})

    def _take(self, message: StreamMessage) -> None:
        match message:
            case Mark(name):
                self.audio.mark(name)
            case Clear():
                for name in self.audio.clear():
                    self._socket.send(self._writer.mark(name))
            case _:
                raise MessageRefused("unexpected message", PROTOCOL_ERROR)

    def _after_frame(self) -> None:
        for name in self.audio.reached_marks():
            self._socket.send(self._writer.mark(name))

    def _media_text(self, payload: bytes) -> str:
        return self._writer.media(payload)

    def _send_mark(self, name: str) -> None:
        """A gateway asks for no marks; what was sent counts as heard."""
        self._playout.confirm(name)

    def _send_clear(self) -> None:
        """A gateway asks for no clearing."""
        self._socket.drop_audio()

    def _before_close(self) -> None:
        ended = self._signals.ended
        if ended is not None and ended.cause is LegEndCause.US:
            self._socket.send(self._writer.stop())


class MediaStreamDialler:
    """Opens streams; implements `leg.Dialler` for ws:// and wss:// URIs."""

    def __init__(
        self,
        ticker: Ticker,
        *,
        token: str = "",
        caller: str = "",
        called: str = "",
        headers: Mapping[str, str] | None = None,
        limits: StreamLimits | None = None,
    ) -> None:
        self._ticker = ticker
        self._headers = dict(headers or {})
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._parameters = {name: value for name, value in (("caller", caller), ("called", called)) if value}
        self._limits = limits or StreamLimits()

    async def dial(
        self, uri: str, *, display_name: str = "", timeout_seconds: float = 25.0
    ) -> MediaStreamClientLeg:
        """Connect and start a stream. Raises DialFailed; cancelling leaves nothing open."""
        try:
            connection = await connect(
                uri,
                additional_headers=self._headers,
                open_timeout=timeout_seconds,
                compression=None,
                max_size=_MAX_MESSAGE_BYTES,
                max_queue=64,
                close_timeout=2,
                proxy=None,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            reason = DialFailure.BUSY if status == 503 else DialFailure.DECLINED
            raise DialFailed(reason, f"HTTP {status}") from error
        except TimeoutError as error:
            raise DialFailed(DialFailure.NO_ANSWER, "time-out") from error
        except (OSError, InvalidURI) as error:
            raise DialFailed(DialFailure.UNREACHABLE, type(error).__name__) from error
        except (InvalidHandshake, WebSocketException) as error:
            raise DialFailed(DialFailure.FAILED, type(error).__name__) from error
        stream_sid, call_sid = f"MZ{uuid.uuid4().hex}", f"CA{uuid.uuid4().hex}"
        info = LegInfo(uuid.uuid4().hex, "media_stream", "", "", "PCMU/8000", call_sid, inbound=False)
        info = replace(
            info, caller=self._parameters.get("caller", ""), called=self._parameters.get("called", "")
        )
        writer = GatewayWriter(stream_sid, call_sid)
        leg = MediaStreamClientLeg(StreamSocket(connection), self._ticker, info, writer, self._limits)
        leg.begin(self._parameters)
        return leg
