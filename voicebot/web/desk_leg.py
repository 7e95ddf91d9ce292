"""The leg of an agent at a desk: the page's WebRTC leg, and what the agent presses.

It outlives the page: when the page is reloaded or the network drops, the caller is put on hold for
`away_seconds` while the page may come back with a new WebRTC leg; after that the leg ends and the caller is
with the bot again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any

from voicebot.audio import SILENCE, AudioFrame
from voicebot.events import Language
from voicebot.media.bridge import RtpLeg
from voicebot.media.leg import (
    DigitPressed,
    HandOn,
    HoldRequested,
    Leg,
    LegEndCause,
    LegEnded,
    LegInfo,
    LegSignal,
    Playout,
    ReferOutcome,
    ResumeRequested,
    Speaking,
    TextReceived,
)
from voicebot.media.rtp import RtpSession
from voicebot.media.streams import FrameStream, SignalStream
from voicebot.web.moving_playout import MovingPlayout

FRAME_MS = 20

Show = Callable[[Mapping[str, Any]], None]
"""Sends a message to the agent's pages."""


class DeskLeg:
    """Implements `Leg` and `Captioned`. `inner`: the page's leg; `show`: to the pages; `over`: told the end.

    `is_muted`, `is_holding`: what the agent pressed; nothing the agent says passes then.
    """

    def __init__(
        self,
        inner: Leg,
        agent_id: str,
        *,
        show: Show,
        over: Callable[[LegEnded], None],
        away_seconds: float,
    ) -> None:
        self._info = replace(inner.info, kind="webrtc", called=agent_id, inbound=False)
        self._inner, self._show, self._over, self._away_seconds = inner, show, over, away_seconds
        self._playout = MovingPlayout(inner.playout)
        self._frames, self._signals = FrameStream(), SignalStream()
        self._media_ms = 0
        self._away: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_muted = self.is_holding = False
        self._adopt(inner)

    # -- what the page does -----------------------------------------------------------------------------

    @property
    def is_away(self) -> bool:
        """The page is gone and may come back."""
        return self._away is not None

    @property
    def is_ended(self) -> bool:
        """It is over."""
        return self._signals.ended is not None

    def hold(self, on: bool) -> None:
        """Put the caller on hold, or take the caller back."""
        if on != self.is_holding:
            self.is_holding = on
            if not self.is_away:
                self._signals.push(HoldRequested() if on else ResumeRequested())

    def hand_on(self, target: str) -> None:
        """Ask for another person. `target` has been checked: it exists."""
        self._signals.push(HandOn(target))

    def typed(self, text: str) -> None:
        """Pass a line to the caller."""
        self._signals.push(TextReceived(text))

    def end(self) -> None:
        """The agent hangs up."""
        self._finish(LegEnded(LegEndCause.PEER, "agent ended"))

    def page_left(self) -> None:
        """The page with its audio was closed or is being reloaded: WebRTC itself would tell much later."""
        if not self.is_away and not self.is_ended:
            self._leave(LegEnded(LegEndCause.PEER, "page closed"))

    async def rejoin(self, inner: Leg) -> bool:
        """Go on in the page's new leg; False when it came too late."""
        if self.is_ended:
            return False
        old = self._inner
        if not self.is_away and not self.is_holding:
            self._signals.push(HoldRequested())  # what is joined to the old leg must be joined anew
        self._back()
        self._inner = inner
        self._info = replace(self._info, codec=inner.info.codec, peer_call_id=inner.info.peer_call_id)
        self._playout.move(inner.playout)
        self._adopt(inner)
        if not self.is_holding:
            self._signals.push(ResumeRequested())
        await old.hang_up("taken over")
        return True

    # -- Leg --------------------------------------------------------------------------------------------

    @property
    def info(self) -> LegInfo:
        """Current facts; `called` is the agent."""
        return self._info

    @property
    def playout(self) -> Playout:
        """What the agent hears."""
        return self._playout

    @property
    def rtp(self) -> RtpSession | None:
        """The page's media session, so that packets can be forwarded; None while there is none."""
        inner = self._inner
        return inner.rtp if isinstance(inner, RtpLeg) and not self.is_away else None

    @property
    def is_on_hold(self) -> bool:
        """Nobody hears us: the page is gone for the moment."""
        return self.is_away

    async def answer(self) -> None:
        """Nothing: it was accepted."""

    async def reject(self, status: int, reason: str = "") -> None:
        """End it."""
        await self.hang_up(reason or str(status))

    def frames(self) -> AsyncIterator[AudioFrame]:
        """What the agent says."""
        return self._frames.read()

    def signals(self) -> AsyncIterator[LegSignal]:
        """What the agent presses, and the end."""
        return self._signals.read()

    async def send_digits(self, digits: str) -> None:
        """Show the caller's keys."""
        self._show({"type": "digits", "digits": digits})

    async def refer(self, target: str, *, replaces: Leg | None = None) -> ReferOutcome:
        """Browsers cannot."""
        raise NotImplementedError("an agent's browser cannot be transferred")

    async def hang_up(self, reason: str = "normal") -> None:
        """End it."""
        self._finish(LegEnded(LegEndCause.US, reason))
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def caption(self, speaker: Speaking, text: str, language: Language, *, is_final: bool = True) -> None:
        """Show a line on the agent's page."""
        if not self.is_ended:
            line = {"speaker": speaker, "text": text, "language": language, "final": is_final}
            self._show({"type": "caption", **line})

    # -- inside -----------------------------------------------------------------------------------------

    def _adopt(self, inner: Leg) -> None:
        self._start(self._pump_frames(inner), "desk-frames")
        self._start(self._pump_signals(inner), "desk-signals")

    def _start(self, job: Any, name: str) -> None:
        task: asyncio.Task[None] = asyncio.create_task(job, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pump_frames(self, inner: Leg) -> None:
        async for frame in inner.frames():
            if inner is not self._inner:
                return
            silent = self.is_muted or self.is_holding
            self._frames.push(AudioFrame(SILENCE if silent else frame.pcm, self._media_ms))
            self._media_ms += FRAME_MS

    async def _pump_signals(self, inner: Leg) -> None:
        async for signal in inner.signals():
            if inner is not self._inner or self.is_ended:
                return
            if isinstance(signal, LegEnded):
                if not self.is_away:
                    self._leave(signal)
            elif isinstance(signal, DigitPressed | TextReceived):
                self._signals.push(signal)

    def _leave(self, ended: LegEnded) -> None:
        """The page is gone: the caller waits a little for it."""
        self._playout.move(None)
        if not self.is_holding:
            self._signals.push(HoldRequested())
        loop = asyncio.get_running_loop()
        self._away = loop.call_later(self._away_seconds, self._finish, ended)
        self._show({"type": "away"})

    def _back(self) -> None:
        if self._away is not None:
            self._away.cancel()
            self._away = None

    def _finish(self, ended: LegEnded) -> None:
        if self.is_ended:
            return
        self._back()
        self._signals.push(ended)
        self._frames.close()
        self._playout.end()
        self._start(self._inner.hang_up(ended.detail or "normal"), "desk-hang-up")
        self._over(ended)
