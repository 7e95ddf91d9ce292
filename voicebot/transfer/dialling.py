"""One dialler for every sort of address: `sip:` rings a telephone, `desk:` an agent's pages."""

from __future__ import annotations

from collections.abc import Mapping

from voicebot.errors import DialFailed, DialFailure
from voicebot.media.leg import Dialler, Leg
from voicebot.transfer.agents import AgentBriefing


class SchemeDialler:
    """Implements `Dialler`. `diallers`: by scheme, without the colon."""

    def __init__(self, diallers: Mapping[str, Dialler]) -> None:
        self._diallers = dict(diallers)

    async def dial(
        self,
        uri: str,
        *,
        display_name: str = "",
        timeout_seconds: float = 25.0,
        briefing: AgentBriefing | None = None,
    ) -> Leg:
        """See Dialler; an address of a sort that nothing here can dial is unreachable."""
        dialler = self._diallers.get(uri.partition(":")[0])
        if dialler is None:
            raise DialFailed(DialFailure.UNREACHABLE, "no dialler for this address")
        return await dialler.dial(
            uri, display_name=display_name, timeout_seconds=timeout_seconds, briefing=briefing
        )
