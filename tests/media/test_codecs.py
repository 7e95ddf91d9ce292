from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.media import tone, tone_dbfs
from voicebot.audio import FRAME_BYTES, SILENCE, level_dbfs
from voicebot.errors import MediaError
from voicebot.media import libopus
from voicebot.media.codecs import G722, OPUS, PCMA, PCMU, Codec, available_codecs, codec_named

CODECS = [PCMA, PCMU, G722, OPUS]


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_a_tone_comes_through_in_frames_of_20_ms(codec: Codec) -> None:
    encoder, decoder = codec.new_encoder(), codec.new_decoder()
    source = tone(1000)
    out = b""
    for start in range(0, len(source), FRAME_BYTES):
        payload = encoder.encode(source[start : start + FRAME_BYTES])
        assert codec.duration(payload) == codec.clock_rate // 50
        pcm = decoder.decode(payload)
        assert len(pcm) == FRAME_BYTES
        out += pcm
    assert tone_dbfs(out[6400:], 440) == pytest.approx(tone_dbfs(source, 440), abs=0.5)


def test_rtp_clocks() -> None:
    assert [codec.clock_rate for codec in CODECS] == [8000, 8000, 8000, 48000]


@pytest.mark.parametrize("codec", [PCMA, PCMU], ids=lambda codec: codec.name)
def test_the_silence_payload_is_what_silence_encodes_to(codec: Codec) -> None:
    assert codec.new_encoder().encode(SILENCE) == codec.silence


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@given(payload=st.binary(max_size=200))
def test_corrupt_payloads_never_raise(codec: Codec, payload: bytes) -> None:
    assert len(codec.new_decoder().decode(payload)) % 2 == 0
    assert codec.duration(payload) >= 0


def test_opus_conceals_by_itself_and_fades() -> None:
    encoder, decoder = OPUS.new_encoder(), OPUS.new_decoder()
    for _ in range(25):
        decoder.decode(encoder.encode(tone(20)))
    first = decoder.conceal(320)
    assert first is not None
    assert len(first) == FRAME_BYTES
    assert level_dbfs(first) > -30
    for _ in range(30):
        last = decoder.conceal(320)
    assert last is not None
    assert level_dbfs(last) < -50


@pytest.mark.parametrize("milliseconds", [10, 20, 40, 60])
def test_the_duration_of_an_opus_packet_is_read_from_its_toc(milliseconds: int) -> None:
    payload = OPUS.new_encoder().encode(tone(milliseconds))
    assert libopus.packet_samples(payload) == 48 * milliseconds


def test_codecs_are_found_by_name_only() -> None:
    assert codec_named("PCMA") is codec_named("pcma") is PCMA
    assert {codec_named(name).name for name in available_codecs()} >= {"PCMA", "PCMU", "G722"}
    with pytest.raises(MediaError):
        codec_named("telephone-event")
