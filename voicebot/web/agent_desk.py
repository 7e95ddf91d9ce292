"""One agent's desk: the pages that are open, at most one ringing call, at most one call.

All pages of an agent ring; the first that accepts has the call, the others are told. A page that was
reloaded, or another of the agent's windows, can take the call over with a new WebRTC leg.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from voicebot.errors import DialFailed, DialFailure, MediaError, SdpRefused
from voicebot.media.leg import Leg, LegEnded
from voicebot.transfer.agents import AgentBriefing
from voicebot.web.desk_leg import DeskLeg
from voicebot.web.desk_tabs import Tab

MAX_TABS = 8
PAST_CALLS = 50
MAX_UNWRAPPED = 5


@dataclass(frozen=True, slots=True)
class DeskTimes:
    """Seconds. `reload`: a ringing page may be gone so long. `connect`: from accepting to audio both ways.

    `away`: the caller waits for a page that is gone in mid-call. `offline_after`: without any page the agent
    is no longer there.
    """

    reload: float = 5.0
    connect: float = 10.0
    away: float = 10.0
    offline_after: float = 20.0


class AgentAudio(Protocol):
    """Makes a WebRTC leg from a page's offer."""

    async def __call__(self, sdp: str) -> tuple[Leg, str]:
        """Return the leg, still to be answered (`leg.answer()` waits for audio), and the answer's SDP.

        Raises SdpRefused for an offer that cannot be used, MediaError when there is no network.
        """


@dataclass
class Ring:
    """A call that rings. `taken`: set by the page that accepts, or failed with DialFailed."""

    briefing: AgentBriefing
    seconds: float
    rings_until: float
    taken: asyncio.Future[tuple[Tab, str]]
    ring_id: str = field(default_factory=lambda: secrets.token_urlsafe(12))


@dataclass
class DeskCall:
    """A call that is up. `tab_id`: the page that has its audio. `since`: monotonic seconds."""

    call_id: str
    briefing: AgentBriefing
    leg: DeskLeg
    tab_id: str
    since: float
    handed_to: str = ""


class AgentDesk:
    """See the module. `clock`: monotonic seconds."""

    def __init__(
        self, agent_id: str, audio: AgentAudio, clock: Callable[[], float], times: DeskTimes
    ) -> None:
        self.agent_id, self._audio, self._clock, self._times = agent_id, audio, clock, times
        self.tabs: dict[str, Tab] = {}
        self.ringing: Ring | None = None
        self.call: DeskCall | None = None
        self.past_calls: deque[str] = deque(maxlen=PAST_CALLS)
        self._unwrapped: dict[str, AgentBriefing] = {}
        self._gone: asyncio.TimerHandle | None = None
        self._rejoining: asyncio.Task[None] | None = None

    # -- pages ------------------------------------------------------------------------------------------

    def open(self, tab: Tab) -> bool:
        """Add a page, or replace its own broken connection; False when there are too many."""
        old = self.tabs.pop(tab.tab_id, None)
        if old is not None:
            old.close("replaced")
        if len(self.tabs) >= MAX_TABS:
            return False
        self.tabs[tab.tab_id] = tab
        if self._gone is not None:
            self._gone.cancel()
            self._gone = None
        return True

    def show_present(self, tab: Tab) -> None:
        """Tell a new page what goes on."""
        if self.ringing is not None and not self.ringing.taken.done():
            tab.send(self._ring_message(self.ringing))
        if self.call is not None:
            tab.send(self._call_message(self.call, tab))
        for call_id, briefing in self._unwrapped.items():
            tab.send({"type": "wrap_up_due", "call": call_id, "briefing": briefing_json(briefing)})
        tab.send({"type": "present"})

    def close(self, tab: Tab) -> None:
        """Forget a page that is gone. A call goes on as long as its audio does: not without its page."""
        if self.tabs.get(tab.tab_id) is not tab:
            return
        del self.tabs[tab.tab_id]
        if tab.has_left and self.call is not None and self.call.tab_id == tab.tab_id:
            self.call.leg.page_left()
        if not self.tabs and self.ringing is not None:
            self._expect_page(self.ringing)

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send to all pages."""
        for tab in list(self.tabs.values()):
            tab.send(message)

    # -- ringing ----------------------------------------------------------------------------------------

    async def ring(self, briefing: AgentBriefing, timeout_seconds: float) -> DeskLeg:
        """Ring at all pages until one accepts and its audio flows. Raises DialFailed."""
        if self.ringing is not None or self.call is not None:
            raise DialFailed(DialFailure.BUSY, "the agent has a call")
        until = self._clock() + timeout_seconds
        ring = Ring(briefing, timeout_seconds, until, asyncio.get_running_loop().create_future())
        self.ringing = ring
        why = "caller_gone"
        try:
            self.tell(self._ring_message(ring))
            if not self.tabs:
                self._expect_page(ring)
            try:
                async with asyncio.timeout(timeout_seconds):
                    tab, sdp = await ring.taken
            except TimeoutError as error:
                raise DialFailed(DialFailure.NO_ANSWER, "time limit") from error
            for other in self.tabs.values():
                if other is not tab:
                    other.send({"type": "ring_over", "ring": ring.ring_id, "why": "accepted_elsewhere"})
            leg = await self._begin_call(ring, tab, sdp)
            why = "accepted"
        except DialFailed as failed:
            why = failed.reason.value
            raise
        finally:
            if not ring.taken.cancel() and not ring.taken.cancelled():
                ring.taken.exception()  # a refusal that crossed the time limit
            self.ringing = None
            self.tell({"type": "ring_over", "ring": ring.ring_id, "why": why})
        return leg

    def accept(self, tab: Tab, ring_id: str, sdp: str) -> str:
        """A page accepts; '' or why it cannot."""
        ring = self.ringing
        if ring is None or ring.ring_id != ring_id:
            return "stale"
        if ring.taken.done():
            return "accepted_elsewhere"
        ring.taken.set_result((tab, sdp))
        return ""

    def decline(self, ring_id: str) -> str:
        """A page declines; '' or why it cannot."""
        ring = self.ringing
        if ring is None or ring.ring_id != ring_id or ring.taken.done():
            return "stale"
        ring.taken.set_exception(DialFailed(DialFailure.DECLINED))
        return ""

    def _expect_page(self, ring: Ring) -> None:
        def give_up() -> None:
            if not ring.taken.done():
                ring.taken.set_exception(DialFailed(DialFailure.UNREACHABLE, "no page is open"))

        if self._gone is not None:
            self._gone.cancel()
        self._gone = asyncio.get_running_loop().call_later(self._times.reload, give_up)

    # -- the call ---------------------------------------------------------------------------------------

    async def _begin_call(self, ring: Ring, tab: Tab, sdp: str) -> DeskLeg:
        call_id = ring.briefing.call_id
        inner = await self._connect(tab, sdp, ring.ring_id)
        leg = DeskLeg(
            inner,
            self.agent_id,
            show=self._show_in_call,
            over=self._call_over,
            away_seconds=self._times.away,
        )
        self.call = DeskCall(call_id, ring.briefing, leg, tab.tab_id, self._clock())
        self.past_calls.append(call_id)
        self.show_call()
        return leg

    async def _connect(self, tab: Tab, sdp: str, reference: str) -> Leg:
        """Answer a page's offer and wait for its audio. Raises DialFailed."""
        inner: Leg | None = None
        try:
            async with asyncio.timeout(self._times.connect):
                inner, answer = await self._audio(sdp)
                tab.send({"type": "answer", "to": reference, "sdp": answer})
                await inner.answer()
        except BaseException as error:
            if inner is not None:
                await inner.hang_up("no audio")
            if isinstance(error, TimeoutError | MediaError | SdpRefused):
                raise DialFailed(DialFailure.NO_MEDIA) from error
            raise
        return inner

    def rejoin(self, tab: Tab, call_id: str, sdp: str) -> str:
        """A reloaded page, or another window, takes the call; '' or why it cannot."""
        call = self.call
        if call is None or call.call_id != call_id:
            return "stale"
        if self._rejoining is not None and not self._rejoining.done():
            return "accepted_elsewhere"
        self._rejoining = asyncio.create_task(self._rejoin(call, tab, sdp), name="desk-rejoin")
        return ""

    async def _rejoin(self, call: DeskCall, tab: Tab, sdp: str) -> None:
        try:
            inner = await self._connect(tab, sdp, call.call_id)
        except DialFailed:
            tab.send({"type": "refused", "what": "rejoin", "why": "no_media"})
            return
        if not await call.leg.rejoin(inner):
            await inner.hang_up("too late")
            return
        call.tab_id = tab.tab_id
        self.show_call()

    def of_call(self, tab: Tab, call_id: str) -> DeskCall | None:
        """Return the call if this page has it."""
        call = self.call
        return call if call is not None and (call.call_id, call.tab_id) == (call_id, tab.tab_id) else None

    def show_call(self) -> None:
        """Tell all pages how the call stands."""
        if self.call is not None:
            for tab in list(self.tabs.values()):
                tab.send(self._call_message(self.call, tab))

    def _show_in_call(self, message: Mapping[str, Any]) -> None:
        if self.call is not None:
            self.tell({**message, "call": self.call.call_id})

    def _call_over(self, ended: LegEnded) -> None:
        call, self.call = self.call, None
        if call is not None:
            why = "handed_on" if call.handed_to else ended.cause.value
            self._unwrapped[call.call_id] = call.briefing
            if len(self._unwrapped) > MAX_UNWRAPPED:
                del self._unwrapped[next(iter(self._unwrapped))]
            briefing = briefing_json(call.briefing)
            self.tell({"type": "call_over", "call": call.call_id, "why": why, "briefing": briefing})

    def wrapped_up(self, call_id: str) -> None:
        """What came of a call was noted, or need not be."""
        self._unwrapped.pop(call_id, None)
        self.tell({"type": "wrapped_up", "call": call_id})

    async def aclose(self) -> None:
        """Wait for what is under way."""
        if self._gone is not None:
            self._gone.cancel()
        if self._rejoining is not None:
            self._rejoining.cancel()
            await asyncio.wait({self._rejoining})
        if self.call is not None:
            await self.call.leg.hang_up("closing")
        for tab in list(self.tabs.values()):
            tab.close("closing")

    def _ring_message(self, ring: Ring) -> dict[str, Any]:
        left = max(0.0, ring.rings_until - self._clock())
        return {
            "type": "ring",
            "ring": ring.ring_id,
            "seconds_left": left,
            "briefing": briefing_json(ring.briefing),
        }

    def _call_message(self, call: DeskCall, tab: Tab) -> dict[str, Any]:
        return {
            "type": "call",
            "call": call.call_id,
            "briefing": briefing_json(call.briefing),
            "seconds": self._clock() - call.since,
            "is_here": call.tab_id == tab.tab_id,
            "is_open_elsewhere": call.tab_id != tab.tab_id and call.tab_id in self.tabs,
            "is_away": call.leg.is_away,
            "is_muted": call.leg.is_muted,
            "is_holding": call.leg.is_holding,
            "handed_to": call.handed_to,
        }


def briefing_json(briefing: AgentBriefing) -> dict[str, Any]:
    """Return what the page shows; every text is from outside, the page shows it as text (law S5)."""
    return {
        "call": briefing.call_id,
        "caller": briefing.caller,
        "language": briefing.language,
        "reason": briefing.reason,
        "asked": briefing.asked,
        "tried": list(briefing.tried),
        "last_lines": [{"speaker": line.speaker, "text": line.text} for line in briefing.last_lines],
        "queue": briefing.queue,
        "waited_seconds": briefing.waited_seconds,
    }
