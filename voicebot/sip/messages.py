"""SIP messages checked on the way in and built on the way out: RFC 3261 sections 7, 8.1.1, 8.2.6 and 18.3.

aiosipua reads and writes; here is decided what of it is let through. No I/O.
"""

from __future__ import annotations

import email
import re
from collections.abc import Iterable
from http import HTTPStatus

from aiosipua.message import SipMessage, SipRequest, SipResponse

from voicebot.errors import SipParseError
from voicebot.sip.addressing import parse_name_addr, parse_top_via, tag_of

MAX_MESSAGE_BYTES = 65_535
MAX_HEADER_BYTES = 16_384
"""Start line and headers: more is no phone, and would cost the loop milliseconds to parse."""
SDP_TYPE = "application/sdp"
ALLOWED_METHODS = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, NOTIFY"
SUPPORTED_OPTIONS = "timer, 100rel"
_REQUEST_LINE = re.compile(
    r"([A-Za-z0-9.!%*_+`'~\-]{1,64}) (\S{1,2048}) SIP/(\d{1,3}\.\d{1,3})$", re.IGNORECASE
)
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6]\d\d)(?: (.*))?$", re.IGNORECASE)
_ANY_REQUEST = re.compile(r"([A-Za-z0-9.!%*_+`'~\-]{1,64})\s.*SIP/\d+\.\d+\s*$", re.IGNORECASE | re.DOTALL)
_CONTENT_LENGTH = re.compile(
    rb"^(?:content-length|l)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
_CSEQ = re.compile(r"(\d{1,10})\s+(\S+)$", re.ASCII)
_MORE_COMPACT = {
    "x": "Session-Expires",
    "r": "Refer-To",
    "b": "Referred-By",
    "o": "Event",
    "u": "Allow-Events",
}
_ONCE = ("from", "to", "call-id", "cseq")
_AT_MOST_ONCE = ("max-forwards", "content-length", "content-type", "rseq", "rack", "session-expires")
_REASONS = {
    100: "Trying", 182: "Queued", 302: "Moved Temporarily", 408: "Request Timeout",
    180: "Ringing", 181: "Call Is Being Forwarded", 183: "Session Progress", 202: "Accepted",
    416: "Unsupported URI Scheme", 420: "Bad Extension", 422: "Session Interval Too Small",
    480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected",
    483: "Too Many Hops", 484: "Address Incomplete", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending", 500: "Server Internal Error",
    503: "Service Unavailable", 504: "Server Time-out", 505: "Version Not Supported",
    600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}  # fmt: skip


class BadRequest(SipParseError):
    """A request that breaks the rules but holds what an answer needs; `status` is that answer."""

    def __init__(self, status: int, problem: str, request: SipRequest) -> None:
        super().__init__(problem)
        self.status, self.request = status, request


def reason_of(status: int) -> str:
    """Reason phrase of a status code."""
    if status in _REASONS:
        return _REASONS[status]
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"


def parse_message(data: bytes) -> SipRequest | SipResponse:
    """Parse and check one whole message. Raises BadRequest (answerable) or SipParseError (drop it)."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise SipParseError("too large")
    data = data.lstrip(b"\r\n")
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        head, separator, body = data.partition(b"\n\n")
    if len(head) > MAX_HEADER_BYTES:
        raise SipParseError("headers are too large")
    # one form for line ends and folding, so that nothing below sees a header that the others do not
    head = re.sub(rb"\n[ \t]+", b" ", head.replace(b"\r\n", b"\n").replace(b"\r", b" "))
    start_line = head.split(b"\n", 1)[0].decode("utf-8", "replace")
    is_response = _STATUS_LINE.match(start_line) is not None
    if not separator or not (is_response or _ANY_REQUEST.match(start_line)):
        raise SipParseError("not SIP")
    lengths = _CONTENT_LENGTH.findall(head)
    problem = _length_problem(lengths, body)
    kept_head = _CONTENT_LENGTH.sub(b"Content-Length: 0", head)
    body = body[: int(lengths[0])] if lengths and not problem else body
    rest = kept_head.split(b"\n", 1)[1] if b"\n" in kept_head else b""
    try:
        shell = SipMessage.parse(b"OPTIONS sip:invalid SIP/2.0\r\n" + rest.rstrip(b"\r\n") + b"\r\n\r\n")
    except ValueError as error:
        raise SipParseError(str(error)) from error
    _expand_compact(shell)
    shell.body = body
    return _response(start_line, shell, problem) if is_response else _request(start_line, shell, problem)


def _length_problem(lengths: list[bytes], body: bytes) -> str:
    if not lengths:
        return ""
    if len(lengths) > 1 or not re.fullmatch(rb"\d{1,9}", lengths[0]):
        return "malformed Content-Length"
    return "body is shorter than Content-Length" if int(lengths[0]) > len(body) else ""


def _response(start_line: str, shell: SipMessage, problem: str) -> SipResponse:
    match = _STATUS_LINE.match(start_line)
    assert match is not None
    response = SipResponse(shell.headers, shell.body, int(match[1]), match[2] or "")
    problem = problem or _header_problem(response)
    if problem:
        raise SipParseError(problem)
    return response


def _request(start_line: str, shell: SipMessage, problem: str) -> SipRequest:
    match = _REQUEST_LINE.match(start_line)
    method = match[1] if match else start_line.split(None, 1)[0]
    request = SipRequest(shell.headers, shell.body, method, match[2] if match else "sip:invalid")
    status = 400
    if match and match[3] != "2.0":
        status, problem = 505, "version"
    elif match is None:
        problem = "malformed request line"
    problem = problem or _header_problem(request)
    if not problem:
        return request
    if _is_answerable(request):
        raise BadRequest(status, problem, request)
    raise SipParseError(problem)


def _header_problem(message: SipRequest | SipResponse) -> str:
    headers = message.headers
    for name in _ONCE:
        if len(headers.get(name)) != 1:
            return f"{name}: not exactly one"
    for name in _AT_MOST_ONCE:
        if len(headers.get(name)) > 1:
            return f"{name}: more than one"
    try:
        parse_top_via(headers.get_first("via") or "")
        has_from_tag = bool(tag_of(headers.get_first("from") or ""))
        tag_of(headers.get_first("to") or "")
        _, method = parse_cseq(message)
        if isinstance(message, SipRequest):
            return _request_problem(message, method, has_from_tag=has_from_tag)
    except SipParseError as error:
        return str(error)
    return "" if headers.get_first("call-id") else "empty Call-ID"


def _request_problem(request: SipRequest, cseq_method: str, *, has_from_tag: bool) -> str:
    if cseq_method != request.method:
        return "CSeq names another method"
    if not has_from_tag:
        return "From has no tag"
    if not request.headers.get_first("call-id"):
        return "empty Call-ID"
    hops = request.headers.get_first("max-forwards")
    if hops is not None and not re.fullmatch(r"\d{1,3}", hops.strip(), re.ASCII):
        return "malformed Max-Forwards"
    if request.uri.startswith("<"):
        return "Request-URI in angle brackets"
    contacts = request.headers.get("contact")
    if request.method == "INVITE" and len(contacts) != 1:
        return "INVITE needs one Contact"
    for contact in contacts:
        if contact.strip() != "*":
            parse_name_addr(contact)
    return ""


def _is_answerable(request: SipRequest) -> bool:
    try:
        parse_top_via(request.headers.get_first("via") or "")
    except SipParseError:
        return False
    return request.method != "ACK" and all(request.headers.get_first(name) for name in _ONCE)


def _expand_compact(message: SipMessage) -> None:
    for short, name in _MORE_COMPACT.items():
        for value in message.headers.get(short):
            message.headers.append(name, value)
        message.headers.remove(short)


def parse_cseq(message: SipMessage) -> tuple[int, str]:
    """Return number and method. Raises SipParseError when malformed or 2**31 and above (section 8.1.1.5)."""
    match = _CSEQ.match((message.headers.get_first("cseq") or "").strip())
    if match is None or int(match[1]) >= 2**31:
        raise SipParseError("malformed CSeq")
    return int(match[1]), match[2]


def cseq_number(message: SipMessage) -> int:
    """Number of a checked message."""
    return parse_cseq(message)[0]


def first(message: SipMessage, name: str) -> str:
    """First value of a header, '' without one."""
    return message.headers.get_first(name) or ""


def from_tag(message: SipMessage) -> str:
    """Tag of From."""
    return tag_of(first(message, "from"))


def to_tag(message: SipMessage) -> str:
    """Tag of To, '' outside a dialog."""
    return tag_of(first(message, "to"))


def tokens(message: SipMessage, name: str) -> set[str]:
    """Values of a list header (Require, Supported, Allow, Accept without parameters) in lower case."""
    values = ",".join(message.headers.get(name)).split(",")
    return {value.partition(";")[0].strip().lower() for value in values if value.strip()}


def media_type(message: SipMessage) -> str:
    """Content-Type without parameters, in lower case."""
    return first(message, "content-type").partition(";")[0].strip().lower()


def sdp_of(message: SipMessage) -> str | None:
    """Return the session description, also out of a multipart body (RFC 5621); None without one."""
    if not message.body:
        return None
    kind = media_type(message)
    if kind == SDP_TYPE:
        return message.body.decode("utf-8", "replace")
    if not kind.startswith("multipart/"):
        return None
    header = f"Content-Type: {first(message, 'content-type')}\r\n\r\n".encode("utf-8", "replace")
    for part in email.message_from_bytes(header + message.body).walk():
        if part.get_content_type() == SDP_TYPE:
            payload = part.get_payload(decode=True)
            return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else None
    return None


def make_request(method: str, uri: str, headers: Iterable[tuple[str, str]]) -> SipRequest:
    """Build a request; its Via is set when it is sent. Raises SipParseError for an unsafe URI or header."""
    if re.search(r"[\x00-\x20\x7f]", uri):
        raise SipParseError("unsafe Request-URI")
    request = SipRequest(method=method, uri=uri)
    request.set_header("Via", "")
    request.set_header("Max-Forwards", "70")
    try:
        for name, value in headers:
            request.add_header(name, value)
    except ValueError as error:
        raise SipParseError(str(error)) from error
    return request


def make_response(
    request: SipRequest,
    status: int,
    *,
    tag: str = "",
    reason: str = "",
    headers: Iterable[tuple[str, str]] = (),
) -> SipResponse:
    """Build a response (section 8.2.6.2). `tag`: ours, set on To when that has none."""
    response = SipResponse(status_code=status, reason_phrase=_one_line(reason) or reason_of(status))
    for name in ("via", "from", "to", "call-id", "cseq"):
        for value in request.headers.get(name):
            response.headers.append(name, value)
    to = first(request, "to")
    if tag and status > 100 and not _has_tag(to):
        response.set_header("To", f"{to};tag={tag}")
    if status < 300:
        for value in request.headers.get("record-route") if status > 100 else []:
            response.headers.append("Record-Route", value)
        for value in request.headers.get("timestamp") if status == 100 else []:
            response.headers.append("Timestamp", value)
    for name, value in headers:
        response.headers.append(name, _one_line(value))
    return response


def set_sdp(message: SipMessage, sdp: str) -> None:
    """Put a session description into a message."""
    message.body = sdp.encode()
    message.set_header("Content-Type", SDP_TYPE)


def _has_tag(to: str) -> bool:
    try:
        return bool(tag_of(to))
    except SipParseError:
        return "tag=" in to.lower()


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text).strip()
