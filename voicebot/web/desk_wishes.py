"""What the desk's pages ask for, and what becomes of it. Refusals are told to the page and counted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from voicebot.errors import StorageError, TransferRefused
from voicebot.transfer.agents import AgentState
from voicebot.web import desk_messages as said
from voicebot.web.agent_desk import AgentDesk
from voicebot.web.desk_services import CallbackItem, DeskServices, WrapUpEntry
from voicebot.web.desk_tabs import Tab

if TYPE_CHECKING:
    from voicebot.web.desks import Desks

log = structlog.get_logger()

MAX_AT_STORAGE = 4
"""Wishes of one page that may wait for the database."""
_STORED = (said.WrapUp, said.ListCallbacks, said.CallBack, said.CallbackDone)


class DeskWishes:
    """Carries out messages of pages."""

    def __init__(self, services: DeskServices, desks: Desks) -> None:
        self._services, self._desks = services, desks
        self._at_storage: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        """Give up what waits for the database."""
        for task in self._at_storage:
            task.cancel()
        await asyncio.gather(*self._at_storage, return_exceptions=True)

    def received(self, tab: Tab, text: str) -> None:
        """Do what a page says; whatever cannot be done is told to that page.

        What needs the database goes on by itself: a call can be accepted while the database hangs (law H2).
        """
        try:
            message = said.parse(text)
        except ValueError:
            self._refuse(tab, "message", "malformed")
            return
        desk = self._desks.desk(tab.session.agent_id)
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
                tab.send(self._desks.board(desk.agent_id))
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
        self._desks.counts[f"refused_{why}"] += 1
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
