"""Versions of the transfer rules on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from voicebot.errors import ConfigError, StorageError
from voicebot.privacy.encryption import Cipher
from voicebot.storage.engine import open_engine
from voicebot.storage.rule_versions import RulesChanged, RuleStore
from voicebot.storage.schema import upgrade_async
from voicebot.storage.store import CallStore


def refuse_bad(document: str) -> None:
    if "bad" in document:
        raise ConfigError("is bad", mend="make it good")


@pytest.fixture
async def rules(url: str, cipher: Cipher) -> AsyncIterator[RuleStore]:
    store = RuleStore(url, cipher, check=refuse_bad)
    yield store
    await store.close()


async def test_the_newest_version_is_in_force_and_old_ones_stay(rules: RuleStore) -> None:
    assert await rules.load() is None
    assert await rules.newest_version() == 0
    first = await rules.save("één: 1 # a comment", actor="anna", note="begin")
    second = await rules.save("two", actor="piet", based_on=1)
    assert (first.version, first.based_on, second.version, second.based_on) == (1, 0, 2, 1)
    newest, old = await rules.load(), await rules.load(1)
    assert newest is not None
    assert newest.document == "two"
    assert old is not None
    assert old.document == "één: 1 # a comment"
    assert old.version == first
    assert await rules.load(3) is None
    assert await rules.newest_version() == 2
    assert await rules.versions() == (second, first)


async def test_nothing_is_saved_that_the_check_refuses(rules: RuleStore) -> None:
    for saving in (rules.save("bad", actor="anna"), rules.seed("bad")):
        with pytest.raises(ConfigError):
            await saving
    assert await rules.newest_version() == 0


async def test_a_stale_edit_is_refused_and_told_what_is_in_force(rules: RuleStore) -> None:
    await rules.save("one", actor="anna")
    await rules.save("two", actor="piet", based_on=1)
    with pytest.raises(RulesChanged) as refused:
        await rules.save("three", actor="anna", based_on=1)
    assert refused.value.newest == 2
    assert await rules.newest_version() == 2


async def test_of_two_edits_at_once_one_wins(rules: RuleStore) -> None:
    await rules.save("one", actor="anna")
    outcomes = await asyncio.gather(
        *(rules.save(f"edit {n}", actor="x", based_on=1) for n in range(5)), return_exceptions=True
    )
    assert sum(isinstance(outcome, RulesChanged) for outcome in outcomes) == 4
    assert await rules.newest_version() == 2


async def test_seeding_happens_once_also_by_several_processes(rules: RuleStore) -> None:
    seeded = await asyncio.gather(*(rules.seed("one") for _ in range(4)))
    assert sum(version is not None for version in seeded) == 1
    assert await rules.seed("other") is None
    assert len(await rules.versions()) == 1


async def test_each_version_is_a_link_of_the_audit_chain(rules: RuleStore, store: CallStore) -> None:
    await rules.seed("one")
    await rules.save("two", actor="anna", note="busy Mondays")
    entries = await store.audit_entries(subject="transfer rules")
    assert [(entry.action, entry.actor, entry.facts["version"]) for entry in entries] == [
        ("rules.saved", "anna", 2),
        ("rules.seeded", "voicebot", 1),
    ]
    assert entries[0].facts["note"] == "busy Mondays"
    verdict = await store.verify_audit()
    assert verdict.is_whole
    assert verdict.links == 2


async def test_numbers_in_a_document_are_not_readable_in_the_database(
    rules: RuleStore, url: str, cipher: Cipher
) -> None:
    await rules.save("vip: ['+31612345678']", actor="anna")
    engine = open_engine(url)
    async with engine.connect() as connection:
        row = (await connection.execute(text("SELECT * FROM rule_versions"))).one()
    await engine.dispose()
    assert not any("31612345678" in str(value) for value in row)


async def test_a_database_that_is_gone_is_a_storage_error(tmp_path: Path, cipher: Cipher) -> None:
    rules = RuleStore(f"sqlite:///{tmp_path}/none.db", cipher, check=refuse_bad)
    for action in (rules.load(), rules.newest_version(), rules.save("one", actor="anna"), rules.versions()):
        with pytest.raises(StorageError):
            await action
    await rules.close()


async def test_a_database_from_before_rules_gets_their_table(empty_url: str, cipher: Cipher) -> None:
    await upgrade_async(empty_url, "0001")
    await upgrade_async(empty_url)
    rules = RuleStore(empty_url, cipher, check=refuse_bad)
    assert await rules.seed("one") is not None
    await rules.close()
