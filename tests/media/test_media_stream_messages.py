"""Messages as text and values, without a socket."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.media.media_stream_messages import (
    INVALID_DATA,
    POLICY,
    UNSUPPORTED,
    Clear,
    Connected,
    Dtmf,
    GatewayWriter,
    Mark,
    Media,
    MessageRefused,
    Received,
    SequenceCheck,
    Started,
    Stopped,
    Unknown,
    clear_message,
    mark_message,
    media_to_gateway,
    parse,
)

# As in Twilio's documentation of the messages.
DOCUMENTED_START = """{
 "event": "start", "sequenceNumber": "1",
 "start": {
   "accountSid": "AC1", "streamSid": "MZ18ad3ab5a668481ce02b83e7395059f0", "callSid": "CA1",
   "tracks": ["inbound"],
   "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
   "customParameters": {"FirstName": "Jane"}
 },
 "streamSid": "MZ18ad3ab5a668481ce02b83e7395059f0"
}"""
DOCUMENTED_MEDIA = """{"event": "media", "sequenceNumber": "3", "streamSid": "MZ1",
 "media": {"track": "outbound", "chunk": "1", "timestamp": "5", "payload": "no+JhoaJjpz="}}"""
DOCUMENTED_DTMF = """{"event": "dtmf", "streamSid": "MZ1", "sequenceNumber": "5",
 "dtmf": {"track": "inbound_track", "digit": "1"}}"""


def test_documented_messages_are_read() -> None:
    started = Started("MZ18ad3ab5a668481ce02b83e7395059f0", "CA1", {"FirstName": "Jane"})
    assert parse(DOCUMENTED_START) == Received(started, 1)
    media = Media(base64.b64decode("no+JhoaJjpz="), 5, is_inbound=False)
    assert parse(DOCUMENTED_MEDIA) == Received(media, 3)
    assert parse(DOCUMENTED_DTMF) == Received(Dtmf("1"), 5)
    assert parse('{"event":"connected","protocol":"Call","version":"1.0.0"}') == Received(Connected(), None)
    assert parse('{"event":"mark","sequenceNumber":4,"mark":{"name":"x"}}') == Received(Mark("x"), 4)
    assert parse('{"event":"stop","stop":{}}') == Received(Stopped(), None)
    assert parse('{"event":"teleport"}') == Received(Unknown(), None)


@pytest.mark.parametrize(
    ("text", "close_code"),
    [
        (b"\x00\x01", UNSUPPORTED),
        ("", INVALID_DATA),
        ("[]", INVALID_DATA),
        ("{}", INVALID_DATA),
        ("[" * 100_000, INVALID_DATA),
        ('{"event":"media"}', INVALID_DATA),
        ('{"event":"media","media":{"payload":"%%%"}}', INVALID_DATA),
        ('{"event":"media","media":{"payload":7}}', INVALID_DATA),
        ('{"event":"dtmf","dtmf":{"digit":"77"}}', INVALID_DATA),
        ('{"event":"dtmf","dtmf":{"digit":""}}', INVALID_DATA),
        ('{"event":"mark","mark":{"name":"' + "m" * 300 + '"}}', INVALID_DATA),
        ('{"event":"start","start":{}}', INVALID_DATA),
        ('{"event":"start","start":{"streamSid":"M","mediaFormat":{"encoding":"audio/L16"}}}', UNSUPPORTED),
        ('{"event":"start","start":{"streamSid":"M","mediaFormat":{"sampleRate":16000}}}', UNSUPPORTED),
        ('{"event":"start","start":{"streamSid":"M","customParameters":[1]}}', INVALID_DATA),
        ('{"event":"media","media":{"payload":"' + "AAAA" * 6000 + '"}}', POLICY),
    ],
)
def test_malformed_messages_are_refused_with_a_close_code(text: str | bytes, close_code: int) -> None:
    with pytest.raises(MessageRefused) as refused:
        parse(text)
    assert refused.value.close_code == close_code
    assert len(refused.value.reason.encode()) <= 123  # the room of a close frame, RFC 6455 §5.5


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
event_names = st.sampled_from(["connected", "start", "media", "dtmf", "mark", "clear", "stop", "x"])


@given(event_names, json_values, st.text())
def test_any_json_is_read_or_refused(event: str, section: object, other: str) -> None:
    for text in (other, json.dumps({"event": event, event: section, "sequenceNumber": section})):
        try:
            assert isinstance(parse(text), Received)
        except MessageRefused:
            continue


@given(st.lists(st.binary(max_size=400), max_size=8), st.text(min_size=1, max_size=20))
def test_what_a_gateway_writes_is_read_back_in_order(chunks: list[bytes], name: str) -> None:
    writer, check = GatewayWriter("MZ1", "CA1"), SequenceCheck()
    name = name.encode("utf-8", "ignore").decode() or "m"
    texts = [writer.connected(), writer.start({"caller": "x"}), *(writer.media(chunk) for chunk in chunks)]
    received = [parse(text) for text in (*texts, writer.dtmf("#"), writer.mark(name), writer.stop())]
    for one in received:
        check.note(one.sequence)
    messages = [one.message for one in received]
    assert messages[:2] == [Connected(), Started("MZ1", "CA1", {"caller": "x"})]
    assert messages[-3:] == [Dtmf("#"), Mark(name), Stopped()]
    media = [message for message in messages if isinstance(message, Media)]
    assert [one.payload for one in media] == chunks
    starts = [sum(map(len, chunks[:place])) // 8 for place in range(len(chunks))]
    assert [one.timestamp_ms for one in media] == starts
    assert (check.gaps, check.repeated) == (0, 0)


def test_what_we_write_to_a_gateway_has_the_documented_form() -> None:
    assert json.loads(media_to_gateway("MZ1", b"\xff\x7f")) == {
        "event": "media",
        "streamSid": "MZ1",
        "media": {"payload": "/38="},
    }
    assert parse(mark_message("MZ1", "end")).message == Mark("end")
    assert parse(clear_message("MZ1")).message == Clear()


def test_gaps_and_repetitions_in_the_numbers_are_counted() -> None:
    check = SequenceCheck()
    for number in (1, 2, 5, 5, 4, None, 6):
        check.note(number)
    assert (check.gaps, check.repeated) == (2, 2)
