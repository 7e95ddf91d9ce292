"""Agents, queues and callers to wait with."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

from voicebot.events import Language
from voicebot.transfer.agents import Agent
from voicebot.transfer.opening_hours import Branch, Interval, OpeningHours
from voicebot.transfer.queue import Queue, Ticket

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
A_TUESDAY = datetime(2026, 11, 24, 10, 0, tzinfo=AMSTERDAM)


def an_agent(
    agent_id: str, *, languages: str = "nl en", skills: str = "", queues: str = "service", contact: str = ""
) -> Agent:
    spoken: set[Language] = {"nl" if code == "nl" else "en" for code in languages.split()}
    return Agent(
        agent_id,
        agent_id.title(),
        contact or f"sip:{agent_id}@10.0.0.5",
        frozenset(spoken),
        frozenset(skills.split()),
        frozenset(queues.split()),
    )


def a_queue(
    name: str = "service",
    *,
    skill: str = "",
    overflow_to: str = "",
    overflow_after_seconds: float = 60.0,
    callback_after_seconds: float = 120.0,
    max_waiting: int = 50,
    hours: str = "",
) -> Queue:
    return Queue(
        name, f"de {name}", f"the {name}", skill, callback_after_seconds, overflow_to,
        overflow_after_seconds, max_waiting, hours,
    )  # fmt: skip


def a_ticket(
    call_id: str, at: float = 0.0, *, queue: str = "service", language: Language = "nl", agent_id: str = ""
) -> Ticket:
    return Ticket(call_id, queue, language, at, agent_id)


def a_branch(name: str, opens: int = 0, closes: int = 24) -> Branch:
    interval = Interval(time(opens), time.max if closes == 24 else time(closes))
    weekly = dict.fromkeys(range(7), (interval,))
    return Branch(name, {"nl": name, "en": name}, "", AMSTERDAM, weekly)


HOURS = OpeningHours({}, a_branch("desk"), {"office": a_branch("office", 9, 17)})
