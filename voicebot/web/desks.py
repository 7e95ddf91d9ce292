"""All agents' desks: who is there, what their pages show of queues and colleagues, and what they ask for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import structlog

from voicebot.errors import StorageError, TransferRefused
from voicebot.transfer.agents import Agent, AgentState
from voicebot.web import desk_messages as said
from voicebot.web.agent_desk import AgentDesk, DeskTimes
from voicebot.web.desk_services import CallbackItem, DeskServices, WrapUpEntry
from voicebot.web.desk_tabs import Tab

log = structlog.get_logger()

BOARD_SECONDS = 0.5
"""Boards are sent at most so often."""
MAX_AT_STORAGE = 4
"""Wishes of one page that may wait for the database."""
_STORED = (said.WrapUp, said.ListCallbacks, said.CallBack, said.CallbackDone)


class Desks:
    """See the module. `counts`: refusals and overflows by name, for the metrics."""

    def __init__(self, services: DeskServices, times: DeskTimes | None = None) -> None:
        self._services, self._times = services, times or DeskTimes()
        self._desks: dict[str, AgentDesk] = {}
        self._leaving: dict[str, asyncio.TimerHandle] = {}
        self._board_due: asyncio.TimerHandle | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._at_storage: set[asyncio.Task[None]] = set()
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
        for task in self._at_storage:
            task.cancel()
        await asyncio.gather(*self._at_storage, return_exceptions=True)
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
        tab.send(self._board(agent_id))
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
                desk.tell(self._board(agent_id))

    def _board(self, agent_id: str) -> dict[str, Any]:
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

    # -- what a page asks for ---------------------------------------------------------------------------

    def received(self, tab: Tab, text: str) -> None:
        """Do what a page says; whatever cannot be done is told to that page.

        What needs the database goes on by itself: a call can be accepted while the database hangs (law H2).
        """
        try:
            message = said.parse(text)
        except ValueError:
            self._refuse(tab, "message", "malformed")
            return
        desk = self.desk(tab.session.agent_id)
        if desk is None:
            tab.close("logged_out")
            return
        if isinstance(message, _STORED):
            self._begin_at_storage(desk, tab, message)
            return
        try:
            why = self._do(desk, tab, message)
        except TransferRefused:
            why = "not_allowed"
        if why:
            self._refuse(tab, message.type, why)

    def _begin_at_storage(self, desk: AgentDesk, tab: Tab, message: said.Stored) -> None:
        if tab.at_storage >= MAX_AT_STORAGE:
            self._refuse(tab, message.type, "storage")
            return
        tab.at_storage += 1
        task = asyncio.create_task(self._do_at_storage(desk, tab, message), name=f"desk-{message.type}")
        self._at_storage.add(task)
        task.add_done_callback(self._at_storage.discard)

    async def _do_at_storage(self, desk: AgentDesk, tab: Tab, message: said.Stored) -> None:
        try:
            if isinstance(message, said.WrapUp):
                why = await self._wrap_up(desk, message)
            else:
                why = await self._callbacks(desk, tab, message)
        except StorageError as error:
            log.warning("the desk could not store or read", action="desk", code=error.code)
            why = "storage"
        finally:
            tab.at_storage -= 1
        if why:
            self._refuse(tab, message.type, why)

    def _do(self, desk: AgentDesk, tab: Tab, message: said.OfNow) -> str:
        match message:
            case said.Alive():
                return ""
            case said.SetState():
                self._services.states.set_state(desk.agent_id, AgentState(message.state))
                tab.send(self._board(desk.agent_id))
                return ""
            case said.Accept():
                return desk.accept(tab, message.ring, message.sdp)
            case said.Decline():
                return desk.decline(message.ring)
            case said.Rejoin():
                return desk.rejoin(tab, message.call, message.sdp)
            case said.Mute() | said.Hold() | said.HandOnTo() | said.End() | said.TypedLine():
                return self._in_call(desk, tab, message)
            case said.SkipWrapUp():
                desk.wrapped_up(message.call)
                return ""

    def _in_call(
        self,
        desk: AgentDesk,
        tab: Tab,
        message: said.InCall,
    ) -> str:
        call = desk.of_call(tab, message.call)
        if call is None:
            return "stale"
        match message:
            case said.Mute():
                call.leg.is_muted = message.on
            case said.Hold():
                call.leg.hold(message.on)
            case said.HandOnTo():
                if not self._can_hand_on(desk.agent_id, message.target):
                    return "unknown_target"
                call.handed_to = message.target
                call.leg.hand_on(message.target)
            case said.TypedLine():
                call.leg.typed(message.text)
                desk.tell({"type": "caption", "call": call.call_id, "speaker": "agent", "text": message.text})
                return ""
            case said.End():
                call.leg.end()
                return ""
        desk.show_call()
        return ""

    def _can_hand_on(self, agent_id: str, target: str) -> bool:
        """Whether there is such a queue, or such a colleague who is not away."""
        kind, _, name = target.partition(":")
        if kind == "queue":
            return any(queue.name == name for queue in self._services.queues())
        away = {AgentState.OFFLINE, AgentState.BREAK}
        return name != agent_id and any(
            agent.agent_id == name and state not in away for agent, state in self._services.states.agents()
        )

    async def _wrap_up(self, desk: AgentDesk, message: said.WrapUp) -> str:
        if message.call not in desk.past_calls:
            return "stale"
        entry = WrapUpEntry(
            message.call, desk.agent_id, self._services.now(), message.code, message.note.strip()
        )
        await self._services.save_wrap_up(entry)
        desk.wrapped_up(message.call)
        return ""

    async def _callbacks(
        self, desk: AgentDesk, tab: Tab, message: said.ListCallbacks | said.CallBack | said.CallbackDone
    ) -> str:
        callbacks, why = self._services.callbacks, ""
        if isinstance(message, said.CallBack):
            if desk.call is not None or desk.ringing is not None:
                return "busy"
            why = await callbacks.call(message.callback, desk.agent_id)
        elif isinstance(message, said.CallbackDone) and not await callbacks.done(
            message.callback, desk.agent_id
        ):
            why = "stale"
        items = await callbacks.due(desk.agent_id)
        tab.send({"type": "callbacks", "items": [_callback_json(item) for item in items]})
        return why

    def _refuse(self, tab: Tab, what: str, why: str) -> None:
        self.counts[f"refused_{why}"] += 1
        tab.send({"type": "refused", "what": what, "why": why})


def _callback_json(item: CallbackItem) -> dict[str, Any]:
    return {
        "id": item.callback_id,
        "due": item.due_at.isoformat(),
        "reason": item.reason,
        "language": item.language,
        "contact": item.contact,
        "message": item.message,
        "claimed_by": item.claimed_by,
    }
