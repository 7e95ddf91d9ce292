"""RFC 4475 torture messages (its sections in brackets), and garbage: the right code, never an exception."""
# ruff: noqa: E501 - the messages are quoted as they go over the wire

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sip.bench import PEER, Bench, answered, request, response, statuses
from voicebot.sip.addressing import Hop

SDP = "v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\nm=audio 49217 RTP/AVP 0 12\r\n"


def text(*lines: str, body: str = "") -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


WSINV = text(  # [3.1.1.1] a short tortuous INVITE
    "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0",
    "TO :",
    " sip:vivekg@chair-dnrc.example.com ;   tag    = ",
    "from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>",
    "  ;",
    "  tag = 98asjd8",
    "MaX-fOrWaRdS: 0068",
    "Call-ID: wsinv.ndaksdj@192.0.2.1",
    f"Content-Length   : {len(SDP)}",
    "cseq: 0009",
    "  INVITE",
    "Via  : SIP  /   2.0",
    " /UDP",
    "    192.0.2.2;branch=390skdjuw",
    "s :",
    "NewFangledHeader:   newfangled value",
    " continued newfangled value",
    "UnknownHeaderWithUnusualValue: ;;,,;;,;",
    "Content-Type: application/sdp",
    "Route:",
    " <sip:services.example.com;lr;unknownwith=value;unknown-no-value>",
    "v:  SIP  / 2.0  / TCP     spindle.example.com   ;",
    "  branch  =   z9hG4bK9ikj8  ,",
    " SIP  /    2.0   / UDP  192.168.255.111   ; branch=",
    " z9hG4bK30239",
    "m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =",
    "      newvalue ;",
    "  secondparam ; q = 0.33",
    body=SDP,
)  # fmt: skip
INTMETH = text(  # [3.1.1.2] wide range of valid characters
    "!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0",
    "Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~",
    'To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1_unusual.URI~(to-be!sure)&isn\'t+it$/crazy?,/;;*@example.com>',
    "From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%=\"\xd1\x80\xd0\xb0\";tag=_token~1'+`*%!-.",
    "Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
    "CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~",
    "Max-Forwards: 255",
    "Content-Length: 0",
)
ESC01 = request(uri="sip:sips%3Auser%40example.com@example.net")  # [3.1.1.3] escaped
LWSDISP = request("OPTIONS").replace('"Caller" <', "caller<")  # [3.1.1.6] no space before '<'
LONGREQ = request(  # [3.1.1.7] long values
    via="Via: SIP/2.0/UDP 10.0.0.2;rport;branch=z9hG4bK" + "x" * 300,
    headers=tuple(f"Unknown-{'long' * 20}{n}: {'value' * 40}" for n in range(8)),
)
DBLREQ = request("OPTIONS") + request("INVITE", branch="z9hG4bKsecond")  # [3.1.1.8] trailing octets
SEMIURI = request("OPTIONS", uri="sip:user;par=u%40example.net@example.com")  # [3.1.1.9]
TRANSPORTS = request("OPTIONS").replace(
    "Max-Forwards",
    "Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bK2\r\nVia: SIP/2.0/UNKNOWN t5;branch=z9hG4bK3\r\nMax-Forwards",
)  # [3.1.1.10]
BADINV01 = request().replace(";rport;", ";rport;;,;,,")  # [3.1.2.1] extraneous separators
CLERR = request().replace("Content-Length: ", "Content-Length: 9")  # [3.1.2.2] larger than the message
NCL = request().replace("Content-Length: ", "Content-Length: -")  # [3.1.2.3] negative
SCALAR02 = request("REGISTER").replace("CSeq: 1 ", "CSeq: 36893488147419103232 ")  # [3.1.2.4]
QUOTBAL = request().replace('"Caller" <', '"Caller <')  # [3.1.2.6] unterminated quote
LTGTRURI = request(uri="<sip:user@example.com>")  # [3.1.2.7]
LWSRURI = request().replace("INVITE sip:bot@10.0.0.1 SIP", "INVITE sip:bot@10.0.0.1; lr SIP")  # [3.1.2.8]
LWSSTART = request().replace("INVITE sip:", "INVITE  sip:", 1)  # [3.1.2.9]
TRWS = request().replace("SIP/2.0\r\n", "SIP/2.0  \r\n", 1)  # [3.1.2.10]
ESCRURI = request(uri="sip:user@example.com?Route=%3Csip:example.com%3E")  # [3.1.2.11] headers in the URI
BADVERS = request("OPTIONS").replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia", 1)  # [3.1.2.16]
MISMATCH01 = request("OPTIONS").replace("CSeq: 1 OPTIONS", "CSeq: 8 INVITE")  # [3.1.2.17]
MISMATCH02 = request("NEWMETHOD").replace("CSeq: 1 NEWMETHOD", "CSeq: 8 INVITE")  # [3.1.2.18]
INSUF = text(
    "INVITE sip:user@example.com SIP/2.0",
    "CSeq: 193942 INVITE",
    "Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf",
)
UNKSCM = request("OPTIONS", uri="nobodyKnowsThisScheme:totallyopaquecontent")  # [3.3.2]
NOVELSC = request("OPTIONS", uri="soap.beep://192.0.2.103:3002")  # [3.3.3]
BEXT01 = request("OPTIONS", headers=("Require: nothingSupportsThis, nothingSupportsThisEither",))  # [3.3.6]
INVUT = request(content_type="application/unknownformat", body="<audio/>")  # [3.3.7]
MULTI01 = request().replace("Call-ID:", "Call-ID: other\r\nCall-ID:")  # [3.3.9]
MCL01 = request("OPTIONS").replace("Content-Length: 0", "Content-Length: 0\r\nContent-Length: 5")  # [3.3.9b]
ZEROMF = request("OPTIONS").replace(
    "Max-Forwards: 70", "Max-Forwards: 0"
)  # [3.3.11] an endpoint processes it
CPARAM = request(contact="sip:+19725552222@gw1.example.net;unknownparam")  # [3.3.12]
SDP01 = request(headers=("Accept: text/nobodyKnowsThis",))  # [3.3.15]
INV2543 = request(
    via="Via: SIP/2.0/UDP iftgw.example.com",
    headers=("Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>",),
)  # [3.4.1]


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (WSINV.decode(), 400), (INTMETH.decode("utf-8", "replace"), 501), (ESC01, 100), (LWSDISP, 200), (LONGREQ, 100),
        (DBLREQ, 200), (SEMIURI, 200), (TRANSPORTS, 200), (BADINV01, None), (CLERR, 400), (NCL, 400),
        (SCALAR02, 400), (QUOTBAL, 400), (LTGTRURI, 400), (LWSRURI, 400), (LWSSTART, 400), (TRWS, 400),
        (ESCRURI, 100), (BADVERS, 505), (MISMATCH01, 400), (MISMATCH02, 400), (INSUF.decode(), None),
        (UNKSCM, 416), (NOVELSC, 416), (BEXT01, 420), (INVUT, 415), (MULTI01, 400), (MCL01, 400), (ZEROMF, 200),
        (CPARAM, 100), (SDP01, 406), (INV2543, 100),
    ],
)  # fmt: skip
def test_torture(message: str, status: int | None) -> None:
    bench = Bench()
    replies = statuses(bench.inject(message))
    if status is None:
        assert replies in ([], [100], [400])
    else:
        assert replies == [status]
    assert statuses(bench.inject(request("OPTIONS", branch="z9hG4bKafter", call_id="after"))) == [200]


@pytest.mark.parametrize("status", [-1, 0, 7, 99, 4294967301])
def test_bad_status_codes_are_dropped(status: int) -> None:  # [3.1.2.19 bigcode]
    bench = Bench()
    bench.inject(request("OPTIONS").replace("OPTIONS sip:bot@10.0.0.1 SIP/2.0", f"SIP/2.0 {status} X"))
    assert bench.agent.statistics().dropped == {"garbage": 1}


def test_response_with_our_branch_and_second_via_is_dropped() -> None:  # [8.1.3.3]
    bench = Bench()
    call = bench.dial()
    invite = bench.take()[0]
    extra = response(invite, 200).replace("From:", "Via: SIP/2.0/UDP x;branch=z9hG4bKy\r\nFrom:", 1)  # type: ignore[arg-type]
    bench.inject(extra)
    assert call.dialog is None


@pytest.mark.parametrize(
    "data",
    [b"", b"\r\n\r\n", b"\0", b"\xff" * 1000, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"INVITE" * 12_000],
)
def test_garbage_is_dropped(data: bytes) -> None:
    bench = Bench()
    assert bench.inject(data) == []
    assert bench.is_empty()


VALID = [
    request(), request("OPTIONS"), request("BYE", to_tag="tok1"), request("CANCEL"), request("ACK", to_tag="tok1"),
    request("INFO", to_tag="tok1", cseq=3, body="Signal=1", content_type="application/dtmf-relay"),
    request("PRACK", to_tag="tok1", cseq=4, headers=("RAck: 1 1 INVITE",)), INV2543, WSINV.decode(),
    request("NOTIFY", to_tag="tok1", cseq=5, headers=("Event: refer", "Subscription-State: active")),
    request("UPDATE", to_tag="tok1", cseq=6, headers=("Session-Expires: 90", "Supported: timer")),
]  # fmt: skip


def fed(data: bytes) -> None:
    """Feed bytes to an agent with calls in several states; everything must run out afterwards."""
    bench = Bench()
    answered(bench, call_id="other", branch="z9hG4bKother")
    bench.inject(request())
    bench.dial()
    bench.take()
    for source in (PEER, Hop("tcp", "10.0.0.2", 5060, 3)):
        bench.inject(data, source)
    for call in bench.agent.calls:
        call.hang_up()
    bench.pass_time(400)
    assert bench.is_empty()


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    fed(data)


@settings(max_examples=200)
@given(
    st.sampled_from(VALID),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.binary(max_size=8)), min_size=1, max_size=4),
)
def test_mutated_messages(message: str, edits: list[tuple[float, int, bytes]]) -> None:
    data = message.encode()
    for place, length, new in edits:
        start = int(place * len(data))
        data = data[:start] + new + data[start + length :]
    fed(data)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([100, 180, 183, 200, 302, 401, 407, 422, 481, 486, 491, 500, 699]), st.data())
def test_mutated_responses(status: int, data: st.DataObject) -> None:
    bench = Bench()
    bench.dial()
    invite = bench.take()[0]
    headers = (
        "Require: 100rel",
        "RSeq: 1",
        "Min-SE: 100",
        "Session-Expires: 100",
        "Record-Route: <sip:a;lr>",
    )
    message = response(invite, status, headers=headers, body=SDP).encode()  # type: ignore[arg-type]
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(0, len(message)))
        length = data.draw(st.integers(0, 6))
        message = message[:start] + data.draw(st.binary(max_size=6)) + message[start + length :]
    bench.inject(message)
    for call in bench.agent.calls:
        call.hang_up()
    bench.pass_time(400)
    assert bench.is_empty()


def test_lines_folded_and_compact_are_understood() -> None:
    bench = Bench()
    message = (
        request().replace("From:", "f:").replace("To:", "t:").replace("Call-ID:", "i:").replace("Via:", "v:")
    )
    message = (
        message.replace("Contact:", "m:").replace("Content-Length:", "l:").replace("Content-Type:", "c:")
    )
    message = message.replace("CSeq: 1 INVITE", "CSeq: 1\r\n INVITE")
    assert statuses(bench.inject(message)) == [100]
    assert bench.calls[0].facts.offer


def test_bare_line_feeds_are_understood() -> None:
    assert statuses(Bench().inject(request("OPTIONS").replace("\r\n", "\n"))) == [200]


@pytest.mark.parametrize(
    "junk",
    [
        request().replace('"Caller"', '"' + "\\\\" * 7500),
        request(via="Via: SIP/2.0/UDP " + "a" * 15_500 + ":::;x"),
        "INVITE " + " " * 15_000 + "SIP/2.0\r\n\r\n",
        request(headers=("X: " + "y" * 16_384,)),
    ],
)
def test_long_headers_are_survived(junk: str) -> None:
    bench = Bench()
    bench.inject(junk)
    assert bench.calls == []
    assert statuses(bench.inject(request("OPTIONS"))) == [200]
