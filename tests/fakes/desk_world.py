"""The desk without the rest of the program: a real pool and real routes, remembered wrap-ups and audits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI

from tests.fakes.leg import FakeLeg
from tests.transfer.queue_samples import HOURS
from voicebot.errors import MediaError, StorageError
from voicebot.media.leg import Leg
from voicebot.transfer.agent_pool import AgentPool
from voicebot.transfer.agents import Agent, AgentBriefing, TranscriptLine
from voicebot.transfer.queue import Queue
from voicebot.web.agent_desk import AgentAudio, DeskTimes
from voicebot.web.desk import build_desk
from voicebot.web.desk_dialler import DeskDialler
from voicebot.web.desk_services import CallbackItem, DeskServices, QueueFigures, WrapUpEntry
from voicebot.web.desks import Desks

PASSWORD = "correct horse battery"
AGENTS = tuple(
    Agent(
        name.lower(),
        name,
        f"desk:{name.lower()}",
        frozenset({"nl", "en"}),
        frozenset(),
        frozenset({"service", "werkplaats"}),
    )
    for name in ("Anna", "Bram", "Chaima")
)
QUEUES = (
    Queue("service", "Klantenservice", "Customer service"),
    Queue("werkplaats", "Werkplaats", "Workshop"),
)
BRIEFING = AgentBriefing(
    call_id="call-1",
    caller="+31 20 123 45 67",
    language="nl",
    reason="De beller vroeg om een medewerker.",
    asked="Wil de afspraak van donderdag verzetten; de fiets is nog niet klaar.",
    tried=("Afspraak gezocht: gevonden op donderdag 26 november.", "Vrijdag voorgesteld: paste niet."),
    last_lines=(
        TranscriptLine("bot", "Vrijdag om tien uur is nog vrij. Past dat?"),
        TranscriptLine("caller", "Nee, dan werk ik. Mag ik iemand spreken?"),
        TranscriptLine("bot", "Natuurlijk, ik verbind u door met een collega."),
    ),
    queue="service",
    waited_seconds=14.0,
)


class ScriptedAudio:
    """Makes fake legs instead of WebRTC ones. `fails`: the next offers cannot be used."""

    def __init__(self) -> None:
        self.legs: list[FakeLeg] = []
        self.offers: list[str] = []
        self.fails = self.hangs = False

    async def __call__(self, sdp: str) -> tuple[Leg, str]:
        self.offers.append(sdp)
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise MediaError("no network")
        leg = FakeLeg(leg_id=f"page-{len(self.legs)}", kind="webrtc", answered=True)
        self.legs.append(leg)
        return leg, f"v=0 answer {len(self.legs)}"


@dataclass
class RememberedCallbacks:
    """A callback list in memory."""

    items: dict[str, CallbackItem] = field(default_factory=dict)
    called: list[tuple[str, str]] = field(default_factory=list)
    refusal: str = ""

    async def due(self, agent_id: str) -> tuple[CallbackItem, ...]:
        return tuple(sorted(self.items.values(), key=lambda item: item.due_at))

    async def done(self, callback_id: str, agent_id: str) -> bool:
        return self.items.pop(callback_id, None) is not None

    async def call(self, callback_id: str, agent_id: str) -> str:
        self.called.append((callback_id, agent_id))
        return self.refusal


class DeskWorld:
    """`web`: the application. `clock_seconds`: moves by hand. `figures`: what the queues show."""

    def __init__(self, audio: AgentAudio | None = None, times: DeskTimes | None = None) -> None:
        self.scripted = ScriptedAudio()
        self.moment = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
        self.callbacks = RememberedCallbacks()
        self.wrap_ups: list[WrapUpEntry] = []
        self.audits: list[tuple[str, str, str, Mapping[str, str]]] = []
        self.figures: dict[str, tuple[int, float]] = {"service": (2, 74.0), "werkplaats": (0, 0.0)}
        self.is_storage_away = False
        self.password_checks = 0
        self.pool = AgentPool(
            QUEUES,
            AGENTS,
            HOURS,
            clock=lambda: asyncio.get_running_loop().time(),
            now=lambda: self.moment,
        )
        self.services = DeskServices(
            states=self.pool,
            queues=self._queues,
            credentials=self,
            audio=audio or self.scripted,
            callbacks=self.callbacks,
            save_wrap_up=self._save,
            audit=lambda *entry: self.audits.append(entry),
            secret=b"s" * 32,
            organisation="Fietshuis Janssens",
            clock=lambda: asyncio.get_running_loop().time(),
            now=lambda: self.moment,
        )
        self.desks = Desks(self.services, times)
        self.dialler = DeskDialler(self.desks)
        self.web = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        self.web.include_router(build_desk(self.services, self.desks))

    async def check_password(self, agent_id: str, password: str) -> bool:
        self.password_checks += 1
        if self.is_storage_away:
            raise StorageError("away")
        return password == PASSWORD and any(agent.agent_id == agent_id for agent in AGENTS)

    def add_callbacks(self) -> None:
        for number, (minutes, contact, language, message) in enumerate(
            (
                (-6, "••• 89 01", "nl", "Vraagt wanneer het wiel binnen is."),
                (25, "••• 44 12", "en", "Wants to change the address of an order."),
            )
        ):
            due = datetime.now(UTC) + timedelta(minutes=minutes)
            item = CallbackItem(f"cb-{number}", due, "callback", language, contact, message)
            self.callbacks.items[item.callback_id] = item

    async def aclose(self) -> None:
        await self.desks.aclose()
        self.pool.close()

    def _queues(self) -> tuple[QueueFigures, ...]:
        return tuple(
            QueueFigures(queue.name, queue.label_nl, queue.label_en, *self.figures[queue.name])
            for queue in QUEUES
        )

    async def _save(self, entry: WrapUpEntry) -> None:
        if self.is_storage_away:
            raise StorageError("away")
        self.wrap_ups.append(entry)


def offered(**changes: Any) -> str:
    """A string that passes for an SDP."""
    return "v=0 an offer" + "".join(f" {key}={value}" for key, value in changes.items())
