"""Structured logs: one line an event, control characters escaped, never a transcript, digit or number."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, WrappedLogger


def _escape(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Escape what came from outside (law S5): a SIP header must not start a new log line."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = value.encode("unicode_escape").decode("ascii") if not value.isprintable() else value
    return event


_TRACEBACKS = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
"""Local values may be a caller's."""


class _Surviving:
    """A stream that never raises: with the disk full or the reader gone, lines are lost and calls are not."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def set_up_logging(level: str = "info") -> None:
    """Write to standard error: coloured lines on a terminal, JSON elsewhere."""
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(_TRACEBACKS) if not sys.stderr.isatty() else _same,
            _escape,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Surviving(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)


def _same(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    return event
