"""What becomes of a caller whom nobody takes: told why, offered a choice, called back."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.interop.calling import Desk, Listener, disclosure_was_complete, together
from tests.peers.ports import free_port
from tests.peers.sipp import Sipp
from voicebot.storage.records import CallRecord

pytestmark = [
    pytest.mark.interop,
    pytest.mark.models,
    pytest.mark.asyncio(loop_scope="session"),
]

SAID_ABOUT = {
    "busy": "transfer_failed_busy",
    "no_answer": "transfer_failed_no_answer",
    "declined": "transfer_failed_other",
    "unreachable": "transfer_failed_other",
    "refused_briefing": "transfer_failed_other",
}


async def chooses_a_callback(desk: Desk, number: str) -> CallRecord:
    """Press 0, wait for what comes of it, and choose 2: 'called back'."""
    async with desk.caller(number, "en") as caller:
        await caller.phone.press("0")
        await caller.hears("transferring")
        await caller.hears("transfer_choice", seconds=50)
        await caller.phone.press("2")
        await caller.hears("callback_stored")
        await caller.phone.hang_up()
        record = await desk.record(number)
        caller.at = 0.0
        await caller.hears(SAID_ABOUT[str(record.transfers[0].failure)], seconds=1)
        return record


async def presses_two(agent: Listener) -> None:
    await agent.phone.event("CALL_INCOMING", seconds=40)
    await agent.phone.accept()
    await agent.phone.event("CALL_ESTABLISHED")
    await agent.phone.press("2")
    await agent.phone.event("CALL_CLOSED", seconds=5)


async def presses_nothing(agent: Listener) -> None:
    """Hear the briefing out, the keys to press too, and leave it at that."""
    await agent.phone.event("CALL_INCOMING", seconds=40)
    await agent.phone.accept()
    await agent.hears("agent_keys", seconds=30)
    await agent.phone.event("CALL_CLOSED", seconds=15)


async def test_whoever_is_not_there_the_caller_is_told_and_chooses(desk: Desk) -> None:
    """Busy, declined, no answer, nobody at that address, 2 pressed, nothing pressed: six callers at once."""
    busy, declined = {"STATUS": "486", "REASON": "Busy Here"}, {"STATUS": "603", "REASON": "Decline"}
    async with (
        Sipp.answering("uas_reject.xml", desk.directory / "busy", values=busy) as is_busy,
        Sipp.answering("uas_reject.xml", desk.directory / "declined", values=declined) as declines,
        Sipp.answering("uas_rings.xml", desk.directory / "rings") as rings,
        desk.agent("presses-2") as unwilling,
        desk.agent("presses-nothing") as absent,
    ):
        phones = [is_busy.port, declines.port, rings.port, unwilling.phone.port, absent.phone.port]
        desk.switchboard.in_line.extend([*phones, free_port()])
        numbers = [f"3120123456{last}" for last in range(6)]
        *records, _, _ = await together(
            *(chooses_a_callback(desk, number) for number in numbers),
            presses_two(unwilling),
            presses_nothing(absent),
        )
    assert Counter(record.transfers[0].failure for record in records) == {
        "busy": 1,
        "declined": 2,
        "no_answer": 1,
        "unreachable": 1,
        "refused_briefing": 1,
    }
    for record in records:
        told, chosen = record.turns[-2:]
        assert told.prompt_ids == (SAID_ABOUT[str(record.transfers[0].failure)], "transfer_choice")
        assert chosen.prompt_ids[0] == "callback_stored"
        assert (record.disposition, record.ended_by) == ("callback", "caller")
        assert disclosure_was_complete(record)
