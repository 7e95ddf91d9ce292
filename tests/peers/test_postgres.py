"""The throwaway cluster itself."""

from __future__ import annotations

import asyncpg
import pytest

from tests.peers.postgres import PostgresCluster, postgres_cluster

__all__ = ["postgres_cluster"]
pytestmark = pytest.mark.interop


def _plain(url: str) -> str:
    return url.replace("+asyncpg", "")


async def test_each_database_is_empty_and_its_own(postgres_cluster: PostgresCluster) -> None:
    first, second = postgres_cluster.new_database(), postgres_cluster.new_database()
    connection = await asyncpg.connect(_plain(first))
    await connection.execute("CREATE TABLE once (name text)")
    await connection.close()
    connection = await asyncpg.connect(_plain(second))
    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    assert first != second
    assert tables == 0


async def test_what_was_written_is_there_after_a_crash_and_a_restart(
    postgres_cluster: PostgresCluster,
) -> None:
    url = _plain(postgres_cluster.new_database())
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    postgres_cluster.stop()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("SELECT n FROM kept")
    postgres_cluster.start()
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT n FROM kept") == 7
    await connection.close()
