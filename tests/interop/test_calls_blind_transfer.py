"""Blind transfer (REFER): the caller's own phone calls the agent, or comes back to the bot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.interop.calling import Desk, Listener, Prompts, hear_each_other, require_models, together
from tests.peers.service import running_service
from tests.peers.sipp import Sipp
from tests.peers.switchboard import Switchboard
from voicebot.storage.records import CallRecord

pytestmark = [
    pytest.mark.interop,
    pytest.mark.models,
    pytest.mark.asyncio(loop_scope="session"),
]


@pytest_asyncio.fixture(loop_scope="session")
async def blind_desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A service whose destination is reached by REFER."""
    require_models()
    kind = {"VOICEBOT_TRANSFER__DESTINATIONS__MEDEWERKER__KIND": "blind"}
    async with (
        running_service(tmp_path / "service", kind) as service,
        Switchboard.on(service.agent_port) as switchboard,
    ):
        desk = Desk(service, switchboard, Prompts(service), tmp_path)
        yield desk
        await desk.is_idle()


async def is_referred(desk: Desk) -> CallRecord:
    async with desk.agent("agent") as agent, desk.caller("emma", "en") as emma:
        await desk.rings(agent, emma.phone.press("0"))
        await agent.phone.accept()
        await emma.phone.event("CALL_ESTABLISHED", number=2)
        await hear_each_other(Listener(emma.phone, desk.prompts, "en", call=2), agent, 450, 950)
        record = await desk.record("emma")
        await emma.phone.hang_up()
        return record


async def comes_back(desk: Desk) -> CallRecord:
    declined = {"STATUS": "603", "REASON": "Decline"}
    async with (
        Sipp.answering("uas_reject.xml", desk.directory / "declined", values=declined) as declines,
        desk.caller("finn", "en") as finn,
    ):
        await desk.answers_next(declines.port, finn.phone.press("0"))
        await finn.hears("transfer_failed_other", seconds=30)
        await finn.hears("transfer_choice")
        await finn.phone.hang_up()
        return await desk.record("finn")


async def test_caller_is_referred_to_the_agent_or_stays_with_the_bot(blind_desk: Desk) -> None:
    referred, refused = await together(is_referred(blind_desk), comes_back(blind_desk))
    states = [step.state for step in referred.transfers[0].states]
    assert (referred.disposition, referred.transfers[0].failure) == ("transferred", None)
    assert states == ["announced", "ringing", "accepted", "ended"]
    assert (refused.disposition, refused.transfers[0].failure) == ("abandoned_waiting", "declined")
    assert refused.turns[-1].prompt_ids == ("transfer_failed_other", "transfer_choice")
