"""What a session description says: RFC 8866 (SDP) read strictly, on aiosipua's codec.

The codec forgives what must not be forgiven on a phone line (a broken c= line becomes 0.0.0.0, which means
hold; `int` takes '+8' and '1_0'), so lines are checked before it sees them. All errors are SdpRefused.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

from aiosipua.sdp import Codec, MediaDescription, SdpMessage, parse_sdp

from voicebot.errors import SdpRefused

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")

MAX_CHARACTERS = 16_384
MAX_MEDIA = 16
_LINE_RULES = {
    "v": re.compile(r"0"),
    "o": re.compile(r"\S+ [0-9]{1,20} [0-9]{1,20} IN IP[46] \S+"),
    "c": re.compile(r"IN IP[46] \S+"),
    "t": re.compile(r"[0-9]{1,20} [0-9]{1,20}"),
    "m": re.compile(r"[a-z]+ [0-9]{1,6} [A-Za-z0-9/]+( [A-Za-z0-9!#$%&'*+.^_`{|}~-]+)+"),
}
_RTPMAP = re.compile(r"rtpmap:[0-9]{1,3} [A-Za-z0-9!#$%&'*+.^_`{|}~-]+/[0-9]{1,6}(/[0-9]{1,2})?")
_RTCP_LOOKALIKES = range(72, 77)
"""Payload types that, with the marker, read as RTCP packets (RFC 5761 section 4)."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One format of an audio line. `name` in lower case; `clock_rate` of RTP in Hz."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int


def parse_description(text: str) -> SdpMessage:
    """Parse; raises SdpRefused with status 400 for anything that is no SDP."""
    if len(text) > MAX_CHARACTERS:
        raise SdpRefused("session description is too long", 400)
    if not text.isascii() and any(not ch.isprintable() for ch in text if not ch.isascii()):
        raise SdpRefused("session description holds odd characters", 400)
    lines = [line.rstrip("\r") for line in text.split("\n") if line.strip("\r")]
    if [line[:2] for line in lines[:2]] != ["v=", "o="]:
        raise SdpRefused("session description does not begin with v= and o=", 400)
    for line in lines:
        _check_line(line)
    try:
        parsed = parse_sdp("\r\n".join(lines))
    except ValueError as error:
        raise SdpRefused("session description is malformed", 400) from error
    if not 1 <= len(parsed.media) <= MAX_MEDIA:
        raise SdpRefused("no media line, or too many", 400 if not parsed.media else 488)
    return parsed


def _check_line(line: str) -> None:
    kind, equals, value = line[:1], line[1:2], line[2:]
    rule = _LINE_RULES.get(kind)
    is_text = all(" " <= ch != "\x7f" or ch == "\t" for ch in line)
    is_whole = rule is None or rule.fullmatch(value.rstrip()) is not None
    is_rtpmap_whole = not value.startswith("rtpmap:") or _RTPMAP.fullmatch(value.rstrip()) is not None
    if not (kind.islower() and equals == "=" and is_text and is_whole and is_rtpmap_whole):
        raise SdpRefused(f"a {kind if kind.isalpha() else '?'}= line is malformed", 400)


def media_address(sdp: SdpMessage, media: MediaDescription) -> tuple[str, int]:
    """(ip, port) to send a stream to. Raises SdpRefused (488) unless it is a usable unicast literal.

    The unspecified address (0.0.0.0, ::) passes: it is the hold of RFC 2543, see `is_old_style_hold`.
    """
    connection = media.connection or sdp.connection
    if connection is None:
        raise SdpRefused("no c= line", 400)
    try:
        address = ipaddress.ip_address(connection.address)
    except ValueError as error:
        raise SdpRefused("address is no IP literal") from error
    if connection.addr_type != f"IP{address.version}" or "%" in connection.address:
        raise SdpRefused("address type does not fit the address")
    if address.is_multicast or (address.is_reserved and not address.is_loopback) or _is_broadcast(address):
        raise SdpRefused("address is not unicast")
    if not 0 < media.port <= 65_535:
        raise SdpRefused("port is out of range")
    return str(address), media.port


def _is_broadcast(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    is_mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    return is_mapped or str(address) == "255.255.255.255"


def is_old_style_hold(address: str) -> bool:
    """Say whether nothing may be sent to this address: RFC 3264 section 8.4, last paragraph."""
    return ipaddress.ip_address(address).is_unspecified


def direction_of(sdp: SdpMessage, media: MediaDescription) -> Direction:
    """Direction from the sender's point of view: of the media line, else of the session, else sendrecv."""
    for attributes in (media.attributes, sdp.attributes):
        for direction in DIRECTIONS:
            if direction in attributes:
                return direction
    return "sendrecv"


def reversed_direction(direction: Direction) -> Direction:
    """Return the same direction seen from the other end."""
    swapped: dict[Direction, Direction] = {"sendonly": "recvonly", "recvonly": "sendonly"}
    return swapped.get(direction, direction)


def common_direction(one: Direction, other: Direction) -> Direction:
    """Return what both allow, from one point of view."""
    sends = one in ("sendrecv", "sendonly") and other in ("sendrecv", "sendonly")
    receives = one in ("sendrecv", "recvonly") and other in ("sendrecv", "recvonly")
    return {(True, True): DIRECTIONS[0], (True, False): DIRECTIONS[1], (False, True): DIRECTIONS[2]}.get(
        (sends, receives), "inactive"
    )


def audio_formats(media: MediaDescription) -> tuple[AudioFormat, ...]:
    """List the formats in the order of the m= line: by rtpmap, or RFC 3551 for static types without."""
    found = (_audio_format(codec) for codec in media.codecs)
    return tuple(audio_format for audio_format in found if audio_format is not None)


def _audio_format(codec: Codec) -> AudioFormat | None:
    if (
        not codec.encoding_name
        or not 0 <= codec.payload_type <= 127
        or codec.payload_type in _RTCP_LOOKALIKES
    ):
        return None
    return AudioFormat(codec.payload_type, codec.encoding_name.lower(), codec.clock_rate, codec.channels or 1)


def packet_ms(media: MediaDescription, preferred_ms: int, steps: tuple[int, ...]) -> int:
    """Milliseconds of audio a packet should hold for this receiver: its ptime, at most its maxptime.

    The longest of `steps` (ascending) that does not exceed it; the shortest when all do.
    """
    wanted = _attribute_number(media, "ptime") or preferred_ms
    most = _attribute_number(media, "maxptime") or steps[-1]
    return max((step for step in steps if step <= min(wanted, most)), default=steps[0])


def _attribute_number(media: MediaDescription, name: str) -> int | None:
    values = media.attributes.get(name) or [""]
    digits = values[0].strip().partition(".")[0]
    return int(digits) if re.fullmatch(r"[0-9]{1,4}", digits) else None
