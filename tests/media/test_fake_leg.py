"""The fake behaves as the protocol says."""

from __future__ import annotations

import asyncio

from tests.fakes.leg import FakeDialler, FakeLeg, advance
from voicebot.audio import FRAME_BYTES, SILENCE, AudioClip
from voicebot.media.leg import Dialler, DigitPressed, HeldByPeer, Leg, LegEndCause, LegEnded

TONE = (b"\x00\x10" * 320)[:FRAME_BYTES]


async def test_the_fake_is_a_leg_and_its_played_frames_are_what_was_queued() -> None:
    leg = FakeLeg(answered=True)
    dialler: Dialler = FakeDialler()
    assert isinstance(leg, Leg)
    assert dialler is not None
    playback = leg.playout.play(AudioClip(TONE * 3, "hello"))
    await leg.advance(100)
    assert [frame != SILENCE for frame in leg.played] == [True, True, True, True, False]  # 4th: decay of 5 ms
    result = await playback.finished()
    assert (result.frames_sent, result.frames_total, result.completed) == (3, 3, True)
    assert await playback.started() == leg.clock.start_seconds + 0.02


async def test_caller_audio_and_signals_arrive_in_order_and_end_with_the_leg() -> None:
    leg = FakeLeg(answered=True)
    leg.feed(TONE)
    await leg.advance(40)
    leg.press("0")
    leg.hold()
    leg.peer_hangs_up()
    frames = [frame async for frame in leg.frames()]
    assert [frame.at_ms for frame in frames] == [0, 20]
    assert [frame.pcm == TONE for frame in frames] == [True, False]
    signals = [signal async for signal in leg.signals()]
    assert signals == [DigitPressed("0", 100), HeldByPeer(), LegEnded(LegEndCause.PEER, "BYE")]
    assert [signal async for signal in leg.signals()] == signals[-1:]  # a late consumer still learns the end


async def test_nothing_counts_as_sent_while_the_peer_holds_us() -> None:
    leg = FakeLeg(answered=True)
    playback = leg.playout.play(AudioClip(TONE * 5))
    await leg.advance(40)
    leg.hold()
    await leg.advance(200)
    assert playback.frames_sent == 2
    leg.unhold()
    await leg.advance(60)
    assert (await playback.finished()).completed


async def test_two_legs_share_a_clock_and_a_cancelled_dial_is_seen() -> None:
    first = FakeLeg(answered=True)
    second = FakeLeg(leg_id="leg-2", clock=first.clock, answered=True)
    await advance([first, second], 60)
    assert first.clock.now_ms == 60
    assert len(second.played) == 3
    dialler = FakeDialler(rings=True)
    task = asyncio.create_task(dialler.dial("sip:agent@127.0.0.1"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert dialler.cancelled == ["sip:agent@127.0.0.1"]
