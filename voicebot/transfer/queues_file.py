"""Reads config/queues.yaml: queues, and phones that answer them; mistakes name line, field and mend."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from voicebot.errors import ConfigError
from voicebot.events import LANGUAGES, Language
from voicebot.transfer.agents import Agent
from voicebot.transfer.destinations import Destination, check_uri
from voicebot.transfer.opening_hours import OpeningHours
from voicebot.transfer.queue import Queue
from voicebot.transfer.yaml_file import YamlFile

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_QUEUE_FIELDS = frozenset(
    [
        "label",
        "skill",
        "callback_after_seconds",
        "overflow_to",
        "overflow_after_seconds",
        "max_waiting",
        "hours",
    ]
)
_PHONE_FIELDS = frozenset(["name", "contact", "calls", "languages", "skills", "queues"])
DAY_SECONDS = 86_400
MAX_CALLS = 200


@dataclass(frozen=True, slots=True)
class QueuePlan:
    """What the file says. `phones`: agents without a desk, one for each call that a phone takes at once."""

    queues: tuple[Queue, ...]
    phones: tuple[Agent, ...] = ()


def load_queues(path: Path, hours: OpeningHours) -> QueuePlan:
    """Read the file; no file is no queues. Raises ConfigError."""
    if not path.exists():
        return QueuePlan(())
    return _File(path).load(hours)


def check_contact(contact: str, field: str) -> None:
    """Raise ConfigError for a contact that is neither a desk nor an address that may be dialled (law S2)."""
    kind, _, rest = contact.partition(":")
    if kind == "desk":
        if not NAME.fullmatch(rest):
            raise ConfigError("is no desk", field=field, mend="write desk: and the agent's id, desk:anna")
        return
    try:
        check_uri(Destination(rest, contact, "bridged", "", ""))
    except ConfigError as error:
        raise ConfigError(error.problem, field=field, mend=error.mend) from error


class _File(YamlFile):
    """The file being read."""

    def load(self, hours: OpeningHours) -> QueuePlan:
        root = self.mapping(self.root, "", frozenset(["queues", "phones"]))
        found = self.mapping(root.get("queues"), "queues")
        if not found:
            raise self.wrong("no queue is listed", "list at least one", "queues")
        queues = tuple(self._queue(str(name), entry, found, hours) for name, entry in found.items())
        phones = self.mapping(root.get("phones") or {}, "phones")
        skills = {queue.name: queue.skill for queue in queues}
        agents = [agent for name, entry in phones.items() for agent in self._phone(str(name), entry, skills)]
        return QueuePlan(queues, tuple(agents))

    def _queue(self, name: str, entry: object, found: dict[str, object], hours: OpeningHours) -> Queue:
        field = f"queues.{name}"
        self._check_name(name, field)
        values = self.mapping(entry, field, _QUEUE_FIELDS)
        labels = self.mapping(values.get("label"), f"{field}.label", frozenset(LANGUAGES))
        schedule = str(values.get("hours") or "")
        if schedule and schedule not in hours.schedule_names:
            mend = f"use one of {', '.join(hours.schedule_names)}, or add it to opening_hours.yaml"
            raise self.wrong(f"there are no hours '{schedule}'", mend, f"{field}.hours")
        overflow = str(values.get("overflow_to") or "")
        if overflow and (overflow not in found or overflow == name):
            others = ", ".join(other for other in found if other != name) or "none: there is only this queue"
            raise self.wrong(f"there is no other queue '{overflow}'", f"use {others}", f"{field}.overflow_to")
        return Queue(
            name,
            self.text_of(labels.get("nl"), f"{field}.label.nl"),
            self.text_of(labels.get("en"), f"{field}.label.en"),
            skill=self._skill(values.get("skill") or "", f"{field}.skill"),
            callback_after_seconds=self.number(
                values.get("callback_after_seconds", 120),
                f"{field}.callback_after_seconds",
                least=10,
                most=3600,
            ),
            overflow_to=overflow,
            overflow_after_seconds=self.number(
                values.get("overflow_after_seconds", 60),
                f"{field}.overflow_after_seconds",
                least=0,
                most=DAY_SECONDS,
            ),
            max_waiting=int(
                self.number(values.get("max_waiting", 50), f"{field}.max_waiting", least=1, most=1000)
            ),
            hours=schedule,
        )

    def _phone(self, name: str, entry: object, queue_skills: dict[str, str]) -> list[Agent]:
        field = f"phones.{name}"
        self._check_name(name, field)
        values = self.mapping(entry, field, _PHONE_FIELDS)
        contact = self.text_of(values.get("contact"), f"{field}.contact")
        if contact.startswith("desk:"):
            mend = "write sip:user@host here; people with a desk are added by 'voicebot agents add'"
            raise self.wrong("is no phone", mend, f"{field}.contact")
        try:
            check_contact(contact, f"{field}.contact")
        except ConfigError as error:
            raise self.wrong(error.problem, error.mend, error.field) from error
        mine = self.names(values.get("queues"), f"{field}.queues")
        skills = frozenset(self.names(values.get("skills", []), f"{field}.skills"))
        for queue in mine:
            if queue not in queue_skills:
                mend = f"use {', '.join(sorted(queue_skills))}"
                raise self.wrong(f"there is no queue '{queue}'", mend, f"{field}.queues")
            needed = queue_skills[queue]
            if needed and needed not in skills:  # it would never ring
                mend = f"add {needed} to its skills, or take the queue out"
                raise self.wrong(f"queue '{queue}' asks for the skill '{needed}'", mend, f"{field}.skills")
        calls = int(self.number(values.get("calls", 1), f"{field}.calls", least=1, most=MAX_CALLS))
        return [
            Agent(
                name if calls == 1 else f"{name}-{line}",
                self.text_of(values.get("name"), f"{field}.name"),
                contact,
                self._languages(values.get("languages"), f"{field}.languages"),
                skills,
                frozenset(mine),
            )
            for line in range(1, calls + 1)
        ]

    def _languages(self, value: object, field: str) -> frozenset[Language]:
        named = self.names(value, field)
        if not named or not set(named) <= set(LANGUAGES):
            raise self.wrong("names no language, or an unknown one", "write [nl], [en] or [nl, en]", field)
        return frozenset(language for language in LANGUAGES if language in named)

    def _skill(self, value: object, field: str) -> str:
        if value and not NAME.fullmatch(str(value)):
            raise self.wrong(f"'{value}' is no skill", "use lower-case letters, digits, - and _", field)
        return str(value)

    def _check_name(self, name: str, field: str) -> None:
        if not NAME.fullmatch(name):
            raise self.wrong(f"'{name}' is no name", "use lower-case letters, digits, - and _", field)
