"""`voicebot serve`: answer calls until stopped."""

from __future__ import annotations

import asyncio
import gc
import signal
from pathlib import Path
from typing import Annotated

import structlog
import typer

from voicebot.settings import load_settings


def serve(
    config: Annotated[Path | None, typer.Option("--config", help="Settings file.")] = None,
    pull: Annotated[bool, typer.Option("--pull", help="Fetch missing model weights first.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the start-up facts as JSON.")] = False,
) -> None:
    """Answer calls on SIP and the media gateway until SIGTERM or Ctrl-C."""
    from voicebot.logs import set_up_logging

    settings = load_settings(config)
    set_up_logging(settings.log_level)
    if pull:
        from voicebot.commands.models import pull as pull_models

        pull_models(profile=settings.speech.profile)
    asyncio.run(_serve(settings, as_json))


def settle_garbage_collection() -> None:
    """Keep collections, which stop the media loop, small: measured 1-8 ms, and 30-60 ms before.

    What lives now lives on and is frozen. The second collection tells the collector that next to nothing is
    old: a full one comes when the old have grown by a quarter, and would wait for 45,000 objects otherwise.
    """
    gc.collect()
    gc.freeze()
    gc.collect()
    gc.set_threshold(700, 3, 3)


async def _serve(settings: object, as_json: bool) -> None:
    from voicebot.app import Service
    from voicebot.media.scheduling import prefer_this_thread
    from voicebot.settings import Settings
    from voicebot.start_screen import show_start

    assert isinstance(settings, Settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    service = Service(settings)
    try:
        await service.start(cancel=stop)
        structlog.get_logger().info("media thread", scheduling=prefer_this_thread().value)
        show_start(service.facts(), as_json=as_json)
        settle_garbage_collection()
        await stop.wait()
    finally:
        await service.close()
