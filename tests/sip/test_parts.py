"""Small parts: addresses, dialogs, session timers, stream framing."""

import pytest
from aiosipua.message import SipRequest, SipResponse
from hypothesis import given
from hypothesis import strategies as st

from tests.sip.bench import request, response
from voicebot.errors import SipParseError
from voicebot.sip.addressing import (
    Hop,
    hop_of_uri,
    parse_name_addr,
    parse_sip_uri,
    parse_top_via,
    tag_of,
    user_of,
)
from voicebot.sip.dialog import Dialog
from voicebot.sip.messages import make_request, parse_message
from voicebot.sip.session_timer import SessionTimer
from voicebot.sip.stream_framing import StreamFramer


def parsed(text: str) -> SipRequest:
    message = parse_message(text.encode())
    assert isinstance(message, SipRequest)
    return message


@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        ("sip:a@10.0.0.1", Hop("udp", "10.0.0.1", 5060)),
        ("sip:a@10.0.0.1:5070;transport=tcp", Hop("tcp", "10.0.0.1", 5070)),
        ("sip:10.0.0.1;transport=TLS", Hop("tls", "10.0.0.1", 5061)),
        ("sips:a@host.example", Hop("tls", "host.example", 5061)),
        ("sip:a@[2001:db8::1]:5062", Hop("udp", "2001:db8::1", 5062)),
        ("sip:a;x=1?y@host", Hop("udp", "host", 5060)),
    ],
)
def test_where_a_uri_goes(uri: str, hop: Hop) -> None:
    assert hop_of_uri(uri) == hop


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "sip:",
        "sip:a@",
        "tel:+31",
        "sip:a@h:0",
        "sip:a@h:99999",
        "sip:a@h:x",
        "sip:a b@h",
        "sip:a@h;transport=sctp",
        "sip:a@::1",
    ],
)
def test_uris_that_go_nowhere(uri: str) -> None:
    with pytest.raises(SipParseError):
        hop_of_uri(uri)


def test_name_addr_with_traps() -> None:
    assert parse_name_addr('"<sip:evil@x>;tag=no" <sip:a@b;lr>;tag=yes').params == {"tag": "yes"}
    assert tag_of("sip:a@b;tag=1") == "1"
    assert tag_of("Jan <sip:a@b;tag=uri>") == ""
    for broken in ("", '"open <sip:a@b>', "<sip:a@b", '"x" sip:a@b', "<sip:a@b> junk", "no-uri"):
        with pytest.raises(SipParseError):
            parse_name_addr(broken)


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:+31201;phone-context=x@h", "+31201"),
        ("sip:u:pw@h", "u"),
        ("tel:+3120;ext=1", "+3120"),
        ("sip:host", ""),
    ],
)
def test_user_of(uri: str, user: str) -> None:
    assert user_of(uri) == user


@pytest.mark.parametrize(
    "via",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP h:99999;branch=x",
        "SIP/3.0/UDP h",
        "SIP/2.0/UDP h:x",
        "SIP/2.0/UDP <h>",
    ],
)
def test_vias_that_are_none(via: str) -> None:
    with pytest.raises(SipParseError):
        parse_top_via(via)


@given(st.text(max_size=60))
def test_parsers_raise_nothing_but_their_error(text: str) -> None:
    for parser in (parse_sip_uri, parse_name_addr, parse_top_via, hop_of_uri):
        try:
            parser(text)
        except SipParseError:
            continue


class TestDialog:
    def test_uas_keeps_the_route_order_and_uac_turns_it_round(self) -> None:
        routes = ("Record-Route: <sip:p1;lr>, <sip:p2;lr>",)
        invite = parsed(request(headers=routes))
        assert Dialog.of_uas(invite, "t", Hop("udp", "h", 1)).route_set == ("<sip:p1;lr>", "<sip:p2;lr>")
        ok = parse_message(response(invite, 200, headers=routes).encode())
        assert isinstance(ok, SipResponse)
        dialog = Dialog.of_uac(invite, ok, Hop("udp", "h", 1))
        assert dialog.route_set == ("<sip:p2;lr>", "<sip:p1;lr>")
        assert dialog.next_hop() == Hop("udp", "p2", 5060)

    def test_cseq_rises_on_both_sides(self) -> None:
        dialog = Dialog.of_uas(parsed(request(cseq=10)), "t", Hop("udp", "h", 1))
        assert [dialog.takes_cseq(number) for number in (10, 11, 11, 9, 20)] == [
            False,
            True,
            False,
            False,
            True,
        ]
        numbers = [dialog.request("INFO").headers.get_first("cseq") for _ in range(2)]
        assert numbers == ["1 INFO", "2 INFO"]
        assert dialog.request("ACK", cseq=2).headers.get_first("cseq") == "2 ACK"
        assert dialog.request("BYE").headers.get_first("cseq") == "3 BYE"

    def test_streams_of_the_peer_are_used_again(self) -> None:
        contact = "<sip:a@10.0.0.2:5060;transport=tcp>"
        dialog = Dialog.of_uas(parsed(request(contact=contact)), "t", Hop("tcp", "10.0.0.2", 40000, 7))
        assert dialog.next_hop() == Hop("tcp", "10.0.0.2", 5060, 7)

    def test_a_refresh_without_contact_changes_nothing(self) -> None:
        dialog = Dialog.of_uas(parsed(request()), "t", Hop("udp", "h", 1))
        dialog.refresh_target(parsed(request("UPDATE", contact="")))
        assert dialog.remote_target == "sip:caller@10.0.0.2:5060"


class TestSessionTimer:
    @pytest.mark.parametrize(
        ("headers", "interval", "is_refresher", "answer"),
        [
            (("Session-Expires: 600;refresher=uas", "Supported: timer"), 600, True, "600;refresher=uas"),
            (("Session-Expires: 600;refresher=uac", "Supported: timer"), 600, False, "600;refresher=uac"),
            (("Session-Expires: 600", "Supported: timer"), 600, False, "600;refresher=uac"),
            (("Session-Expires: 600",), 600, True, "600;refresher=uas"),
            (("Session-Expires: 7200", "Supported: timer"), 1800, False, "1800;refresher=uac"),
            (
                ("Session-Expires: 7200", "Min-SE: 3600", "Supported: timer"),
                3600,
                False,
                "3600;refresher=uac",
            ),
            (("x: 600", "k: timer"), 600, False, "600;refresher=uac"),
            (("Supported: timer",), 1800, False, "1800;refresher=uac"),
            (("Session-Expires: soon",), None, False, None),
            ((), None, False, None),
        ],
    )
    def test_answering(
        self, headers: tuple[str, ...], interval: int | None, is_refresher: bool, answer: str | None
    ) -> None:
        timer = SessionTimer()
        fields = dict(timer.answer(parsed(request(headers=headers))))
        assert (timer.interval, timer.is_refresher, fields.get("Session-Expires")) == (
            interval,
            is_refresher,
            answer,
        )

    def test_when(self) -> None:
        timer = SessionTimer()
        timer.answer(parsed(request(headers=("Session-Expires: 90;refresher=uas", "Supported: timer"))))
        assert (timer.refresh_after, timer.expire_after) == (45, 60)
        timer.answer(parsed(request(headers=("Session-Expires: 1800;refresher=uac", "Supported: timer"))))
        assert (timer.refresh_after, timer.expire_after) == (None, 1768)

    def test_too_short_only_where_the_peer_understands_422(self) -> None:
        timer = SessionTimer(minimum=120)
        assert timer.too_short(parsed(request(headers=("Session-Expires: 119", "Supported: timer"))))
        assert not timer.too_short(parsed(request(headers=("Session-Expires: 120", "Supported: timer"))))
        assert not timer.too_short(parsed(request(headers=("Session-Expires: 10",))))

    def test_absurd_demands_are_refused(self) -> None:
        timer = SessionTimer()
        invite = parsed(request())
        for demand in ("999999", "10", "x"):
            refusal = parse_message(response(invite, 422, headers=(f"Min-SE: {demand}",)).encode())
            assert isinstance(refusal, SipResponse)
            assert not timer.raise_minimum(refusal)


class TestStreamFramer:
    def test_messages_come_out_whole_however_they_are_cut(self) -> None:
        messages = [request().encode(), request("OPTIONS").encode(), request("INFO", body="x" * 900).encode()]
        stream = b"\r\n\r\n".join(messages)
        for size in (1, 7, 100, len(stream)):
            framer = StreamFramer()
            found = [m for at in range(0, len(stream), size) for m in framer.feed(stream[at : at + size])]
            assert found == messages
            assert framer.pings == 2
            assert not framer.is_midway

    def test_stray_line_ends_between_messages(self) -> None:
        framer = StreamFramer()
        assert framer.feed(b"\r\n" + request("OPTIONS").encode()) == [request("OPTIONS").encode()]

    @pytest.mark.parametrize(
        "data",
        [
            b"OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\r\n",
            b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 999999\r\n\r\n",
            b"OPTIONS sip:a SIP/2.0\r\nContent-Length: -5\r\n\r\n",
            b"OPTIONS sip:a SIP/2.0\r\nl: 1\r\nContent-Length: 2\r\n\r\n",
            b"x" * 20_000,
        ],
    )
    def test_streams_that_cannot_be_followed(self, data: bytes) -> None:
        with pytest.raises(SipParseError):
            StreamFramer().feed(data)

    @given(st.lists(st.binary(max_size=50), max_size=20))
    def test_any_bytes(self, pieces: list[bytes]) -> None:
        framer = StreamFramer()
        try:
            for piece in pieces:
                framer.feed(piece)
        except SipParseError:
            return


def test_requests_with_line_breaks_are_not_made() -> None:
    for uri, headers in (("sip:a\r\nb", []), ("sip:a b", []), ("sip:a", [("X", "1\r\nY: 2")])):
        with pytest.raises(SipParseError):
            make_request("INVITE", uri, headers)
