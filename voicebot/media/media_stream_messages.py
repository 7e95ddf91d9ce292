"""Twilio Media Streams messages, without I/O: JSON text to values and back.

Source: Twilio's 'Media Streams - WebSocket Messages' page. Jambonz, SignalWire and FreeSWITCH modules speak
the same. Audio is G.711 µ-law, 8000 Hz, mono, in base64. Numbers come as strings or numbers; unknown events
and unknown fields are let through, since gateways add their own.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from voicebot.errors import MediaError

ENCODING = "audio/x-mulaw"
SAMPLE_RATE = 8000
MAX_PAYLOAD_BYTES = 16_000
"""Two seconds of audio in one message."""
_DIGITS = frozenset("0123456789*#ABCD")
_MAX_NAME = 256
_MAX_PARAMETERS = 32
PROTOCOL_ERROR, UNSUPPORTED, INVALID_DATA, POLICY = 1002, 1003, 1007, 1008
"""WebSocket close codes (RFC 6455 §7.4.1)."""


class MessageRefused(MediaError):
    """A message that ends the stream. `close_code`: RFC 6455 §7.4.1; the reason holds nothing of the peer."""

    code = "media.stream"

    def __init__(self, reason: str, close_code: int = INVALID_DATA) -> None:
        super().__init__(reason)
        self.reason, self.close_code = reason, close_code


@dataclass(frozen=True, slots=True)
class Connected:
    """The first message of the gateway."""


@dataclass(frozen=True, slots=True)
class Started:
    """The stream begins. `parameters`: the gateway's custom parameters, as received."""

    stream_sid: str
    call_sid: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Media:
    """Audio. `payload`: µ-law octets, 8000 a second. `timestamp_ms`: of its start, None when not said."""

    payload: bytes
    timestamp_ms: int | None
    is_inbound: bool = True


@dataclass(frozen=True, slots=True)
class Dtmf:
    """A key. Never log it."""

    digit: str


@dataclass(frozen=True, slots=True)
class Mark:
    """From us: tell me when this was played. From the gateway: it was, or it was cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    """From us: forget the audio that waits to be played."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The gateway ends the stream."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event of a newer gateway; ignored."""


StreamMessage = Connected | Started | Media | Dtmf | Mark | Clear | Stopped | Unknown


@dataclass(frozen=True, slots=True)
class Received:
    """A message with its number; `sequence` None when the gateway gives none."""

    message: StreamMessage
    sequence: int | None


def parse(text: str | bytes) -> Received:
    """Read one WebSocket message. Raises MessageRefused."""
    if isinstance(text, bytes):
        raise MessageRefused("binary messages are not part of the protocol", UNSUPPORTED)
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MessageRefused("not JSON") from error
    if not isinstance(fields, dict):
        raise MessageRefused("not a JSON object")
    return Received(_message(fields), _number(fields.get("sequenceNumber")))


def _message(fields: Mapping[str, object]) -> StreamMessage:
    match fields.get("event"):
        case "connected":
            return Connected()
        case "start":
            return _started(_section(fields, "start"), fields)
        case "media":
            return _media(_section(fields, "media"))
        case "dtmf":
            digit = _text(_section(fields, "dtmf"), "digit").upper()
            if digit not in _DIGITS:
                raise MessageRefused("not a DTMF key")
            return Dtmf(digit)
        case "mark":
            return Mark(_text(_section(fields, "mark"), "name"))
        case "clear":
            return Clear()
        case "stop":
            return Stopped()
        case str():
            return Unknown()
        case _:
            raise MessageRefused("no event")


def _started(start: Mapping[str, object], fields: Mapping[str, object]) -> Started:
    media_format = start.get("mediaFormat", {})
    if not isinstance(media_format, dict):
        raise MessageRefused("mediaFormat is no object")
    encoding = media_format.get("encoding", ENCODING)
    rate, channels = (
        _number(media_format.get("sampleRate", SAMPLE_RATE)),
        _number(media_format.get("channels", 1)),
    )
    if (encoding, rate, channels) != (ENCODING, SAMPLE_RATE, 1):
        raise MessageRefused("only µ-law, 8000 Hz, mono", UNSUPPORTED)
    stream_sid = _text(start, "streamSid") if "streamSid" in start else _text(fields, "streamSid")
    call_sid = _text(start, "callSid") if "callSid" in start else ""
    parameters = start.get("customParameters") or {}
    if not isinstance(parameters, dict) or len(parameters) > _MAX_PARAMETERS:
        raise MessageRefused("customParameters is no object, or too long")
    return Started(
        stream_sid,
        call_sid,
        {str(key)[:_MAX_NAME]: str(value)[:_MAX_NAME] for key, value in parameters.items()},
    )


def _media(media: Mapping[str, object]) -> Media:
    encoded = media.get("payload")
    if not isinstance(encoded, str):
        raise MessageRefused("media without payload")
    try:
        payload = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MessageRefused("payload is not base64") from error
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise MessageRefused("payload is too long", POLICY)
    return Media(
        payload,
        _number(media.get("timestamp")),
        media.get("track", "inbound") in {"inbound", "inbound_track"},
    )


def _section(fields: Mapping[str, object], name: str) -> Mapping[str, object]:
    section = fields.get(name)
    if not isinstance(section, dict):
        raise MessageRefused(f"no {name} object")
    return section


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_NAME:
        raise MessageRefused(f"{name} is no text of 1 to {_MAX_NAME} characters")
    return value


def _number(value: object) -> int | None:
    """Read a count or a time: a number or its text; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and len(value) <= 18 and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and 0 <= value < 10**18 else None


def media_to_gateway(stream_sid: str, payload: bytes) -> str:
    """Write audio for the caller: µ-law octets."""
    return _dump("media", stream_sid, media={"payload": base64.b64encode(payload).decode()})


def mark_message(stream_sid: str, name: str) -> str:
    """Write a mark: asked for by us, or reported by the gateway."""
    return _dump("mark", stream_sid, mark={"name": name})


def clear_message(stream_sid: str) -> str:
    """Write: forget what waits to be played."""
    return _dump("clear", stream_sid)


def _dump(event: str, stream_sid: str, **section: object) -> str:
    return json.dumps({"event": event, "streamSid": stream_sid, **section}, separators=(",", ":"))


class GatewayWriter:
    """Writes what a gateway sends, numbered as a gateway does (the test caller's side)."""

    def __init__(self, stream_sid: str, call_sid: str) -> None:
        self._stream_sid, self._call_sid = stream_sid, call_sid
        self._sequence = 0
        self._chunk = 0
        self._sent_samples = 0

    def connected(self) -> str:
        """Write the first message."""
        return json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})

    def start(self, parameters: Mapping[str, str]) -> str:
        """Write the second message."""
        start = {
            "accountSid": "",
            "streamSid": self._stream_sid,
            "callSid": self._call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": ENCODING, "sampleRate": SAMPLE_RATE, "channels": 1},
            "customParameters": dict(parameters),
        }
        return self._numbered("start", start=start)

    def media(self, payload: bytes) -> str:
        """Write audio of the caller: µ-law octets of any length."""
        self._chunk += 1
        media = {
            "track": "inbound",
            "chunk": str(self._chunk),
            "timestamp": str(self._sent_samples * 1000 // SAMPLE_RATE),
            "payload": base64.b64encode(payload).decode(),
        }
        self._sent_samples += len(payload)
        return self._numbered("media", media=media)

    def dtmf(self, digit: str) -> str:
        """Write a key."""
        return self._numbered("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> str:
        """Write that a mark was reached."""
        return self._numbered("mark", mark={"name": name})

    def stop(self) -> str:
        """Write the last message."""
        return self._numbered("stop", stop={"accountSid": "", "callSid": self._call_sid})

    def _numbered(self, event: str, **section: object) -> str:
        self._sequence += 1
        fields = {"event": event, "sequenceNumber": str(self._sequence), **section}
        return json.dumps({**fields, "streamSid": self._stream_sid}, separators=(",", ":"))


class SequenceCheck:
    """Order of a gateway's messages. `gaps`: numbers jumped over; `repeated`: numbers not rising."""

    def __init__(self) -> None:
        self.gaps = self.repeated = 0
        self._last: int | None = None

    def note(self, sequence: int | None) -> None:
        """Take in the number of a message."""
        if sequence is None:
            return
        if self._last is not None:
            self.gaps += max(0, sequence - self._last - 1)
            self.repeated += sequence <= self._last
        self._last = sequence if self._last is None else max(self._last, sequence)
