"""Offers read and answers written: a browser's, a gateway's, hostile ones."""

from __future__ import annotations

import random

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import SdpRefused
from voicebot.media.codecs import OPUS, PCMA, PCMU
from voicebot.media.webrtc_sdp import (
    AnswerParts,
    IceCredentials,
    choose_format,
    read_fragment,
    read_offer,
    write_answer,
)

PRINT = ":".join(["AB"] * 32)
CHROME = f"""v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 udp 2113937151 6f1c.local 51472 typ host generation 0
a=candidate:2 1 udp 2113937151 192.0.2.7 51473 typ host generation 0 network-cost 999
a=candidate:3 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active
a=candidate:4 1 udp 2113937151 224.0.0.1 51474 typ host
a=ice-ufrag:EsAw
a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1
a=ice-options:trickle
a=fingerprint:sha-256 {PRINT}
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=rtpmap:9 G722/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:EsAw
a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1
a=fingerprint:sha-256 {PRINT}
a=setup:actpass
a=mid:1
a=sctp-port:5000
a=max-message-size:262144
""".replace("\n", "\r\n")
OURS = AnswerParts(
    IceCredentials("ours", "p" * 22),
    (("sha-256", PRINT),),
    "active",
    ("1 1 udp 1 192.0.2.9 4000 typ host",),
    7,
)


def test_a_browsers_offer() -> None:
    offer = read_offer(CHROME)
    assert (offer.audio, offer.data) == (0, 1)
    assert offer.ice == IceCredentials("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1")
    assert [candidate.split()[4] for candidate in offer.candidates] == ["192.0.2.7"]
    assert not offer.has_all_candidates
    assert (111, "opus", 48000) in offer.payloads
    assert (8, "pcma", 8000) in offer.payloads  # a static type needs no rtpmap


@pytest.mark.parametrize(
    ("codecs", "expected"),
    [((OPUS, PCMA), (111, 110, 48000)), ((PCMA, OPUS), (8, 126, 8000)), ((PCMU,), (0, 126, 8000))],
)
def test_our_first_codec_and_its_own_key_events_are_taken(codecs, expected) -> None:  # type: ignore[no-untyped-def]
    agreed = choose_format(read_offer(CHROME), codecs)
    assert (agreed.send_type, agreed.event_send_type, agreed.event_clock_rate) == expected


def test_the_answer_is_one_that_aiortc_reads() -> None:
    offer = read_offer(CHROME)
    answer = SessionDescription.parse(write_answer(offer, choose_format(offer, (OPUS,)), OURS))
    audio, data = answer.media
    assert [codec.payloadType for codec in audio.rtp.codecs] == [111, 110]
    assert audio.direction == "sendrecv"
    assert audio.rtcp_mux
    assert audio.dtls.role == "client"
    assert audio.ice.usernameFragment == "ours"
    assert len(audio.ice_candidates) == 1
    assert data.sctp_port == 5000
    assert answer.group[0].items == ["0", "1"]


def test_what_is_not_taken_is_declined_in_its_place() -> None:
    video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\na=rtpmap:96 VP8/90000\r\n"
    before, mark, after = CHROME.partition("m=audio")
    offer = read_offer(before + video + mark + after)
    assert offer.audio == 1
    text = write_answer(offer, choose_format(offer, (PCMA,)), OURS)
    sections = [line for line in text.splitlines() if line.startswith("m=")]
    assert sections[0] == "m=video 0 UDP/TLS/RTP/SAVPF 96"
    assert sections[1].startswith("m=audio 9 ")


def test_a_data_channel_with_a_transport_of_its_own_is_declined() -> None:
    offer = read_offer(CHROME.replace("a=group:BUNDLE 0 1\r\n", ""))
    assert offer.data is None
    assert "m=application 0" in write_answer(offer, choose_format(offer, (OPUS,)), OURS)


@pytest.mark.parametrize(
    ("offered", "answered"),
    [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
def test_the_direction_is_mirrored(offered: str, answered: str) -> None:
    offer = read_offer(CHROME.replace("a=sendrecv", f"a={offered}"))
    assert f"a={answered}\r\n" in write_answer(offer, choose_format(offer, (OPUS,)), OURS)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("m=audio", "m=video"),
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        ("a=rtcp-mux", "a=x"),
        ("a=setup:actpass", "a=setup:holdconn"),
        ("a=ice-ufrag:EsAw", "a=ice-ufrag:a b"),
        ("a=ice-pwd:", "a=other:"),
        ("a=fingerprint:sha-256", "a=fingerprint:md5"),
        ("a=mid:0", "a=mid:0 <b>"),
        ("m=application", "m=application 1 X y\r\n" * 9 + "m=application"),
        ("v=0", "v=0" + "\r\na=x:" + "y" * 40_000),
    ],
)
def test_an_offer_that_cannot_be_used_is_refused(old: str, new: str) -> None:
    assert old in CHROME
    with pytest.raises(SdpRefused):
        read_offer(CHROME.replace(old, new))


def test_a_codec_that_nobody_offers_is_refused_with_the_names_of_ours() -> None:
    offer = read_offer(CHROME.replace("opus", "speex"))
    with pytest.raises(SdpRefused, match="offer one of opus"):
        choose_format(offer, (OPUS,))


def test_a_fragment_of_trickled_candidates() -> None:
    found = read_fragment(
        "a=ice-ufrag:EsAw\r\na=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\na=end-of-candidates"
    )
    assert found == (("1 1 udp 1 192.0.2.1 5000 typ host",), True, "EsAw")


@given(st.randoms(use_true_random=False))
def test_a_spoilt_offer_is_read_or_refused_and_its_answer_is_clean(chance: random.Random) -> None:
    text = list(CHROME)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(text))
        text[place : place + chance.randint(0, 3)] = chance.choice(
            ["", "\r\n", ":", "é", "9" * 12, "a=mid:0\r\n", " "]
        )
    try:
        offer = read_offer("".join(text))
        answer = write_answer(offer, choose_format(offer, (OPUS, PCMA, PCMU)), OURS)
    except SdpRefused:
        return
    assert answer.isascii()
    assert all(line[1] == "=" for line in answer.split("\r\n")[:-1])
    for candidate in offer.candidates:
        assert 0 < int(candidate.split()[5]) < 65536
