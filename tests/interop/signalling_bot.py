"""A bot that only signals: the SIP endpoint with the simplest possible call behind it, and no media."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.peers.ports import LOOPBACK, eventually, free_port
from voicebot.errors import SdpRefused, SipError
from voicebot.sip.call_control import CallControl, CallControlEvent, Ended, Reoffered, SetupFailed
from voicebot.sip.core import UserAgentConfig
from voicebot.sip.endpoint import SipEndpoint, SipEndpointConfig
from voicebot.sip.sdp_answer import AudioSession, MediaSettings
from voicebot.sip.timers import TimerValues
from voicebot.sip.transport import SocketConfig
from voicebot.sip.trunk import SipTrunk

_session_ids = itertools.count(1)


@dataclass
class SeenCall:
    """One call, its session and all that happened in it."""

    control: CallControl
    session: AudioSession
    events: list[CallControlEvent] = field(default_factory=list)

    def has(self, kind: type[CallControlEvent]) -> bool:
        """An event of this type came."""
        return any(isinstance(event, kind) for event in self.events)

    def last(self, kind: type[CallControlEvent]) -> CallControlEvent:
        """The latest event of a type."""
        return [event for event in self.events if isinstance(event, kind)][-1]

    async def until(self, kind: type[CallControlEvent], seconds: float = 15.0) -> CallControlEvent:
        """Wait for an event of a type."""
        await eventually(lambda: self.has(kind), f"{kind.__name__} after {self.events}", seconds)
        return self.last(kind)

    async def follow(self) -> None:
        """Take part until the end: answer re-offers, note everything."""
        async for event in self.control.events():
            self.events.append(event)
            if isinstance(event, Reoffered):
                self._answer(event)

    def _answer(self, reoffer: Reoffered) -> None:
        try:
            answer = self.session.answer(reoffer.sdp) if reoffer.sdp else self.session.offer()
        except SdpRefused as error:
            self.control.answer_reoffer(None, error.status)
        else:
            self.control.answer_reoffer(answer)


class SignallingBot:
    """`calls`: all inbound ones so far. `rings_only`: never answers. `hangs_up`: once it has answered."""

    def __init__(self, *, rings_only: bool = False, hangs_up: bool = False) -> None:
        self.calls: list[SeenCall] = []
        self.rings_only, self.hangs_up = rings_only, hangs_up
        self.failures: list[SipError] = []
        self.endpoint: SipEndpoint
        self._following: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        *,
        rings_only: bool = False,
        hangs_up: bool = False,
        t1: float = 0.5,
        trunks: tuple[SipTrunk, ...] = (),
    ) -> AsyncIterator[SignallingBot]:
        """Start one on a free port; at the end nothing may be left of any call."""
        bot = cls(rings_only=rings_only, hangs_up=hangs_up)
        config = SipEndpointConfig(
            sockets=SocketConfig(host=LOOPBACK, port=free_port()),
            agent=UserAgentConfig(timer_values=TimerValues(t1=t1)),
            trunks=trunks,
        )
        bot.endpoint = SipEndpoint(config, bot._on_call)
        await bot.endpoint.start()
        try:
            yield bot
        finally:
            await bot.endpoint.close()
            await asyncio.gather(*bot._following)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return LOOPBACK, self.endpoint.port

    @property
    def uri(self) -> str:
        """Where it can be called."""
        return f"sip:bot@{LOOPBACK}:{self.endpoint.port}"

    async def no_call_is_left(self, seconds: float = 15.0) -> None:
        """Wait until no call and no task of one is alive."""
        await eventually(
            lambda: (self.endpoint.statistics().calls, self.endpoint.task_count) == (0, 0),
            "no calls and tasks",
            seconds,
        )

    async def nothing_is_left(self, seconds: float = 45.0) -> None:
        """Wait until no transaction and no timer is alive either: on UDP they outlive a call by 32 s."""
        await self.no_call_is_left(seconds)

        def is_empty() -> bool:
            counts = self.endpoint.statistics()
            return (counts.transactions, counts.timers) == (0, 0)

        await eventually(is_empty, "no transactions and timers", seconds)

    async def call(self, uri: str) -> SeenCall:
        """Call someone; the returned call is followed until its end."""
        session = AudioSession(self._media(), next(_session_ids))
        control = await self.endpoint.invite(uri, sdp=session.offer())
        seen = SeenCall(control, session)
        following = asyncio.create_task(seen.follow(), name="follow-call")
        self._following.add(following)
        following.add_done_callback(self._following.discard)
        return seen

    async def incoming(self, number: int = 1, seconds: float = 15.0) -> SeenCall:
        """Wait for the `number`-th inbound call."""
        await eventually(lambda: len(self.calls) >= number, f"{number} inbound calls", seconds)
        return self.calls[number - 1]

    async def _on_call(self, control: CallControl) -> None:
        seen = SeenCall(control, AudioSession(self._media(), next(_session_ids)))
        self.calls.append(seen)
        try:
            offer = control.facts.offer
            description = seen.session.answer(offer) if offer else seen.session.offer()
        except SdpRefused as error:
            control.reject(error.status)
            return
        control.ring()
        if self.rings_only:
            await seen.follow()
            return
        try:
            answer = await control.accept(description)
        except SipError as error:
            self.failures.append(error)
            await seen.follow()
            return
        if answer is not None:
            seen.session.read_answer(answer)
        if self.hangs_up:
            await control.hang_up()
        await seen.follow()

    def _media(self) -> MediaSettings:
        return MediaSettings(LOOPBACK, 40_000)


def has_failed_with(call: SeenCall, status: int) -> bool:
    """The outbound call ended before an answer, with this status."""
    return any(isinstance(event, SetupFailed) and event.status == status for event in call.events)


def was_ended_by(call: SeenCall, who: str) -> bool:
    """The dialog is over, and who ended it."""
    return any(isinstance(event, Ended) and event.by == who for event in call.events)
