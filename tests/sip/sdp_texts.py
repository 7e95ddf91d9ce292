"""Session descriptions of the peer, and what we make of them."""

from __future__ import annotations

import pytest

from voicebot.errors import SdpRefused
from voicebot.sip.sdp_answer import (
    MediaSettings,
    NegotiatedAudio,
    answer_offer,
)

LOCAL = MediaSettings("192.0.2.1", 40000)
HEAD = "v=0\r\no=- 20518 7 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"


def offer(*lines: str, head: str = HEAD) -> str:
    return head + "\r\n".join(lines) + "\r\n"


def agreed(*lines: str, local: MediaSettings = LOCAL, head: str = HEAD) -> NegotiatedAudio:
    return answer_offer(offer(*lines, head=head), local)[0]


def refused(*lines: str, head: str = HEAD, local: MediaSettings = LOCAL) -> SdpRefused:
    with pytest.raises(SdpRefused) as caught:
        answer_offer(offer(*lines, head=head), local)
    return caught.value
