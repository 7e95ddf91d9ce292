"""`desk:<agent>` is dialled by ringing at the agent's pages with what the agent must know."""

from __future__ import annotations

from voicebot.errors import DialFailed, DialFailure
from voicebot.media.leg import Leg
from voicebot.transfer.agents import AgentBriefing
from voicebot.web.desks import Desks

SCHEME = "desk:"
_NOTHING_KNOWN = AgentBriefing("", "", "nl", "", "", (), (), "", 0.0)


class DeskDialler:
    """Implements `Dialler`. Accepting means that the briefing was read: nothing is to be asked by voice."""

    def __init__(self, desks: Desks) -> None:
        self._desks = desks

    async def dial(
        self,
        uri: str,
        *,
        display_name: str = "",
        timeout_seconds: float = 25.0,
        briefing: AgentBriefing | None = None,
    ) -> Leg:
        """Ring until accepted and audio flows. Raises DialFailed; cancelling it tells the pages.

        unreachable: no page is open, or all were closed while it rang; busy: the agent has a call; declined;
        no_answer; no_media: accepted, but no audio came (microphone refused, network in between).
        """
        desk = self._desks.desk(uri.removeprefix(SCHEME)) if uri.startswith(SCHEME) else None
        if desk is None:
            raise DialFailed(DialFailure.UNREACHABLE, "no such desk")
        if not self._desks.is_present(desk.agent_id):
            raise DialFailed(DialFailure.UNREACHABLE, "no page is open")
        return await desk.ring(briefing or _NOTHING_KNOWN, timeout_seconds)
