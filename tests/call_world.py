"""A whole call in virtual time: real dialogue, VAD, endpointing, barge-in, playout, prompts; fake models.

async with World() as world:
    await world.until_said("how_can_i_help")
    world.say("wat zijn de openingstijden")
    await world.until(lambda: world.turns_with("opening_hours"))
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Self, TypeVar

from tests.dialogue.conversation import HOURS, LINE, OPEN, FakeAnswers
from tests.fakes.backend import FakeBackend
from tests.fakes.interpreter import FakeInterpreter
from tests.fakes.leg import FakeDialler, FakeLeg, VirtualClock
from tests.fakes.spoken_words import loudness, spoken
from tests.fakes.transcriber import FakeTranscriber
from tests.fakes.voice import MUSIC, FakeVoice, Stretch, stretches
from voicebot.call import Call, CallLimits, CallOutcome, CallServices
from voicebot.call_rules import RulesOfCall
from voicebot.call_transfer import TransferParts
from voicebot.dialogue.barge_in import BargeInState
from voicebot.dialogue.config import DialogueConfig, LineProfile
from voicebot.dialogue.policy import Dialogue
from voicebot.events import CallEnded, CallEvent, DisclosurePlayed, Language, TurnTaken
from voicebot.hearing.endpointing import Endpointing
from voicebot.hearing.language import LanguageRules
from voicebot.hearing.vad import VoiceActivity
from voicebot.media.bridge import join
from voicebot.media.leg import LegEnded
from voicebot.transfer.agent_pool import AgentPool
from voicebot.transfer.agents import Agent, AgentBriefing, AgentState
from voicebot.transfer.destinations import Destination, Destinations
from voicebot.transfer.execute import Bridger, TransferTimes
from voicebot.transfer.queue import Queue
from voicebot.transfer.rules import QueueFacts, RuleSet
from voicebot.understanding.interpretation import Expectation

E = TypeVar("E", bound=CallEvent)
AGENT = "sip:agent@127.0.0.1"
SPEECH_LOUDNESS = 500


class LoopClock(VirtualClock):
    """A leg's clock that is the loop's."""

    def __call__(self) -> float:
        return asyncio.get_running_loop().time()


class LoudIsSpeech:
    """Stands for Silero's stream: loud is speech."""

    def reset(self) -> None:
        pass

    def process(self, pcm: bytes) -> float:
        return 1.0 if loudness(pcm) > SPEECH_LOUDNESS else 0.0


@dataclass
class Ears:
    """Implements HearingParts."""

    transcriber: FakeTranscriber
    interpreter: FakeInterpreter
    language_rules: LanguageRules = field(default_factory=LanguageRules)
    resets: int = 0

    def voice_activity(self) -> VoiceActivity:
        self.resets += 1
        return VoiceActivity(LoudIsSpeech(), gate=lambda pcm: loudness(pcm) > SPEECH_LOUDNESS)  # type: ignore[arg-type]

    def endpointing(self) -> Endpointing:
        return Endpointing()

    def barge_in(self) -> BargeInState:
        return BargeInState()

    def vocabulary(self, expectation: Expectation) -> Mapping[Language, str]:
        return {}

    def today(self) -> str:
        return "2026-11-24"


async def _at_once(make: Callable[[], AgentBriefing]) -> AgentBriefing:
    return make()


class World:
    """One caller, one bot, perhaps an agent. Leaving it ends the call and checks what holds of every call."""

    def __init__(
        self,
        *,
        line: LineProfile = LINE,
        now: datetime = OPEN,
        limits: CallLimits | None = None,
        kind: str = "bridged",
        rings: bool = False,
        dialler: bool = True,
        bridge: Bridger = partial(join, hold_music=MUSIC),  # noqa: B008 - has no state
        times: TransferTimes | None = None,
        config: DialogueConfig | None = None,
        caller: str = "+31201234567",
        rules: RuleSet | None = None,
        queues: Sequence[Queue] = (),
        agents: Sequence[Agent] = (),
        then: tuple[str, ...] = (),
    ) -> None:
        self.leg = FakeLeg(clock=LoopClock(), caller=caller)
        self.agent = FakeLeg(leg_id="agent", clock=self.leg.clock, inbound=False)
        self.dialler = FakeDialler(rings=rings)
        self.dialler.script(AGENT, self.agent)
        self.voice, self.backend = FakeVoice(), FakeBackend()
        self.ears = Ears(FakeTranscriber(), FakeInterpreter())
        self.transcriber, self.interpreter = self.ears.transcriber, self.ears.interpreter
        self.interpreter.knows("wat zijn de openingstijden", "opening_hours")
        self.interpreter.knows("waar blijft mijn bestelling", "order_status")
        self.interpreter.knows("tot ziens", "goodbye")
        self.dialogue = Dialogue(line, config or DialogueConfig(), HOURS, FakeAnswers())
        self.destinations = Destinations(
            [Destination("medewerker", AGENT, kind, "een medewerker", "an agent")],  # type: ignore[arg-type]
            human="medewerker",
        )
        self.events: list[CallEvent] = []
        self.when: Callable[[CallEvent], None] = lambda _: None
        """Is told of each event as it happens."""
        self._now, self._limits, self._line = now, limits, line
        self._has_dialler, self._bridge, self._times = dialler, bridge, times or TransferTimes()
        self._rules, self._queues, self._agents, self._then = rules or RuleSet(), queues, agents, then
        self.pool: AgentPool | None = None
        self._names: list[str] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        if self._queues:
            self.pool = AgentPool(self._queues, self._agents, HOURS, clock=loop.time, now=lambda: self._now)
            for agent in self._agents:
                if agent.has_desk:
                    self.pool.set_state(agent.agent_id, AgentState.AVAILABLE)
        parts = TransferParts(
            self.destinations,
            self.dialler if self._has_dialler else None,
            self._bridge,
            MUSIC,
            self._times,
            self.pool,
            loop.time,
            lambda: self._now,
            self._then,
            off_loop=_at_once,
        )
        rules = RulesOfCall(self._rules, self._queue_facts)
        services = CallServices(
            self.voice, self.ears, parts, self.backend, rules, loop.time, lambda: self._now
        )
        self.call = Call(self.leg, self.dialogue, services, self._note, self._limits)
        self._time = asyncio.create_task(self._let_time_pass(), name="time")
        self.task = asyncio.create_task(self.call.run(), name="call")
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        if not self.task.done():
            self.leg.peer_hangs_up()
        try:
            async with asyncio.timeout(30):
                await asyncio.wait({self.task})
            assert self.task.done()
        finally:
            if self.pool is not None:
                self.pool.close()
            self._time.cancel()
            self.task.cancel()
            await asyncio.wait({self._time, self.task})
        if kind is None:
            self.check()

    def _note(self, event: CallEvent) -> None:
        self.events.append(event)
        self.when(event)

    def _queue_facts(self) -> Mapping[str, QueueFacts]:
        assert self.pool is not None or not self._queues
        return (
            {queue.name: QueueFacts(self.pool.queue_length(queue.name)) for queue in self._queues}
            if self.pool
            else {}
        )

    def check(self) -> None:
        """What must hold at the end of every call."""
        assert isinstance(self.events[-1], CallEnded)
        assert len(self.of(CallEnded)) == 1
        assert self.leg.is_ended
        disclosed = [each.language for each in self.of(DisclosurePlayed)]
        assert len(disclosed) == len(set(disclosed))
        for played in self.of(DisclosurePlayed):
            assert 0 <= played.frames_sent <= played.frames_total
        numbers = [turn.number for turn in self.of(TurnTaken)]
        assert numbers == sorted(set(numbers))
        for turn in self.of(TurnTaken):
            assert turn.frames_sent <= turn.frames_total
        assert all(agent.is_ended for agent in self.dialler.answered)  # nobody is left on a phone
        assert not self.destinations.caps.active
        if self.pool is not None:
            held = {AgentState.RINGING, AgentState.BUSY}
            assert not [agent.agent_id for agent, state in self.pool.agents() if state in held]
            assert not any(self.pool.queue_length(queue.name) for queue in self.pool.queues())

    async def _let_time_pass(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            self.leg.clock.slots += 1
            self.leg.tick()
            for agent in self.dialler.answered:
                agent.tick()

    # -- what the caller does ---------------------------------------------------------------------------

    def say(self, text: str, *, english: bool = False) -> None:
        if english:
            self.transcriber.english |= set(text.split())
        self.leg.feed(spoken(text))

    async def ask(self, text: str, *, english: bool = False) -> None:
        """Say it and wait until it was said."""
        self.say(text, english=english)
        await self.wait(len(text.split()) * 220)

    async def wait(self, milliseconds: int) -> None:
        await asyncio.sleep(milliseconds / 1000)

    async def until(self, condition: Callable[[], object], limit_ms: int = 30_000) -> None:
        for _ in range(limit_ms // 20):
            if condition():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"it never came to that; on the line: {self.line[-12:]}; {self.events[-6:]}")

    async def until_said(self, name: str, times: int = 1) -> None:
        """Wait until a prompt was heard to its end so often."""
        await self.until(lambda: self.heard(name, complete=True) >= times)

    async def until_over(self, limit_ms: int = 60_000) -> CallOutcome:
        await self.until(self.task.done, limit_ms)
        return self.task.result()

    # -- what can be seen -------------------------------------------------------------------------------

    @property
    def line(self) -> list[Stretch]:
        """What the caller heard."""
        self._names += [self.voice.name_of(frame) for frame in self.leg.played[len(self._names) :]]
        return stretches(self._names)

    def names(self) -> list[str]:
        """What the caller heard, once each time that it came, without sentence numbers."""
        return [each.name.partition("[")[0] for each in self.line]

    def heard(self, name: str, *, complete: bool = False) -> int:
        """How often a prompt (its first sentence) was heard; `complete`: to its end."""
        found = [each for each in self.line if each.name in {name, f"{name}[0]"}]
        now_ms = len(self.leg.played) * 20
        return sum(not complete or each.end_ms < now_ms for each in found)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def turns(self) -> list[TurnTaken]:
        return self.of(TurnTaken)

    @property
    def ended(self) -> CallEnded:
        return self.of(CallEnded)[-1]

    @property
    def end_of_leg(self) -> LegEnded | None:
        return self.leg.ended


def bilingual() -> LineProfile:
    return LineProfile("Fietshuis", None)
