"""Opens the database: SQLite (embedded) or PostgreSQL (by URL), and names what can go wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InvalidRequestError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from voicebot.errors import ConfigError, StorageError

CONNECT_SECONDS = 5
COMMAND_SECONDS = 10
_ASYNC_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
WRITES = {"writes": True}
"""Execution options of a connection that will write: SQLite takes its write lock at BEGIN, not half-way."""


class StorageUnavailable(StorageError):
    """The database cannot be reached or written now: try again later."""

    code = "storage.unavailable"


class RecordRejected(StorageError):
    """The database refuses this record whenever it is tried: no retry can help."""

    code = "storage.rejected"


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn a driver's errors into ours."""
    try:
        yield
    except (DataError, IntegrityError) as error:
        raise RecordRejected(type(error).__name__) from error
    except (DBAPIError, InvalidRequestError, OSError, TimeoutError) as error:
        raise StorageUnavailable(type(error).__name__) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StorageUnavailable(type(error).__name__) from error
    except (StatementError, ValueError, TypeError, ArithmeticError) as error:
        raise RecordRejected(type(error).__name__) from error
    except SQLAlchemyError as error:
        raise StorageUnavailable(type(error).__name__) from error


def async_url(url: str) -> URL:
    """Give a plain `sqlite:///…` or `postgresql://…` its asynchronous driver; refuse other databases."""
    try:
        parsed = make_url(url)
    except SQLAlchemyError as error:
        raise _config_error("not a database URL") from error
    driver = _ASYNC_DRIVERS.get(parsed.get_backend_name())
    if driver is None:
        raise _config_error(f"{parsed.get_backend_name()} is not supported")
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise _config_error("SQLite needs a file")
    return parsed.set(drivername=driver)


def open_engine(url: str, *, busy_seconds: float = 5.0, may_create: bool = False) -> AsyncEngine:
    """Make an engine for the URL; it connects when first used.

    SQLite: write-ahead log, foreign keys, a busy timeout, full sync, and a fresh connection each time, so
    that a file that was moved away or replaced is noticed. Without `may_create` a missing file is an error
    and not an empty database.
    """
    parsed = async_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed, busy_seconds, may_create=may_create)
    return create_async_engine(
        parsed,
        pool_pre_ping=True,
        pool_size=5,
        max_overflow=5,
        pool_timeout=CONNECT_SECONDS,
        connect_args={"timeout": CONNECT_SECONDS, "command_timeout": COMMAND_SECONDS},
    )


def _open_sqlite(parsed: URL, busy_seconds: float, *, may_create: bool) -> AsyncEngine:
    path = Path(parsed.database or "").absolute()
    mode = "rwc" if may_create else "rw"
    opened = parsed.set(database=f"file:{quote(str(path))}", query={"mode": mode, "uri": "true"})
    engine = create_async_engine(opened, poolclass=NullPool, connect_args={"timeout": busy_seconds})

    @event.listens_for(engine.sync_engine, "do_connect")
    def look(*_: Any) -> None:
        # aiosqlite leaves a thread behind for a moment when it cannot open a file, so ask first
        if not may_create and not path.exists():
            raise FileNotFoundError("the database file is missing")

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: DBAPIConnection, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours, below
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(busy_seconds * 1000)}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _config_error(problem: str) -> ConfigError:
    return ConfigError(
        problem,
        mend="use sqlite:///var/voicebot.db or postgresql://user:password@host/database",
        field="storage.url",
    )
