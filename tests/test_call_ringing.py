"""While the phone rings: other words change nothing, a callback may be chosen, a late choice loses nobody."""

from __future__ import annotations

from tests.call_world import AGENT, World
from tests.fakes.virtual_time import in_virtual_time
from tests.test_call_transfer import put_through, states
from voicebot.errors import DialFailure
from voicebot.events import (
    CallbackOffered,
    Disposition,
    HumanRequested,
)
from voicebot.transfer.execute import TransferTimes


@in_virtual_time
async def test_other_keys_and_words_while_it_rings_change_nothing() -> None:
    async with World(rings=True) as world:
        await put_through(world)
        await world.wait(2000)
        world.leg.press("1")
        await world.ask("wat zijn de openingstijden")
        await world.wait(3000)
        assert world.names()[-1] == "music"
        world.dialler._outcomes[AGENT] = [DialFailure.NO_ANSWER]
        world.dialler.ring_out()
        await world.until_said("transfer_failed_no_answer")
        await world.until_said("transfer_choice")
    assert [turn.heard for turn in world.turns if turn.heard] == ["ik wil een medewerker spreken"]
    assert len(world.of(HumanRequested)) == 1


@in_virtual_time
async def test_who_asks_for_a_person_again_while_it_rings_is_told_how_it_goes() -> None:
    async with World(rings=True) as world:
        await put_through(world)
        await world.wait(2000)
        world.leg.press("0")
        await world.until(lambda: world.heard("still_waiting"), limit_ms=1_000)
        await world.wait(4000)
        await world.ask("ik wil een medewerker spreken")
        await world.until(lambda: world.heard("still_waiting") == 2, limit_ms=5_000)
        await world.until(lambda: world.names()[-1] == "music")
    assert [each.by for each in world.of(HumanRequested)] == ["words", "key", "words"]
    assert world.dialler.dialled == [AGENT]  # the same phone rings on


@in_virtual_time
async def test_who_waits_may_choose_to_be_called_back_by_word_or_by_key() -> None:
    for way in ("word", "key"):
        async with World(rings=True) as world:
            world.interpreter.knows("bel mij liever terug", "callback_request")
            await put_through(world)
            await world.wait(3000)
            if way == "key":
                world.leg.press("2")
            else:
                await world.ask("bel mij liever terug")
            await world.until_said("callback_stored")
            assert world.dialler.cancelled == [AGENT]  # it rings no more
        assert states(world) == ["announced", "ringing", "ended"]
        assert world.ended.disposition == Disposition.CALLBACK


@in_virtual_time
async def test_a_callback_is_offered_in_time_to_who_waits_and_yes_takes_it() -> None:
    times = TransferTimes(ring_seconds=600, accept_seconds=500, offer_seconds=60)
    async with World(rings=True, times=times) as world:
        await put_through(world)
        await world.until(lambda: world.of(CallbackOffered), limit_ms=75_000)
        await world.wait(100)
        assert 55_000 < world.of(CallbackOffered)[0].waited_ms < 66_000
        assert world.names()[-1] == "music"
        await world.ask("ja")
        await world.until_said("callback_stored")
    assert world.ended.disposition == Disposition.CALLBACK


@in_virtual_time
async def test_an_agent_who_has_accepted_is_not_lost_to_a_late_choice() -> None:
    async with World() as world:
        await put_through(world)
        await world.until(lambda: world.agent.played)
        world.agent.press("1")
        await world.wait(40)
        world.leg.press("2")
        await world.wait(2000)
        assert states(world)[-1] == "joined"
    assert world.ended.disposition == Disposition.TRANSFERRED


@in_virtual_time
async def test_a_failure_in_the_middle_of_a_word_of_comfort_is_told_after_it() -> None:
    async with World(rings=True) as world:
        world.dialler._outcomes[AGENT] = [DialFailure.BUSY]
        await put_through(world)
        await world.until(lambda: world.heard("still_waiting"))
        world.dialler.ring_out()
        await world.until_said("transfer_choice")
    assert world.names()[-3:] == ["still_waiting", "transfer_failed_busy", "transfer_choice"]
