"""One running service for all tests of whole calls: it takes ten seconds and more to start."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings

from tests.interop.calling import Desk, Prompts, require_models, speech
from tests.peers.ports import require_program
from tests.peers.service import running_service
from tests.peers.switchboard import Switchboard

# The time of one example says nothing on a machine that other work shares; pytest-timeout finds what hangs.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

# Nothing that is imported is garbage: to look through it while collecting takes seconds, and many tests
# call gc.collect() to see that nothing is left of what they made.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on garbage collection looks at what tests make only."""
    gc.collect()
    gc.freeze()
    gc.enable()


RING_SECONDS = 8
ACCEPT_SECONDS = 5


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _shared_desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    require_models()
    require_program("baresip")
    await asyncio.to_thread(speech, "Good morning.", "en")  # loads the voice of English callers
    environment = {
        "VOICEBOT_TRANSFER__RING_SECONDS": str(RING_SECONDS),
        "VOICEBOT_TRANSFER__ACCEPT_SECONDS": str(ACCEPT_SECONDS),
    }
    state = tmp_path_factory.mktemp("service")
    async with (
        running_service(state, environment) as service,
        Switchboard.on(service.agent_port) as switchboard,
    ):
        yield Desk(service, switchboard, Prompts(service), state)


@pytest_asyncio.fixture(loop_scope="session")
async def desk(_shared_desk: Desk, tmp_path: Path) -> AsyncIterator[Desk]:
    """The service, with a folder of the test's own for its phones; nothing may be left of its calls."""
    _shared_desk.directory = tmp_path
    _shared_desk.switchboard.in_line.clear()
    yield _shared_desk
    await _shared_desk.is_idle()
