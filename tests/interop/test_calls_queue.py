"""A queue answered by an ordinary telephone, put through attended; the telephone cannot, so the bot joins."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.interop.calling import Desk, Prompts, hear_each_other, names, require_models
from tests.interop.test_calls_conversation import takes_the_call
from tests.peers.ports import LOOPBACK, free_port
from tests.peers.service import ROOT, running_service
from tests.peers.switchboard import Switchboard

pytestmark = [
    pytest.mark.interop,
    pytest.mark.models,
    pytest.mark.asyncio(loop_scope="session"),
]

NUMBER = "31201234580"
PHONE = """
phones:
  counter:
    name: De balie
    contact: "sip:agent@{host}:{port}"
    languages: [nl, en]
    queues: [service]
"""


@pytest_asyncio.fixture(loop_scope="session")
async def queue_desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A service whose queue is answered by one telephone; the rule asks for an attended transfer."""
    require_models()
    port = free_port(2)
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    with (config / "queues.yaml").open("a") as queues:
        queues.write(PHONE.format(host=LOOPBACK, port=port))
    rules = config / "transfer_rules.yaml"
    text = rules.read_text()
    assert "- transfer: queue:service" in text
    rules.write_text(
        text.replace("- transfer: queue:service", "- transfer: {to: queue:service, how: attended}")
    )
    environment = {"VOICEBOT_CONFIG_DIR": str(config)}
    async with (
        running_service(tmp_path / "service", environment) as service,
        Switchboard.on(port) as switchboard,
    ):
        desk = Desk(service, switchboard, Prompts(service), tmp_path)
        yield desk
        await desk.is_idle()
        health = await service.health()
        assert health["people"]["waiting"]["service"] == 0
        assert not {"ringing", "busy"} & set(health["people"]["agents"])


async def test_a_telephone_takes_a_call_of_the_queue_and_drops_it(queue_desk: Desk) -> None:
    desk = queue_desk
    async with desk.agent("agent") as agent, desk.caller(NUMBER, "en") as greta:
        await desk.rings(agent, greta.phone.press("0"))
        await greta.hears("queue_next", seconds=30)
        await takes_the_call(agent)
        await hear_each_other(greta, agent, 450, 950)
        await agent.phone.hang_up()
        await greta.hears("transfer_returned", seconds=30)
        await greta.hears("transfer_choice")
        await greta.phone.press("2")
        await greta.hears("callback_stored")
        await greta.phone.hang_up()
        record = await desk.record(NUMBER)
    (transfer,) = record.transfers
    assert (transfer.destination, transfer.kind, transfer.failure) == ("queue:service", "attended", None)
    assert [step.state for step in transfer.states] == [
        *("announced", "queued", "ringing", "answered", "briefed", "accepted", "joined", "returned")
    ]
    assert "RuleApplied" in names(record)
    assert record.disposition == "callback"
    assert "Refer-To" not in agent.phone.trace  # a telephone whose Supported does not say 'replaces'
