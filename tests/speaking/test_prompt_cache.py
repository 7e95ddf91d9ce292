from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.speaking.scripted_synthesiser import ScriptedSynthesiser
from voicebot.errors import SpeechWorkerBusy, SpeechWorkerDied
from voicebot.speaking.prompt_cache import PromptCache
from voicebot.speaking.synthesiser import SpeechRequest

HELLO = SpeechRequest("Hallo.", "nl")
ONE, TWO = b"\x01\x00" * 800, b"\x02\x00" * 800


async def collect(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


def files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


async def settled(cache: PromptCache) -> None:
    """Wait until what is being rendered is written."""
    await asyncio.gather(*list(cache._tasks))


async def test_rendered_once_then_from_memory_then_from_disk(tmp_path: Path) -> None:
    voice = ScriptedSynthesiser(ONE, TWO)
    cache = PromptCache(voice, tmp_path)
    assert cache.peek(HELLO) is None
    assert await cache.get(HELLO) is None
    assert (await cache.clip(HELLO)).pcm == ONE + TWO
    assert (await cache.clip(HELLO)).pcm == ONE + TWO
    await settled(cache)
    second = PromptCache(voice, tmp_path)
    assert second.peek(HELLO) is None
    clip = await second.get(HELLO)
    assert clip is not None
    assert clip.pcm == ONE + TWO
    assert second.peek(HELLO) == clip
    assert len(voice.requests) == 1
    assert (second.counts.disk_hits, second.counts.memory_hits, cache.counts.rendered) == (1, 1, 1)


async def test_key_is_voice_language_rate_and_text(tmp_path: Path) -> None:
    voice = ScriptedSynthesiser(ONE)
    cache = PromptCache(voice, None)
    requests = [
        HELLO,
        SpeechRequest("Dag.", "nl"),
        SpeechRequest("Hallo.", "en"),
        SpeechRequest("Hallo.", "nl", 0.8),
    ]
    keys = {cache.key(request) for request in requests}
    voice.voice = "voice-2"
    assert len(keys | {cache.key(HELLO)}) == 5


async def test_many_who_ask_share_one_rendering() -> None:
    voice = ScriptedSynthesiser(ONE, TWO)
    voice.gate.clear()
    cache = PromptCache(voice, None)
    streams = [asyncio.create_task(collect(cache.stream(HELLO, may_persist=True))) for _ in range(3)]
    whole = asyncio.create_task(cache.clip(HELLO))
    while not voice.requests:
        await asyncio.sleep(0)
    voice.gate.set()
    assert await asyncio.gather(*streams) == [ONE + TWO] * 3
    assert (await whole).pcm == ONE + TWO
    assert len(voice.requests) == 1


async def test_stream_gives_the_first_chunk_before_the_last_exists() -> None:
    voice = ScriptedSynthesiser(ONE, TWO)
    voice.gate.clear()
    cache = PromptCache(voice, None)
    stream = cache.stream(HELLO, may_persist=True)
    assert await anext(stream) == ONE
    assert cache.peek(HELLO) is None
    voice.gate.set()
    assert await collect(stream) == TWO
    assert cache.peek(HELLO) is not None


async def test_leaving_a_stream_does_not_stop_the_rendering() -> None:
    voice = ScriptedSynthesiser(ONE, TWO)
    voice.gate.clear()
    cache = PromptCache(voice, None)
    follower = asyncio.create_task(cache.clip(HELLO))
    while not voice.requests:
        await asyncio.sleep(0)
    follower.cancel()
    with pytest.raises(asyncio.CancelledError):
        await follower
    voice.gate.set()
    await settled(cache)
    clip = cache.peek(HELLO)
    assert clip is not None
    assert clip.pcm == ONE + TWO


async def test_personal_text_never_touches_the_disk(tmp_path: Path) -> None:
    cache = PromptCache(ScriptedSynthesiser(ONE), tmp_path)
    await cache.clip(HELLO, may_persist=False)
    await collect(cache.stream(SpeechRequest("Dag.", "nl"), may_persist=False))
    await settled(cache)
    assert cache.peek(HELLO) is not None
    assert files(tmp_path) == []


async def test_failure_reaches_all_after_what_there_was_and_is_not_kept() -> None:
    voice = ScriptedSynthesiser(ONE, fails_with=SpeechWorkerDied("gone"))
    cache = PromptCache(voice, None)
    stream = cache.stream(HELLO, may_persist=True)
    assert await anext(stream) == ONE
    with pytest.raises(SpeechWorkerDied):
        await anext(stream)
    with pytest.raises(SpeechWorkerDied):
        await cache.clip(HELLO)
    assert cache.peek(HELLO) is None
    voice.fails_with = None
    assert (await cache.clip(HELLO)).pcm == ONE
    assert cache.counts.failed == 2


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "foreign"])
async def test_corrupt_files_are_rendered_anew(tmp_path: Path, damage: str) -> None:
    voice = ScriptedSynthesiser(ONE)
    cache = PromptCache(voice, tmp_path)
    await cache.clip(HELLO)
    await settled(cache)
    (file,) = files(tmp_path)
    content = file.read_bytes()
    flipped = content[:-1] + bytes([content[-1] ^ 1])
    file.write_bytes({"cut": content[:-100], "flip": flipped, "empty": b"", "foreign": b"RIFF" * 99}[damage])
    second = PromptCache(voice, tmp_path)
    assert await second.get(HELLO) is None
    assert (await second.clip(HELLO)).pcm == ONE
    await settled(second)
    assert len(voice.requests) == 2
    assert second.on_disk is not None
    assert second.on_disk.corrupt == 1
    assert files(tmp_path)[0].read_bytes() == content


async def test_disk_that_takes_nothing_is_gone_on_without(tmp_path: Path) -> None:
    blocked = tmp_path / "cache"
    blocked.write_text("a file where the directory should be")
    voice = ScriptedSynthesiser(ONE)
    cache = PromptCache(voice, blocked)
    for text in ("Een.", "Twee."):
        assert (await cache.clip(SpeechRequest(text, "nl"))).pcm == ONE
    await settled(cache)
    assert cache.on_disk is not None
    assert cache.on_disk.write_failures == 2
    assert cache.peek(SpeechRequest("Een.", "nl")) is not None


async def test_memory_is_bounded_and_keeps_what_was_used_last() -> None:
    cache = PromptCache(ScriptedSynthesiser(ONE), None, memory_bytes=len(ONE) * 2)
    a, b, c = (SpeechRequest(text, "nl") for text in "abc")
    await cache.clip(a)
    await cache.clip(b)
    cache.peek(a)
    await cache.clip(c)
    assert [cache.peek(request) is not None for request in (a, b, c)] == [True, False, True]
    assert cache.counts.evicted == 1


async def test_disk_is_bounded(tmp_path: Path) -> None:
    cache = PromptCache(ScriptedSynthesiser(ONE), tmp_path, disk_bytes=5000)
    for number in range(6):
        await cache.clip(SpeechRequest(f"Tekst {number}.", "nl"))
        await settled(cache)
    kept = files(tmp_path)
    assert len(kept) == 3
    assert sum(file.stat().st_size for file in kept) <= 5000


async def test_warming_reports_progress_and_survives_a_busy_worker(tmp_path: Path) -> None:
    voice = ScriptedSynthesiser(ONE)
    cache = PromptCache(voice, tmp_path)
    seen: list[tuple[int, int]] = []
    other = SpeechRequest("Dag.", "nl")
    assert await cache.warm([HELLO, other, HELLO], lambda done, total: seen.append((done, total))) == 0
    assert seen == [(1, 2), (2, 2)]
    assert cache.peek(other) is not None
    busy = PromptCache(ScriptedSynthesiser(fails_with=SpeechWorkerBusy("full")), None)
    assert await busy.warm([HELLO]) == 1


async def test_closing_ends_renderings_and_those_who_wait() -> None:
    voice = ScriptedSynthesiser(ONE, TWO)
    voice.gate.clear()
    cache = PromptCache(voice, None)
    waiting = asyncio.create_task(cache.clip(HELLO))
    while not voice.requests:
        await asyncio.sleep(0)
    await cache.close()
    with pytest.raises(SpeechWorkerDied):
        await waiting
    await cache.close()
