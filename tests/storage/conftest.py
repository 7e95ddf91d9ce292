"""The same tests on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.peers.postgres import PostgresCluster, postgres_cluster
from voicebot.privacy.encryption import KEY_BYTES, Cipher
from voicebot.storage.schema import upgrade_async
from voicebot.storage.store import CallStore

__all__ = ["postgres_cluster"]


@pytest.fixture
def cipher() -> Cipher:
    return Cipher((b"k" * KEY_BYTES,))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.interop)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/calls.db"
    cluster: PostgresCluster = request.getfixturevalue("postgres_cluster")
    return cluster.new_database()


@pytest.fixture
async def url(empty_url: str) -> str:
    await upgrade_async(empty_url)
    return empty_url


@pytest.fixture
async def store(url: str, cipher: Cipher) -> AsyncIterator[CallStore]:
    store = CallStore(url, cipher)
    yield store
    await store.close()
