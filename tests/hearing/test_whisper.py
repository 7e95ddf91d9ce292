"""The recogniser with real weights, alone and in a worker process."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from voicebot.audio import resample_clip
from voicebot.errors import ModelMissing, SpeechWorkerDied
from voicebot.hearing.pool_transcriber import PoolTranscriber
from voicebot.hearing.smart_turn import SmartTurn
from voicebot.hearing.telephone_band import through_telephone
from voicebot.hearing.transcriber import TranscriptionRequest
from voicebot.hearing.whisper import WhisperEngine
from voicebot.speech_workers import EngineSpec, WorkerPool

WEIGHTS = Path(__file__).parents[2] / "models" / "weights"
ARGUMENTS = {
    "model": str(WEIGHTS / "whisper-base"),
    "vad": str(WEIGHTS / "silero-vad-v6" / "silero_vad_v6.onnx"),
    "threads": 1,
}
RATE = 16_000


@pytest.fixture(scope="module")
def engine() -> WhisperEngine:
    return WhisperEngine(**ARGUMENTS)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def speak() -> Iterator[object]:
    """An English Piper voice as the caller."""
    from piper import PiperVoice

    voice = PiperVoice.load(str(WEIGHTS / "piper-en_US-joe-medium" / "en_US-joe-medium.onnx"))

    def say(text: str) -> bytes:
        chunks = list(voice.synthesize(text))
        pcm = b"".join(chunk.audio_int16_bytes for chunk in chunks)
        return bytes(4800) + resample_clip(pcm, chunks[0].sample_rate, RATE) + bytes(9600)

    return say


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def noises() -> Iterator[tuple[str, bytes]]:
    """Three seconds each of what a line carries besides speech, at -26 dBFS."""
    random = np.random.default_rng(3)
    size = 3 * RATE
    time = np.arange(size) / RATE
    white = random.standard_normal(size)

    def coloured(power: float) -> np.ndarray:
        spectrum = np.fft.rfft(random.standard_normal(size))
        return np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 1) ** power, size)

    def tone(hertz: float) -> np.ndarray:
        return np.sin(2 * np.pi * hertz * time)

    swell = 0.5 + 0.5 * tone(4)
    kinds = {
        "white": white,
        "pink": coloured(0.5),
        "brown": coloured(1),
        "hum": tone(50) + 0.3 * tone(150),
        "dial tone": tone(425),
        "busy tone": tone(425) * (time % 1 < 0.5),
        "ringback": tone(425) * (time % 5 < 1),
        "dtmf": tone(770) + tone(1336),
        "dtmf bursts": (tone(697) + tone(1209)) * (time % 0.3 < 0.1),
        "modulated": coloured(0.7) * swell,
        "breath": coloured(0.3) * np.abs(tone(0.35)) ** 3,
        "clicks": (np.arange(size) % 4000 == 0) + 1e-5 * white,
        "cough": coloured(0.4)
        * (np.exp(-(((time - 1) / 0.08) ** 2)) + 0.7 * np.exp(-(((time - 1.35) / 0.1) ** 2))),
        "bump": np.exp(-time * 30) * tone(80) + 1e-6 * white,
        "music": (tone(262) + tone(330) + tone(392)) * np.exp(-(time % 0.5) * 4),
        "crackle": (random.random(size) < 0.002) * white,
        "chirp": np.sin(2 * np.pi * (300 * time + 400 * time**2)),
        "siren": np.sin(2 * np.pi * (600 * time + 200 * np.sin(np.pi * time))),
        "radio": tone(1000) * swell + 0.2 * white,
    }
    for name, samples in kinds.items():
        scaled = samples / np.sqrt(np.mean(samples**2)) * 10 ** (-26 / 20)
        yield name, (np.clip(scaled, -1, 1) * 32767).astype("<i2").tobytes()
    yield "digital silence", bytes(2 * size)
    yield "quiet line", (white * 10).astype("<i2").tobytes()
    yield "nothing", b""
    yield "odd byte", b"\x01"


def test_absent_weights_are_named(tmp_path):
    with pytest.raises(ModelMissing, match="models pull"):
        WhisperEngine(str(tmp_path))
    with pytest.raises(ModelMissing, match="models pull"):
        SmartTurn(str(tmp_path / "none.onnx"))


def test_telephone_keeps_length_and_cuts_what_a_line_cannot_carry():
    time = np.arange(RATE) / RATE

    def level(hertz: float) -> float:
        pcm = (np.sin(2 * np.pi * hertz * time) * 8000).astype("<i2").tobytes()
        heard = through_telephone(pcm)
        assert len(heard) == len(pcm)
        return float(np.sqrt(np.mean(np.frombuffer(heard, "<i2").astype(float) ** 2))) / (8000 / np.sqrt(2))

    assert level(1000) == pytest.approx(1, abs=0.05)
    assert level(100) < 0.05
    assert level(6000) < 0.05
    assert through_telephone(b"") == b""


@pytest.mark.models
@pytest.mark.parametrize("on_telephone", [False, True])
def test_hears_english_sentences_word_for_word(on_telephone, engine, speak):
    for text in ("I would like to speak to a human please.", "What are your opening hours on Saturday?"):
        pcm = through_telephone(speak(text)) if on_telephone else speak(text)
        answer = engine.transcribe(TranscriptionRequest(pcm, prior={"nl": 0.85, "en": 0.15}))
        assert words(answer.text) == words(text)
        assert answer.language == "en"
        assert sum(answer.language_probabilities.values()) == pytest.approx(1)


@pytest.mark.models
@pytest.mark.parametrize(
    ("on_telephone", "bias"),
    [
        (False, {}),
        (True, {"nl": "Openingstijden, bestelling, medewerker.", "en": "Opening hours, order, agent."}),
    ],
    ids=["wideband", "telephone, biased"],
)
def test_noise_and_silence_are_no_text(on_telephone, bias, engine):
    made_up = {}
    for name, pcm in noises():
        heard = through_telephone(pcm) if on_telephone and len(pcm) > 1 else pcm
        answer = engine.transcribe(TranscriptionRequest(heard, prompts=bias))
        if answer.text:
            made_up[name] = answer.text
    assert made_up == {}


@pytest.mark.models
def test_forced_language_and_vocabulary_bias_are_used(engine, speak):
    pcm = speak("My name is Janssens from Boechout.")
    plain = engine.transcribe(TranscriptionRequest(pcm, language="en"))
    biased = engine.transcribe(
        TranscriptionRequest(pcm, language="en", prompts={"en": "Janssens, Boechout."})
    )
    assert plain.language_probabilities == {"nl": 0.0, "en": 1.0}
    assert "Boechout" not in plain.text
    assert "Boechout" in biased.text
    assert engine.transcribe(TranscriptionRequest(pcm, language="nl")).language == "nl"


@pytest.mark.models
def test_only_the_last_thirty_seconds_count(engine, speak):
    end = speak("The front wheel is broken.")
    answer = engine.transcribe(TranscriptionRequest(bytes(40 * RATE * 2) + end, language="en"))
    assert words("front wheel is broken")[-3:] == words(answer.text)[-3:]


@pytest.mark.models
def test_smart_turn_votes_only_when_asked(engine, speak):
    voting = WhisperEngine(
        **ARGUMENTS,  # type: ignore[arg-type]
        smart_turn=str(WEIGHTS / "smart-turn-v3.2" / "smart-turn-v3.2-cpu.onnx"),
    )
    pcm = speak("I would like to speak to a human please.")
    whole = voting.transcribe(TranscriptionRequest(pcm, language="en")).turn_completeness
    cut = voting.transcribe(
        TranscriptionRequest(pcm[: len(pcm) * 4 // 10 // 2 * 2], language="en")
    ).turn_completeness
    assert whole is not None
    assert cut is not None
    assert whole > 0.5
    assert whole > cut
    assert engine.transcribe(TranscriptionRequest(pcm, language="en")).turn_completeness is None


@pytest.mark.models
async def test_transcriber_over_the_pool_survives_a_killed_worker(speak):
    pcm = speak("Can you repeat that?")
    pool = WorkerPool(
        "ears",
        EngineSpec("voicebot.hearing.whisper:WhisperEngine", ARGUMENTS),
        time_limit_seconds=30,
        backoff_seconds=(0.01, 0.1),
    )
    await pool.start()
    try:
        transcriber = PoolTranscriber(pool)
        request = TranscriptionRequest(pcm, language="en", is_speculative=True)
        assert words((await transcriber.transcribe(request)).text) == ["can", "you", "repeat", "that"]
        os.kill(pool.status.pids[0], signal.SIGKILL)
        try:
            answer = await transcriber.transcribe(request)
        except SpeechWorkerDied:
            answer = await transcriber.transcribe(request)
        assert words(answer.text) == ["can", "you", "repeat", "that"]
    finally:
        await pool.close()
