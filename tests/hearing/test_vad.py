from pathlib import Path

import numpy as np
import pytest

from tests.hearing.telephone_sounds import NOT_SPEECH, by_telephone, detect, pcm_of, silero, spoken
from voicebot.audio import FRAME_BYTES, AudioFrame
from voicebot.errors import ModelMissing
from voicebot.hearing.silero import SileroModel, SileroStream
from voicebot.hearing.vad import VadConfig, VoiceActivity


@pytest.mark.parametrize("name", NOT_SPEECH)
@pytest.mark.parametrize("is_telephone", [False, True], ids=["wide", "telephone"])
def test_no_sound_but_speech_counts(name, is_telephone):
    pcm = pcm_of(NOT_SPEECH[name])
    decisions = detect(by_telephone(pcm) if is_telephone else pcm)
    assert not [d.at_ms for d in decisions if d.is_speech]


@pytest.mark.parametrize("voice", ["nl", "nl+f2", "en"])
@pytest.mark.parametrize("text", ["ja", "nee", "stop", "medewerker", "ik wil een medewerker spreken"])
def test_speech_is_found_soon_and_its_onset_dated_back(tmp_path, text, voice):
    pcm = spoken(text, voice, tmp=tmp_path)
    level = (
        np.abs(np.frombuffer(pcm, "<i2").astype(float)[: len(pcm) // FRAME_BYTES * 320])
        .reshape(-1, 320)
        .mean(1)
    )
    loud = np.flatnonzero(level > 60)  # the s of 'stop' is soft in the telephone band
    first_ms, last_ms = loud[0] * 20, loud[-1] * 20
    decisions = detect(pcm)
    speech = [d for d in decisions if d.is_speech]
    assert speech[0].onset_at_ms is not None
    assert abs(speech[0].onset_at_ms - first_ms) <= 60
    assert speech[0].at_ms - first_ms <= 200  # barge-in must pause within 200 ms
    assert abs(speech[-1].at_ms - last_ms) <= 160
    assert decisions[-1].silence_ms == decisions[-1].at_ms - speech[-1].at_ms


def test_speech_over_line_noise_is_found(tmp_path):
    pcm = spoken("ik wil een medewerker spreken", tmp=tmp_path)
    clean = np.frombuffer(pcm, "<i2").astype(float)
    noisy = clean + np.random.default_rng(4).normal(0, np.sqrt(np.mean(clean**2)) / 4, len(clean))  # 12 dB
    speech = [d for d in detect(noisy.clip(-32768, 32767).astype("<i2").tobytes()) if d.is_speech]
    assert 1_200 <= len(speech) * 20 <= 2_600


class Scripted(SileroStream):
    """Probabilities as told, one a window."""

    def __init__(self, *probabilities: float) -> None:
        self.probabilities = list(probabilities)
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1

    def process(self, pcm: bytes) -> float:
        assert len(pcm) == 1_024
        return self.probabilities.pop(0) if self.probabilities else 0.0


def run(vad: VoiceActivity, frames: int, start: int = 0, concealed: bool = False) -> list:
    return [vad.process(AudioFrame(bytes(FRAME_BYTES), (start + n) * 20, concealed)) for n in range(frames)]


def test_silero_does_not_run_while_the_gate_is_closed():
    vad = VoiceActivity(Scripted(), gate=lambda pcm: False)
    assert not any(d.is_speech for d in run(vad, 50))
    assert vad.windows_run == 0


def test_one_window_alone_is_not_speech():
    vad = VoiceActivity(Scripted(0.9, 0.1, 0.9, 0.1, 0.9), gate=lambda pcm: True)
    assert not any(d.is_speech for d in run(vad, 20))


def test_a_stretch_goes_on_over_short_gaps_and_ends_after_long_ones():
    config = VadConfig(join_ms=140)
    script = [0.9] * 4 + [0.0] * 3 + [0.9] * 4 + [0.0] * 20
    decisions = run(VoiceActivity(Scripted(*script), config, gate=lambda pcm: True), 60)
    gaps = [d for d in decisions[5:] if not d.is_speech and d.speech_ms > 0]
    assert gaps
    assert len({d.onset_at_ms for d in decisions if d.is_speech}) == 1
    assert decisions[-1].speech_ms == 0
    lengths = [d.speech_ms for d in decisions if d.is_speech]
    assert lengths == sorted(lengths)


def test_the_gate_closes_after_its_hold_and_silero_starts_afresh():
    is_voiced = iter([True] * 5 + [False] * 20 + [True] * 5)
    stream = Scripted()
    vad = VoiceActivity(stream, VadConfig(gate_hold_ms=240, warm_up_ms=100), gate=lambda pcm: next(is_voiced))
    run(vad, 17)
    held = vad.windows_run
    run(vad, 8, 17)
    assert vad.windows_run == held  # closed
    run(vad, 5, 25)
    assert vad.windows_run > held + 3  # with the audio from before the gate
    assert stream.resets == 2


def test_made_up_audio_never_begins_speech():
    vad = VoiceActivity(Scripted(*[0.9] * 50), gate=lambda pcm: True)
    assert not any(d.is_speech for d in run(vad, 20, concealed=True))
    assert run(vad, 1, 20)[0].is_speech


def test_one_session_serves_many_calls():
    window = np.random.default_rng(0).integers(-2000, 2000, 512).astype("<i2").tobytes()
    first, second = silero().stream(), silero().stream()
    once = first.process(window)
    first.process(window)
    assert second.process(window) == pytest.approx(once, abs=1e-6)


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(ModelMissing):
        SileroModel(Path(tmp_path / "none.onnx"))
