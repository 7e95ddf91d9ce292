"""What is wrong with a request outside a dialog, and the answer it gets: RFC 3261 section 8.2. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from aiosipua.message import SipRequest

from voicebot.errors import SipParseError
from voicebot.sip.addressing import parse_sip_uri, uri_scheme
from voicebot.sip.messages import (
    ALLOWED_METHODS,
    SDP_TYPE,
    SUPPORTED_OPTIONS,
    first,
    media_type,
    sdp_of,
    tokens,
)

IN_DIALOG_METHODS = frozenset({"BYE", "INVITE", "UPDATE", "INFO", "NOTIFY", "PRACK"})
_KNOWN_METHODS = frozenset({"REGISTER", "SUBSCRIBE", "MESSAGE", "PUBLISH"})
_NEEDS_DIALOG = frozenset({"BYE", "UPDATE", "INFO", "NOTIFY", "PRACK"})
_SUPPORTED = frozenset(token.strip() for token in SUPPORTED_OPTIONS.split(","))
_ACCEPTABLE = frozenset({SDP_TYPE, "application/*", "*/*"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A final response without a call. `headers` go with it."""

    status: int
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()


def refusal_of(request: SipRequest, *, is_in_dialog: bool, refer_status: int = 603) -> Refusal | None:
    """Judge method, Request-URI, Require and body, in the RFC's order; None when all is well.

    ACK and CANCEL are not to be asked about. Max-Forwards does not matter: a user agent is where the
    request ends, whatever is left (RFC 3261 section 16.3 is about proxies; RFC 4475 section 3.3.11).
    """
    return _of_method(request, is_in_dialog, refer_status) or _of_headers(request) or _of_body(request)


def _of_method(request: SipRequest, is_in_dialog: bool, refer_status: int) -> Refusal | None:
    method = request.method
    if method == "REFER":
        return Refusal(refer_status)
    if method in _KNOWN_METHODS:
        return Refusal(405, headers=(("Allow", ALLOWED_METHODS),))
    if method not in IN_DIALOG_METHODS and method != "OPTIONS":
        return Refusal(501, headers=(("Allow", ALLOWED_METHODS),))
    if method in _NEEDS_DIALOG and not is_in_dialog:
        return Refusal(481)
    return None


def _of_headers(request: SipRequest) -> Refusal | None:
    if uri_scheme(request.uri) != "tel":
        if uri_scheme(request.uri) not in ("sip", "sips"):
            return Refusal(416)
        try:
            parse_sip_uri(request.uri)
        except SipParseError:
            return Refusal(400, "Malformed Request-URI")
    unsupported = sorted(tokens(request, "require") - _SUPPORTED)
    if unsupported:
        return Refusal(420, headers=(("Unsupported", ", ".join(unsupported)),))
    return None


def _of_body(request: SipRequest) -> Refusal | None:
    if request.method not in ("INVITE", "UPDATE"):
        return None
    encodings = tokens(request, "content-encoding") - {"identity"}
    if request.body and encodings:
        return Refusal(415, headers=(("Accept-Encoding", "identity"),))
    if request.body and sdp_of(request) is None:
        if not media_type(request):
            return Refusal(400, "Missing Content-Type")
        if _is_required(request):
            return Refusal(415, headers=(("Accept", SDP_TYPE),))
    accepted = tokens(request, "accept")
    if "accept" in request.headers and accepted.isdisjoint(_ACCEPTABLE):
        return Refusal(406, headers=(("Accept", SDP_TYPE),))
    return None


def _is_required(request: SipRequest) -> bool:
    """Say whether the body must be understood: unless it says 'handling=optional' (section 20.11)."""
    return "handling=optional" not in first(request, "content-disposition").lower().replace(" ", "")
