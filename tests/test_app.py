"""The composition root's small decisions: refusals, places of mistakes, health."""

from __future__ import annotations

import asyncio
import gc
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from voicebot.admission import CallAdmission, Refusal
from voicebot.allow_list import destinations_of
from voicebot.app import Service
from voicebot.commands.serve import settle_garbage_collection
from voicebot.control_api import ControlServer, build_api
from voicebot.dialogue.prompt_ids import SPOKEN
from voicebot.engines import SpeechEngines
from voicebot.errors import ConfigError, ModelMissing, VoicebotError
from voicebot.media.leg import LegInfo
from voicebot.metrics import CallMetrics
from voicebot.resources import resources_in_use
from voicebot.settings import load_settings
from voicebot.speaking.prompts import PromptBook
from voicebot.transfer.execute import TransferTimes


class RefusedLeg:
    """Rings; remembers with what it was refused."""

    def __init__(self) -> None:
        self.info = LegInfo("leg", "sip", "+31201234567", "nl", "PCMA", "call-id", inbound=True)
        self.statuses: list[int] = []

    async def reject(self, status: int, reason: str = "") -> None:
        self.statuses.append(status)


@pytest.mark.parametrize(
    ("concurrent", "per_caller", "up", "is_closing", "status", "refusal"),
    [
        (1, 5, ["other"], False, 503, Refusal.FULL),
        (9, 1, ["+31201234567"], False, 486, Refusal.CALLER_CAP),
        (9, 9, [], True, 503, Refusal.CLOSING),
    ],
)
async def test_a_refused_caller_gets_the_right_code(
    concurrent: int, per_caller: int, up: list[str], is_closing: bool, status: int, refusal: Refusal
) -> None:
    service = Service.__new__(Service)
    service._metrics = CallMetrics()
    service._admission = CallAdmission(concurrent, per_caller)
    for number, caller in enumerate(up):
        service._admission.admit(str(number), caller)
    if is_closing:
        service._admission.close()
    leg: Any = RefusedLeg()
    await service._leg_rings(leg)
    assert leg.statuses == [status]
    assert f'voicebot_calls_refused_total{{reason="{refusal.value}"}} 1.0' in service._metrics.text().decode()


def test_times_and_language_of_transfers_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("OFFER_SECONDS", "100"), ("ACCEPT_SECONDS", "30"), ("AGENT_LANGUAGE", "en")):
        monkeypatch.setenv(f"VOICEBOT_TRANSFER__{name}", value)
    monkeypatch.setattr("voicebot.app.EarsOfCalls", lambda *_, **__: None)
    service: Any = Service.__new__(Service)
    service._settings = load_settings(Path("config/voicebot.toml"))
    service._voices = defaultdict(object)
    for part in ("engines", "vocabulary", "destinations", "dialler", "music", "backend", "staff", "rules"):
        setattr(service, f"_{part}", SimpleNamespace(pool=None, rules=None, facts=None))
    parts = service._services(service._settings.line_for("en")).transfer
    assert parts.times == TransferTimes(ring_seconds=25, accept_seconds=30, offer_seconds=100)
    assert (parts.agent_language, service._dialogue_config().agent_language) == ("en", "en")


def test_a_premium_destination_is_located(tmp_path: Path) -> None:
    text = Path("config/voicebot.toml").read_text().replace("agent@127.0.0.1", "0900-1234@127.0.0.1")
    (tmp_path / "voicebot.toml").write_text(text)
    settings = load_settings(tmp_path / "voicebot.toml")
    with pytest.raises(ConfigError) as caught, settings.locating():
        destinations_of(settings)
    line = text[: text.index("0900")].count("\n") + 1
    assert (caught.value.line, caught.value.field) == (line, "transfer.destinations.medewerker.uri")


def test_every_prompt_that_is_said_is_there_and_no_other() -> None:
    assert PromptBook.load(Path("config/prompts"), SPOKEN).ids == SPOKEN


class Pool:
    """Starts, or does not."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.started = error, asyncio.Event()

    async def start(self) -> None:
        if self.error is not None:
            raise self.error
        self.started.set()


async def test_the_first_engine_that_fails_is_told_as_itself() -> None:
    pools: list[Any] = [Pool(), Pool(ModelMissing("no ears: run `voicebot models pull`")), Pool()]
    nothing: Any = None
    engines = SpeechEngines(nothing, *pools, nothing, nothing, nothing, nothing)
    with pytest.raises(ModelMissing, match="no ears"):
        await engines.start()


async def test_resources_are_counted() -> None:
    before = resources_in_use()
    with Path(__file__).open(encoding="utf-8"):
        sleeper = asyncio.create_task(asyncio.Event().wait())
        during = resources_in_use()
        sleeper.cancel()
    assert during["tasks"] == before["tasks"] + 1
    assert during["open_files"] == before["open_files"] + 1
    assert during["resident_bytes"] > 10_000_000


def test_collections_stay_small() -> None:
    thresholds = gc.get_threshold()
    try:
        settle_garbage_collection()
        assert gc.get_freeze_count() > 1000
        assert len(gc.get_objects(2)) < 1000
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


class LiveFacts:
    """What the API asks of the service."""

    def __init__(self) -> None:
        self.can_answer = True

    def health(self) -> dict[str, Any]:
        return {"can_answer": self.can_answer, "live_calls": 1}

    def degraded(self) -> list[str]:
        return ["Dutch is spoken by eSpeak NG"]

    def live_calls(self) -> list[dict[str, Any]]:
        return [{"call_id": "a"}]

    async def hang_up(self, call_id: str) -> bool:
        return call_id == "a"


async def test_the_control_api() -> None:
    facts = LiveFacts()
    transport = httpx.ASGITransport(build_api(facts, CallMetrics()))
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
        health = await client.get("/health")
        assert (health.status_code, health.json()["degraded"]) == (200, facts.degraded())
        facts.can_answer = False
        assert (await client.get("/health")).status_code == 503
        assert (await client.get("/calls")).json() == [{"call_id": "a"}]
        assert (await client.delete("/calls/a")).status_code == 204
        assert (await client.delete("/calls/b")).status_code == 404
        assert "voicebot_calls_live" in (await client.get("/metrics")).text


async def test_a_taken_control_port_is_named(unused_tcp_port: int) -> None:
    api = build_api(LiveFacts(), CallMetrics())
    first = ControlServer(api, "127.0.0.1", unused_tcp_port)
    second = ControlServer(api, "127.0.0.1", unused_tcp_port)
    await first.start()
    try:
        with pytest.raises(VoicebotError, match=f"{unused_tcp_port}.*control.port"):
            await second.start()
    finally:
        await second.close()
        await first.close()
