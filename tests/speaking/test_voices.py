from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from voicebot.audio import SAMPLE_RATE
from voicebot.errors import ModelError, ModelMissing
from voicebot.events import Language
from voicebot.speaking.espeak import EspeakEngine, EspeakSettings
from voicebot.speaking.levels import CEILING, LONGEST_PAUSE_MS, TARGET_DBFS, active_level, from_pcm, to_pcm
from voicebot.speaking.piper import PiperEngine
from voicebot.speaking.pool_synthesiser import ENGINE_FACTORY, PoolSynthesiser
from voicebot.speaking.spoken_text import spoken
from voicebot.speaking.synthesiser import SpeechRequest
from voicebot.speaking.voices import LEAD_MS, TAIL_MS, VoicesEngine, VoiceSpec, voices_of
from voicebot.speech_workers import EngineSpec, WorkerPool

JOE = Path("models/weights/piper-en_US-joe-medium/en_US-joe-medium.onnx")
DUTCH = "Goedemiddag, u spreekt met de digitale assistent. Waarmee kan ik u helpen?"
ENGLISH = "Good afternoon, you are speaking to the automated assistant. How can I help you?"


@pytest.fixture(scope="module")
def espeak_only() -> VoicesEngine:
    return VoicesEngine({"nl": VoiceSpec("espeak"), "en": VoiceSpec("espeak")})


@pytest.fixture(scope="module")
def with_piper() -> VoicesEngine:
    if not JOE.is_file():
        pytest.skip("no Piper voice on disk: voicebot models pull")
    return VoicesEngine({"en": VoiceSpec("piper", JOE)})


def longest_silence_ms(samples: np.ndarray) -> int:
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    quiet = np.sqrt(np.mean(frames.astype(np.float64) ** 2, axis=1)) < 0.002
    longest = run = 0
    for is_quiet in quiet:
        run = run + 1 if is_quiet else 0
        longest = max(longest, run)
    return longest * 10


def spoken_seconds(pcm: bytes, rate_hz: int = SAMPLE_RATE) -> float:
    loud = np.flatnonzero(np.abs(from_pcm(pcm)) > 0.01)
    return float(loud[-1] - loud[0]) / rate_hz


def check_sound(engine: VoicesEngine, text: str, language: Language) -> float:
    chunks = list(engine.synthesise(SpeechRequest(text, language)))
    samples = from_pcm(b"".join(chunks))
    assert float(np.abs(samples).max()) <= CEILING + 0.001
    assert longest_silence_ms(samples) <= LONGEST_PAUSE_MS + 50
    first = np.flatnonzero(np.abs(samples) > 0.005)[0] / SAMPLE_RATE
    assert first < (LEAD_MS + 40) / 1000
    assert len(chunks) == 2
    return active_level(samples)


@pytest.mark.parametrize(("text", "language"), [(DUTCH, "nl"), (ENGLISH, "en"), ("Ja. Nee.", "nl")])
def test_espeak_is_level_unclipped_and_prompt(
    espeak_only: VoicesEngine, text: str, language: Language
) -> None:
    assert check_sound(espeak_only, text, language) == pytest.approx(TARGET_DBFS, abs=0.75)


@pytest.mark.models
def test_piper_is_as_loud_as_espeak(with_piper: VoicesEngine) -> None:
    dutch, english = check_sound(with_piper, DUTCH, "nl"), check_sound(with_piper, ENGLISH, "en")
    assert abs(dutch - english) < 1.5


def test_rate_changes_the_length(espeak_only: VoicesEngine) -> None:
    def length(rate: float) -> int:
        return sum(map(len, espeak_only.synthesise(SpeechRequest(DUTCH, "nl", rate))))

    assert length(0.8) > 1.1 * length(1.0)
    assert length(1.3) < 0.9 * length(1.0)


@pytest.mark.models
def test_piper_rate_changes_the_length(with_piper: VoicesEngine) -> None:
    def length(rate: float) -> int:
        return sum(map(len, with_piper.synthesise(SpeechRequest(ENGLISH, "en", rate))))

    assert length(0.7) > 1.2 * length(1.3)


@pytest.mark.parametrize("text", ["", "   ", "...", "?"])
def test_nothing_to_say_is_no_sound(espeak_only: VoicesEngine, text: str) -> None:
    assert list(espeak_only.synthesise(SpeechRequest(text, "nl"))) == []


def test_tail_is_short(espeak_only: VoicesEngine) -> None:
    samples = from_pcm(b"".join(espeak_only.synthesise(SpeechRequest("Tot ziens.", "nl"))))
    last = np.flatnonzero(np.abs(samples) > 0.005)[-1]
    assert (len(samples) - last) / SAMPLE_RATE < (TAIL_MS + 80) / 1000


def test_broken_or_missing_piper_model_is_replaced_by_espeak(tmp_path: Path) -> None:
    broken = tmp_path / "nl_NL-x-medium.onnx"
    broken.write_bytes(b"not a model")
    broken.with_name(broken.name + ".json").write_text("{}")
    engine = VoicesEngine({"nl": VoiceSpec("piper", broken), "en": VoiceSpec("piper", tmp_path / "en.onnx")})
    assert engine.degraded == ["nl", "en"]
    assert all(name.startswith("espeak") for name in engine.voice_ids().values())
    assert b"".join(engine.synthesise(SpeechRequest("Yes.", "en")))
    with pytest.raises(ModelError):
        PiperEngine(broken)
    with pytest.raises(ModelMissing):
        PiperEngine(tmp_path / "en.onnx")


@pytest.mark.models
def test_onnx_that_cannot_be_parsed_is_replaced_by_espeak(tmp_path: Path) -> None:
    if not JOE.is_file():
        pytest.skip("no Piper voice on disk: voicebot models pull")
    cut = tmp_path / JOE.name
    cut.write_bytes(JOE.read_bytes()[:100_000])
    shutil.copy(JOE.with_name(JOE.name + ".json"), tmp_path)
    assert VoicesEngine({"en": VoiceSpec("piper", cut)}).degraded == ["en"]


def test_voice_that_fails_on_a_sentence_is_stood_in_for(espeak_only: VoicesEngine) -> None:
    class Failing:
        voice_id = "failing"

        def sentence(self, text: str, rate: float) -> Iterator[np.ndarray]:
            raise RuntimeError("no")
            yield np.zeros(0)

    engine = VoicesEngine({})
    engine._engines["nl"] = Failing()
    stood_in = b"".join(engine.synthesise(SpeechRequest("Ja.", "nl")))
    assert spoken_seconds(stood_in) == pytest.approx(
        spoken_seconds(b"".join(espeak_only.synthesise(SpeechRequest("Ja.", "nl")))), abs=0.005
    )


def test_espeak_takes_as_long_each_time_and_across_languages() -> None:
    dutch, english = EspeakEngine("nl"), EspeakEngine("en")
    first = np.concatenate(list(dutch.sentence("Goedemorgen.", 1.0)))
    list(english.sentence("Good morning.", 1.0))
    again = np.concatenate(list(dutch.sentence("Goedemorgen.", 1.0)))
    assert len(again) == pytest.approx(len(first), abs=SAMPLE_RATE // 500)  # its flutter never repeats
    assert dutch.voice_id != english.voice_id


def test_unknown_espeak_voice_is_an_error() -> None:
    with pytest.raises(ModelError, match="no voice"):
        list(EspeakEngine("nl", EspeakSettings("qq-none", 120, 40, 2)).sentence("Ja.", 1.0))


@pytest.mark.interop
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng binary is not installed")
def test_espeak_sounds_as_its_own_command_line() -> None:
    wav = subprocess.run(
        ["espeak-ng", "-v", "nl", "-s", "120", "-p", "40", "-g", "2", "--stdout", "Goedemorgen allemaal."],
        check=True,
        capture_output=True,
    ).stdout
    theirs = spoken_seconds(wav[44:], 22_050)
    ours = np.concatenate(list(EspeakEngine("nl").sentence("Goedemorgen allemaal.", 1.0)))
    assert spoken_seconds(to_pcm(ours)) == pytest.approx(theirs, abs=0.01)


def test_voices_of_takes_the_model_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "nl_NL-x-medium.onnx").touch()
    found = voices_of({"nl": tmp_path, "en": None})
    assert found == {"nl": VoiceSpec("piper", tmp_path / "nl_NL-x-medium.onnx"), "en": VoiceSpec("espeak")}


async def test_speech_through_a_worker_process_is_the_same(espeak_only: VoicesEngine) -> None:
    pool = WorkerPool("mouth", EngineSpec(ENGINE_FACTORY, {"voices": {}}))
    await pool.start()
    try:
        synthesiser = PoolSynthesiser(pool)
        assert synthesiser.voice_id("nl") == "unknown"
        await synthesiser.start()
        assert synthesiser.voice_id("nl") == espeak_only.voice_ids()["nl"]
        request = SpeechRequest(DUTCH, "nl")
        heard = [chunk async for chunk in synthesiser.synthesise(request)]
    finally:
        await pool.close()
    here = list(espeak_only.synthesise(request))
    assert len(heard) == len(here) == 2
    for far, near in zip(heard, here, strict=True):
        assert spoken_seconds(far) == pytest.approx(spoken_seconds(near), abs=0.005)
        assert active_level(from_pcm(far)) == pytest.approx(TARGET_DBFS, abs=0.75)


@pytest.mark.models
def test_whisper_understands_what_piper_says(with_piper: VoicesEngine) -> None:
    weights = Path("models/weights/whisper-base")
    if not (weights / "model.bin").is_file():
        pytest.skip("no Whisper on disk: voicebot models pull")
    from faster_whisper import WhisperModel

    model = WhisperModel(str(weights), device="cpu", compute_type="int8", cpu_threads=2)
    text = spoken("We are open from 9:00 to 17:30. Your order number is 48213.", "en")
    pcm = b"".join(with_piper.synthesise(SpeechRequest(text, "en")))
    segments, _ = model.transcribe(from_pcm(pcm), language="en", beam_size=1)
    heard = " ".join(segment.text for segment in segments).lower()
    for word in ("open", "morning", "afternoon", "order", "number"):
        assert word in heard
    assert [digit for digit in heard if digit.isdigit()][-5:] == list("48213")
