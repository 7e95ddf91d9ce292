"""Scripted lines under virtual time: every frame comes on its slot, whatever the packets do."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.fakes.media import biggest_step, tone, tone_dbfs
from voicebot.audio import FRAME_BYTES, AudioFrame, level_dbfs, samples_of
from voicebot.media.codecs import G722, OPUS, PCMA, Codec
from voicebot.media.received_audio import ReceivedAudio
from voicebot.media.rtp_packet import RtpPacket


@dataclass
class Line:
    """Sends `source` (16 kHz) in packets through a scripted network and collects the frames.

    `delay_ms(number)`: None loses the packet. `skew`: 0.005 is a sender whose clock is 0.5% fast.
    """

    codec: Codec
    source: bytes
    ptime_ms: int = 20
    delay_ms: Callable[[int], float | None] = lambda _: 5.0
    skew: float = 0.0
    first_timestamp: int = 0xFFFFF000
    first_sequence: int = 65530
    silent: set[int] = field(default_factory=set)
    copies: int = 1
    slot_phase_ms: float = 7.0

    def packets(self) -> list[tuple[float, RtpPacket]]:
        encoder = self.codec.new_encoder()
        step = self.ptime_ms * 32
        arrivals = []
        for number, start in enumerate(range(0, len(self.source) - step + 1, step)):
            chunk = self.source[start : start + step]
            if self.codec is OPUS:
                payload = encoder.encode(chunk)
            else:
                pieces = range(0, step, FRAME_BYTES)
                payload = b"".join(encoder.encode(chunk[at : at + FRAME_BYTES]) for at in pieces)
            delay = self.delay_ms(number)
            if delay is None or number in self.silent:
                continue
            units = self.codec.clock_rate * self.ptime_ms // 1000
            packet = RtpPacket(
                8,
                (self.first_sequence + number) & 0xFFFF,
                (self.first_timestamp + number * units) & 0xFFFFFFFF,
                1,
                payload,
            )
            sent_ms = number * self.ptime_ms / (1 + self.skew)
            arrivals += [(sent_ms + delay + copy, packet) for copy in range(self.copies)]
        return sorted(arrivals, key=lambda arrival: arrival[0])

    def run(self, milliseconds: int) -> tuple[list[AudioFrame], ReceivedAudio]:
        receiver = ReceivedAudio(self.codec)
        waiting = self.packets()
        frames = []
        for slot in range(milliseconds // 20):
            now_ms = slot * 20 + self.slot_phase_ms
            while waiting and waiting[0][0] <= now_ms:
                at_ms, packet = waiting.pop(0)
                receiver.receive(packet, at_ms)
            frames.append(receiver.frame(now_ms))
        return frames, receiver


def pcm_of_frames(frames: list[AudioFrame]) -> bytes:
    return b"".join(frame.pcm for frame in frames)


def words(milliseconds: int) -> bytes:
    """Speech-like: 300 ms of voiced sound, 200 ms of silence, over and over."""
    n = np.arange(16 * milliseconds)
    voiced = sum(np.sin(2 * np.pi * 120 * k * n / 16000) / k for k in range(1, 12)) * 4000
    return np.where((n // 1600) % 5 < 3, voiced, 0).astype("<i2").tobytes()


def sounding_ms(pcm: bytes) -> int:
    pieces = [pcm[at : at + 320] for at in range(0, len(pcm), 320)]
    return 10 * sum(level_dbfs(piece) > -40 for piece in pieces)


def clean_sounding_ms(milliseconds: int) -> int:
    """The same measure on a line without any trouble."""
    return sounding_ms(pcm_of_frames(Line(PCMA, words(milliseconds)).run(milliseconds)[0]))


@pytest.mark.parametrize("codec", [PCMA, G722, OPUS], ids=lambda codec: codec.name)
@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
def test_packets_of_any_length_give_whole_frames(codec: Codec, ptime_ms: int) -> None:
    if (codec is OPUS and ptime_ms == 30) or (codec is G722 and ptime_ms in (10, 30)):
        return  # no such packets: Opus has no 30 ms, the script's G.722 encoder takes whole 20 ms
    frames, receiver = Line(codec, tone(3000), ptime_ms).run(3000)
    assert [len(frame.pcm) for frame in frames] == [FRAME_BYTES] * 150
    assert [frame.at_ms for frame in frames] == list(range(0, 3000, 20))
    heard = pcm_of_frames(frames)
    assert tone_dbfs(heard[16000:-16000], 440) == pytest.approx(tone_dbfs(tone(2000), 440), abs=0.6)
    assert receiver.concealed_frames <= 4  # the end of the script at most
    assert receiver.buffer.late == 0


def test_little_delay_on_a_clean_line() -> None:
    source = bytes(32 * 500) + tone(200) + bytes(32 * 1000)
    frames, _ = Line(PCMA, source).run(1500)
    heard = samples_of(pcm_of_frames(frames))
    onset_ms = int(np.argmax(np.abs(heard) > 2000)) / 16
    # Sent at 500, packetised after 20 ms is the sender's affair (stamped at its start here), 5 ms network.
    assert 500 < onset_ms < 550


def test_reordered_and_doubled_packets_change_nothing() -> None:
    straight, _ = Line(PCMA, words(4000)).run(4000)
    swapped = Line(PCMA, words(4000), delay_ms=lambda n: 5.0 if n % 2 else 26.0, copies=2)
    frames, receiver = swapped.run(4000)
    assert receiver.buffer.duplicates > 150
    assert receiver.buffer.late <= 1
    assert abs(sounding_ms(pcm_of_frames(frames)) - sounding_ms(pcm_of_frames(straight))) <= 80


@pytest.mark.parametrize("codec", [PCMA, G722, OPUS], ids=lambda codec: codec.name)
def test_five_percent_loss_is_concealed_without_clicks_and_without_shift(codec: Codec) -> None:
    chance = random.Random(5)
    lost = {number for number in range(20, 480) if chance.random() < 0.05}
    line = Line(codec, tone(10_000), delay_ms=lambda n: None if n in lost else 5.0)
    frames, receiver = line.run(10_000)
    assert abs(receiver.concealed_frames - len(lost)) <= len(lost)  # a loss may touch two frames
    assert receiver.concealed_frames >= len(lost)
    heard = pcm_of_frames(frames)[6400:-12800]
    assert biggest_step(heard) < 3 * biggest_step(tone(1000))
    assert tone_dbfs(heard[:32000], 440) > tone_dbfs(tone(1000), 440) - 3


def test_sixty_ms_of_jitter_loses_hardly_anything() -> None:
    chance = random.Random(7)
    line = Line(PCMA, words(30_000), delay_ms=lambda _: chance.uniform(0, 60))
    frames, receiver = line.run(30_000)
    late_share = receiver.buffer.late / 1500
    assert late_share < 0.01
    assert receiver.concealed_frames < 0.04 * len(frames)
    assert 40 <= receiver.buffer.delays.target_ms <= 80
    assert abs(sounding_ms(pcm_of_frames(frames)) - clean_sounding_ms(30_000)) < 300


def test_loss_and_jitter_together() -> None:
    chance = random.Random(11)
    line = Line(
        PCMA,
        words(30_000),
        delay_ms=lambda _: None if chance.random() < 0.05 else chance.uniform(0, 60),
    )
    frames, receiver = line.run(30_000)
    assert receiver.buffer.late < 15
    assert abs(sounding_ms(pcm_of_frames(frames)) - clean_sounding_ms(30_000)) < 600


@pytest.mark.parametrize("skew", [0.005, -0.005])
def test_a_clock_half_a_percent_off_is_followed(skew: float) -> None:
    line = Line(PCMA, words(60_000), skew=skew)
    frames, receiver = line.run(59_000)
    assert receiver.buffer.late == receiver.buffer.overflowed == 0
    assert receiver.buffer.buffered_ms < 120
    if skew > 0:
        assert receiver.shortened_ms == pytest.approx(59_000 * skew, abs=90)
    assert receiver.concealed_frames < 20
    expected = clean_sounding_ms(59_000) * (1 + skew)
    assert sounding_ms(pcm_of_frames(frames)) == pytest.approx(expected, rel=0.01)


def test_a_gap_of_the_sender_stays_a_gap_and_speech_after_it_is_whole() -> None:
    """DTX: nothing is sent for a second, then the timestamps go on where time is."""
    source = tone(1000) + bytes(32_000) + tone(1000)
    frames, receiver = Line(PCMA, source, silent=set(range(50, 100))).run(3200)
    heard = pcm_of_frames(frames)
    assert 1980 <= sounding_ms(heard) <= 2130  # each end fades for up to 60 ms: it could have been a loss
    onsets = np.abs(samples_of(heard)[16 * 1300 :]) > 2000
    assert 1990 <= 1300 + int(np.argmax(onsets)) / 16 <= 2060
    assert receiver.buffer.late == 0


def test_audio_that_a_stall_held_up_is_heard_late_but_heard() -> None:
    def delay(number: int) -> float:
        return 5.0 + max(0, 400 - (number - 100) * 20) if 100 <= number < 120 else 5.0

    frames, receiver = Line(PCMA, words(8000), delay_ms=delay).run(8200)
    # Half of the 400 ms at most comes out of speech (a fifth faster for a second), none of it is cut away.
    assert 0 <= clean_sounding_ms(8000) - sounding_ms(pcm_of_frames(frames)) <= 200
    assert receiver.buffer.late == 0
    assert receiver.buffer.buffered_ms < 100  # the lag was squeezed out again
    assert receiver.shortened_ms > 250


def test_a_restarted_timeline_is_followed() -> None:
    receiver = ReceivedAudio(PCMA)
    payload = PCMA.new_encoder().encode(tone(20))
    for number in range(200):
        base = 900_000 if number < 100 else 1000  # an SSRC that goes on with other timestamps
        packet = RtpPacket(8, number, base + number * 160, 1, payload)
        receiver.receive(packet, number * 20.0)
        frame = receiver.frame(number * 20.0 + 7)
    assert receiver.buffer.resets == 1
    assert not frame.concealed
    assert level_dbfs(frame.pcm) > -20


def test_silence_before_the_first_packet_is_not_called_concealed() -> None:
    receiver = ReceivedAudio(PCMA)
    assert [receiver.frame(slot * 20.0).concealed for slot in range(5)] == [False] * 5


def test_a_burst_of_the_past_cannot_grow_the_buffer() -> None:
    receiver = ReceivedAudio(PCMA)
    payload = bytes(160)
    for number in range(5000):
        receiver.receive(RtpPacket(8, number & 0xFFFF, number * 160, 1, payload), 0.0)
    assert receiver.buffer.buffered_ms <= 1000
    assert receiver.buffer.overflowed == 4950


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\xff" * 3])
def test_odd_payloads_do_no_harm(payload: bytes) -> None:
    for codec in (PCMA, G722, OPUS):
        receiver = ReceivedAudio(codec)
        for number in range(20):
            receiver.receive(RtpPacket(8, number, number * 160, 1, payload), number * 20.0)
            assert len(receiver.frame(number * 20.0 + 5).pcm) == FRAME_BYTES
