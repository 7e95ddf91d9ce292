"""What SIP legs share of media: ports, ticker and settings; one session opened and described."""

from __future__ import annotations

import random
from dataclasses import dataclass

from voicebot.media.codecs import available_codecs, codec_named
from voicebot.media.rtp import RtpSession
from voicebot.media.rtp_format import RtpFormat
from voicebot.media.rtp_ports import RtpPorts
from voicebot.media.ticker import Ticker
from voicebot.sip.sdp_answer import AudioSession, MediaSettings, NegotiatedAudio


@dataclass(frozen=True, slots=True)
class SipLegSettings:
    """How legs use media. `address`: IP literal that peers can send to.

    `codecs`: best first. `ptime_ms`: audio a packet. `rtp_timeout_seconds`: a leg without any packet for so
    long ends (not while held). `dial_media_seconds`: an answered outbound leg without a packet for so long
    counts as NO_MEDIA.
    """

    address: str
    codecs: tuple[str, ...] = ("PCMA", "PCMU", "G722", "opus")
    prefers_own_order: bool = False
    ptime_ms: int = 20
    rtp_timeout_seconds: float = 30.0
    dial_media_seconds: float = 4.0


@dataclass(frozen=True, slots=True)
class MediaParts:
    """What all legs of a process share."""

    ports: RtpPorts
    ticker: Ticker
    settings: SipLegSettings


async def open_media(parts: MediaParts) -> tuple[RtpSession, AudioSession]:
    """Bind a session and begin its description. Raises MediaError when no port is free."""
    settings = parts.settings
    rtp = await RtpSession.open(parts.ports, parts.ticker, timeout_seconds=settings.rtp_timeout_seconds)
    ours = available_codecs()
    local = MediaSettings(
        settings.address,
        rtp.port,
        tuple(name for name in settings.codecs if name in ours),
        settings.ptime_ms,
        settings.prefers_own_order,
    )
    return rtp, AudioSession(local, random.getrandbits(62))


def rtp_format(agreed: NegotiatedAudio) -> RtpFormat:
    """Say what the signalling agreed on in the terms of the media side."""
    return RtpFormat(
        codec_named(agreed.codec),
        agreed.payload_type_send,
        agreed.payload_type_receive,
        agreed.dtmf_send,
        agreed.dtmf_receive,
        agreed.dtmf_clock_rate,
        agreed.ptime_ms,
    )
