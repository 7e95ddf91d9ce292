"""In-memory legs with a virtual clock: tests move time in slots of 20 ms; the playout core is the real one.

leg = FakeLeg()
leg.feed(pcm)                    # what the caller says from now on; silence when nothing is fed
await leg.advance(400)           # milliseconds
assert leg.heard_ms(...)         # `leg.played` holds every frame that went to the caller
leg.press("0"); leg.peer_hangs_up()
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

from voicebot.audio import FRAME_BYTES, FRAME_MS, SILENCE, AudioFrame
from voicebot.errors import DialFailed, DialFailure, MediaError
from voicebot.media.leg import (
    CallerTyping,
    DigitPressed,
    HeldByPeer,
    Leg,
    LegEndCause,
    LegEnded,
    LegInfo,
    LegSignal,
    Playout,
    ReferOutcome,
    ResumedByPeer,
    TextReceived,
)
from voicebot.media.playout import LegPlayout
from voicebot.media.streams import FrameStream, SignalStream

if TYPE_CHECKING:
    from voicebot.transfer.agents import AgentBriefing


class VirtualClock:
    """Seconds that only tests move."""

    def __init__(self, start_seconds: float = 1000.0) -> None:
        self.start_seconds = start_seconds
        self.slots = 0

    def __call__(self) -> float:
        return self.start_seconds + self.slots * FRAME_MS / 1000

    @property
    def now_ms(self) -> int:
        return self.slots * FRAME_MS


async def settle(rounds: int = 30) -> None:
    """Let every task that can run do so."""
    for _ in range(rounds):
        await asyncio.sleep(0)


async def advance(legs: Iterable[FakeLeg], milliseconds: int) -> None:
    """Move the clock(s) of several legs together; they may share one clock."""
    legs = list(legs)
    for _ in range(milliseconds // FRAME_MS):
        for clock in {id(leg.clock): leg.clock for leg in legs}.values():
            clock.slots += 1
        for leg in legs:
            leg.tick()
        await settle()


class FakeLeg:
    """Implements `Leg`. `played`: frames that went out, in order; `fed`: audio of the peer still to come."""

    def __init__(
        self,
        *,
        leg_id: str = "leg-1",
        kind: str = "fake",
        caller: str = "+31201234567",
        called: str = "100",
        inbound: bool = True,
        clock: VirtualClock | None = None,
        answered: bool = False,
    ) -> None:
        self.clock = clock or VirtualClock()
        self._info = LegInfo(leg_id, kind, caller, called, "PCMA/8000", f"call-{leg_id}", inbound)
        self._playout = LegPlayout()
        self._unanswered_playout = LegPlayout()  # as of a SIP leg: before the answer there is no session
        self._frames = FrameStream()
        self._signals = SignalStream()
        self._fed = bytearray()
        self._is_answered = answered or not inbound
        self._media_ms = 0
        self.is_peer_silent = False
        self._is_on_hold = False
        self.played: list[bytes] = []
        self.rejected: tuple[int, str] | None = None
        self.hang_up_reason: str | None = None
        self.digits_sent = ""
        self.captions: list[tuple[str, str, str, bool]] = []
        """(speaker, text, language, is final): it is a leg with a screen."""
        self.referred_to: list[str] = []
        self.refer_outcome: ReferOutcome | None = ReferOutcome(True, 200)
        """None: refer() raises NotImplementedError."""

    # --- what the test does as the peer and as time ---

    def feed(self, pcm: bytes) -> None:
        """Queue audio (s16le 16 kHz) that the peer says, real time from the next slot on."""
        self._fed += pcm

    async def advance(self, milliseconds: int) -> None:
        """Let time pass for this leg (and its clock)."""
        await advance([self], milliseconds)

    def tick(self) -> None:
        """One slot of 20 ms, without moving the clock: a frame out, a frame in."""
        if not self._is_answered or self.is_ended:
            return
        if not self._is_on_hold:
            self.played.append(self._playout.take_frame(self.clock()))
        pcm = bytes(self._fed[:FRAME_BYTES]).ljust(FRAME_BYTES, b"\0")
        del self._fed[:FRAME_BYTES]
        self._frames.push(AudioFrame(pcm, self._media_ms))
        self._media_ms += FRAME_MS

    def press(self, digit: str, duration_ms: int = 100) -> None:
        self._signals.push(DigitPressed(digit, duration_ms))

    def type(self, text: str) -> None:
        self._signals.push(TextReceived(text))

    def starts_typing(self) -> None:
        self._signals.push(CallerTyping())

    def hold(self) -> None:
        self._is_on_hold = True
        self._signals.push(HeldByPeer())

    def unhold(self) -> None:
        self._is_on_hold = False
        self._signals.push(ResumedByPeer())

    def peer_hangs_up(self, detail: str = "BYE") -> None:
        self._end(LegEnded(LegEndCause.PEER, detail))

    def lose_media(self) -> None:
        self._end(LegEnded(LegEndCause.MEDIA_LOST, "no RTP"))

    def leaves_referred(self) -> None:
        self._end(LegEnded(LegEndCause.REFERRED, "unconfirmed"))

    def lose_network(self) -> None:
        self._end(LegEnded(LegEndCause.NETWORK, "session timer"))

    # --- what the test looks at ---

    @property
    def is_answered(self) -> bool:
        return self._is_answered

    @property
    def is_ended(self) -> bool:
        return self._signals.ended is not None

    @property
    def ended(self) -> LegEnded | None:
        return self._signals.ended

    @property
    def dropped_frames(self) -> int:
        return self._frames.dropped

    @property
    def played_pcm(self) -> bytes:
        """All that went out, silence included."""
        return b"".join(self.played)

    def sounding_slots(self) -> list[int]:
        """Slots (from the answer) in which something else than silence went out."""
        return [slot for slot, frame in enumerate(self.played) if frame != SILENCE]

    # --- Leg ---

    @property
    def info(self) -> LegInfo:
        return self._info

    @property
    def playout(self) -> Playout:
        return self._playout if self._is_answered else self._unanswered_playout

    @property
    def is_on_hold(self) -> bool:
        return self._is_on_hold

    async def answer(self) -> None:
        if self.is_ended:
            raise MediaError("the leg has ended")
        self._is_answered = True

    async def reject(self, status: int, reason: str = "") -> None:
        if not self.is_ended:
            self.rejected = (status, reason)
            self._end(LegEnded(LegEndCause.US, f"{status}"))

    def frames(self) -> AsyncIterator[AudioFrame]:
        return self._frames.read()

    def signals(self) -> AsyncIterator[LegSignal]:
        return self._signals.read()

    async def send_digits(self, digits: str) -> None:
        if not self.is_ended:
            self.digits_sent += digits

    def caption(self, speaker: str, text: str, language: str, *, is_final: bool = True) -> None:
        if not self.is_ended:
            self.captions.append((speaker, text, language, is_final))

    async def refer(self, target: str, *, replaces: Leg | None = None) -> ReferOutcome:
        if self.refer_outcome is None:
            raise NotImplementedError
        self.referred_to.append(target)
        return self.refer_outcome

    async def hang_up(self, reason: str = "normal") -> None:
        if not self.is_ended:
            self.hang_up_reason = reason
            self._end(LegEnded(LegEndCause.US, reason))

    def _end(self, ended: LegEnded) -> None:
        self._signals.push(ended)
        self._frames.close()
        self._playout.end()
        self._unanswered_playout.end()


class FakeDialler:
    """Implements `Dialler`: each URI has a script, a leg or a failure, decided when `ring_out()` lets it.

    Without `ring_out` gating (`rings=False`) the outcome comes at once. `cancelled`: URIs whose dial was
    cancelled by the caller of dial(). `answered`: legs handed out.
    """

    def __init__(self, *, rings: bool = False) -> None:
        self._outcomes: dict[str, list[FakeLeg | DialFailure]] = {}
        self._gate = asyncio.Event()
        if not rings:
            self._gate.set()
        self.dialled: list[str] = []
        self.briefings: list[AgentBriefing | None] = []
        self.cancelled: list[str] = []
        self.answered: list[FakeLeg] = []

    def script(self, uri: str, *outcomes: FakeLeg | DialFailure) -> None:
        self._outcomes.setdefault(uri, []).extend(outcomes)

    def ring_out(self) -> None:
        """Let waiting and later calls come to their outcome."""
        self._gate.set()

    async def dial(
        self,
        uri: str,
        *,
        display_name: str = "",
        timeout_seconds: float = 25.0,
        briefing: AgentBriefing | None = None,
    ) -> Leg:
        self.dialled.append(uri)
        self.briefings.append(briefing)
        try:
            await self._gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(uri)
            raise
        outcomes = self._outcomes.get(uri)
        if not outcomes:
            raise DialFailed(DialFailure.UNREACHABLE, "not scripted")
        outcome = outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
        if isinstance(outcome, DialFailure):
            raise DialFailed(outcome)
        self.answered.append(outcome)
        return outcome
