"""A fault of ours in the log: where it happened, never what was being handled.

Messages and local values of an exception may hold a caller's words, number or keys (law P2).
"""

from __future__ import annotations

import traceback
from pathlib import Path

import structlog

log = structlog.get_logger()
PLACES = 4
"""Innermost frames that are named."""


def places_of(error: BaseException) -> list[str]:
    """Return 'file:line' of the innermost frames, outermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[-PLACES:]]


def log_fault(error: BaseException, what: str, action: str) -> None:
    """Log an exception of any kind at an edge that survives it; of a group, the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    log.error(what, action=action, error=type(error).__name__, where=places_of(error))
