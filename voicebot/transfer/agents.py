"""Agents: who takes calls, what they can do, what they are doing, what they are told of a caller."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from voicebot.events import Language


class AgentState(enum.StrEnum):
    """What an agent is doing. RINGING and BUSY follow from calls; nobody sets them by hand."""

    OFFLINE = "offline"
    AVAILABLE = "available"
    RINGING = "ringing"
    BUSY = "busy"
    AFTER_CALL = "after_call"
    BREAK = "break"


@dataclass(frozen=True, slots=True)
class Agent:
    """One person, or one line of a phone or a PBX queue: takes one call at a time.

    `contact`: 'desk:anna' (a browser) or 'sip:anna@10.0.0.5' (a phone; never from spoken or received text).
    `queues`: names of config/queues.yaml. `skills`: what a queue may ask for.
    """

    agent_id: str
    name: str
    contact: str
    languages: frozenset[Language]
    skills: frozenset[str]
    queues: frozenset[str]

    @property
    def has_desk(self) -> bool:
        """Whether the agent logs in at a desk; a phone is there always."""
        return self.contact.startswith("desk:")


@dataclass(frozen=True, slots=True)
class TranscriptLine:
    """One thing that was said. `speaker`: bot or caller. `text`: redacted."""

    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class AgentBriefing:
    """What an agent is told before accepting. All texts are redacted; `waited_seconds`: since the request.

    `caller`: number or name as received, to be escaped where shown (law S5). `reason`: why a person is
    needed. `asked`: what the caller wants. `tried`: what the bot did about it. `last_lines`: the end of the
    transcript.
    """

    call_id: str
    caller: str
    language: Language
    reason: str
    asked: str
    tried: tuple[str, ...]
    last_lines: tuple[TranscriptLine, ...]
    queue: str
    waited_seconds: float
