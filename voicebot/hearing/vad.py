"""Voice activity: webrtcvad as a cheap gate on every frame, Silero to confirm while the gate is open.

webrtcvad alone takes noise for speech, Silero hardly ever (speech-notes). Silero runs on 32 ms windows and
only while the gate is open, with a little audio from before so that its state is warm.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import webrtcvad

from voicebot.audio import FRAME_MS, SAMPLE_RATE, AudioFrame
from voicebot.hearing.silero import WINDOW_SAMPLES, SileroStream
from voicebot.hearing.vad_decision import VadDecision

__all__ = ["VadConfig", "VadDecision", "VoiceActivity", "webrtc_gate"]

WINDOW_BYTES = WINDOW_SAMPLES * 2
MAX_WINDOWS = 2
"""Windows run in one frame's time at most: audio from before the gate is caught up with over some frames."""
Gate = Callable[[bytes], bool]
"""Takes 640 bytes of s16le 16 kHz; says whether they may be speech."""


@dataclass(frozen=True, slots=True)
class VadConfig:
    """Thresholds.

    `aggressiveness`: webrtcvad's 0-3. `start_probability`, `stay_probability`: Silero's, to begin a stretch
    and to remain in it. `start_windows`: windows in a row that must agree to begin (one knock is not speech).
    `gate_hold_ms`: the gate stays open so long after its last voiced frame. `warm_up_ms`: audio from before
    the gate that Silero hears first. `join_ms`: gaps up to this belong to the stretch. `onset_reach_ms`: how
    far back the onset may lie before Silero was sure.
    """

    aggressiveness: int = 2
    start_probability: float = 0.5
    start_windows: int = 2
    stay_probability: float = 0.35
    gate_hold_ms: int = 240
    warm_up_ms: int = 120
    join_ms: int = 140
    onset_reach_ms: int = 160


def webrtc_gate(aggressiveness: int) -> Gate:
    """Return a webrtcvad gate with a state of its own."""
    vad = webrtcvad.Vad(aggressiveness)
    return lambda pcm: bool(vad.is_speech(pcm, SAMPLE_RATE))


class VoiceActivity:
    """State of one call. `windows_run` counts Silero's runs."""

    def __init__(
        self, silero: SileroStream, config: VadConfig | None = None, gate: Gate | None = None
    ) -> None:
        self._config = config or VadConfig()
        self._silero = silero
        self._gate = gate or webrtc_gate(self._config.aggressiveness)
        self._before: deque[bytes] = deque(maxlen=max(1, self._config.warm_up_ms // FRAME_MS))
        self._pending = bytearray()
        self._unvoiced_ms = self._config.gate_hold_ms
        self._is_open = False
        self._probability = 0.0
        self._sure_windows = 0
        self._voiced_since: int | None = None
        self._is_speech = False
        self._onset: int | None = None
        self._last_speech_end: int | None = None
        self._is_in_stretch = False
        self.windows_run = 0

    def process(self, frame: AudioFrame) -> VadDecision:
        """Take the next frame of 20 ms. A concealed (made-up) frame never begins speech."""
        is_voiced = self._gate(frame.pcm)
        self._unvoiced_ms = 0 if is_voiced else self._unvoiced_ms + FRAME_MS
        if self._unvoiced_ms >= self._config.gate_hold_ms:
            self._close()
        elif not self._is_open:
            self._is_open = True
            self._silero.reset()
            self._pending[:] = b"".join(self._before)
        if self._is_open:
            self._pending += frame.pcm
            self._run_silero()
        else:
            self._before.append(frame.pcm)
        if is_voiced and self._voiced_since is None:
            self._voiced_since = frame.at_ms
        elif self._unvoiced_ms >= 2 * FRAME_MS:
            self._voiced_since = None
        return self._decide(frame)

    def _close(self) -> None:
        self._is_open = False
        self._probability = 0.0
        self._sure_windows = 0
        self._pending.clear()

    def _run_silero(self) -> None:
        for _ in range(MAX_WINDOWS):
            if len(self._pending) < WINDOW_BYTES:
                return
            self._probability = self._silero.process(bytes(self._pending[:WINDOW_BYTES]))
            sure = self._probability >= self._config.start_probability
            self._sure_windows = self._sure_windows + 1 if sure else 0
            self.windows_run += 1
            del self._pending[:WINDOW_BYTES]

    def _decide(self, frame: AudioFrame) -> VadDecision:
        config = self._config
        is_sure = self._sure_windows >= config.start_windows
        stays = self._is_speech and self._probability >= config.stay_probability
        is_speech = self._is_open and (is_sure or stays)
        if frame.concealed and not self._is_speech:
            is_speech = False
        self._is_speech = is_speech
        end = frame.at_ms + FRAME_MS
        if is_speech:
            if not self._is_in_stretch:
                self._begin_stretch(frame.at_ms)
            self._last_speech_end = end
        silence_ms = end - (self._last_speech_end or 0)
        if not is_speech and silence_ms > config.join_ms:
            self._is_in_stretch = False
        speech_ms = 0
        if self._is_in_stretch and self._onset is not None and self._last_speech_end is not None:
            speech_ms = self._last_speech_end - self._onset
        return VadDecision(frame.at_ms, is_speech, self._probability, speech_ms, silence_ms, self._onset)

    def _begin_stretch(self, at_ms: int) -> None:
        """Back-date the onset to where the gate opened: Silero is sure only some windows later."""
        self._is_in_stretch = True
        earliest = at_ms - self._config.onset_reach_ms
        if self._last_speech_end is not None:
            earliest = max(earliest, self._last_speech_end)
        since = self._voiced_since if self._voiced_since is not None else at_ms
        self._onset = max(earliest, min(since, at_ms), 0)
