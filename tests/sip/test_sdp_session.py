"""Both ends of a session: our offers and their answers, hold and resume, and damaged descriptions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sip.sdp_texts import LOCAL, offer
from voicebot.errors import SdpRefused
from voicebot.sip.sdp_answer import (
    AudioSession,
    MediaSettings,
    answer_offer,
    make_offer,
    read_answer,
)
from voicebot.sip.session_description import DIRECTIONS, parse_description


def test_our_offer_names_all_codecs_and_dtmf_at_both_rates() -> None:
    parsed = parse_description(make_offer(LOCAL, session_id=5))
    codecs = {c.payload_type: (c.encoding_name, c.clock_rate, c.channels) for c in parsed.media[0].codecs}
    assert list(codecs) == [8, 0, 9, 96, 101, 102]
    assert codecs[96] == ("opus", 48000, 2)
    assert codecs[102] == ("telephone-event", 48000, None)


def test_answer_with_payload_types_of_its_own() -> None:
    ours = make_offer(LOCAL)
    audio = read_answer(
        ours,
        offer(
            "m=audio 5000 RTP/AVP 120 121", "a=rtpmap:120 opus/48000/2", "a=rtpmap:121 telephone-event/48000"
        ),
        LOCAL,
    )
    assert (audio.payload_type_send, audio.payload_type_receive) == (120, 96)
    assert (audio.dtmf_send, audio.dtmf_receive, audio.dtmf_clock_rate) == (121, 102, 48000)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("m=audio 0 RTP/AVP 8",), 488),
        (("m=audio 5000 RTP/AVP 18",), 488),
        (("m=audio 5000 RTP/SAVP 8",), 488),
        (("m=video 5000 RTP/AVP 8",), 488),
        (("m=audio 5000 RTP/AVP 8", "c=IN IP4 sip.example.com"), 488),
        (("m=audio 5000 RTP/AVP 8", "c=IN IP4"), 400),
        (("m=audio 5000 RTP/AVP 8", "c=IN IP6 2001:db8::1"), 488),
    ],
)
def test_answers_that_we_cannot_live_with(lines: tuple[str, ...], status: int) -> None:
    with pytest.raises(SdpRefused) as caught:
        read_answer(make_offer(LOCAL), offer(*lines), LOCAL)
    assert caught.value.status == status


def test_hold_and_resume_keep_the_payload_types_and_raise_the_version() -> None:
    session = AudioSession(LOCAL, session_id=77)
    first = session.answer(
        offer(
            "m=audio 4000 RTP/AVP 109 100", "a=rtpmap:109 opus/48000/2", "a=rtpmap:100 telephone-event/48000"
        )
    )
    again = session.answer(
        offer(
            "m=audio 4000 RTP/AVP 109 100", "a=rtpmap:109 opus/48000/2", "a=rtpmap:100 telephone-event/48000"
        )
    )
    hold = session.offer("sendonly")
    assert first == again
    assert "o=- 77 1 IN" in first
    assert "o=- 77 2 IN" in hold
    assert "m=audio 40000 RTP/AVP 109 100\r\n" in hold
    audio = session.read_answer(offer("m=audio 4000 RTP/AVP 109", "a=rtpmap:109 opus/48000/2", "a=recvonly"))
    assert audio.direction == "sendonly"
    assert "o=- 77 3 IN" in session.offer("sendrecv")


def test_a_refused_reoffer_changes_nothing() -> None:
    session = AudioSession(LOCAL, session_id=1)
    session.answer(offer("m=audio 4000 RTP/AVP 8"))
    before = session.agreed
    with pytest.raises(SdpRefused):
        session.answer(offer("m=audio 4000 RTP/AVP 18"))
    assert session.agreed is before
    assert "o=- 1 2 IN" in session.offer("sendonly")


def test_an_answer_to_our_hold_never_makes_us_send_more_than_we_offered() -> None:
    session = AudioSession(LOCAL, session_id=1)
    session.offer("inactive")
    assert session.read_answer(offer("m=audio 4000 RTP/AVP 8", "a=sendrecv")).direction == "inactive"


@given(
    codecs=st.permutations(["PCMA", "PCMU", "G722", "opus"]).flatmap(
        lambda order: st.integers(1, 4).map(lambda n: tuple(order[:n]))
    ),
    theirs=st.permutations(["PCMA", "PCMU", "G722", "opus"]).map(tuple),
    own=st.booleans(),
    direction=st.sampled_from(DIRECTIONS),
)
def test_both_ends_agree_on_what_was_agreed(
    codecs: tuple[str, ...], theirs: tuple[str, ...], own: bool, direction: str
) -> None:
    caller = MediaSettings("192.0.2.7", 30000, codecs=codecs)
    called = MediaSettings("192.0.2.8", 32000, codecs=theirs, prefers_own_order=own)
    ours = make_offer(caller, direction=direction)  # type: ignore[arg-type]
    answered, answer = answer_offer(ours, called)
    read = read_answer(ours, answer, caller)
    assert answered.codec == read.codec == (min(codecs, key=theirs.index) if own else codecs[0])
    assert (answered.payload_type_send, answered.dtmf_send) == (read.payload_type_receive, read.dtmf_receive)
    assert (read.payload_type_send, read.dtmf_send) == (answered.payload_type_receive, answered.dtmf_receive)
    sending = {"sendrecv", "sendonly"}
    receiving = {"sendrecv", "recvonly"}
    assert (answered.direction in sending) == (read.direction in receiving)
    assert (answered.direction in receiving) == (read.direction in sending)
    assert answered.remote == ("192.0.2.7", 30000)
    assert read.remote == ("192.0.2.8", 32000)


VALID = offer(
    "m=audio 49170 RTP/AVP 8 0 96 97",
    "a=rtpmap:96 opus/48000/2",
    "a=rtpmap:97 telephone-event/8000",
    "a=fmtp:97 0-15",
    "a=ptime:20",
    "a=rtcp:4001",
    "a=sendrecv",
    "m=video 5000 RTP/AVP 31",
)


@given(st.data())
def test_damaged_sdp_is_answered_or_refused_and_nothing_else(data: st.DataObject) -> None:
    text = list(VALID)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(text)))
        text[at : at + data.draw(st.integers(0, 4))] = data.draw(st.text(max_size=4))
    _answered_or_refused("".join(text))


@given(
    st.lists(st.sampled_from([*VALID.split("\r\n"), "c=IN IP4 0.0.0.0", "a=inactive", "m=audio 0 RTP/AVP 8"]))
)
def test_shuffled_lines_are_answered_or_refused(lines: list[str]) -> None:
    _answered_or_refused("\r\n".join([*VALID.split("\r\n")[:2], *lines]))


@given(st.text())
def test_any_text_is_refused(text: str) -> None:
    _answered_or_refused(text)


def _answered_or_refused(text: str) -> None:
    try:
        audio, answer = answer_offer(text, LOCAL)
    except SdpRefused:
        return
    assert 0 < audio.remote[1] < 65536
    assert audio.ptime_ms in (10, 20, 30, 40, 50, 60)
    offered, answered = parse_description(text), parse_description(answer)
    assert [line.media for line in answered.media] == [line.media for line in offered.media]
    assert sum(line.port != 0 for line in answered.media) == 1
