"""What calling back needs of the rest, and how it begins and ends."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from voicebot.audio import AudioClip
from voicebot.errors import DialFailure
from voicebot.events import Language
from voicebot.media.leg import Dialler
from voicebot.storage.records import CallbackRecord
from voicebot.transfer.callback_numbers import CallbackNumbers
from voicebot.transfer.caps import TransferCaps
from voicebot.transfer.execute import Bridger
from voicebot.transfer.queue import Offer, Ticket


class CallBackStart(enum.StrEnum):
    """Whether calling back has begun; the words that the desk shows."""

    STARTED = ""
    GONE = "gone"  # done, or another agent is at it
    BUSY = "busy"  # the agent has a call
    NOT_ALLOWED = "not_allowed"  # number or cap, or no trunk
    FAILED = "failed"  # the database is away


class CallBackEnd(enum.StrEnum):
    """How it ended."""

    TALKED = "talked"
    AGENT_NOT_REACHED = "agent_not_reached"
    CALLER_NOT_REACHED = "caller_not_reached"
    PROMISED_AGAIN = "promised_again"  # handed on, and nobody came


@dataclass(frozen=True, slots=True)
class CallBackResult:
    """`failure`: why a leg was not reached. `talked_seconds`: agent and caller together."""

    callback_id: str
    agent_id: str
    end: CallBackEnd
    failure: DialFailure | None = None
    talked_seconds: float = 0.0


class AgentsToCall(Protocol):
    """The part of AgentPool that calling back uses."""

    def reserve(self, agent_id: str, ticket: Ticket) -> Offer | None:
        """Reserve the agent who asked."""

    async def next_agent(self, ticket: Ticket) -> Offer:
        """Wait for an agent."""

    def accepted(self, offer: Offer) -> None:
        """The agent has taken the call."""

    def failed(self, offer: Offer, reason: DialFailure) -> None:
        """The agent has not."""

    def withdrawn(self, offer: Offer) -> None:
        """There is no caller."""

    def call_ended(self, agent_id: str, call_id: str = "") -> None:
        """The agent's call is over."""


class CallbackClaims(Protocol):
    """The part of CallbackStore that calling back uses. Raises StorageError."""

    async def claim(self, callback_id: str, agent_id: str) -> CallbackRecord | None:
        """Give a callback to one agent."""

    async def release(self, callback_id: str, agent_id: str) -> bool:
        """Give it up."""

    async def note_attempt(
        self, callback_id: str, outcome: str, due_at: datetime, *, tried_by: str, max_attempts: int = 5
    ) -> bool:
        """Note that nobody was reached."""

    async def done(self, callback_id: str, *, done_by: str, outcome: str = "done") -> bool:
        """Tick it off."""

    async def note_refused(self, callback_id: str, why: str, *, actor: str) -> None:
        """Note that the number may not be dialled."""


class Words(Protocol):
    """Renders a prompt: s16le 16 kHz; yields nothing when no voice works."""

    def __call__(self, prompt_id: str, language: Language, values: dict[str, str]) -> AsyncIterator[bytes]:
        """Return the audio, made as it is asked for."""


@dataclass(frozen=True, slots=True)
class CallBackParts:
    """What calling back needs.

    `check_contact`: raises TransferRefused for an agent's address that may not be dialled. `due_again`: when
    to try again after `now`. `done_after_seconds`: a talk of so long ticks the callback off; after a shorter
    one (a voicemail?) the agent does that. `clock`: monotonic seconds.
    """

    pool: AgentsToCall
    claims: CallbackClaims
    dialler: Dialler
    numbers: CallbackNumbers
    check_contact: Callable[[str], None]
    bridge: Bridger
    words: Words
    music: AudioClip
    caps: TransferCaps
    clock: Callable[[], float]
    now: Callable[[], datetime]
    due_again: Callable[[datetime], datetime]
    agent_language: Language = "nl"
    ring_seconds: float = 25.0
    accept_seconds: float = 20.0
    done_after_seconds: float = 60.0
    max_attempts: int = 5
    on_end: Callable[[CallBackResult], None] | None = None
