from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.leg import settle
from tests.fakes.media import deliver
from tests.media.sip_stage import Stage


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    for leg in stage.legs:
        await leg.hang_up()
    stage.peer.socket.close()
    await deliver()
    await settle()
