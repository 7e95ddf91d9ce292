"""What an agent is told of a caller before accepting: made from the call, redacted (law P2). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from voicebot.events import Language
from voicebot.privacy.redaction import Redactor
from voicebot.transfer.agents import AgentBriefing, TranscriptLine

MAX_LINES = 8
MAX_CHARACTERS = 300
"""Of one line: a desk shows it at a glance."""


def redacted_lines(lines: Iterable[tuple[str, str]]) -> tuple[TranscriptLine, ...]:
    """Return the last lines, (speaker, text) each, without personal data.

    One redactor a speaker: a number said in pieces is found over the caller's turns.
    """
    lines = tuple(lines)[-2 * MAX_LINES :]
    redactors = {speaker: Redactor() for speaker, _ in lines}
    for speaker, text in lines:
        redactors[speaker].redact(text)
    texts = {speaker: iter(redactor.texts) for speaker, redactor in redactors.items()}
    found = tuple(TranscriptLine(speaker, next(texts[speaker])[:MAX_CHARACTERS]) for speaker, _ in lines)
    return found[-MAX_LINES:]


def agent_briefing(
    *,
    call_id: str,
    caller: str,
    language: Language,
    reason: str,
    asked: str,
    tried: tuple[str, ...],
    lines: Iterable[tuple[str, str]],
    queue: str,
    waited_seconds: float,
) -> AgentBriefing:
    """Return what a desk shows. `lines`: what was said so far, oldest first, as it was said."""
    return AgentBriefing(
        call_id=call_id,
        caller=caller,
        language=language,
        reason=reason,
        asked=asked,
        tried=tried,
        last_lines=redacted_lines(lines),
        queue=queue,
        waited_seconds=round(waited_seconds, 1),
    )
