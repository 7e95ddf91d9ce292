"""Starting that the operator may break off."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from voicebot.errors import VoicebotError


async def unless_stopped(cancel: asyncio.Event | None, starting: Any) -> None:
    """Await `starting`, but give up when the operator stops the service meanwhile."""
    task = asyncio.ensure_future(starting)
    if cancel is None:
        await task
        return
    stopped = asyncio.ensure_future(cancel.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        raise VoicebotError("stopped while starting")
    await task
