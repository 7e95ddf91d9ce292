"""Telling an agent on a telephone who comes, until a key says yes or no (a voicemail presses none)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from voicebot.errors import DialFailure
from voicebot.media.leg import DigitPressed, Leg, LegEnded

ACCEPT_KEY = "1"
DECLINE_KEY = "2"
BRIEFING_PAUSE_SECONDS = 2.0
BRIEFING_LIMIT_SECONDS = 25.0
"""A first briefing that lasts longer counts as heard."""

Briefing = Callable[[], AsyncIterator[bytes]]
"""Makes the audio that the agent hears (s16le 16 kHz), anew each time; nothing when no voice works."""


async def brief(agent: Leg, briefing: Briefing, accept_seconds: float) -> DialFailure | None:
    """Repeat the briefing until 1 (None), 2, the time limit, or the agent's end.

    `accept_seconds`: from the end of the first briefing, for a slow voice takes long for it. When no voice
    works at all the agent, who would hear nothing, is joined at once.
    """
    was_heard = asyncio.Event()
    speaking = asyncio.create_task(_repeat(agent, briefing, was_heard), name="brief-agent")
    deciding = asyncio.create_task(_decision(agent), name="agent-decides")
    hearing = asyncio.create_task(was_heard.wait(), name="agent-hears")
    tasks = (speaking, deciding, hearing)
    try:
        await asyncio.wait(tasks, timeout=BRIEFING_LIMIT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not deciding.done() and not speaking.done():
            await asyncio.wait(
                (speaking, deciding), timeout=accept_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        if deciding.done():
            return deciding.result()
        if speaking.done():
            speaking.result()
            return None
        return DialFailure.REFUSED_BRIEFING
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        agent.playout.stop()


async def _decision(agent: Leg) -> DialFailure | None:
    async for signal in agent.signals():
        if isinstance(signal, LegEnded):
            break
        if isinstance(signal, DigitPressed) and signal.digit == ACCEPT_KEY:
            return None
        if isinstance(signal, DigitPressed) and signal.digit == DECLINE_KEY:
            return DialFailure.DECLINED
    return DialFailure.HUNG_UP


async def _repeat(agent: Leg, briefing: Briefing, was_heard: asyncio.Event) -> None:
    """Speak until cancelled; return when there is nothing to be heard. Sets `was_heard` after the first."""
    while True:
        playback = agent.playout.begin("briefing")
        is_audible = False
        async for chunk in briefing():
            playback.write(chunk)
            is_audible = True
        playback.close()
        if not is_audible:
            return
        await playback.finished()
        was_heard.set()
        await asyncio.sleep(BRIEFING_PAUSE_SECONDS)
