"""Outbound SIP legs: INVITE, the wait for answer and media, one word for why not (protocol Dialler)."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING

from voicebot.errors import DialFailed, DialFailure, MediaError, SipError
from voicebot.media.leg import Leg
from voicebot.media.sip_leg import SetupRefused, SipLeg
from voicebot.media.sip_media import MediaParts, open_media
from voicebot.sip.call_control import SipEndpointProtocol

if TYPE_CHECKING:
    from voicebot.transfer.agents import AgentBriefing

_GIVE_UP_SECONDS = 0.5
"""The caller waits for what follows."""
_REASONS = {
    486: DialFailure.BUSY,
    600: DialFailure.BUSY,
    603: DialFailure.DECLINED,
    403: DialFailure.DECLINED,
    480: DialFailure.NO_ANSWER,
    408: DialFailure.NO_ANSWER,
    487: DialFailure.NO_ANSWER,
    404: DialFailure.UNREACHABLE,
    410: DialFailure.UNREACHABLE,
    484: DialFailure.UNREACHABLE,
    503: DialFailure.UNREACHABLE,
    504: DialFailure.UNREACHABLE,
    604: DialFailure.UNREACHABLE,
}


def failure_of(status: int, *, has_rung: bool = True) -> DialFailure:
    """Say what a final status (RFC 3261 §21) means; a 408 without any ringing is a host that is not there."""
    if status == 408 and not has_rung:
        return DialFailure.UNREACHABLE
    return _REASONS.get(status, DialFailure.FAILED)


class SipDialler:
    """Implements `Dialler` over a SIP endpoint. `from_user`: user part of From."""

    def __init__(
        self, endpoint: SipEndpointProtocol, parts: MediaParts, *, from_user: str = "voicebot"
    ) -> None:
        self._endpoint, self._parts, self._from_user = endpoint, parts, from_user

    async def dial(
        self,
        uri: str,
        *,
        display_name: str = "",
        timeout_seconds: float = 25.0,
        briefing: AgentBriefing | None = None,
    ) -> Leg:
        """Call and wait until answered and a packet has come. Raises DialFailed; cancelling sends CANCEL."""
        try:
            rtp, sdp = await open_media(self._parts)
        except MediaError as error:
            raise DialFailed(DialFailure.FAILED, error.code) from error
        leg: SipLeg | None = None
        try:
            control = await self._endpoint.invite(
                uri, sdp=sdp.offer(), from_user=self._from_user, display_name=display_name
            )
            leg = SipLeg(control, self._parts, uuid.uuid4().hex)
            leg.adopt(rtp, sdp)
            async with asyncio.timeout(timeout_seconds):
                await leg.wait_answered()
            await self._wait_media(leg)
        except BaseException as error:  # cancelled too: no socket and no ringing phone are left behind
            rtp.close()
            if leg is not None:
                await _give_up(leg)
            if isinstance(error, TimeoutError):
                has_rung = leg is not None and leg.has_rung
                reason = DialFailure.NO_ANSWER if has_rung else DialFailure.UNREACHABLE
                raise DialFailed(reason, "time limit") from error
            if isinstance(error, SetupRefused):
                raise DialFailed(
                    failure_of(error.status, has_rung=error.has_rung), f"{error.status}"
                ) from error
            if isinstance(error, SipError | MediaError):
                reason = DialFailure.UNREACHABLE if leg is None else DialFailure.FAILED
                raise DialFailed(reason, error.code) from error
            raise
        return leg

    async def _wait_media(self, leg: SipLeg) -> None:
        """An answered leg that sends nothing cannot be spoken with (unless it holds us already)."""
        rtp = leg.rtp
        if rtp is None or leg.is_on_hold:
            return
        try:
            async with asyncio.timeout(self._parts.settings.dial_media_seconds):
                await rtp.has_media.wait()
        except TimeoutError as error:
            raise DialFailed(DialFailure.NO_MEDIA) from error


async def _give_up(leg: SipLeg) -> None:
    """End a leg that was not answered; a silent host gets its CANCEL later or never (RFC 3261 §9.1)."""
    try:
        async with asyncio.timeout(_GIVE_UP_SECONDS):
            await leg.hang_up("not answered")  # takes effect at once; the rest is the wait for the peer
    except TimeoutError:
        return
