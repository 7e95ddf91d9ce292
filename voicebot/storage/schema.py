"""Brings a database to the current schema with Alembic."""

from __future__ import annotations

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from voicebot.storage.engine import WRITES, async_url, open_engine, storage_errors

_HERE = Path(__file__).parent
_UPGRADE_LOCK = 7_310_205_001
"""PostgreSQL advisory lock: two processes that start together upgrade one after the other."""


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database to `revision`, from synchronous code (the command line). Raises StorageError.

    Takes a URL with or without a driver, a synchronous one too; SQLite's file and folder are made.
    """
    asyncio.run(upgrade_async(url, revision))


async def upgrade_async(url: str, revision: str = "head") -> None:
    """Like `upgrade`, inside a loop; the steps block it, so only at the start."""
    with storage_errors():
        parsed = async_url(url)
        if parsed.get_backend_name() == "sqlite":
            _make_folder(Path(parsed.database or ""))
        engine = open_engine(url, may_create=True)
        try:
            async with engine.connect() as plain:
                connection = await plain.execution_options(**WRITES)
                async with connection.begin():
                    await connection.run_sync(_upgrade_locked, revision)
        finally:
            await engine.dispose()


async def current_revision(engine: AsyncEngine) -> str | None:
    """Return the revision that the database is at, None when it has no schema. Raises StorageError."""
    with storage_errors():
        async with engine.connect() as connection:
            return await connection.run_sync(
                lambda bound: MigrationContext.configure(bound).get_current_revision()
            )


def newest_revision() -> str | None:
    """Return the revision that this program needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _make_folder(database: Path) -> None:
    database.absolute().parent.mkdir(parents=True, exist_ok=True)


def _upgrade_locked(connection: Connection, revision: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _config() -> Config:
    config = Config(str(_HERE / "alembic.ini"))
    config.set_main_option("script_location", str(_HERE / "migrations").replace("%", "%%"))
    return config
