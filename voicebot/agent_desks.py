"""Agents' desks of one media process, put together: pages, audio, callbacks, notes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from voicebot.events import Language
from voicebot.media.leg import Leg
from voicebot.media.webrtc import WebRtcParts, accept_offer
from voicebot.media.webrtc_link import IceServer
from voicebot.privacy.redaction import redact
from voicebot.recording import CallRecords
from voicebot.settings import Settings
from voicebot.storage.agent_store import AgentStore
from voicebot.storage.agents import WrapUpRecord
from voicebot.storage.callback_store import CallbackStore
from voicebot.transfer.agent_pool import AgentPool
from voicebot.transfer.call_back_parts import CallBackStart
from voicebot.web.desk_services import CallbackItem, CallbackList, DeskServices, QueueFigures, WrapUpEntry

AGENT_SILENCE_SECONDS = 5.0
"""Without any packet from an agent's page for so long, it is gone."""
SHOWN_DIGITS = 4
"""Of a number to call back: enough to tell two callers apart."""


BeginCallBack = Callable[[str, str], Awaitable[CallBackStart]]
"""Starts calling somebody back: (callback, agent)."""


class AgentAudioOf:
    """Makes an agent's leg from the page's offer; implements AgentAudio.

    A caller must not talk to an agent whose network is gone: silence is noticed sooner than of callers.
    """

    def __init__(self, parts: WebRtcParts) -> None:
        settings = replace(parts.settings, media_timeout_seconds=AGENT_SILENCE_SECONDS)
        self._parts = WebRtcParts(parts.ticker, settings, parts.ice_servers)

    async def __call__(self, sdp: str) -> tuple[Leg, str]:
        """See AgentAudio."""
        return await accept_offer(sdp, self._parts, inbound=False)


class CallbacksAtDesks:
    """The list of promised calls as desks show it; implements CallbackList."""

    def __init__(self, store: CallbackStore, names: AgentPool, begin: BeginCallBack) -> None:
        self._store, self._names, self._begin = store, names, begin

    async def due(self, agent_id: str) -> tuple[CallbackItem, ...]:
        """Return the open ones, first due first."""
        names = {agent.agent_id: agent.name for agent, _ in self._names.agents()}
        return tuple(
            CallbackItem(
                each.callback_id,
                each.due_at,
                each.reason,
                each.language,
                "…" + each.contact[-SHOWN_DIGITS:] if each.contact else "",
                each.message,
                names.get(each.claimed_by, each.claimed_by),
            )
            for each in await self._store.list(accessed_by=agent_id)
        )

    async def done(self, callback_id: str, agent_id: str) -> bool:
        """Tick one off."""
        return await self._store.done(callback_id, done_by=agent_id)

    async def call(self, callback_id: str, agent_id: str) -> str:
        """Have the agent's desk rung, then the caller."""
        return (await self._begin(callback_id, agent_id)).value


def queue_figures(pool: AgentPool) -> tuple[QueueFigures, ...]:
    """Return each queue as desks show it."""
    return tuple(
        QueueFigures(
            queue.name,
            queue.label_nl,
            queue.label_en,
            pool.queue_length(queue.name),
            pool.longest(queue.name),
        )
        for queue in pool.queues()
    )


def desk_services(
    settings: Settings,
    pool: AgentPool,
    agents: AgentStore,
    callbacks: CallbackList,
    records: CallRecords,
    parts: WebRtcParts,
) -> DeskServices:
    """Return what the desks need."""

    async def save_wrap_up(entry: WrapUpEntry) -> None:
        note = await asyncio.to_thread(redact, entry.note)
        await agents.save_wrap_up(WrapUpRecord(entry.call_id, entry.agent_id, entry.at, entry.code, note))

    language: Language = "nl"
    return DeskServices(
        states=pool,
        queues=lambda: queue_figures(pool),
        credentials=agents,
        audio=AgentAudioOf(parts),
        callbacks=callbacks,
        save_wrap_up=save_wrap_up,
        audit=records.audit,
        secret=bytes.fromhex(records.cipher.digest("cookies of agents", "desk session"))[:32],
        organisation=settings.organisation,
        language=language,
        public_url=settings.web.public_url,
        ice_servers=lambda: [_for_browsers(server) for server in parts.ice_servers()],
    )


def _for_browsers(server: IceServer) -> dict[str, str]:
    found = {"urls": server.url}
    if server.user:
        found |= {"username": server.user, "credential": server.password}
    return found
