"""A world with pages, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from tests.fakes.desk_page import DeskPage, log_in
from tests.fakes.desk_world import BRIEFING, PASSWORD, DeskWorld
from voicebot.media.leg import Leg
from voicebot.transfer.agents import AgentState


@asynccontextmanager
async def a_world() -> AsyncIterator[DeskWorld]:
    world = DeskWorld()
    world.desks.start()
    try:
        yield world
    finally:
        await world.aclose()


@asynccontextmanager
async def a_page(world: DeskWorld, tab: str = "tab-00000001", agent: str = "anna") -> AsyncIterator[DeskPage]:
    """A page that is open and has been told everything."""
    page = await DeskPage(world.web, await log_in(world.web, agent, PASSWORD), tab).open()
    try:
        await page.heard("present")
        yield page
    finally:
        await page.aclose()


def dialling(
    world: DeskWorld, agent: str = "anna", *, call_id: str = "call-1", seconds: float = 25.0
) -> asyncio.Task[Leg]:
    briefing = replace(BRIEFING, call_id=call_id)
    job = world.dialler.dial(f"desk:{agent}", timeout_seconds=seconds, briefing=briefing)
    return asyncio.create_task(job, name="dial")


def state_of(world: DeskWorld, agent_id: str = "anna") -> AgentState:
    return next(state for agent, state in world.pool.agents() if agent.agent_id == agent_id)
