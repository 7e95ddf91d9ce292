"""The data channel's messages: what pages may say."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.media.leg import CallerTyping, DigitPressed, LegEndCause, TextReceived
from voicebot.media.webrtc_messages import SaidBye, caption_message, ended_message, read_message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"type":"text","text":"  hoi \\n daar "}', TextReceived("hoi daar")),
        ('{"type":"text","text":"' + "a" * 900 + '"}', TextReceived("a" * 500)),
        ('{"type":"text","text":"a\\u0007\\u202eb"}', TextReceived("ab")),
        ('{"type":"text","text":"  "}', None),
        ('{"type":"text","text":5}', None),
        ('{"type":"key","digit":"#"}', DigitPressed("#", 100)),
        ('{"type":"key","digit":"12"}', None),
        ('{"type":"key","digit":""}', None),
        ('{"type":"key","digit":"x"}', None),
        ('{"type":"typing"}', CallerTyping()),
        ('{"type":"bye"}', SaidBye()),
        ('{"type":"dance"}', None),
        ("[1]", None),
        ("{", None),
        ("[" * 100_000, None),
        (b"\xff\xfe", None),
    ],
)
def test_messages_of_a_page(text: str | bytes, expected: object) -> None:
    assert read_message(text) == expected


@given(st.one_of(st.text(max_size=200), st.binary(max_size=200)))
def test_nothing_breaks_reading(text: str | bytes) -> None:
    read_message(text)


@given(st.text(max_size=100))
def test_a_typed_line_comes_as_it_was_or_not_at_all(line: str) -> None:
    found = read_message(json.dumps({"type": "text", "text": line}))
    wanted = "".join(each for each in " ".join(line.split()) if each.isprintable())
    assert found == (TextReceived(wanted) if wanted else None)


def test_messages_to_a_page() -> None:
    shown = json.loads(caption_message("caller", "één", "nl", is_final=False))
    assert shown == {"type": "caption", "speaker": "caller", "text": "één", "lang": "nl", "final": False}
    assert json.loads(ended_message(LegEndCause.US)) == {"type": "ended", "cause": "us"}
