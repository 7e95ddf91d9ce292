"""The transfer rules that new calls decide by: seeded from the configuration, followed in storage.

A call takes the snapshot of its start. When storage is away, or holds what cannot be read, the last good
rules stay; at the start those of config/transfer_rules.yaml (law H2).
"""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import structlog

from voicebot.errors import ConfigError, StorageError, VoicebotError
from voicebot.privacy.encryption import Cipher
from voicebot.storage.rule_versions import RuleStore
from voicebot.transfer.rules import Calendar, RuleSet
from voicebot.transfer.rules_check import check_rules
from voicebot.transfer.rules_file import read_rules
from voicebot.transfer.rules_names import KnownNames
from voicebot.transfer.rules_problem import RulesRefused

log = structlog.get_logger()

FOLLOW_SECONDS = 5.0


class RulesInForce:
    """`rules`: what a call that starts now decides by. Raises ConfigError for a file that is wrong."""

    def __init__(self, file: Path, url: str, cipher: Cipher, calendar: Calendar, names: KnownNames) -> None:
        self._file, self._calendar, self._names = file, calendar, names
        self._document = file.read_text(encoding="utf-8") if file.exists() else ""
        self.rules = read_rules(self._document, file).rule_set(calendar) if self._document else RuleSet()
        self._problem = ""
        if self._document:
            self._check_file()
        self._store = RuleStore(url, cipher, check=self.check)
        self._task: asyncio.Task[None] | None = None

    def check(self, document: str) -> None:
        """Raise ConfigError or RulesRefused for rules that must not be in force."""
        found = read_rules(document, self._file)
        problems = check_rules(found.rule_set(self._calendar), self._names, date.today(), found.lines)  # noqa: DTZ011
        if problems:
            raise RulesRefused(problems)

    def _check_file(self) -> None:
        """A file that may not be saved is no seed; callers reach the default destination all the same."""
        try:
            self.check(self._document)
        except RulesRefused as refused:
            first = refused.problems[0]
            raise ConfigError(
                first.problem, mend=first.mend, file=self._file, line=first.line, field=first.rule
            ) from refused

    async def start(self) -> None:
        """Seed and load, then follow what is saved."""
        await self._refresh()
        self._task = asyncio.create_task(self._follow(), name="follow-rules")

    async def close(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._store.close()

    @property
    def degraded(self) -> list[str]:
        """What an operator should know."""
        return [self._problem] if self._problem else []

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            await self._refresh()

    async def _refresh(self) -> None:
        try:
            if self._document and self.rules.version == 0:
                await self._store.seed(self._document)
            if await self._store.newest_version() == self.rules.version:
                return
            saved = await self._store.load()
            if saved is None:
                return
            # Reading a long file takes milliseconds; a thread keeps them off the media loop.
            found = await asyncio.to_thread(read_rules, saved.document, self._file)
            self.rules = found.rule_set(self._calendar, saved.version.version)
            self._problem = ""
        except (StorageError, VoicebotError) as error:
            if not self._problem:
                log.warning("rules not read", action="rules.follow", code=error.code)
            self._problem = (
                f"the transfer rules in storage cannot be read ({error.code}); older ones are used"
            )
