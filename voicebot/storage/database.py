"""A database as the stores use it: whole transactions, errors of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.storage.engine import WRITES, open_engine, storage_errors


class Database:
    """Connections to one database. Every block raises StorageUnavailable or RecordRejected (StorageError)."""

    def __init__(self, url: str, *, busy_seconds: float = 5.0) -> None:
        self._engine = open_engine(url, busy_seconds=busy_seconds)

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Do everything in the block, or nothing."""
        with storage_errors():
            async with self._engine.connect() as plain:
                connection = await plain.execution_options(**WRITES)
                async with connection.begin():
                    yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Read in one transaction."""
        with storage_errors():
            async with self._engine.connect() as connection, connection.begin():
                yield connection
