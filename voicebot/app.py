"""The composition root: the only module that names concrete engines and joins them to the calls."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import date, datetime
from functools import partial
from typing import Any

import structlog

from voicebot.admission import CallAdmission, Refusal
from voicebot.agent_desks import CallbacksAtDesks, desk_services
from voicebot.allow_list import destinations_of
from voicebot.call import Call, CallLimits, CallServices
from voicebot.call_rules import RulesOfCall
from voicebot.call_transfer import TransferParts
from voicebot.calling_back import build_call_backs
from voicebot.control_api import ControlServer, build_api
from voicebot.dialogue.config import DialogueConfig, LineProfile
from voicebot.dialogue.policy import Dialogue
from voicebot.dialogue.prompt_ids import SPOKEN
from voicebot.engines import EarsOfCalls, SpeechEngines, build_engines
from voicebot.errors import SpeechWorkerError, VoicebotError
from voicebot.events import CallbackRequested, CallEvent, Language
from voicebot.integrations.backend import TimeLimitedBackend
from voicebot.integrations.demo import DemoBackend
from voicebot.integrations.demo_files import load_demo_data
from voicebot.listeners import Listeners
from voicebot.media.bridge import join
from voicebot.media.leg import Dialler, Leg
from voicebot.metrics import CallMetrics
from voicebot.ports import require_free_ports
from voicebot.prompt_voice import PromptVoice
from voicebot.recording import CallRecords
from voicebot.rehearsal import likely_sayings
from voicebot.resources import resources_in_use
from voicebot.rule_desk import SEED, RuleDesk
from voicebot.rules_in_force import RulesInForce
from voicebot.settings import LineSettings, Settings
from voicebot.speaking.hold_music import hold_music
from voicebot.speaking.prompt_cache import PromptCache
from voicebot.speaking.prompts import PromptBook
from voicebot.staff import Staff
from voicebot.start_screen import StartFacts
from voicebot.starting import unless_stopped
from voicebot.storage.agent_store import AgentStore
from voicebot.storage.callback_store import CallbackStore
from voicebot.transfer.agent_posts import QueueTimes
from voicebot.transfer.call_back import CallBacks
from voicebot.transfer.dialling import SchemeDialler
from voicebot.transfer.execute import TransferTimes
from voicebot.transfer.opening_hours_file import load_opening_hours
from voicebot.transfer.queues_file import load_queues
from voicebot.understanding.intent_files import load_intents
from voicebot.understanding.knowledge import load_knowledge
from voicebot.vocabulary import Vocabulary
from voicebot.web.desk import build_desk
from voicebot.web.desk_dialler import DeskDialler
from voicebot.web.desks import Desks

log = structlog.get_logger()

REHEARSAL_SECONDS = 300.0
DRAIN_SECONDS = 20.0
"""On SIGTERM calls that are up may go on for so long."""
VARIANTS = ("", "nl-BE")


class Service:
    """One media process: legs, calls, pools, records, control API."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._began = time.monotonic()
        config = settings.config_dir
        self._hours = load_opening_hours(config / "opening_hours.yaml")
        self._answers = load_knowledge(config / "knowledge")
        found = {intent.id for intent in load_intents(config / "intents")} | set(self._answers.articles)
        self._intents = sorted(found)
        self._book = PromptBook.load(config / "prompts", SPOKEN)
        self._vocabulary = Vocabulary.load(config / "vocabulary")
        self._backend = TimeLimitedBackend(self._demo_backend())
        with settings.locating():
            self._destinations = destinations_of(settings)
            self._engines: SpeechEngines = build_engines(settings)
            self._records = CallRecords(settings.storage)
            self._listeners = Listeners(settings, self._leg_rings)
        self._bring_people()
        self._cache = PromptCache(self._engines.synthesiser, settings.speech.cache_dir)
        self._voices = {
            variant: PromptVoice(self._book, self._cache, variant, settings.organisation)
            for variant in VARIANTS
        }
        self._metrics = CallMetrics()
        self._admission = CallAdmission(settings.call.concurrent, settings.call.per_caller)
        self._control = ControlServer(
            build_api(self, self._metrics), settings.control.host, settings.control.port
        )
        self._music = hold_music()
        with settings.locating():
            self._call_backs = self._build_call_backs()
        self._calls: dict[str, asyncio.Task[None]] = {}
        self._legs: dict[str, Leg] = {}
        self._warming: asyncio.Task[None] | None = None
        self._start_seconds = 0.0

    def _bring_people(self) -> None:
        """Join queues, agents, their desks and the rules that lead callers to them."""
        settings, url, cipher = self._settings, self._settings.storage.url, self._records.cipher
        plan = load_queues(settings.config_dir / "queues.yaml", self._hours)
        queue = settings.queue
        agents = AgentStore(url, cipher)
        self._staff = Staff(
            agents,
            plan,
            self._hours,
            clock=time.monotonic,
            now=self._now,
            times=QueueTimes(
                queue.after_call_seconds,
                rest_seconds=queue.rest_seconds,
                retry_seconds=queue.retry_seconds,
            ),
        )
        seed = settings.config_dir / SEED
        self._rules = RulesInForce(seed, url, cipher, RuleDesk.of(settings))
        self._callbacks = CallbackStore(url, cipher)
        diallers: dict[str, Dialler] = {"sip": self._listeners.dialler, "sips": self._listeners.dialler}
        self._desks: Desks | None = None
        web = self._listeners.web
        if web is not None:
            web.whip.on_refused = lambda code: self._metrics.refused.labels(f"web_{code}").inc()
            callbacks = CallbacksAtDesks(
                self._callbacks,
                self._staff.pool,
                lambda *which: self._call_backs.begin(*which),  # noqa: PLW0108 - made later
            )
            services = desk_services(settings, self._staff.pool, agents, callbacks, self._records, web.parts)
            self._desks = Desks(services)
            web.add(build_desk(services, self._desks))
            diallers["desk"] = DeskDialler(self._desks)
        self._dialler = SchemeDialler(diallers)
        self._listeners.tell_ignored(self._ignored)

    def _ignored(self, what: str) -> None:
        """Count and audit a wish of others to lead a call elsewhere, which was not followed (law S1)."""
        self._metrics.refused.labels(f"sip_{what}").inc()
        self._records.audit("voicebot", "sip.ignored", what)

    def _build_call_backs(self) -> CallBacks:
        pool, store, dialler = self._staff.pool, self._callbacks, self._dialler
        voice, music, hours = self._voices[""], self._music, self._hours
        return build_call_backs(
            self._settings, pool, store, dialler, self._destinations, voice, music, hours, self._now
        )

    def _demo_backend(self) -> DemoBackend:
        data = load_demo_data(self._settings.config_dir / "demo", self._now().date())

        def is_open(branch: str, day: date) -> bool:
            return bool(self._hours.branches[branch].hours_on(day).intervals)

        return DemoBackend(data, lambda: self._now().replace(tzinfo=None), is_open)

    # -- life -------------------------------------------------------------------------------------------

    async def start(self, cancel: asyncio.Event | None = None) -> None:
        """Open everything; returns when calls are answered. Raises VoicebotError that says what to do."""
        require_free_ports(self._settings)  # models take seconds to load: say it before
        await self._records.start()
        await self._staff.start()
        await self._rules.start()
        if self._desks is not None:
            self._desks.start()
        await unless_stopped(cancel, self._engines.start())
        await self._prepare_voices()
        await self._control.start()
        await self._listeners.start()
        self._warming = asyncio.create_task(self._warm(), name="warm-prompts")
        self._start_seconds = time.monotonic() - self._began

    async def _prepare_voices(self) -> None:
        """Have the disclosure and the apology in memory before the first call can come (law D1, H2)."""
        for voice in self._voices.values():
            await voice.prepare()
            await self._cache.warm(voice.fixed_requests("disclosure", "how_can_i_help"))

    async def _warm(self) -> None:
        """Render all fixed prompts, then again and again what callers will likely ask."""
        for voice in self._voices.values():
            failed = await self._cache.warm(voice.fixed_requests())
            if failed:
                log.warning("some prompts could not be rendered yet", failed=failed)
        while True:
            for variant, voice in self._voices.items():
                await self._rehearse(variant, voice)
            await asyncio.sleep(REHEARSAL_SECONDS)

    async def _rehearse(self, variant: str, voice: PromptVoice) -> None:
        def make_dialogue(language: Language) -> Dialogue:
            profile = LineProfile(self._settings.organisation, language, variant, branch=_branch_of(variant))
            return Dialogue(profile, self._dialogue_config(), self._hours, self._answers)

        for say in likely_sayings(make_dialogue, self._intents, self._now()):
            for request in voice.requests_of(say):
                with suppress(SpeechWorkerError):
                    await self._cache.clip(request, may_persist=voice.may_persist(say))

    async def close(self) -> None:
        """Refuse new calls, let those that are up end, then hang up; write all records."""
        self._admission.close()
        if self._warming is not None:
            self._warming.cancel()
        if self._calls:
            await asyncio.wait(self._calls.values(), timeout=DRAIN_SECONDS)
        for leg in list(self._legs.values()):
            with suppress(VoicebotError, TimeoutError):
                await leg.hang_up()
        if self._calls:
            await asyncio.wait(self._calls.values(), timeout=5)
        await self._call_backs.close()
        if self._desks is not None:
            await self._desks.aclose()
        await self._listeners.close()
        await self._control.close()
        await self._rules.close()
        await self._staff.close()
        await self._callbacks.close()
        await self._cache.close()
        await self._engines.close()
        await self._records.close()

    # -- calls ------------------------------------------------------------------------------------------

    async def _leg_rings(self, leg: Leg) -> None:
        """Admit or refuse a ringing leg, and run its call to the end."""
        info = leg.info
        refusal = self._admission.admit(info.leg_id, info.caller)
        if refusal is not None:
            self._metrics.refused.labels(refusal.value).inc()
            await leg.reject(486 if refusal is Refusal.CALLER_CAP else 503)
            return
        task = asyncio.current_task()
        assert task is not None
        self._calls[info.leg_id], self._legs[info.leg_id] = task, leg
        self._metrics.live.inc()
        try:
            await self._run_call(leg)
        finally:
            self._metrics.live.dec()
            self._admission.leave(info.leg_id)
            self._calls.pop(info.leg_id, None)
            self._legs.pop(info.leg_id, None)

    async def _run_call(self, leg: Leg) -> None:
        line = self._settings.line_for(leg.info.called)
        record = self._records.open(leg.info, line.number)

        def sink(event: CallEvent) -> None:
            record(event)
            self._metrics.note(event)
            self._records.note_transfer(leg.info.leg_id, event)
            if isinstance(event, CallbackRequested):
                now = self._now()
                due = self._hours.desk.after_open_seconds(now, self._settings.callback.within_seconds)
                self._records.store_callback(leg.info, event, now, due)

        call = Call(
            leg,
            Dialogue(self._profile(leg, line), self._dialogue_config(), self._hours, self._answers),
            self._services(line),
            sink,
            CallLimits(self._settings.call.max_seconds, self._settings.call.grace_seconds),
        )
        try:
            await call.run()
        finally:
            record.finish()

    def _profile(self, leg: Leg, line: LineSettings) -> LineProfile:
        return LineProfile(
            organisation=self._settings.organisation,
            language=line.language or None,
            variant=line.variant,
            branch=_branch_of(line.variant),
            caller_can_be_called_back=leg.info.caller.lstrip("+").isdigit(),
        )

    def _dialogue_config(self) -> DialogueConfig:
        call, transfer = self._settings.call, self._settings.transfer
        return DialogueConfig(no_input_ms=call.no_input_ms, agent_language=transfer.agent_language)

    def _services(self, line: LineSettings) -> CallServices:
        transfer = self._settings.transfer
        return CallServices(
            voice=self._voices[line.variant],
            hearing=EarsOfCalls(self._engines, self._vocabulary, line_language=line.language or None),
            transfer=TransferParts(
                self._destinations,
                self._dialler,
                partial(join, hold_music=self._music),
                self._music,
                TransferTimes(transfer.ring_seconds, transfer.accept_seconds, transfer.offer_seconds),
                self._staff.pool,
                time.monotonic,
                self._now,
                transfer.then,
                transfer.agent_language,
            ),
            backend=self._backend,
            rules=RulesOfCall(self._rules.rules, self._staff.facts),
            clock=time.monotonic,
            now=self._now,
        )

    @staticmethod
    def _now() -> datetime:
        return datetime.now().astimezone()

    # -- what the control API and the start screen show -------------------------------------------------

    def live_calls(self) -> list[dict[str, Any]]:
        """Return facts of the calls that are up; no numbers, no texts."""
        return [
            {"call_id": leg.info.leg_id, "kind": leg.info.kind, "codec": leg.info.codec}
            for leg in self._legs.values()
        ]

    async def hang_up(self, call_id: str) -> bool:
        """End a call; False if there is none of that id."""
        leg = self._legs.get(call_id)
        if leg is None:
            return False
        await leg.hang_up()
        return True

    def degraded(self) -> list[str]:
        """Return what does not work as it should."""
        people = [*self._staff.degraded, *self._rules.degraded]
        lines = [*self._engines.degraded, *self._records.degraded, *people, *self._listeners.degraded]
        cold = [pool.status.name for pool in self._engines.pools if not pool.status.warm]
        return [*lines, *(f"speech workers '{name}' are starting anew" for name in cold)]

    def health(self) -> dict[str, Any]:
        """Return the state of workers, records and listeners, and what the process takes."""
        return {
            "can_answer": self._listeners.are_open and not self._admission.is_closed,
            "live_calls": len(self._legs),
            "workers": {
                status.name: {"alive": status.alive, "restarts": status.restarts, "pids": status.pids}
                for status in (pool.status for pool in self._engines.pools)
            },
            "records_waiting": self._records.waiting,
            "records": self._records.counts,
            "people": self._staff.statistics(),
            "desks": dict(self._desks.counts) if self._desks is not None else {},
            "resources": resources_in_use(),
            **self._listeners.statistics(),
        }

    def facts(self) -> StartFacts:
        """Return what the start screen shows."""
        control = self._settings.control
        return StartFacts(
            organisation=self._settings.organisation,
            sip=self._listeners.sip_addresses,
            gateway=self._listeners.gateway_address,
            web=self._listeners.web_address,
            control=f"http://{control.host}:{control.port}",
            database=self._records.where,
            voices=self._engines.voice_names(),
            recogniser=self._engines.profile.chosen["recogniser"].artifact.name,
            degraded=tuple(self.degraded()),
            start_seconds=round(self._start_seconds, 1),
        )


def _branch_of(variant: str) -> str:
    """The demo shop's Flemish line belongs to its Antwerp branch."""
    return "antwerpen" if variant == "nl-BE" else ""
