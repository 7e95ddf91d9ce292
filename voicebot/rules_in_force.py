"""The transfer rules that new calls decide by: seeded from the configuration, followed in storage.

A call takes the snapshot of its start. When storage is away, or holds what cannot be read, the last good
rules stay; at the start those of config/transfer_rules.yaml (law H2).
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import structlog

from voicebot.errors import ConfigError, StorageError, VoicebotError
from voicebot.privacy.encryption import Cipher
from voicebot.rule_desk import RuleDesk
from voicebot.storage.rule_versions import RuleStore
from voicebot.transfer.rules import RuleSet
from voicebot.transfer.rules_problem import RulesRefused

log = structlog.get_logger()

FOLLOW_SECONDS = 5.0


class RulesInForce:
    """`rules`: what a call that starts now decides by. Raises ConfigError for a file that is wrong."""

    def __init__(self, file: Path, url: str, cipher: Cipher, desk: RuleDesk) -> None:
        self._file, self._desk = file, desk
        self._document = file.read_text(encoding="utf-8") if file.exists() else ""
        self.rules = RuleSet()
        if self._document:
            self._check_file()
            self.rules = desk.read(self._document, file)
        self._problem = ""
        self._store = RuleStore(url, cipher, check=self._check)
        self._task: asyncio.Task[None] | None = None

    def _check(self, document: str) -> None:
        self._desk.check(document, self._file, datetime.now().astimezone().date())

    def _check_file(self) -> None:
        """Rules that may not be saved are no seed: a person must look at them before callers do."""
        try:
            self._check(self._document)
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
            self.rules = await asyncio.to_thread(
                self._desk.read, saved.document, self._file, saved.version.version
            )
            self._problem = ""
        except (StorageError, VoicebotError) as error:
            if not self._problem:
                log.warning("rules not read", action="rules.follow", code=error.code)
            self._problem = (
                f"the transfer rules in storage cannot be read ({error.code}); older ones are used"
            )
