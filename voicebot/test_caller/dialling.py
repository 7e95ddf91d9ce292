"""Placing a test call: SIP through a stack of our own on another port, or the media gateway's WebSocket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

from voicebot.errors import ConfigError
from voicebot.listeners import RoutedDialler
from voicebot.media.leg import Leg
from voicebot.media.media_stream_client import MediaStreamDialler
from voicebot.media.rtp_ports import RtpPorts
from voicebot.media.scheduling import prefer_this_thread
from voicebot.media.sip_media import MediaParts, SipLegSettings
from voicebot.media.ticker import Ticker
from voicebot.sip.admission import AdmissionConfig
from voicebot.sip.call_control import CallControl
from voicebot.sip.endpoint import SipEndpoint, SipEndpointConfig
from voicebot.sip.transport import SocketConfig
from voicebot.test_caller.conversation import CallerPatience, CallReport, SpokenStep, TestCaller

CALLER_RTP_PORTS = (40000, 44998)
RING_SECONDS = 30.0
STREAM_SCHEMES = ("ws://", "wss://")


@asynccontextmanager
async def caller_stack(
    *,
    port: int = 0,
    codec: str = "PCMA",
    address: str = "127.0.0.1",
    caller: str = "testcaller",
    ticker: Ticker | None = None,
) -> AsyncIterator[RoutedDialler]:
    """A SIP stack for callers; inbound calls are refused. `ticker`: another clock than the machine's."""

    async def refuse(control: CallControl) -> None:
        control.reject(486)

    endpoint = SipEndpoint(
        SipEndpointConfig(
            sockets=SocketConfig(host=address, port=port), admission=AdmissionConfig(stranger_status=403)
        ),
        refuse,
    )
    clock = ticker or Ticker()
    ports = RtpPorts(address, *CALLER_RTP_PORTS)

    def parts(_peer: str) -> MediaParts:
        return MediaParts(ports, clock, SipLegSettings(address=address, codecs=(codec,)))

    prefer_this_thread()  # a caller that runs late would measure itself
    await endpoint.start()
    try:
        yield RoutedDialler(endpoint, parts, from_user=caller)
    finally:
        await endpoint.close()


def check_target(target: str) -> None:
    """Raise ConfigError for what is neither a SIP address nor a gateway's."""
    if not target.startswith((*STREAM_SCHEMES, "sip:", "sips:")):
        raise ConfigError(
            "is no address that can be called",
            field="TARGET",
            mend="use sip:user@host or ws://host:port/media",
        )


async def place_call(
    target: str,
    steps: Sequence[SpokenStep],
    patience: CallerPatience,
    *,
    codec: str = "PCMA",
    port: int = 0,
    caller: str = "testcaller",
) -> CallReport:
    """Call, talk, hang up. Raises DialFailed when nobody answers, ConfigError for a strange target."""
    if target.startswith(STREAM_SCHEMES):
        line = parse_qs(urlsplit(target).query).get("called", [""])[0]
        streams = MediaStreamDialler(Ticker(), caller=caller, called=line)
        leg: Leg = await streams.dial(target, timeout_seconds=RING_SECONDS)
        return await TestCaller(leg, steps, patience).run()
    check_target(target)
    async with caller_stack(port=port, codec=codec, address=_own_address(target), caller=caller) as dialler:
        leg = await dialler.dial(target, timeout_seconds=RING_SECONDS)
        return await TestCaller(leg, steps, patience).run()


def _own_address(target: str) -> str:
    host = target.rsplit("@", maxsplit=1)[-1].rsplit(":", 1)[0]
    return "127.0.0.1" if host.startswith("127.") or host == "localhost" else "0.0.0.0"  # noqa: S104
