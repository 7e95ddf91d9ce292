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
        gc.collect()
        gc.freeze()  # what lives now lives on: keep it out of later collections, which stop the media loop
        await stop.wait()
    finally:
        await service.close()
