"""Chunks of any length become frames of 20 ms."""

from __future__ import annotations

import numpy as np
import pytest

from voicebot.audio import FRAME_BYTES, level_dbfs, pcm_of, samples_of, ulaw_encode
from voicebot.media.media_stream_audio import StreamAudio


def tone(seconds: float, rate: int = 8000) -> bytes:
    return pcm_of(np.sin(np.arange(int(seconds * rate)) * 2 * np.pi * 440 / rate) * 8000)


@pytest.mark.parametrize("chunk", [37, 80, 160, 320, 500, 1600])
def test_all_audio_comes_out_once_and_unbroken(chunk: int) -> None:
    audio = StreamAudio()
    sent = ulaw_encode(tone(2.0))
    frames = []
    for slot in range(150):
        now_ms = slot * 20.0
        begin, end = slot * 160, (slot + 1) * 160
        for start in range(0, len(sent), chunk):  # a chunk leaves when its last sample was spoken
            if begin < start + chunk <= end and start + chunk <= len(sent):
                audio.receive(sent[start : start + chunk], start // 8, now_ms)
        frames.append(audio.frame(now_ms))
    assert [frame.at_ms for frame in frames] == [slot * 20 for slot in range(150)]
    assert all(len(frame.pcm) == FRAME_BYTES for frame in frames)
    heard = samples_of(b"".join(frame.pcm for frame in frames)).astype(float)
    loud = np.flatnonzero(np.abs(heard) > 500)
    body = heard[loud[0] + 400 : loud[-1] - 2000]
    assert body.size > 16_000 * 1.5
    crossings = np.count_nonzero(np.diff(np.signbit(body)))
    assert crossings / (body.size / 16_000) == pytest.approx(880, rel=0.01)
    gaps = [level_dbfs(pcm_of(body[start : start + 320])) for start in range(0, body.size - 320, 320)]
    assert min(gaps) > -20


def test_a_burst_after_a_stall_is_bounded() -> None:
    audio = StreamAudio()
    for _ in range(400):
        audio.receive(b"\x00" * 160, None, 0.0)
    assert audio._audio.buffer.buffered_ms <= 1000


def test_a_timestamp_ahead_is_a_gap_and_one_far_off_is_not_believed() -> None:
    audio = StreamAudio()
    audio.receive(b"\xff" * 160, 0, 0.0)
    audio.receive(b"\xff" * 160, 220, 220.0)
    assert audio.timestamp_gaps == 1
    for timestamp in (10**17, 0, 230):
        audio.receive(b"\xff" * 160, timestamp, 240.0)
    assert audio.timestamp_gaps == 1


def test_marks_are_reached_when_the_audio_before_them_was_taken() -> None:
    audio = StreamAudio()
    audio.receive(b"\x10" * 480, None, 0.0)
    audio.mark("first")
    audio.mark("second")
    reached: list[list[str]] = []
    for slot in range(8):
        audio.frame(slot * 20.0 + 40)
        reached.append(audio.reached_marks())
    assert [names for names in reached if names] == [["first", "second"]]
    assert reached[0] == []


def test_clearing_gives_the_marks_back_and_drops_the_audio() -> None:
    audio = StreamAudio()
    audio.receive(b"\x10" * 1600, None, 0.0)
    audio.mark("later")
    assert audio.clear() == ["later"]
    assert audio.reached_marks() == []
    levels = [level_dbfs(audio.frame(slot * 20.0).pcm) for slot in range(20)]
    assert max(levels) < -60
