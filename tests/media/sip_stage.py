"""A SIP leg on a stage: its ticker, its ports, a peer's socket, and the peer's SDP."""

from __future__ import annotations

from tests.fakes.call_control import FakeCallControl
from tests.fakes.media import ManualTicker
from tests.media.test_rtp_session import Peer
from voicebot.media.leg import (
    Leg,
    LegSignal,
)
from voicebot.media.rtp_ports import RtpPorts
from voicebot.media.sip_leg import SipLeg
from voicebot.media.sip_media import MediaParts, SipLegSettings


def sdp(port: int, *, direction: str = "sendrecv", address: str = "127.0.0.1", audio: str = "8 0 101") -> str:
    return "\r\n".join(
        [
            "v=0",
            f"o=- 1 1 IN IP4 {address}",
            "s=-",
            f"c=IN IP4 {address}",
            "t=0 0",
            f"m=audio {port} RTP/AVP {audio}",
            "a=rtpmap:101 telephone-event/8000",
            f"a={direction}",
            "a=rtcp-mux",
            "",
        ]
    )


class Stage:
    """Ticker, ports, a peer socket, and the parts that legs are made of."""

    def __init__(self, settings: SipLegSettings | None = None) -> None:
        self.ticker, self.peer = ManualTicker(), Peer()
        ports = RtpPorts("127.0.0.1", 31600, 31799)
        self.parts = MediaParts(ports, self.ticker, settings or SipLegSettings("127.0.0.1"))
        self.legs: list[SipLeg] = []

    def ringing(self, control: FakeCallControl) -> SipLeg:
        leg = SipLeg.ringing(control, self.parts, "leg-1")
        self.legs.append(leg)
        return leg

    async def answered(self) -> tuple[SipLeg, FakeCallControl]:
        control = FakeCallControl(offer=sdp(self.peer.address[1]))
        leg = self.ringing(control)
        await leg.answer()
        return leg, control

    def send(self, leg: SipLeg) -> None:
        assert leg.rtp is not None
        self.peer.send(leg.rtp.port)


async def signals_until_end(leg: Leg) -> list[LegSignal]:
    return [signal async for signal in leg.signals()]
