from __future__ import annotations

import asyncio

from tests.fakes.media import tone
from voicebot.audio import SILENCE, AudioClip
from voicebot.media.leg import Playback, PlaybackResult, Playout
from voicebot.media.playout import LegPlayout

CLIP = AudioClip(tone(60), "hello")


async def test_started_and_finished_follow_the_frames() -> None:
    playout = LegPlayout()
    as_seen: Playout = playout
    playback: Playback = as_seen.play(CLIP)
    started = asyncio.create_task(playback.started())
    finished = asyncio.create_task(playback.finished())
    await asyncio.sleep(0)
    assert not started.done()
    playout.take_frame(12.5)
    assert await started == 12.5
    playout.take_frame(12.52)
    await asyncio.sleep(0)
    assert not finished.done()
    playout.take_frame(12.54)
    assert await finished == PlaybackResult("hello", 3, 3, True)
    assert not playout.is_playing


async def test_what_is_stopped_before_it_began_never_starts() -> None:
    playout = LegPlayout()
    playback = playout.begin("late")
    playback.write(CLIP.pcm)
    waiting = asyncio.create_task(playback.started())
    await asyncio.sleep(0)
    assert playout.stop() == (PlaybackResult("late", 0, 3, False),)
    assert await waiting is None
    assert await playback.finished() == PlaybackResult("late", 0, 3, False)
    playback.write(CLIP.pcm)
    assert playout.take_frame(1.0) == SILENCE


async def test_the_end_of_the_leg_settles_everything_and_later_playbacks_end_at_once() -> None:
    playout = LegPlayout()
    playing, waiting = playout.play(CLIP), playout.loop(CLIP)
    playout.take_frame(1.0)
    playout.end()
    assert (await playing.finished()).frames_sent == 1
    assert await waiting.started() is None
    assert not (await playout.play(CLIP).finished()).completed


async def test_a_full_queue_refuses_and_counts() -> None:
    playout = LegPlayout()
    playbacks = [playout.play(CLIP) for _ in range(70)]
    assert playout.refused == 6
    assert not (await playbacks[-1].finished()).completed
