"""A backend whose outcomes and latency are scripted."""

from __future__ import annotations

import asyncio

from voicebot.dialogue.actions import TaskOutcome


class FakeBackend:
    """Implements TaskBackend. `outcomes`: by task name, or 'not_found'. `cancelled`: calls given up."""

    def __init__(self, latency_seconds: float = 0.1) -> None:
        self.latency_seconds = latency_seconds
        self.outcomes: dict[str, TaskOutcome] = {}
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.cancelled = 0
        self.error: Exception | None = None

    async def run(self, name: str, slots: dict[str, str]) -> TaskOutcome:
        self.calls.append((name, slots))
        try:
            await asyncio.sleep(self.latency_seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return self.outcomes.get(name, TaskOutcome(name, "not_found"))
