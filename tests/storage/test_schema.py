"""Migrations make the tables that the program uses."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from voicebot.errors import ConfigError, StorageError
from voicebot.storage.engine import async_url, open_engine
from voicebot.storage.schema import current_revision, newest_revision, upgrade, upgrade_async
from voicebot.storage.tables import Base


async def test_migrations_and_tables_are_the_same(url: str) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))

    engine = open_engine(url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    assert await current_revision(engine) == newest_revision() >= "0002"
    await engine.dispose()


async def test_upgrading_is_repeatable_and_safe_when_two_do_it_at_once(empty_url: str) -> None:
    await asyncio.gather(*(upgrade_async(empty_url) for _ in range(3)))
    await upgrade_async(empty_url)


def test_upgrade_runs_from_synchronous_code_and_makes_folders(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path}/a folder/100%/calls.db")
    assert (tmp_path / "a folder/100%/calls.db").exists()


async def test_a_database_without_schema_has_no_revision(empty_url: str) -> None:
    engine = open_engine(empty_url, may_create=True)
    assert await current_revision(engine) is None
    await engine.dispose()


async def test_sqlite_waits_for_locks_checks_keys_and_keeps_a_log(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/calls.db"
    await upgrade_async(url)
    engine = open_engine(url, busy_seconds=2)
    async with engine.connect() as connection:
        values = [
            (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        ]
    await engine.dispose()
    assert values == ["wal", 1, 2000, 2]


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("sqlite:///x.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:///x.db", "sqlite+aiosqlite"),
        ("postgresql://u@h/d", "postgresql+asyncpg"),
        ("postgresql+psycopg://u@h/d", "postgresql+asyncpg"),
        ("postgres://u@h/d", None),
        ("mysql://u@h/d", None),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("nonsense", None),
    ],
)
def test_urls_get_their_driver_or_are_refused(given: str, driver: str | None) -> None:
    if driver is None:
        with pytest.raises(ConfigError):
            async_url(given)
    else:
        assert async_url(given).drivername == driver


async def test_a_missing_file_is_an_error_and_not_an_empty_database(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(StorageError):
        await current_revision(engine)
    await engine.dispose()
    assert not (tmp_path / "none.db").exists()
