"""A call whose caller is led to a queue: Anna at a desk, Bert on a telephone."""

from __future__ import annotations

from tests.call_world import World
from tests.fakes.leg import FakeLeg
from voicebot.events import TransferProgressed
from voicebot.transfer.agents import Agent, AgentState
from voicebot.transfer.queue import Queue
from voicebot.transfer.rules import REQUEST, OfferCallback, Rule, RuleSet, TakeMessage, TransferTo

SERVICE = Queue("service", "de klantenservice", "customer service", callback_after_seconds=60)
BOTH = frozenset({"nl", "en"})
DESK, PHONE = "desk:anna", "sip:bert@127.0.0.1"
LEGS = {"desk": DESK, "phone": PHONE}


def agent(agent_id: str, contact: str) -> Agent:
    return Agent(agent_id, agent_id.title(), contact, BOTH, frozenset(), frozenset({"service"}))  # type: ignore[arg-type]


def rules(*targets: str, kind: str = "bridged", after: bool = True) -> RuleSet:
    actions = tuple(TransferTo(target, kind) for target in targets)  # type: ignore[arg-type]
    rest = (OfferCallback(), TakeMessage()) if after else ()
    return RuleSet((Rule("person", (REQUEST,), (*actions, *rest)),))


class QueueWorld(World):
    """Anna at a desk, or Bert on a telephone, or both; the rule leads to the queue."""

    def __init__(self, *contacts: str, targets: tuple[str, ...] = ("queue:service",), **more: object) -> None:
        names = {DESK: "anna", PHONE: "bert"}
        kind = str(more.pop("kind", "bridged"))
        super().__init__(
            rules=rules(*targets, kind=kind),
            queues=[SERVICE],
            agents=[agent(names[contact], contact) for contact in contacts],
            **more,  # type: ignore[arg-type]
        )
        self.legs = {
            contact: FakeLeg(leg_id=names[contact], clock=self.leg.clock, inbound=False)
            for contact in contacts
        }
        for contact, leg in self.legs.items():
            self.dialler.script(contact, leg)

    async def request(self) -> None:
        await self.until_said("how_can_i_help")
        self.leg.press("0")
        await self.until_said("transferring")

    async def joined(self) -> FakeLeg:
        """Ask, and have the first agent take the call."""
        await self.request()
        await self.until(lambda: self.dialler.answered)
        taken = self.dialler.answered[-1]
        if taken is not self.legs.get(DESK):
            await self.until(lambda: taken.played)
            taken.press("1")
        await self.until(lambda: "joined" in self.states)
        return taken

    @property
    def states(self) -> list[str]:
        return [each.state for each in self.of(TransferProgressed)]

    def state_of(self, agent_id: str) -> AgentState:
        assert self.pool is not None
        return next(state for found, state in self.pool.agents() if found.agent_id == agent_id)
