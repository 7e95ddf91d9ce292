"""All agents' desks: who is there, and what their pages show of queues and colleagues."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from voicebot.transfer.agents import Agent, AgentState
from voicebot.web.agent_desk import AgentDesk, DeskTimes
from voicebot.web.desk_services import DeskServices
from voicebot.web.desk_tabs import Tab
from voicebot.web.desk_wishes import DeskWishes

BOARD_SECONDS = 0.5
"""Boards are sent at most so often."""


class Desks:
    """See the module. `counts`: refusals and overflows by name, for the metrics."""

    def __init__(self, services: DeskServices, times: DeskTimes | None = None) -> None:
        self._services, self._times = services, times or DeskTimes()
        self._desks: dict[str, AgentDesk] = {}
        self._leaving: dict[str, asyncio.TimerHandle] = {}
        self._board_due: asyncio.TimerHandle | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self.wishes = DeskWishes(services, self)
        self.counts: Counter[str] = Counter()

    def start(self) -> None:
        """Follow the states of agents and queues."""
        self._unsubscribe = self._services.states.subscribe(self._states_changed)

    async def aclose(self) -> None:
        """End calls and pages."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        for timer in self._leaving.values():
            timer.cancel()
        if self._board_due is not None:
            self._board_due.cancel()
        await self.wishes.aclose()
        for desk in self._desks.values():
            await desk.aclose()

    def agent(self, agent_id: str) -> Agent | None:
        """Return an agent that may use a desk."""
        for agent, _ in self._services.states.agents():
            if agent.agent_id == agent_id and agent.has_desk:
                return agent
        return None

    def desk(self, agent_id: str) -> AgentDesk | None:
        """Return an agent's desk, None for an agent without one."""
        if self.agent(agent_id) is None:
            return None
        if agent_id not in self._desks:
            self._desks[agent_id] = AgentDesk(
                agent_id, self._services.audio, self._services.clock, self._times
            )
        return self._desks[agent_id]

    def is_present(self, agent_id: str) -> bool:
        """Whether a page is open, or was a moment ago (a reload)."""
        desk = self._desks.get(agent_id)
        return desk is not None and (bool(desk.tabs) or agent_id in self._leaving)

    # -- pages ------------------------------------------------------------------------------------------

    def open(self, tab: Tab) -> bool:
        """A page connected: it is told everything; False when it may not."""
        agent_id = tab.session.agent_id
        agent, desk = self.agent(agent_id), self.desk(agent_id)
        if agent is None or desk is None or not desk.open(tab):
            return False
        leaving = self._leaving.pop(agent_id, None)
        if leaving is not None:
            leaving.cancel()
        if self._state(agent_id) is AgentState.OFFLINE:
            self._services.states.set_state(agent_id, AgentState.BREAK)
        tab.send(
            {
                "type": "welcome",
                "agent": {"id": agent_id, "name": agent.name, "queues": sorted(agent.queues)},
                "organisation": self._services.organisation,
                "language": self._services.language,
                "ice_servers": list(self._services.ice_servers()),
            }
        )
        tab.send(self.board(agent_id))
        desk.show_present(tab)
        return True

    def close(self, tab: Tab) -> None:
        """A page went away; without any for a while the agent is offline."""
        agent_id = tab.session.agent_id
        desk = self._desks.get(agent_id)
        if desk is None:
            return
        desk.close(tab)
        if tab.closed_because:
            self.counts[tab.closed_because] += 1
        if not desk.tabs and agent_id not in self._leaving:
            loop = asyncio.get_running_loop()
            self._leaving[agent_id] = loop.call_later(self._times.offline_after, self._gone, agent_id)

    def log_out(self, agent_id: str) -> None:
        """The agent leaves: all pages end, no more calls; a call that is up is returned to the bot."""
        desk = self._desks.get(agent_id)
        if desk is None:
            return
        if desk.call is not None:
            desk.call.leg.end()
        for tab in list(desk.tabs.values()):
            tab.close("logged_out")
        self._gone(agent_id)

    def _gone(self, agent_id: str) -> None:
        self._leaving.pop(agent_id, None)
        desk = self._desks.get(agent_id)
        if desk is None or self.agent(agent_id) is None:
            return
        # In a call the board keeps it as a wish and does it at the end.
        self._services.states.set_state(agent_id, AgentState.OFFLINE)

    def _state(self, agent_id: str) -> AgentState:
        for agent, state in self._services.states.agents():
            if agent.agent_id == agent_id:
                return state
        return AgentState.OFFLINE

    # -- boards -----------------------------------------------------------------------------------------

    def _states_changed(self) -> None:
        if self._board_due is None:
            loop = asyncio.get_running_loop()
            self._board_due = loop.call_later(BOARD_SECONDS, self._send_boards)

    def _send_boards(self) -> None:
        self._board_due = None
        for agent_id, desk in self._desks.items():
            if desk.tabs:
                desk.tell(self.board(agent_id))

    def board(self, agent_id: str) -> dict[str, Any]:
        """Return what an agent sees of queues and colleagues."""
        found = self._services.states.agents()
        return {
            "type": "board",
            "state": self._state(agent_id).value,
            "agents": [
                {"id": agent.agent_id, "name": agent.name, "state": state.value}
                for agent, state in found
                if agent.agent_id != agent_id
            ],
            "queues": [
                {
                    "id": queue.name,
                    "nl": queue.label_nl,
                    "en": queue.label_en,
                    "waiting": queue.waiting,
                    "longest_seconds": queue.longest_seconds,
                }
                for queue in self._services.queues()
            ],
        }
