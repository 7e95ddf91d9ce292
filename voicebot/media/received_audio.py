"""Packets of one source in, one 16 kHz frame of 20 ms out a slot: jitter buffer, decoder, concealment, skew.

No I/O and no clock: the time of arrival and of each slot is an argument, in milliseconds.
"""

from __future__ import annotations

import numpy as np

from voicebot.audio import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, AudioFrame, samples_of
from voicebot.media.codecs import Codec
from voicebot.media.concealment import Concealer, Samples, is_quiet, lengthened, shortened
from voicebot.media.jitter_buffer import Due, JitterBuffer, Missing
from voicebot.media.rtp_packet import RtpPacket

_MS = SAMPLE_RATE // 1000
_LATE_QUIET_MS, _LATE_MS, _LATE_FORCED_MS = 15.0, 40.0, 120.0
_HURRY_SLOTS = 4
"""Speech loses at most one period in so many slots: about a fifth faster, which recognisers follow."""
_EARLY_QUIET_MS, _EARLY_MS = -8.0, -20.0
_NOTHING: Samples = np.zeros(0, dtype=np.int16)


class ReceivedAudio:
    """The receiving end of one codec. A change of codec or SSRC takes a `restart()`."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._decoder = codec.new_decoder()
        self.buffer = JitterBuffer(codec.clock_rate)
        self._concealer = Concealer()
        self._ready: Samples = _NOTHING
        self._slots = self._next_hurry = 0
        self.concealed_frames = 0
        self.corrupt = 0
        self.shortened_ms = self.lengthened_ms = 0.0

    def restart(self, codec: Codec | None = None) -> None:
        """Forget the source (new SSRC, new codec); media time and counters go on."""
        old = self.buffer
        self._codec = codec or self._codec
        self._decoder = self._codec.new_decoder()
        self.buffer = JitterBuffer(self._codec.clock_rate)
        self.buffer.late, self.buffer.duplicates = old.late, old.duplicates
        self.buffer.overflowed, self.buffer.resets = old.overflowed, old.resets
        self._ready = _NOTHING

    def receive(self, packet: RtpPacket, at_ms: float) -> bool:
        """Take in an audio packet of this codec; False when it was late, twice, or empty."""
        duration = self._codec.duration(packet.payload)
        return self.buffer.insert(packet.timestamp, packet.payload, duration, at_ms)

    def frame(self, now_ms: float) -> AudioFrame:
        """The frame of this slot; call exactly once each 20 ms."""
        is_concealed = False
        self._adapt(now_ms)
        while self._ready.size < FRAME_SAMPLES:
            needed = FRAME_SAMPLES - self._ready.size
            due = self.buffer.take(now_ms, needed / _MS)
            if isinstance(due, Due):
                self._decode(due.payload)
                continue
            is_concealed = is_concealed or self.buffer.has_begun
            count = round(due.milliseconds * _MS) if isinstance(due, Missing) else needed
            self._append(self._made_up(max(1, min(count, needed))))
        samples, self._ready = self._ready[:FRAME_SAMPLES], self._ready[FRAME_SAMPLES:]
        pcm = samples.tobytes()
        frame = AudioFrame(SILENCE if not samples.any() else pcm, self._slots * 20, is_concealed)
        self.concealed_frames += is_concealed
        self._slots += 1
        return frame

    def skip_frame(self) -> None:
        """Let a slot pass in which nobody listens."""
        self._slots += 1

    def _decode(self, payload: bytes) -> None:
        pcm = self._decoder.decode(payload)
        if not pcm:
            self.corrupt += 1
            lost_ms = self._codec.duration(payload) * 1000 // self._codec.clock_rate
            self._append(self._made_up(lost_ms * _MS))
            return
        self._append(self._concealer.good(samples_of(pcm)))

    def _made_up(self, count: int) -> Samples:
        own = self._decoder.conceal(count)
        return self._concealer.lost(count, samples_of(own) if own else None)

    def _append(self, samples: Samples) -> None:
        self._ready = np.concatenate((self._ready, samples)) if self._ready.size else samples

    def _adapt(self, now_ms: float) -> None:
        """Squeeze or stretch by one period when audio waits longer or shorter than the jitter asks for."""
        excess = self.buffer.excess_ms(now_ms, self._ready.size / _MS)
        if excess > _LATE_QUIET_MS:
            while self._ready.size < FRAME_SAMPLES + 15 * _MS and self.buffer.has_next():
                self._take_next(now_ms)
            is_silent = is_quiet(self._ready[: 30 * _MS])
            may_hurry = excess > _LATE_MS and self._slots >= self._next_hurry
            if self._ready.size >= FRAME_SAMPLES + 15 * _MS and (is_silent or may_hurry):
                self._next_hurry = self._slots + (0 if is_silent else _HURRY_SLOTS)
                before = self._ready.size
                self._ready = shortened(self._ready, force=excess > _LATE_FORCED_MS)
                self.shortened_ms += (before - self._ready.size) / _MS
        elif excess < _EARLY_QUIET_MS:
            if self._ready.size < FRAME_SAMPLES and self.buffer.has_next():
                self._take_next(now_ms)
            if self._ready.size >= FRAME_SAMPLES and (
                excess < _EARLY_MS or is_quiet(self._ready[:FRAME_SAMPLES])
            ):
                before = self._ready.size
                self._ready = lengthened(self._ready, force=False)
                self.lengthened_ms += (self._ready.size - before) / _MS

    def _take_next(self, now_ms: float) -> None:
        due = self.buffer.take(now_ms, 0.0)
        if isinstance(due, Due):
            self._decode(due.payload)
