"""docs/transfer-rules.md says what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.transfer.rule_samples import CALENDAR, TODAY
from voicebot.transfer.rules import RuleSet
from voicebot.transfer.rules_check import check_rules
from voicebot.transfer.rules_file import read_rules
from voicebot.transfer.rules_file_terms import READERS
from voicebot.transfer.rules_names import KnownNames
from voicebot.understanding.vulnerable import VULNERABLE_SIGNALS

DOCUMENT = Path("docs/transfer-rules.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
SMALLEST = next(block for block in BLOCKS if block.startswith("rules:"))
RULES = [block for block in BLOCKS if block.startswith("  - name:")]
NAMES = KnownNames(
    intents=frozenset({"complaint"}),
    tasks=frozenset({"order_status"}),
    queues={"service": "", "english": ""},
)


def rules(*blocks: str) -> RuleSet:
    return read_rules("rules:\n" + "".join(blocks), Path("docs/transfer-rules.md")).rule_set(CALENDAR)


def test_the_smallest_set_is_right() -> None:
    assert check_rules(rules(SMALLEST.removeprefix("rules:\n")), NAMES, TODAY) == ()


@pytest.mark.parametrize("block", RULES[:-1])
def test_each_example_may_stand_above_the_request_rule(block: str) -> None:
    assert check_rules(rules(block, SMALLEST.removeprefix("rules:\n")), NAMES, TODAY) == ()


def test_the_example_of_a_refusal_is_refused_in_those_words() -> None:
    (problem,) = check_rules(rules(RULES[-1], SMALLEST.removeprefix("rules:\n")), NAMES, TODAY)
    assert f"rule '{problem.rule}': {problem.problem}." in DOCUMENT
    assert check_rules(rules(SMALLEST.removeprefix("rules:\n"), RULES[-1]), NAMES, TODAY) == ()


def test_every_condition_and_signal_is_explained() -> None:
    table = DOCUMENT.split("## Conditions")[1].split("## Actions")[0]
    assert {name for name in (*READERS, *VULNERABLE_SIGNALS) if f"`{name}`" not in table} == set()
