"""What the desk needs from the rest of the program, as protocols and plain values."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from voicebot.events import Language
from voicebot.transfer.agents import Agent, AgentState
from voicebot.web.agent_desk import AgentAudio
from voicebot.web.login import AuditNote, Credentials


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """How a queue stands now. `waiting`: callers; `longest_seconds`: of who waits longest, 0 if nobody."""

    name: str
    label_nl: str
    label_en: str
    waiting: int
    longest_seconds: float


@dataclass(frozen=True, slots=True)
class CallbackItem:
    """A promised call. `contact`: the number, shortened for showing. `claimed_by`: agent's name or ''."""

    callback_id: str
    due_at: datetime
    reason: str
    language: str
    contact: str
    message: str
    claimed_by: str = ""


@dataclass(frozen=True, slots=True)
class WrapUpEntry:
    """What an agent noted of a call. `note`: redacted before it is stored (law P2)."""

    call_id: str
    agent_id: str
    at: datetime
    code: str
    note: str


class AgentStates(Protocol):
    """The part of AgentPool that the desk uses."""

    def agents(self) -> tuple[tuple[Agent, AgentState], ...]:
        """Return every agent and what it is doing."""

    def set_state(self, agent_id: str, state: AgentState) -> None:
        """Do as the agent says; in a call that waits for its end."""

    def subscribe(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Be told of changes; returns what ends that."""


class CallbackList(Protocol):
    """Promised calls. Every method raises StorageError when the database is away."""

    async def due(self, agent_id: str) -> tuple[CallbackItem, ...]:
        """Return the open ones, first due first."""

    async def done(self, callback_id: str, agent_id: str) -> bool:
        """Tick one off; False when there is none."""

    async def call(self, callback_id: str, agent_id: str) -> str:
        """Have the agent's desk rung, then the caller; '' or why not: gone, busy, not_allowed, failed."""


@dataclass(frozen=True, slots=True)
class DeskServices:
    """Everything together. `save_wrap_up` raises StorageError. `secret`: 32 bytes, signs the cookies.

    `public_url`: where the desk is reached through a proxy that changes Host, '' otherwise. `ice_servers`: as
    RTCPeerConnection wants them.
    """

    states: AgentStates
    queues: Callable[[], tuple[QueueFigures, ...]]
    credentials: Credentials
    audio: AgentAudio
    callbacks: CallbackList
    save_wrap_up: Callable[[WrapUpEntry], Awaitable[None]]
    audit: AuditNote
    secret: bytes
    organisation: str = ""
    language: Language = "nl"
    public_url: str = ""
    ice_servers: Callable[[], Sequence[Mapping[str, str]]] = tuple
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now().astimezone()
