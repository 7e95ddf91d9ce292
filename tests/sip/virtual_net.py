"""User agents joined by an in-memory network that loses, delays and reorders; time is virtual."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable

from voicebot.sip.addressing import Hop
from voicebot.sip.admission import Admission, AdmissionConfig
from voicebot.sip.core import Surroundings, UserAgentConfig
from voicebot.sip.inbound_call import InboundCall
from voicebot.sip.user_agent import UserAgent


class VirtualNet:
    """`loss`: share of packets that vanish; each other takes 10 to 60 ms. Everything follows from `seed`."""

    def __init__(self, loss: float, seed: int) -> None:
        self.now = 0.0
        self.sent = self.lost = 0
        self.agents: dict[str, UserAgent] = {}
        self._loss = loss
        self._random = random.Random(seed)
        self._under_way: list[tuple[float, int, bytes, str, str]] = []
        self._actions: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = itertools.count()

    def join(self, host: str, on_call: Callable[[InboundCall], None], config: UserAgentConfig) -> UserAgent:
        """Put a user agent at an address."""
        surroundings = Surroundings(
            send=lambda data, hop: self._send(data, host, hop.host),
            token=lambda: f"{self._random.getrandbits(80):020x}",
            jitter=self._random.random,
            local_address=lambda hop: (host, 5060),
            on_call=on_call,
        )
        self.agents[host] = UserAgent(
            config, surroundings, Admission(AdmissionConfig(per_second=1e9, burst=1e9))
        )
        return self.agents[host]

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something at a moment, or as soon as it is past."""
        heapq.heappush(self._actions, (seconds, next(self._serial), action))

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something after a while."""
        self.at(self.now + seconds, action)

    def run(self, until: float) -> None:
        """Let time pass, event by event."""
        while (moment := self._next_moment()) <= until:
            self.now = max(self.now, moment)
            for agent in self.agents.values():
                agent.advance(self.now)
            if self._actions and self._actions[0][0] <= self.now:
                heapq.heappop(self._actions)[2]()
            elif self._under_way and self._under_way[0][0] <= self.now:
                _, _, data, source, target = heapq.heappop(self._under_way)
                self.agents[target].receive(data, Hop("udp", source, 5060))

    def _next_moment(self) -> float:
        moments = [agent.next_deadline for agent in self.agents.values()]
        moments += [self._actions[0][0] if self._actions else None]
        moments += [self._under_way[0][0] if self._under_way else None]
        return min((moment for moment in moments if moment is not None), default=float("inf"))

    def _send(self, data: bytes, source: str, target: str) -> None:
        self.sent += 1
        if self._random.random() < self._loss:
            self.lost += 1
            return
        arrival = self.now + 0.01 + 0.05 * self._random.random()
        heapq.heappush(self._under_way, (arrival, next(self._serial), data, source, target))
