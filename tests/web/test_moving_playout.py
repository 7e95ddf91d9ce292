"""A playout that moves from one leg to the next: streams go on, clips start anew, nobody waits for ever."""

from __future__ import annotations

import asyncio

from tests.fakes.virtual_time import in_virtual_time
from voicebot.audio import FRAME_BYTES, SILENCE, AudioClip
from voicebot.media.playout import LegPlayout
from voicebot.web.moving_playout import MovingPlayout

FRAME = b"\x01\x10" * (FRAME_BYTES // 2)


def take(playout: LegPlayout, frames: int) -> int:
    """Slots of 20 ms go by; how many of them sounded (the first fades in)."""
    return sum(playout.take_frame(float(number)) != SILENCE for number in range(frames))


@in_virtual_time
async def test_a_stream_goes_on_with_what_is_written_from_then_on() -> None:
    first, second = LegPlayout(), LegPlayout()
    moving = MovingPlayout(first)
    stream = moving.begin("bridge")
    stream.write(FRAME * 3)
    assert take(first, 3) == 3
    stream.write(FRAME * 2)
    first.end()
    moving.move(None)
    stream.write(FRAME)
    assert stream.frames_sent == 6, "what was lost counts as gone: the bridge must not think that it is late"
    moving.move(second)
    stream.write(FRAME)
    assert take(second, 1) == 1
    assert stream.frames_sent == 7
    moving.end()


@in_virtual_time
async def test_a_clip_starts_anew_and_its_end_is_told_once_it_was_heard() -> None:
    first, second = LegPlayout(), LegPlayout()
    moving = MovingPlayout(first)
    playback = moving.play(AudioClip(FRAME * 3, "prompt"))
    finished = asyncio.create_task(playback.finished())
    started = asyncio.create_task(playback.started())
    take(first, 2)
    assert await started == 0.0
    first.end()
    moving.move(None)
    await asyncio.sleep(1)
    assert not finished.done()
    moving.move(second)
    assert take(second, 3) == 3
    take(second, 1)
    assert (await finished).completed


@in_virtual_time
async def test_music_loops_on() -> None:
    first, second = LegPlayout(), LegPlayout()
    moving = MovingPlayout(first)
    moving.loop(AudioClip(FRAME * 2, "music"))
    take(first, 5)
    moving.move(second)
    assert take(second, 5) == 5
    assert moving.is_playing
    (result,) = moving.stop()
    assert result.name == "music"
    assert not moving.is_playing


@in_virtual_time
async def test_the_end_while_away_settles_whoever_waits() -> None:
    moving = MovingPlayout(LegPlayout())
    moving.move(None)
    playback = moving.begin("bridge")
    finished = asyncio.create_task(playback.finished())
    started = asyncio.create_task(playback.started())
    await asyncio.sleep(1)
    moving.end()
    assert not (await finished).completed
    assert await started is None
    playback.write(FRAME)
    playback.close()


@in_virtual_time
async def test_stopped_playbacks_do_not_come_back_in_the_next_leg() -> None:
    first, second = LegPlayout(), LegPlayout()
    moving = MovingPlayout(first)
    stream = moving.begin("bridge")
    moving.stop()
    moving.move(second)
    stream.write(FRAME)
    assert not second.is_playing
