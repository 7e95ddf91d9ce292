"""Callers who do anything at any moment, while workers, backends and agents fail: no dead end, no leak."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.call_world import AGENT, World, bilingual
from tests.dialogue.conversation import CLOSED, LINE, OPEN
from tests.fakes.leg import FakeLeg
from tests.fakes.spoken_words import spoken
from tests.fakes.virtual_time import in_virtual_time
from tests.fakes.voice import MUSIC
from tests.queue_world import DESK, PHONE, SERVICE, agent, rules
from voicebot.call import CallLimits
from voicebot.dialogue.actions import TaskOutcome
from voicebot.errors import DialFailure, SpeechWorkerBusy, SpeechWorkerDied
from voicebot.media.bridge import BridgeEnd, join
from voicebot.media.leg import HandOn, HoldRequested, Leg, ReferOutcome, ResumeRequested
from voicebot.transfer.agents import AgentState

PHRASES = (
    "wat zijn de openingstijden",
    "waar blijft mijn bestelling",
    "een twee drie vier vijf",
    "ik wil een medewerker spreken",
    "ja",
    "nee",
    "eh",
    "blauwe banaan",
    "tot ziens",
    "bel mij terug",
)
LONGEST_SILENCE_MS = 13_500
"""The longest no-input time (10 s, for digits), a slow turn, and what is said meanwhile to nobody."""


class RandomCall:
    """One call, a reproducible stream of mischief."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.is_bridged = False
        self.silence_ms = 0
        self.worst_ms = 0

    async def bridge(self, caller: Leg, agent: Leg) -> BridgeEnd:
        self.is_bridged = True
        try:
            return await join(caller, agent, hold_music=MUSIC)
        finally:
            self.is_bridged = False

    def world(self) -> World:
        world = World(
            line=self.random.choice([LINE, bilingual()]),
            now=self.random.choice([OPEN, OPEN, OPEN, CLOSED]),
            limits=CallLimits(max_seconds=90, grace_seconds=20),
            rings=self.random.random() < 0.3,
            bridge=self.bridge,
            **self.people(),
        )
        world.interpreter.knows("een twee drie vier vijf", None, order_number="12345")
        world.interpreter.knows("bel mij terug", "callback")
        world.backend.latency_seconds = self.random.choice([0.1, 2.0, 7.0])
        world.backend.outcomes["order_status"] = self.random.choice(
            [
                TaskOutcome("order_status", "done", {"status": "shipped", "number": "12345"}),
                TaskOutcome("order_status", "unavailable"),
            ]
        )
        agents = [
            FakeLeg(leg_id=f"agent-{number}", clock=world.leg.clock, inbound=False) for number in range(9)
        ]
        for uri, mine in ((AGENT, agents[:3]), (DESK, agents[3:6]), (PHONE, agents[6:])):
            world.dialler._outcomes[uri] = [
                *(self.random.choice([each, each, *DialFailure]) for each in mine),
                DialFailure.BUSY,
            ]
        return world

    def people(self) -> dict[str, Any]:
        """A queue with a desk and a telephone, as often as not."""
        if self.random.random() < 0.4:
            return {}
        kind = self.random.choice(["bridged", "attended"])
        return {
            "rules": rules("queue:service", "medewerker", kind=kind),
            "queues": [SERVICE],
            "agents": [agent("anna", DESK), agent("bert", PHONE)],
        }

    def act(self, world: World) -> None:
        draw = self.random.random()
        answered = world.dialler.answered[-1] if world.dialler.answered else None
        if draw < 0.35:
            world.say(self.random.choice(PHRASES))
        elif draw < 0.45:
            world.leg.press(self.random.choice("0123456789*#"))
            self.silence_ms = 0
        elif draw < 0.5:
            world.leg.feed(spoken("kuch", 2))
        elif draw < 0.55 and not world.leg.is_on_hold:
            world.leg.hold()
        elif draw < 0.6:
            world.transcriber.latency_seconds = self.random.choice([0.05, 0.3, 2.5])
        elif draw < 0.64:
            world.transcriber.failures = [SpeechWorkerDied("killed")] * self.random.randint(1, 2)
        elif draw < 0.66:
            world.transcriber.failures = [SpeechWorkerBusy("full")]
        elif draw < 0.68:
            world.voice.uncached = {"anything_else", "hours_open_until", "transferring"}
            world.voice.failures = [SpeechWorkerDied("killed")] * self.random.randint(1, 3)
        elif draw < 0.72:
            world.dialler.ring_out()
        elif draw < 0.8 and answered is not None:
            answered.press(self.random.choice("112"))
        elif draw < 0.83 and answered is not None:
            answered.peer_hangs_up()
        elif draw < 0.9 and answered is not None:
            wish = self.random.choice(
                [
                    HandOn("agent:bert"),
                    HandOn("queue:service"),
                    HandOn("nobody"),
                    HoldRequested(),
                    ResumeRequested(),
                ]
            )
            answered._signals.push(wish)
        elif draw < 0.92 and answered is not None:
            answered.lose_network()
        elif draw < 0.95 and world.pool is not None:
            state = self.random.choice([AgentState.OFFLINE, AgentState.BREAK, AgentState.AVAILABLE])
            world.pool.set_state(self.random.choice(["anna", "bert"]), state)
        elif draw < 0.96:
            world.leg.refer_outcome = self.random.choice([None, ReferOutcome(False, 603)])

    def listen(self, world: World) -> None:
        """Count how long nobody has said anything to a caller who is there."""
        is_quiet = not self.is_bridged and not world.leg.is_on_hold and not world.leg._fed
        names = world.line
        ends = names[-1].end_ms if names else 0
        now_ms = len(world.leg.played) * 20
        self.silence_ms = min(self.silence_ms + 100, now_ms - ends) if is_quiet else 0
        self.worst_ms = max(self.worst_ms, self.silence_ms)


@pytest.mark.parametrize("seed", range(16))
def test_nothing_a_caller_does_leads_to_a_dead_end(seed: int) -> None:
    @in_virtual_time
    async def run() -> None:
        call = RandomCall(seed)
        async with call.world() as world:
            next_act_ms = 0
            for now_ms in range(0, 200_000, 100):
                if world.task.done():
                    break
                if now_ms >= next_act_ms:
                    if world.leg.is_on_hold:
                        world.leg.unhold()
                    call.act(world)
                    next_act_ms = now_ms + call.random.randint(100, 9_000)
                await world.wait(100)
                call.listen(world)
        assert call.worst_ms <= LONGEST_SILENCE_MS, world.line[-8:]
        assert not world.ended.detail.endswith("Error")  # no fault of ours

    run()
