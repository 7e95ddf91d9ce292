"""config/queues.yaml: what it means, and that each mistake is named with its line, field and mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transfer.queue_samples import HOURS
from voicebot.errors import ConfigError
from voicebot.transfer.opening_hours_file import load_opening_hours
from voicebot.transfer.queue import Queue
from voicebot.transfer.queues_file import QueuePlan, check_contact, load_queues

CONFIG = Path(__file__).parents[2] / "config"
TEXT = """\
queues:
  service:
    label: { nl: de klantenservice, en: customer service }
    hours: office
    callback_after_seconds: 90
    overflow_to: sales
    overflow_after_seconds: 0
    max_waiting: 5
  sales:
    label: { nl: de verkoop, en: sales }
    skill: bikes
phones:
  counter:
    name: De balie
    contact: "sip:counter@10.0.0.5"
    languages: [nl, en]
    queues: [service]
  pbx:
    name: Centrale
    contact: "sip:600@10.0.0.5:5062"
    calls: 3
    languages: [nl]
    skills: [bikes]
    queues: [sales]
"""


def load(tmp_path: Path, text: str) -> QueuePlan:
    file = tmp_path / "queues.yaml"
    file.write_text(text)
    return load_queues(file, HOURS)


def test_queues_and_phones(tmp_path: Path) -> None:
    plan = load(tmp_path, TEXT)
    assert plan.queues == (
        Queue("service", "de klantenservice", "customer service", "", 90, "sales", 0, 5, "office"),
        Queue("sales", "de verkoop", "sales", "bikes"),
    )
    assert [phone.agent_id for phone in plan.phones] == ["counter", "pbx-1", "pbx-2", "pbx-3"]
    assert {phone.contact for phone in plan.phones[1:]} == {"sip:600@10.0.0.5:5062"}
    assert plan.phones[0].languages == {"nl", "en"}
    assert not plan.phones[0].has_desk
    assert plan.phones[1].skills == {"bikes"}
    assert plan.phones[1].queues == {"sales"}


def test_no_file_is_no_queues(tmp_path: Path) -> None:
    assert load_queues(tmp_path / "none.yaml", HOURS) == QueuePlan(())


def test_the_shipped_file_and_its_commented_examples_are_right(tmp_path: Path) -> None:
    hours = load_opening_hours(CONFIG / "opening_hours.yaml")
    assert [queue.name for queue in load_queues(CONFIG / "queues.yaml", hours).queues] == [
        "service",
        "workshop",
    ]
    head, _, example = (CONFIG / "queues.yaml").read_text().partition("# phones:\n")
    file = tmp_path / "queues.yaml"
    file.write_text(head + "phones:\n" + "".join(line[2:] for line in example.splitlines(keepends=True)))
    assert len(load_queues(file, hours).phones) == 5


@pytest.mark.parametrize(
    ("old", "new", "field", "word"),
    [
        ("hours: office", "hours: offices", "queues.service.hours", "no hours 'offices'"),
        ("overflow_to: sales", "overflow_to: salse", "queues.service.overflow_to", "no other queue"),
        ("overflow_to: sales", "overflow_to: service", "queues.service.overflow_to", "no other queue"),
        (
            "callback_after_seconds: 90",
            "callback_after_seconds: 2",
            "queues.service.callback_after_seconds",
            "10",
        ),
        ("max_waiting: 5", "max_waiting: many", "queues.service.max_waiting", "no number"),
        ("max_waiting: 5", "max_waiting: true", "queues.service.max_waiting", "no number"),
        ("max_waiting: 5", "max_wating: 5", "queues.service.max_wating", "no field"),
        ("nl: de verkoop, ", "", "queues.sales.label.nl", "missing"),
        ("nl: de verkoop", "fr: la vente, nl: de verkoop", "queues.sales.label.fr", "no field"),
        ("skill: bikes", "skill: Big Bikes", "queues.sales.skill", "no skill"),
        ("  sales:\n", "  Sales:\n", "queues.service.overflow_to", "no other queue"),
        ("  counter:", "  Counter 1:", "phones.Counter 1", "no name"),
        ("[nl, en]", "[nl, de]", "phones.counter.languages", "unknown"),
        ("[nl, en]", "nl", "phones.counter.languages", "no list"),
        ("queues: [service]", "queues: [servise]", "phones.counter.queues", "no queue 'servise'"),
        ("queues: [service]", "queues: [sales]", "phones.counter.skills", "asks for the skill 'bikes'"),
        ("calls: 3", "calls: 0", "phones.pbx.calls", "no number"),
        ("name: Centrale", "name: ''", "phones.pbx.name", "missing"),
        ("sip:counter@10.0.0.5", "sip:counter@10.0.0.5;x=1", "phones.counter.contact", "no plain SIP"),
        ("sip:counter@10.0.0.5", "sip:09001234@10.0.0.5", "phones.counter.contact", "premium"),
        ("sip:counter@10.0.0.5", "desk:counter", "phones.counter.contact", "no phone"),
        ("  sales:\n    label", "  service:\n    label", "queues.service", "twice"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, old: str, new: str, field: str, word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, TEXT.replace(old, new, 1))
    error = caught.value
    assert (error.field, word in error.problem) == (field, True), str(error)
    assert error.mend
    assert error.file is not None
    assert error.line is not None
    assert field.split(".")[1] in "\n".join(TEXT.replace(old, new, 1).splitlines()[: error.line])


@pytest.mark.parametrize("text", ["", "- a", "queues: {}", "queues: [", "queues:\n  a: {label: \x00}"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        load(tmp_path, text)


def test_contacts() -> None:
    check_contact("desk:anna", "contact")
    check_contact("sip:anna@10.0.0.5", "contact")
    for wrong in ("desk:", "desk:Anna B", "anna", "tel:112", "sip:+18005550100@10.0.0.5", "sip:a@b\r\nX: y"):
        with pytest.raises(ConfigError):
            check_contact(wrong, "contact")
