"""Answers to offers, such as trunks, soft phones and browsers send."""

from __future__ import annotations

import pytest

from tests.sip.sdp_texts import HEAD, LOCAL, agreed, offer, refused
from voicebot.errors import SdpRefused
from voicebot.sip.sdp_answer import (
    MediaSettings,
    NegotiatedAudio,
    answer_offer,
)


def test_the_usual_trunk_offer() -> None:
    audio, answer = answer_offer(
        offer(
            "m=audio 49170 RTP/AVP 8 0 97", "a=rtpmap:97 telephone-event/8000", "a=fmtp:97 0-15", "a=ptime:20"
        ),
        LOCAL,
        session_id=99,
        version=3,
    )
    assert audio == NegotiatedAudio(
        codec="PCMA",
        clock_rate=8000,
        sample_rate=8000,
        payload_type_send=8,
        payload_type_receive=8,
        dtmf_send=97,
        dtmf_receive=97,
        dtmf_clock_rate=8000,
        ptime_ms=20,
        remote=("198.51.100.1", 49170),
        remote_rtcp_port=49171,
        direction="sendrecv",
        rtcp_mux=False,
    )
    assert answer.split("\r\n") == [
        "v=0",
        "o=- 99 3 IN IP4 192.0.2.1",
        "s=-",
        "c=IN IP4 192.0.2.1",
        "t=0 0",
        "m=audio 40000 RTP/AVP 8 97",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:97 telephone-event/8000",
        "a=fmtp:97 0-15",
        "a=ptime:20",
        "a=maxptime:60",
        "a=sendrecv",
        "",
    ]


def test_codec_is_matched_by_name_and_rate_and_answered_on_the_offered_number() -> None:
    audio, answer = answer_offer(
        offer(
            "m=audio 49170 RTP/AVP 96 107 101 110",
            "a=rtpmap:96 SILK/24000",
            "a=rtpmap:107 OPUS/48000/2",
            "a=rtpmap:101 telephone-event/8000",
            "a=rtpmap:110 telephone-event/48000",
        ),
        LOCAL,
    )
    assert (audio.codec, audio.payload_type_send, audio.clock_rate, audio.sample_rate) == (
        "opus",
        107,
        48000,
        48000,
    )
    assert (audio.dtmf_send, audio.dtmf_clock_rate) == (110, 48000)
    assert "a=rtpmap:107 opus/48000/2\r\n" in answer


def test_a_static_number_that_maps_to_something_else_is_not_that_codec() -> None:
    assert agreed("m=audio 4000 RTP/AVP 8 0", "a=rtpmap:8 G729/8000").codec == "PCMU"
    assert str(refused("m=audio 4000 RTP/AVP 9", "a=rtpmap:9 G722/16000")) == "no common codec"
    assert str(refused("m=audio 4000 RTP/AVP 111", "a=rtpmap:111 opus/48000")) == "no common codec"
    assert (
        str(refused("m=audio 4000 RTP/AVP 99 101", "a=rtpmap:101 telephone-event/8000")) == "no common codec"
    )


def test_offerers_order_unless_ours_is_preferred() -> None:
    lines = ("m=audio 4000 RTP/AVP 0 8 9",)
    wideband = MediaSettings("192.0.2.1", 40000, codecs=("G722", "PCMA", "PCMU"), prefers_own_order=True)
    assert agreed(*lines).codec == "PCMU"
    assert agreed(*lines, local=wideband).codec == "G722"
    assert agreed(*lines, local=wideband).sample_rate == 16000
    assert agreed(*lines, local=wideband).clock_rate == 8000
    assert agreed(*lines, local=MediaSettings("192.0.2.1", 40000, codecs=("PCMA",))).codec == "PCMA"


@pytest.mark.parametrize(
    ("attributes", "ptime_ms"),
    [
        ((), 20),
        (("a=ptime:30",), 30),
        (("a=ptime:60",), 60),
        (("a=ptime:10",), 10),
        (("a=ptime:25",), 20),
        (("a=ptime:200",), 60),
        (("a=ptime:5",), 10),
        (("a=ptime:40", "a=maxptime:30"), 30),
        (("a=maxptime:10",), 10),
        (("a=ptime:x",), 20),
        (("a=ptime:20.0",), 20),
        (("a=ptime:0",), 20),
    ],
)
def test_packet_length_is_what_the_peer_wants_within_10_to_60_ms(
    attributes: tuple[str, ...], ptime_ms: int
) -> None:
    assert agreed("m=audio 4000 RTP/AVP 8", *attributes).ptime_ms == ptime_ms


def test_opus_has_no_30_ms_packets() -> None:
    assert agreed("m=audio 4000 RTP/AVP 96", "a=rtpmap:96 opus/48000/2", "a=ptime:30").ptime_ms == 20


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
@pytest.mark.parametrize("where", ["media", "session"])
def test_direction_is_reversed(theirs: str, ours: str, where: str) -> None:
    line = f"a={theirs}"
    text = (
        offer("m=audio 4000 RTP/AVP 8", line)
        if where == "media"
        else offer("m=audio 4000 RTP/AVP 8", head=HEAD + line + "\r\n")
    )
    audio, answer = answer_offer(text, LOCAL)
    assert audio.direction == ours
    assert f"\r\na={ours}\r\n" in answer
    assert audio.is_held_by_peer == (theirs in ("sendonly", "inactive"))


def test_zero_address_is_an_old_style_hold() -> None:
    audio = agreed("m=audio 4000 RTP/AVP 8", "c=IN IP4 0.0.0.0")
    assert (audio.direction, audio.is_held_by_peer) == ("inactive", True)


def test_media_address_beats_that_of_the_session() -> None:
    audio = agreed("m=audio 4000 RTP/AVP 8", "c=IN IP4 203.0.113.5", "a=rtcp:5005", "a=rtcp-mux")
    assert audio.remote == ("203.0.113.5", 4000)
    assert (audio.rtcp_mux, audio.remote_rtcp_port) == (True, 4000)
    assert agreed("m=audio 4000 RTP/AVP 8", "a=rtcp:5005 IN IP4 10.0.0.1").remote_rtcp_port == 5005


@pytest.mark.parametrize(
    "connection",
    [
        "IN IP4 media.example.com",
        "IN IP4 239.1.2.3",
        "IN IP4 224.2.1.1/127",
        "IN IP4 255.255.255.255",
        "IN IP4 240.0.0.1",
        "IN IP6 ff02::1",
        "IN IP6 198.51.100.1",
        "IN IP4 ::1",
        "IN IP6 fe80::1%eth0",
        "IN IP4 198.51.100.01",
        "IN IP4 3325256705",
        "IN IP6 2001:db8::1",
        "IN IP6 ::ffff:198.51.100.1",
    ],
)
def test_addresses_that_are_no_unicast_literal_of_our_family(connection: str) -> None:
    assert refused("m=audio 4000 RTP/AVP 8", f"c={connection}").status == 488


def test_ipv6_where_we_speak_it() -> None:
    local = MediaSettings("2001:db8::9", 40000)
    audio, answer = answer_offer(offer("m=audio 4000 RTP/AVP 8", "c=IN IP6 2001:db8::1"), local)
    assert audio.remote == ("2001:db8::1", 4000)
    assert "c=IN IP6 2001:db8::9\r\n" in answer


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_ports_out_of_range(port: str) -> None:
    assert refused(f"m=audio {port} RTP/AVP 8").status == 488


@pytest.mark.parametrize("proto", ["RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVPF", "RTP/AVPF"])
@pytest.mark.parametrize(
    "key", [(), ("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj",)]
)
def test_srtp_is_refused_with_and_without_keys(proto: str, key: tuple[str, ...]) -> None:
    error = refused(f"m=audio 4000 {proto} 8", *key)
    assert (error.status, str(error)) == (488, "only plain RTP/AVP is spoken here")


def test_plain_line_beside_an_srtp_line_is_taken_and_the_rest_declined() -> None:
    audio, answer = answer_offer(
        offer(
            "m=audio 4000 RTP/SAVP 8 0",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x",
            "m=video 4002 RTP/AVP 31 34",
            "m=audio 4004 RTP/AVP 0",
            "m=application 9 UDP/BFCP *",
            "m=audio 4006 RTP/AVP 8",
        ),
        LOCAL,
    )
    assert audio.remote[1] == 4004
    assert [line for line in answer.split("\r\n") if line.startswith("m=")] == [
        "m=audio 0 RTP/SAVP 8 0",
        "m=video 0 RTP/AVP 31 34",
        "m=audio 40000 RTP/AVP 0",
        "m=application 0 UDP/BFCP *",
        "m=audio 0 RTP/AVP 8",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "v=0\r\n",
        "v=1\r\no=- 1 1 IN IP4 1.2.3.4\r\nm=audio 4000 RTP/AVP 8\r\n",
        HEAD,
        HEAD + "m=audio\r\n",
        HEAD + "m=audio 4000 RTP/AVP\r\n",
        HEAD + "m=audio -1 RTP/AVP 8\r\n",
        HEAD + "m=audio x RTP/AVP 8\r\n",
        HEAD + "m=audio ٤٠٠٠ RTP/AVP 8\r\n",
        HEAD + "m=audio 4000 RTP/AVP 8\r\nc=IN IP4\r\n",
        HEAD + "m=audio 4000 RTP/AVP 8\r\nc=IN\r\n",
        HEAD + "m=audio 4000 RTP/AVP 96\r\na=rtpmap:x opus/48000/2\r\n",
        HEAD + "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/fast\r\n",
        HEAD + "b=AS:much\r\nm=audio 4000 RTP/AVP 8\r\n",
        HEAD + "m=audio 4000 RTP/AVP 8\x0bc=IN IP4 1.2.3.4\r\n",
        HEAD + "m=audio 4000 RTP/AVP 8\r\ns=\x00\r\n",
        HEAD + "m=audio 4000 RTP/AVP 8\r\n" + "a=x\r\n" * 5000,
        "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
    ],
)
def test_what_is_no_sdp_is_a_bad_request(text: str) -> None:
    with pytest.raises(SdpRefused) as caught:
        answer_offer(text, LOCAL)
    assert caught.value.status == 400


def test_too_many_lines_and_no_audio() -> None:
    assert refused(*["m=audio 4000 RTP/AVP 8"] * 17).status == 488
    assert str(refused("m=video 4000 RTP/AVP 31")) == "no audio line"


def test_bare_line_feeds_and_blank_lines_are_forgiven() -> None:
    text = offer("m=audio 4000 RTP/AVP 8", "", "a=sendonly").replace("\r\n", "\n")
    assert answer_offer(text, LOCAL)[0].direction == "recvonly"
