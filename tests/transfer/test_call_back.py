"""Calling back with one click: agent first, then the caller; whatever fails, nobody is forgotten or stuck."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes.leg import FakeDialler, FakeLeg, VirtualClock, advance, settle
from tests.storage.samples import START, a_callback
from tests.transfer.queue_samples import HOURS, a_queue, an_agent
from voicebot.audio import AudioClip
from voicebot.errors import DialFailure, TransferRefused
from voicebot.events import Language
from voicebot.media.bridge import join
from voicebot.media.leg import HandOn
from voicebot.privacy.encryption import KEY_BYTES, Cipher
from voicebot.storage.callback_store import CallbackStore
from voicebot.storage.records import CallbackRecord
from voicebot.storage.schema import upgrade_async
from voicebot.storage.store import CallStore
from voicebot.transfer.agent_pool import AgentPool
from voicebot.transfer.agents import AgentState
from voicebot.transfer.call_back import CallBacks
from voicebot.transfer.call_back_parts import CallBackEnd, CallBackParts, CallBackResult, CallBackStart
from voicebot.transfer.callback_numbers import CallbackNumbers
from voicebot.transfer.caps import CapLimits, TransferCaps

CIPHER = Cipher((b"k" * KEY_BYTES,))
CALLER = "sip:+31301234567@sip.example.org"
TONE = b"\x10\x20" * 1600


@dataclass
class World:
    """One media process that calls back. `said`: prompts, in order. `ended`: results."""

    claims: CallbackStore
    store: CallStore
    dialler: FakeDialler = field(default_factory=FakeDialler)
    time: VirtualClock = field(default_factory=VirtualClock)
    said: list[tuple[str, Language]] = field(default_factory=list)
    ended: list[CallBackResult] = field(default_factory=list)
    refused_contacts: set[str] = field(default_factory=set)
    caps: TransferCaps = field(default_factory=TransferCaps)

    def __post_init__(self) -> None:
        agents = [an_agent("anna"), an_agent("bram"), an_agent("dora", contact="desk:dora")]
        self.pool = AgentPool([a_queue()], agents, HOURS, clock=self.time, now=lambda: START)
        self.agent = FakeLeg(leg_id="anna", inbound=False, clock=self.time)
        self.caller = FakeLeg(leg_id="caller", inbound=False, clock=self.time)
        self.bram = FakeLeg(leg_id="bram", inbound=False, clock=self.time)
        self.dora = FakeLeg(leg_id="dora", kind="webrtc", inbound=False, clock=self.time)
        self.dialler.script("sip:anna@10.0.0.5", self.agent)
        self.dialler.script("sip:bram@10.0.0.5", self.bram)
        self.dialler.script("desk:dora", self.dora)
        self.backs = CallBacks(
            CallBackParts(
                pool=self.pool,
                claims=self.claims,
                dialler=self.dialler,
                numbers=CallbackNumbers("sip.example.org"),
                check_contact=self.check_contact,
                bridge=join,
                words=self.words,
                music=AudioClip(TONE * 10, "music"),
                caps=self.caps,
                clock=self.time,
                now=lambda: START,
                due_again=lambda now: now + timedelta(minutes=30),
                max_attempts=3,
                on_end=self.ended.append,
            )
        )

    def check_contact(self, contact: str) -> None:
        if contact in self.refused_contacts:
            raise TransferRefused("not allowed")

    async def words(self, prompt_id: str, language: Language, values: dict[str, str]) -> AsyncIterator[bytes]:
        self.said.append((prompt_id, language))
        yield TONE

    @property
    def legs(self) -> list[FakeLeg]:
        return [self.agent, self.caller, self.bram, self.dora]

    async def until(self, holds: Callable[[], bool], seconds: float = 20.0) -> None:
        """Let time pass until something holds; storage works in threads meanwhile."""
        for _ in range(int(seconds / 0.1)):
            if holds():
                return
            await advance(self.legs, 100)
            await asyncio.sleep(0.001)
        raise AssertionError("it did not happen")

    async def over(self) -> CallBackResult:
        await self.until(lambda: bool(self.ended))
        await settle()
        return self.ended[-1]

    def states(self) -> dict[str, str]:
        return {agent.agent_id: state.value for agent, state in self.pool.agents()}

    async def record(self) -> CallbackRecord:
        (found,) = await self.claims.list(accessed_by="test", status=None)
        return found

    async def joined(self, agent_id: str = "anna") -> None:
        """Bring a call back to where agent and caller talk."""
        assert await self.backs.begin("cb-1", agent_id) is CallBackStart.STARTED
        await self.until(lambda: bool(self.said) or agent_id == "dora")
        if agent_id != "dora":
            self.agent.press("1")
        await self.until(lambda: CALLER in self.dialler.dialled)
        await self.until(lambda: self.states()[agent_id] == "busy")
        await advance(self.legs, 200)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    url = f"sqlite:///{tmp_path}/calls.db"
    await upgrade_async(url)
    store, claims = CallStore(url, CIPHER), CallbackStore(url, CIPHER, now=lambda: START)
    await store.save(a_callback())
    world = World(claims, store)
    world.dialler.script(CALLER, world.caller)
    yield world
    await world.backs.close()
    world.pool.close()
    assert world.caps.active == 0
    await store.close()
    await claims.close()


async def test_the_agent_is_briefed_then_the_caller_is_called_and_both_are_joined(world: World) -> None:
    assert await world.backs.begin("cb-1", "anna") is CallBackStart.STARTED
    assert world.states()["anna"] == "ringing"
    await world.until(lambda: len(world.said) >= 2)
    assert world.said[:2] == [("callback_briefing_nl", "nl"), ("agent_keys", "nl")]
    assert world.dialler.dialled == ["sip:anna@10.0.0.5"], "the caller is not called before the agent says 1"
    world.agent.press("1")
    await world.until(lambda: world.states()["anna"] == "busy")
    await world.until(lambda: world.dialler.dialled == ["sip:anna@10.0.0.5", CALLER])
    world.caller.feed(TONE * 3)
    before = len(world.agent.sounding_slots())
    await advance(world.legs, 400)
    assert len(world.agent.sounding_slots()) > before
    world.caller.peer_hangs_up()
    result = await world.over()
    assert (result.end, result.failure) == (CallBackEnd.TALKED, None)
    assert world.agent.hang_up_reason is not None
    assert world.states()["anna"] == "after_call"
    record = await world.record()
    assert (record.status, record.claimed_by) == ("open", "anna")  # short: perhaps a voicemail; anna decides


async def test_a_talk_of_some_length_ticks_it_off(world: World) -> None:
    await world.joined()
    await advance(world.legs, 61_000)
    world.agent.peer_hangs_up()
    result = await world.over()
    assert result.talked_seconds > 60
    assert world.caller.hang_up_reason is not None
    record = await world.record()
    assert (record.status, record.outcome) == ("done", "talked")


async def test_a_desk_is_shown_the_briefing_and_nothing_is_asked_by_voice(world: World) -> None:
    world.pool.set_state("dora", AgentState.AVAILABLE)
    await world.joined("dora")
    assert world.said == []
    shown = world.dialler.briefings[0]
    assert shown is not None
    assert (shown.asked, shown.caller, shown.language) == ("de ketting ligt eraf", "0301234567", "nl")
    world.caller.peer_hangs_up()
    await world.over()
    assert world.states()["dora"] == "after_call"


@pytest.mark.parametrize(
    ("failure", "state"), [(DialFailure.NO_ANSWER, "break"), (DialFailure.BUSY, "available")]
)
async def test_an_agent_who_does_not_answer_leaves_the_callback_open(
    world: World, failure: DialFailure, state: str
) -> None:
    world.dialler.script("sip:bram@10.0.0.5", failure)
    world.dialler._outcomes["sip:bram@10.0.0.5"].pop(0)
    assert await world.backs.begin("cb-1", "bram") is CallBackStart.STARTED
    result = await world.over()
    assert (result.end, result.failure) == (CallBackEnd.AGENT_NOT_REACHED, failure)
    assert world.states()["bram"] == state
    assert CALLER not in world.dialler.dialled
    record = await world.record()
    assert (record.status, record.claimed_by, record.attempts) == ("open", "", 0)


async def test_an_agent_who_declines_by_key_is_free_again(world: World) -> None:
    await world.backs.begin("cb-1", "anna")
    await world.until(lambda: bool(world.said))
    world.agent.press("2")
    result = await world.over()
    assert result.failure is DialFailure.DECLINED
    assert world.states()["anna"] == "available"
    assert CALLER not in world.dialler.dialled


@pytest.mark.parametrize("failure", [DialFailure.BUSY, DialFailure.NO_ANSWER, DialFailure.UNREACHABLE])
async def test_a_caller_who_is_not_reached_is_called_again_later(world: World, failure: DialFailure) -> None:
    world.dialler._outcomes[CALLER] = [failure]
    await world.backs.begin("cb-1", "anna")
    await world.until(lambda: bool(world.said))
    world.agent.press("1")
    result = await world.over()
    assert (result.end, result.failure) == (CallBackEnd.CALLER_NOT_REACHED, failure)
    assert world.said[-1] == ("callback_not_reached", "nl")
    assert world.agent.hang_up_reason is not None
    assert world.states()["anna"] == "after_call"
    record = await world.record()
    assert (record.status, record.claimed_by, record.attempts) == ("open", "", 1)
    assert (record.outcome, record.due_at) == (failure.value, START + timedelta(minutes=30))


async def test_an_agent_who_hangs_up_while_the_caller_rings_stops_the_ringing(world: World) -> None:
    world.dialler = FakeDialler(rings=True)
    world.__post_init__()
    world.dialler.script(CALLER, world.caller)
    assert await world.backs.begin("cb-1", "anna") is CallBackStart.STARTED
    await settle()
    world.dialler.ring_out()
    await world.until(lambda: bool(world.said))
    world.dialler._gate.clear()
    world.agent.press("1")
    await world.until(lambda: CALLER in world.dialler.dialled)
    world.agent.peer_hangs_up()
    result = await world.over()
    assert (result.end, result.failure) == (CallBackEnd.AGENT_NOT_REACHED, DialFailure.HUNG_UP)
    assert world.dialler.cancelled == [CALLER]
    assert world.states()["anna"] == "after_call"
    assert (await world.record()).claimed_by == ""


@pytest.mark.parametrize("contact", ["0900-8844", "anonymous", "+442079460958", "0301234567@evil.example"])
async def test_a_number_that_may_not_be_dialled_rings_nobody(world: World, contact: str) -> None:
    await world.store.save(replace(a_callback("cb-2"), contact=contact))
    assert await world.backs.begin("cb-2", "anna") is CallBackStart.NOT_ALLOWED
    assert world.dialler.dialled == []
    assert world.states()["anna"] == "available"
    entries = await world.store.audit_entries(subject="cb-2")
    assert entries[0].action == "callback.refused"
    assert contact not in str(entries[0].facts)
    found = await world.claims.list(accessed_by="test")
    assert {record.claimed_by for record in found} == {""}


async def test_caps_hold_for_calling_back(world: World) -> None:
    world.caps.limits = CapLimits(destination_per_hour=0)
    assert await world.backs.begin("cb-1", "anna") is CallBackStart.NOT_ALLOWED
    assert world.dialler.dialled == []


async def test_an_agents_address_off_the_list_is_not_rung(world: World) -> None:
    world.refused_contacts.add("sip:anna@10.0.0.5")
    await world.backs.begin("cb-1", "anna")
    result = await world.over()
    assert (result.end, result.failure) == (CallBackEnd.AGENT_NOT_REACHED, DialFailure.FAILED)
    assert world.dialler.dialled == []


async def test_one_agent_at_a_callback_and_one_callback_at_an_agent(world: World) -> None:
    await world.store.save(a_callback("cb-2"))
    await world.claims.claim("cb-2", "bram")
    assert await world.backs.begin("cb-2", "anna") is CallBackStart.GONE
    assert await world.backs.begin("unknown", "anna") is CallBackStart.GONE
    starts = await asyncio.gather(*(world.backs.begin("cb-1", "anna") for _ in range(3)))
    assert sorted(starts) == [CallBackStart.STARTED, CallBackStart.BUSY, CallBackStart.BUSY]
    assert (await world.claims.list(accessed_by="x"))[0].claimed_by == "anna"
    await world.store.save(a_callback("cb-3"))
    assert await world.backs.begin("cb-3", "anna") is CallBackStart.BUSY
    assert await world.backs.begin("cb-3", "dora") is CallBackStart.BUSY  # not logged in
    claimed = {record.callback_id: record.claimed_by for record in await world.claims.list(accessed_by="x")}
    assert claimed == {"cb-1": "anna", "cb-2": "bram", "cb-3": ""}


async def test_an_agent_hands_the_caller_on(world: World) -> None:
    await world.joined()
    said = len(world.said)
    world.agent._signals.push(HandOn("agent:bram"))
    await world.until(lambda: world.states()["bram"] == "ringing" and len(world.said) > said)
    assert world.states()["anna"] == "after_call"
    assert not world.caller.is_ended
    world.bram.press("1")
    await world.until(lambda: world.states()["bram"] == "busy")
    await advance(world.legs, 200)
    world.caller.peer_hangs_up()
    assert (await world.over()).end is CallBackEnd.TALKED
    assert world.states()["bram"] == "after_call"
    assert world.bram.hang_up_reason is not None


async def test_a_caller_handed_on_to_nobody_is_promised_a_call_again(world: World) -> None:
    await world.joined()
    world.agent._signals.push(HandOn("queue:unknown"))
    result = await world.over()
    assert result.end is CallBackEnd.PROMISED_AGAIN
    assert world.said[-1] == ("callback_again", "nl")
    assert world.caller.hang_up_reason is not None
    record = await world.record()
    assert (record.status, record.claimed_by) == ("open", "")


async def test_closing_hangs_up_frees_agents_and_keeps_the_callback(world: World) -> None:
    await world.joined()
    await world.backs.close()
    assert world.agent.hang_up_reason is not None
    assert world.caller.hang_up_reason is not None
    assert world.states()["anna"] == "after_call"
    record = await world.record()
    assert (record.status, record.claimed_by) == ("open", "")
    assert world.backs.active == 0


async def test_without_a_database_nothing_is_begun(world: World, tmp_path: Path) -> None:
    (tmp_path / "calls.db").rename(tmp_path / "away.db")
    assert await world.backs.begin("cb-1", "anna") is CallBackStart.FAILED
    (tmp_path / "away.db").rename(tmp_path / "calls.db")
    assert world.dialler.dialled == []
    assert world.states()["anna"] == "available"
