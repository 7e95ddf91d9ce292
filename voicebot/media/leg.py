"""The protocols of a leg: what a call sees of SIP, a media-stream gateway or a browser.

Order of life: ringing -> answer() or reject() -> frames()/signals()/playout -> ended.
All methods are called on the media loop. `frames` and `signals` each have one consumer and end when
the leg has ended, whatever the cause. Nothing here raises after the end: it is a no-op.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from voicebot.audio import AudioClip, AudioFrame
from voicebot.events import Language

if TYPE_CHECKING:
    from voicebot.transfer.agents import AgentBriefing

Speaking = Literal["bot", "caller", "agent"]
"""Whose words a caption shows."""


class LegEndCause(enum.StrEnum):
    """Who ended the leg, or why."""

    PEER = "peer"  # BYE, CANCEL, stop message, browser closed
    REFERRED = "referred"  # BYE after our REFER was accepted, before its outcome was told
    US = "us"
    MEDIA_LOST = "media_lost"  # no packets for the configured time
    NETWORK = "network"  # signalling connection lost, session timer expired
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class LegInfo:
    """What is known of a leg.

    `kind`: sip, media_stream, webrtc (an agent's browser, dialled by `desk:`, has shown the briefing and the
    agent has pressed Accept: nothing is to be asked by voice). `caller`, `called`: user part or number as
    received, may be empty; they authenticate nobody (law S4) and must be escaped where shown (law S5).
    `codec`: 'PCMA/8000' once answered. `peer_call_id`: Call-ID or stream id. `inbound`: False for legs that
    we dialled.
    """

    leg_id: str
    kind: str
    caller: str
    called: str
    codec: str
    peer_call_id: str
    inbound: bool


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """A DTMF key, reported once per press. `digit`: one of 0-9 * # A-D. Never log it."""

    digit: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class HeldByPeer:
    """The peer put us on hold (sendonly or inactive): nothing that we play is heard."""


@dataclass(frozen=True, slots=True)
class ResumedByPeer:
    """The peer took us off hold."""


@dataclass(frozen=True, slots=True)
class TextReceived:
    """A line that the caller typed instead of saying it (text field, real-time text). Never log it."""

    text: str


@dataclass(frozen=True, slots=True)
class CallerTyping:
    """The caller is typing: there will be a line, so silence means nothing."""


@dataclass(frozen=True, slots=True)
class HandOn:
    """The agent at a desk hands the caller on. `target`: 'agent:anna' or 'queue:service'."""

    target: str


@dataclass(frozen=True, slots=True)
class HoldRequested:
    """The agent at a desk puts the caller on hold."""


@dataclass(frozen=True, slots=True)
class ResumeRequested:
    """The agent at a desk takes the caller back from hold."""


@dataclass(frozen=True, slots=True)
class LegEnded:
    """The last signal of a leg. `detail`: a SIP code and reason or the like."""

    cause: LegEndCause
    detail: str = ""


LegSignal = (
    DigitPressed
    | HeldByPeer
    | ResumedByPeer
    | TextReceived
    | CallerTyping
    | HandOn
    | HoldRequested
    | ResumeRequested
    | LegEnded
)


@dataclass(frozen=True, slots=True)
class PlaybackResult:
    """What became of one playback. Frames of 20 ms. `completed`: played to its end."""

    name: str
    frames_sent: int
    frames_total: int
    completed: bool


class Playback(Protocol):
    """One thing being played, or waiting in the queue; audio may still be written to it.

    When written audio runs out before close(), silence goes out and `underruns` counts it.
    """

    @property
    def frames_sent(self) -> int:
        """Frames of this playback that went to the wire so far."""

    @property
    def underruns(self) -> int:
        """Times that audio was not there when its frame was due."""

    def write(self, pcm: bytes) -> None:
        """Append s16le 16 kHz mono of any length. No-op after close, stop or the leg's end."""

    def close(self) -> None:
        """No more audio comes; the last partial frame is padded with silence."""

    async def started(self) -> float | None:
        """Wait until its first frame was sent; its time.monotonic(), None if it never will be."""

    async def finished(self) -> PlaybackResult:
        """Wait until it was played, stopped, or the leg ended."""


class Playout(Protocol):
    """The paced sender of a leg: one frame each 20 ms by absolute deadlines, silence when idle."""

    def play(self, clip: AudioClip) -> Playback:
        """Queue a whole clip behind what is playing."""

    def begin(self, name: str) -> Playback:
        """Queue a playback whose audio comes by write()."""

    def loop(self, clip: AudioClip) -> Playback:
        """Queue a clip that starts anew at its end until stop() (hold music)."""

    def pause(self) -> None:
        """Fade out over at most one frame and hold position (a possible barge-in)."""

    def resume(self) -> None:
        """Fade in and go on from the held position."""

    def stop(self) -> tuple[PlaybackResult, ...]:
        """Fade out over at most one frame, drop the queue, say what was heard of each playback."""

    @property
    def is_playing(self) -> bool:
        """Something is queued, playing or paused."""


@dataclass(frozen=True, slots=True)
class ReferOutcome:
    """End of a blind transfer. `status`: last SIP code, 0 if none.

    `accepted`: the final NOTIFY said 2xx, or the peer took the REFER and then left with BYE before that (as
    many PBXs do; RFC 5589 section 6.1): the status is below 200 then.
    """

    accepted: bool
    status: int


@runtime_checkable
class Leg(Protocol):
    """One side of a call."""

    @property
    def info(self) -> LegInfo:
        """Current facts."""

    @property
    def playout(self) -> Playout:
        """The sender."""

    @property
    def is_on_hold(self) -> bool:
        """The peer holds us."""

    async def answer(self) -> None:
        """Accept a ringing leg; returns when media can flow. Raises MediaError or SipError."""

    async def reject(self, status: int, reason: str = "") -> None:
        """Refuse a ringing leg with a SIP status (gateways map it)."""

    def frames(self) -> AsyncIterator[AudioFrame]:
        """Received audio, one frame each 20 ms after the jitter buffer; bounded, drops oldest."""

    def signals(self) -> AsyncIterator[LegSignal]:
        """Keys, hold and the end; LegEnded is the last."""

    async def send_digits(self, digits: str) -> None:
        """Send DTMF (RFC 4733 on SIP), paced; returns when sent."""

    async def refer(self, target: str, *, replaces: Leg | None = None) -> ReferOutcome:
        """Transfer the peer to an allow-listed URI. Raises NotImplementedError where impossible.

        `replaces`: a leg of ours whose place the peer takes there (attended, RFC 3891); None: blind.
        """

    async def hang_up(self, reason: str = "normal") -> None:
        """End the leg; idempotent; returns when signalling is done or given up."""


@runtime_checkable
class Captioned(Protocol):
    """A leg whose peer reads along: a browser, a text telephone."""

    def caption(self, speaker: Speaking, text: str, language: Language, *, is_final: bool = True) -> None:
        """Show a line. `is_final` False: a later one of that speaker takes its place. No-op after the end."""


class Dialler(Protocol):
    """Makes outbound legs."""

    async def dial(
        self,
        uri: str,
        *,
        display_name: str = "",
        timeout_seconds: float = 25.0,
        briefing: AgentBriefing | None = None,
    ) -> Leg:
        """Call a URI from the allow-list and wait for the answer. Raises DialFailed.

        `briefing`: what an agent's desk shows; a telephone ignores it.

        Cancelling this coroutine sends CANCEL (or BYE if the answer crossed it).
        """
