"""What the transfer rules of this organisation may name, and the check before they are saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from voicebot.settings import Settings
from voicebot.transfer.opening_hours_file import load_opening_hours
from voicebot.transfer.queues_file import load_queues
from voicebot.transfer.rules import RuleSet
from voicebot.transfer.rules_check import check_rules
from voicebot.transfer.rules_facts import Calendar
from voicebot.transfer.rules_file import read_rules
from voicebot.transfer.rules_names import KnownNames
from voicebot.transfer.rules_problem import Problem, RulesRefused
from voicebot.understanding.intent_files import OUT_OF_SCOPE, load_intents
from voicebot.understanding.knowledge import load_knowledge

SEED = "transfer_rules.yaml"
"""In the configuration folder: the rules of a first start."""
TASKS = frozenset({"order_status", "find_appointment", "move_appointment", "password_reset"})
ENTITIES = frozenset(
    {
        "branch", "customer_number", "date", "digits", "holiday", "house_number", "language", "order_number",
        "phone_number", "postcode", "reference", "time", "yes_no",
    }
)  # fmt: skip
"""What `voicebot.understanding.slots` finds."""


@dataclass(frozen=True, slots=True)
class RuleDesk:
    """Reads and checks rules for one organisation."""

    names: KnownNames
    calendar: Calendar

    @classmethod
    def of(cls, settings: Settings, agents: frozenset[str] | None = None) -> RuleDesk:
        """Read from the configuration what rules may name; `agents` None: any. Raises ConfigError."""
        config = settings.config_dir
        hours = load_opening_hours(config / "opening_hours.yaml")
        plan = load_queues(config / "queues.yaml", hours)
        intents = {intent.id for intent in load_intents(config / "intents")} - {OUT_OF_SCOPE}
        phones = {phone.agent_id for phone in plan.phones}
        names = KnownNames(
            intents=frozenset(intents | set(load_knowledge(config / "knowledge").articles)),
            entities=ENTITIES,
            tasks=TASKS,
            destinations=frozenset(settings.transfer.destinations),
            queues={queue.name: queue.hours for queue in plan.queues},
            agents=None if agents is None else agents | phones,
        )
        return cls(names, Calendar.of(hours))

    def read(self, text: str, path: Path, version: int = 0) -> RuleSet:
        """Read rules without checking them. Raises ConfigError."""
        return read_rules(text, path).rule_set(self.calendar, version)

    def problems(self, text: str, path: Path, today: date) -> tuple[Problem, ...]:
        """Read and check rules. Raises ConfigError for a file that cannot be read as rules."""
        found = read_rules(text, path)
        return check_rules(found.rule_set(self.calendar), self.names, today, found.lines)

    def check(self, text: str, path: Path, today: date) -> None:
        """Refuse rules that must not be saved. Raises ConfigError or RulesRefused."""
        problems = self.problems(text, path, today)
        if problems:
            raise RulesRefused(problems)
