"""What both ends of an RTP stream have agreed on, in the terms of the media side."""

from __future__ import annotations

from dataclasses import dataclass

from voicebot.media.codecs import Codec

COMFORT_NOISE = 13
"""Static payload type of RFC 3389; taken as a sign of life only."""


@dataclass(frozen=True, slots=True)
class RtpFormat:
    """One agreed stream.

    Payload types: `send_type` on our packets, `receive_type` expected; `event_*` of telephone-event at
    `event_clock_rate` Hz, None when the peer has none. `ptime_ms`: audio in each packet that we send.
    """

    codec: Codec
    send_type: int
    receive_type: int
    event_send_type: int | None = None
    event_receive_type: int | None = None
    event_clock_rate: int = 8000
    ptime_ms: int = 20
