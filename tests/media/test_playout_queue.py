from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.media import biggest_step, tone
from voicebot.audio import FRAME_BYTES, SILENCE, pcm_of
from voicebot.media.playout_queue import MAX_BUFFERED_BYTES, MAX_QUEUED, PlayoutQueue, QueuedAudio

LOUD_STEP = biggest_step(tone(1000, 440, 12000))
"""What the test signal itself does between two samples (about 2070)."""
FADE_STEP = LOUD_STEP + 400
"""Cross-fading 12000 away over 5 ms adds at most 2 * 12000 / 80 per sample."""


def clip(milliseconds: int, name: str = "clip") -> QueuedAudio:
    return QueuedAudio(name, tone(milliseconds, 440, 12000), closed=True)


def frames(queue: PlayoutQueue, count: int) -> bytes:
    return b"".join(queue.next_frame().pcm for _ in range(count))


def quiet_ramp(samples: int, start: int = 0) -> bytes:
    """Audio too soft to need smoothing whose every sample is told apart."""
    return pcm_of((np.arange(start, start + samples) % 1400 - 700).astype(np.int16))


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=5), st.integers(1, 1500))
def test_frames_out_are_frames_in(sizes: list[int], chunk: int) -> None:
    """Whatever the lengths and the pieces in which it was written: nothing is lost, added or reordered."""
    queue, expected = PlayoutQueue(), b""
    for number, size in enumerate(sizes):
        pcm = quiet_ramp(size, number * 37)
        audio = QueuedAudio(str(number))
        for at in range(0, len(pcm), chunk):
            audio.append(pcm[at : at + chunk])
        audio.is_closed = True
        queue.add(audio)
        expected += pcm + bytes(-len(pcm) % FRAME_BYTES)
    out = b""
    while queue.is_playing:
        out += queue.next_frame().pcm
    assert out == expected
    assert queue.next_frame().pcm == SILENCE


@given(st.integers(0, 40), st.booleans(), st.integers(1, 9))
def test_pause_stop_and_resume_never_click(slots: int, stops: bool, rest: int) -> None:
    queue = PlayoutQueue()
    queue.add(clip(600))
    out = frames(queue, slots)
    if stops:
        queue.stop()
        out += frames(queue, rest)
        assert out[-FRAME_BYTES:] == SILENCE or rest == 1
    else:
        queue.pause()
        out += frames(queue, rest)
        queue.resume()
        out += frames(queue, 40)
    assert biggest_step(out) <= FADE_STEP


@given(st.integers(1, 25), st.integers(1, 9))
def test_nothing_is_lost_over_a_pause(slots: int, rest: int) -> None:
    queue = PlayoutQueue()
    audio = clip(600)
    queue.add(audio)
    before = frames(queue, slots)
    queue.pause()
    frames(queue, rest)
    assert audio.frames_sent == slots  # the faded frame does not count
    queue.resume()
    after = frames(queue, 30 - slots)
    source = tone(600, 440, 12000)
    assert before == source[: len(before)]
    assert after[FRAME_BYTES:] == source[len(before) + FRAME_BYTES :]  # but for the fade-in of one frame
    assert audio.has_ended
    assert audio.result().completed


def test_the_fade_takes_one_frame_at_most() -> None:
    queue = PlayoutQueue()
    queue.add(clip(600))
    frames(queue, 5)
    queue.stop()
    assert queue.next_frame().pcm != SILENCE
    assert queue.next_frame().pcm == SILENCE


def test_pause_and_resume_within_one_slot_is_nothing() -> None:
    queue = PlayoutQueue()
    queue.add(clip(100))
    out = frames(queue, 2)
    queue.pause()
    queue.resume()
    assert out + frames(queue, 3) == tone(100, 440, 12000)


def test_an_underrun_is_silence_counted_and_without_a_click() -> None:
    queue, audio = PlayoutQueue(), QueuedAudio("stream")
    queue.add(audio)
    assert frames(queue, 3) == SILENCE * 3
    assert audio.underruns == 0  # it has not begun: nothing was due
    source = tone(120, 450, 12000)
    audio.append(source[: FRAME_BYTES * 2 + 100])
    out = frames(queue, 5)
    assert (audio.frames_sent, audio.underruns) == (2, 3)
    audio.append(source[FRAME_BYTES * 2 + 100 :])
    audio.is_closed = True
    out += frames(queue, 6)
    assert audio.frames_sent == 6
    assert audio.has_ended
    assert biggest_step(out) <= FADE_STEP


@given(st.integers(1, 700), st.integers(100, 3000))
def test_an_abrupt_end_or_start_never_clicks(length: int, hertz: int) -> None:
    queue = PlayoutQueue()
    n = np.arange(length)
    queue.add(QueuedAudio("cut", pcm_of(12000 * np.cos(2 * np.pi * hertz * n / 16000)), closed=True))
    queue.add(QueuedAudio("cut", pcm_of(-12000 * np.cos(2 * np.pi * hertz * n / 16000)), closed=True))
    own_step = 2 * np.pi * hertz / 16000 * 12000
    assert biggest_step(SILENCE + frames(queue, 8)) <= own_step + 1500 + 400


def test_a_loop_goes_round_without_a_seam_until_stopped() -> None:
    queue = PlayoutQueue()
    music = QueuedAudio("music", quiet_ramp(1000), closed=True, looping=True)
    queue.add(music)
    queue.add(clip(100))
    assert frames(queue, 10) == (quiet_ramp(1000) * 4)[: FRAME_BYTES * 10]
    dropped = queue.stop()
    assert [audio.result().completed for audio in dropped] == [False, False]
    assert dropped[0].result().frames_sent == 10


def test_stop_tells_what_was_heard_of_each() -> None:
    queue = PlayoutQueue()
    for name in ("first", "second"):
        queue.add(clip(200, name))
    frames(queue, 7)
    results = [audio.result() for audio in queue.stop()]
    assert [(r.name, r.frames_sent, r.frames_total, r.completed) for r in results] == [
        ("first", 7, 10, False),
        ("second", 0, 10, False),
    ]
    assert not queue.is_playing


def test_slots_say_what_begins_and_ends() -> None:
    queue, first, second = PlayoutQueue(), clip(40, "first"), clip(20, "second")
    queue.add(first)
    queue.add(second)
    slots = [queue.next_frame() for _ in range(4)]
    assert [slot.begun for slot in slots] == [first, None, second, None]
    assert [slot.ended for slot in slots] == [(), (first,), (second,), ()]


def test_a_stream_closed_when_empty_ends_without_a_frame() -> None:
    queue, audio = PlayoutQueue(), QueuedAudio("nothing")
    queue.add(audio)
    audio.is_closed = True
    slot = queue.next_frame()
    assert (slot.pcm, slot.ended, slot.begun) == (SILENCE, (audio,), None)
    assert audio.result().completed


def test_pause_on_an_idle_line_does_not_hold_what_comes_later() -> None:
    queue = PlayoutQueue()
    queue.pause()
    queue.add(clip(20))
    assert queue.next_frame().pcm != SILENCE


def test_bounds_are_kept_and_counted() -> None:
    queue, audio = PlayoutQueue(), QueuedAudio("endless")
    audio.append(bytes(MAX_BUFFERED_BYTES + 1000))
    assert (audio.available_bytes, audio.overflowed_bytes) == (MAX_BUFFERED_BYTES, 1000)
    assert all(queue.add(clip(20)) for _ in range(MAX_QUEUED))
    refused = clip(20)
    assert not queue.add(refused)
    assert refused.has_ended


def test_an_odd_byte_waits_for_its_other_half() -> None:
    audio = QueuedAudio("odd")
    audio.append(b"\x01")
    assert audio.available_bytes == 0
    audio.append(b"\x02\x03")
    assert audio.peek() == b"\x01\x02"
