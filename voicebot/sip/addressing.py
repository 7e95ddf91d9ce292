"""Where a SIP message goes: URIs, name-addrs, Via and hops (RFC 3261 sections 18, 19.1 and 20; RFC 3581).

aiosipua's codecs take no care of quoted '<', of user parts with ';' or '?', or of ports; that is mended here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from aiosipua.headers import SipUri, Via, parse_params, parse_uri, stringify_via

from voicebot.errors import SipParseError

Transport = Literal["udp", "tcp", "tls"]
DEFAULT_PORT: dict[Transport, int] = {"udp": 5060, "tcp": 5060, "tls": 5061}

_VIA = re.compile(
    r"SIP\s*/\s*2\.0\s*/\s*(?P<transport>[A-Za-z0-9.\-]+)\s+"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]+)\s*(?::\s*(?P<port>\d{1,9})\s*)?(?P<params>;.*)?$",
    re.IGNORECASE | re.DOTALL,
)
_UNSAFE_IN_URI = re.compile(r"[\x00-\x20\x7f<>\"]")


@dataclass(frozen=True, slots=True)
class Hop:
    """A next hop or a source. `host`: IP literal or name, IPv6 without brackets; `port`: 1-65535.

    `connection`: number of an open stream to prefer, 0 for any; when it is gone `host` and `port` are used.
    """

    transport: Transport
    host: str
    port: int
    connection: int = 0

    @property
    def is_reliable(self) -> bool:
        """A stream: no retransmission is needed."""
        return self.transport != "udp"


def bracketed(host: str) -> str:
    """IPv6 literals in brackets, everything else as it is."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def unbracketed(host: str) -> str:
    """Undo `bracketed`."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def checked_port(port: int) -> int:
    """Return `port` when it is one; asyncio closes a datagram socket that is asked to send to another."""
    if not 1 <= port <= 65535:
        raise SipParseError("port out of range")
    return port


def parse_sip_uri(text: str) -> SipUri:
    """Parse a SIP or SIPS URI. Raises SipParseError for another scheme, no host, or a port out of range."""
    scheme, colon, rest = text.partition(":")
    if not colon or scheme.lower() not in ("sip", "sips") or _UNSAFE_IN_URI.search(text):
        raise SipParseError("no SIP URI")
    user, at, hostpart = rest.partition("@")
    uri = parse_uri(f"{scheme.lower()}:{hostpart if at else rest}")
    uri.user = user if at else None
    if not unbracketed(uri.host) or (":" in uri.host and not uri.host.startswith("[")):
        raise SipParseError("no host in URI")
    if uri.port is not None:
        checked_port(uri.port)
    return uri


def uri_scheme(text: str) -> str:
    """Scheme in lower case, '' without one."""
    scheme, colon, _ = text.partition(":")
    return scheme.lower() if colon else ""


def hop_of_uri(text: str, default: Transport = "udp") -> Hop:
    """Where a request to this URI goes (RFC 3263 without SRV look-ups). Raises SipParseError."""
    uri = parse_sip_uri(text)
    named = (uri.params.get("transport") or "").lower()
    if uri.scheme == "sips" or named == "tls":
        transport: Transport = "tls"
    elif named in ("udp", "tcp"):
        transport = cast(Transport, named)
    elif named:
        raise SipParseError("transport is not supported")
    else:
        transport = default
    return Hop(transport, unbracketed(uri.host), uri.port or DEFAULT_PORT[transport])


@dataclass(frozen=True, slots=True)
class NameAddr:
    """A From, To, Contact, Route or Refer-To value: display name without quotes, URI text, parameters."""

    display_name: str
    uri: str
    params: dict[str, str | None]


def parse_name_addr(value: str) -> NameAddr:
    """Parse a name-addr or addr-spec with parameters. Raises SipParseError."""
    value = value.strip()
    display, rest = "", value
    if value.startswith('"'):
        match = re.match(r'"((?:[^"\\]|\\.)*)"\s*', value, re.DOTALL)
        if match is None:
            raise SipParseError("quoted display name has no end")
        display, rest = re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL), value[match.end() :]
        if not rest.startswith("<"):
            raise SipParseError("no URI after the display name")
    if "<" in rest:
        before, _, inside = rest.partition("<")
        uri, closing, after = inside.partition(">")
        if not closing or (after.strip() and not after.strip().startswith(";")):
            raise SipParseError("no end of URI")
        display = display or before.strip()
    else:
        uri, _, after = rest.partition(";")
    uri = uri.strip()
    if not uri or _UNSAFE_IN_URI.search(uri) or not uri_scheme(uri):
        raise SipParseError("no URI")
    return NameAddr(display, uri, parse_params(after.strip()))


def tag_of(value: str) -> str:
    """The tag of a From or To value, '' without one. Raises SipParseError."""
    return parse_name_addr(value).params.get("tag") or ""


def user_of(uri: str) -> str:
    """User part of a sip: or number of a tel: URI, without password and parameters; may be ''."""
    scheme, _, rest = uri.partition(":")
    if scheme.lower() == "tel":
        return rest.partition(";")[0]
    user, at, _ = rest.partition("@")
    return user.partition(";")[0].partition(":")[0] if at else ""


def parse_top_via(value: str) -> Via:
    """Parse one Via value. Raises SipParseError, also for a sent-by port that is none (like 99999)."""
    match = _VIA.match(value.strip())
    if match is None:
        raise SipParseError("malformed Via")
    port = int(match["port"]) if match["port"] else None
    if port is not None:
        checked_port(port)
    params = parse_params(match["params"] or "")
    return Via("SIP/2.0", match["transport"].upper(), match["host"], port, params)


def note_source(via: Via, source: Hop) -> str:
    """Text of the Via with received and rport as RFC 3261 section 18.2.1 and RFC 3581 section 4 want it."""
    if "rport" in via.params:
        via.params["rport"] = str(source.port)
        via.params["received"] = source.host
    elif unbracketed(via.host) != source.host:
        via.params["received"] = source.host
    return stringify_via(via)


def response_hop(via: Via, source: Hop) -> Hop:
    """Where responses go: the source address; its port with rport, the sent-by port without (18.2.2)."""
    if source.is_reliable:
        port = via.port or DEFAULT_PORT[source.transport]
        return Hop(source.transport, source.host, port, source.connection)
    port = source.port if "rport" in via.params else via.port or DEFAULT_PORT["udp"]
    return Hop("udp", source.host, checked_port(port))
