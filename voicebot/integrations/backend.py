"""What tasks may call, with a time limit around whatever is behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

import structlog

from voicebot.dialogue.actions import TaskOutcome
from voicebot.errors import VoicebotError

log = structlog.get_logger()


class BackendUnavailable(VoicebotError):
    """The system behind a task cannot be reached or answered nonsense."""

    code = "backend.unavailable"


class Backend(Protocol):
    """An organisation's systems.

    Tasks and slots: 'order_status' (order_number); 'password_reset' (number: customer or order number);
    'find_appointment' (reference, or postcode and house_number; optionally date, after);
    'move_appointment' (reference, to: ISO local date-time).
    """

    async def run(self, name: str, slots: Mapping[str, str]) -> TaskOutcome:
        """Return done, not_found or refused. Raises BackendUnavailable, OSError or TimeoutError."""


class TimeLimitedBackend:
    """Gives every call a time limit in seconds; trouble becomes the status 'unavailable', never an exception.

    `unavailable` counts such outcomes.
    """

    def __init__(self, backend: Backend, seconds: float = 4.0) -> None:
        self._backend, self._seconds = backend, seconds
        self.unavailable = 0

    async def run(self, name: str, slots: Mapping[str, str]) -> TaskOutcome:
        """Run the task; never raises."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._backend.run(name, slots)
        except Exception as error:  # noqa: BLE001 - the edge to foreign systems: the caller gets an apology
            self.unavailable += 1
            log.warning("backend failed", action="task", task=name, error=type(error).__name__)
            return TaskOutcome(name, "unavailable")
