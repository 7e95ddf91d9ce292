"""SDP of a WebRTC call (RFC 8829, 8839, 8841): an offer read, an answer written. No I/O, no clock.

One audio section and, where the peer wants one, one data channel section bundled with it; every other section
is declined. Nothing of the offer goes into the answer but payload types, mids and formats that were checked.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from voicebot.errors import SdpRefused
from voicebot.media.codecs import Codec
from voicebot.media.rtp_format import RtpFormat

MAX_SDP_BYTES = 32_768
MAX_CANDIDATES = 24
MAX_MESSAGE_BYTES = 16_384
_MAX_SECTIONS = 8
_STATIC = {0: ("PCMU", 8000), 8: ("PCMA", 8000)}
_MEDIA = re.compile(r"m=([a-z]{1,20}) (\d{1,5}) ([A-Z/]{1,40}) ([\w. -]{1,600})", re.ASCII)
_TOKEN = re.compile(r"[\w!#$%&'*+.^`{|}~-]{1,64}", re.ASCII)
_RTPMAP = re.compile(r"(\d{1,3}) ([\w.-]{1,40})/(\d{1,6})(?:/\d)?", re.ASCII)
_ICE_CHARS = re.compile(r"[A-Za-z0-9+/]{4,256}")
_FINGERPRINT = re.compile(r"(sha-(?:256|384|512)) ((?:[0-9A-Fa-f]{2}:){31,63}[0-9A-Fa-f]{2})", re.IGNORECASE)
_CANDIDATE = re.compile(
    r"[A-Za-z0-9+/]{1,32} ([12]) (?:udp|UDP) \d{1,10} ([0-9A-Fa-f.:]{2,45}) (\d{1,5}) "
    r"typ (?:host|srflx|prflx|relay)(?: .{1,300})?"
)
_NO_ADDRESS = "c=IN IP4 0.0.0.0"
"""ICE finds the addresses (RFC 8839 §4.3)."""
_REVERSED = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


@dataclass(frozen=True, slots=True)
class OfferedSection:
    """One m-line. `formats`: what stands behind the protocol, to be declined with. `mid` '' when unnamed."""

    kind: str
    protocol: str
    formats: str
    mid: str = ""


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """`ufrag` and `password` of one side (RFC 8839)."""

    ufrag: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a peer offers. `audio`, `data`: numbers of their sections, `data` None without data channels.

    `payloads`: (type, encoding name in lower case, clock rate in Hz), best first. `direction`, `setup`: as
    written by the peer. `candidates`: without 'candidate:', UDP and IP literals only. `fingerprints`: (hash,
    value). `sctp_port`: of the data channels. `is_lite`: an ICE-lite peer, so we control.
    """

    sections: tuple[OfferedSection, ...]
    audio: int
    data: int | None
    payloads: tuple[tuple[int, str, int], ...]
    direction: str
    setup: str
    ice: IceCredentials
    is_lite: bool
    fingerprints: tuple[tuple[str, str], ...]
    candidates: tuple[str, ...]
    has_all_candidates: bool
    sctp_port: int = 5000
    max_message_bytes: int = 65_536


@dataclass(slots=True)
class _Lines:
    """Attributes of one section, or of the session: `values('ice-ufrag')`."""

    attributes: list[tuple[str, str]] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]

    def last(self, name: str) -> str | None:
        found = self.values(name)
        return found[-1] if found else None

    def has(self, name: str) -> bool:
        return any(key == name for key, _ in self.attributes)


def read_offer(text: str) -> Offer:
    """Read an offer. Raises SdpRefused with what is wrong, in words for the developer at the other end."""
    if len(text) > MAX_SDP_BYTES:
        raise SdpRefused("the offer is larger than 32 kB")
    session, sections = _split(text)
    audio = next((number for number, (each, _) in enumerate(sections) if each.kind == "audio"), None)
    if audio is None:
        raise SdpRefused("the offer has no audio section (m=audio)")
    section, lines = sections[audio]
    if "SAVPF" not in section.protocol and "SAVP" not in section.protocol:
        raise SdpRefused("the audio section is not encrypted: offer UDP/TLS/RTP/SAVPF")
    if not lines.has("rtcp-mux"):
        raise SdpRefused("the audio section has no a=rtcp-mux")

    def either(name: str) -> str | None:
        return lines.last(name) or session.last(name)

    data = _bundled_data(session, sections, section.mid)
    data_lines = sections[data][1] if data is not None else _Lines()
    return Offer(
        sections=tuple(each for each, _ in sections),
        audio=audio,
        data=data,
        payloads=_payloads(section, lines),
        direction=next((way for way in _REVERSED if lines.has(way) or session.has(way)), "sendrecv"),
        setup=_setup(either("setup")),
        ice=_credentials(either("ice-ufrag"), either("ice-pwd")),
        is_lite=session.has("ice-lite"),
        fingerprints=_fingerprints([*lines.values("fingerprint"), *session.values("fingerprint")]),
        candidates=tuple(_usable(lines.values("candidate"))),
        has_all_candidates=lines.has("end-of-candidates"),
        sctp_port=_number(data_lines.last("sctp-port"), 5000, 65535),
        max_message_bytes=_number(data_lines.last("max-message-size"), 65_536, 1 << 30),
    )


def choose_format(offer: Offer, codecs: Sequence[Codec]) -> RtpFormat:
    """Agree on the first of our codecs that is offered. Raises SdpRefused when there is none."""
    for codec in codecs:
        for kind, name, rate in offer.payloads:
            if name != codec.name.lower() or rate != codec.clock_rate:
                continue
            event = next(
                (
                    (number, clock)
                    for number, other, clock in offer.payloads
                    if other == "telephone-event" and clock == rate
                ),
                (None, rate),
            )
            return RtpFormat(codec, kind, kind, event[0], event[0], event[1])
    names = ", ".join(codec.name for codec in codecs)
    raise SdpRefused(f"no common audio codec; offer one of {names}")


def read_fragment(text: str) -> tuple[tuple[str, ...], bool, str]:
    """Read a trickle-ice-sdpfrag (RFC 8840): usable candidates, whether they are all, the ufrag or ''."""
    if len(text) > MAX_SDP_BYTES:
        raise SdpRefused("the fragment is larger than 32 kB")
    lines = _Lines()
    for line in text.splitlines():
        if line.startswith("a="):
            name, _, value = line[2:].partition(":")
            lines.attributes.append((name, value.strip()))
    return (
        tuple(_usable(lines.values("candidate"))),
        lines.has("end-of-candidates"),
        lines.last("ice-ufrag") or "",
    )


@dataclass(frozen=True, slots=True)
class AnswerParts:
    """What the answer says of us. `candidates`: without 'candidate:'. `session_id`: a number of 62 bits."""

    ice: IceCredentials
    fingerprints: tuple[tuple[str, str], ...]
    setup: str
    candidates: tuple[str, ...]
    session_id: int


def write_answer(offer: Offer, agreed: RtpFormat, ours: AnswerParts) -> str:
    """Write the answer, section by section in the order of the offer."""
    taken = [offer.audio, *([offer.data] if offer.data is not None else [])]
    mids = [offer.sections[number].mid for number in sorted(taken) if offer.sections[number].mid]
    lines = ["v=0", f"o=- {ours.session_id} 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    if mids:
        lines.append("a=group:BUNDLE " + " ".join(mids))
    lines += ["a=ice-options:trickle", "a=msid-semantic: WMS voicebot"]
    for number, section in enumerate(offer.sections):
        if number == offer.audio:
            lines += _audio_lines(offer, agreed, section)
        elif number == offer.data:
            lines += [
                f"m=application 9 {section.protocol} webrtc-datachannel",
                _NO_ADDRESS,
                "a=sctp-port:5000",
                f"a=max-message-size:{MAX_MESSAGE_BYTES}",
            ]
        else:
            lines += [f"m={section.kind} 0 {section.protocol} {section.formats}", _NO_ADDRESS, "a=inactive"]
        if section.mid:
            lines.append(f"a=mid:{section.mid}")
        if number in taken:
            lines += _transport_lines(ours, with_candidates=number == min(taken))
    return "\r\n".join(lines) + "\r\n"


def _audio_lines(offer: Offer, agreed: RtpFormat, section: OfferedSection) -> list[str]:
    codec = agreed.codec
    types = [agreed.send_type, *([agreed.event_send_type] if agreed.event_send_type is not None else [])]
    lines = [f"m=audio 9 {section.protocol} " + " ".join(map(str, types)), _NO_ADDRESS]
    channels = "/2" if codec.name == "opus" else ""  # RFC 7587 §7: always announced as two
    lines.append(f"a=rtpmap:{agreed.send_type} {codec.name}/{codec.clock_rate}{channels}")
    if codec.name == "opus":
        lines.append(f"a=fmtp:{agreed.send_type} minptime=20;useinbandfec=1;maxplaybackrate=16000;stereo=0")
    if agreed.event_send_type is not None:
        lines.append(f"a=rtpmap:{agreed.event_send_type} telephone-event/{agreed.event_clock_rate}")
        lines.append(f"a=fmtp:{agreed.event_send_type} 0-15")
    return [
        *lines,
        f"a=ptime:{agreed.ptime_ms}",
        f"a={_REVERSED[offer.direction]}",
        "a=msid:voicebot voice",
        "a=rtcp-mux",
    ]


def _transport_lines(ours: AnswerParts, *, with_candidates: bool) -> list[str]:
    lines = [f"a=ice-ufrag:{ours.ice.ufrag}", f"a=ice-pwd:{ours.ice.password}"]
    lines += [f"a=fingerprint:{algorithm} {value}" for algorithm, value in ours.fingerprints]
    lines.append(f"a=setup:{ours.setup}")
    if with_candidates:
        lines += [f"a=candidate:{candidate}" for candidate in ours.candidates]
        lines.append("a=end-of-candidates")
    return lines


def _split(text: str) -> tuple[_Lines, list[tuple[OfferedSection, _Lines]]]:
    session = _Lines()
    sections: list[tuple[OfferedSection, _Lines]] = []
    for line in text.splitlines():
        if line.startswith("m="):
            found = _MEDIA.fullmatch(line.strip())
            if found is None or len(sections) >= _MAX_SECTIONS:
                raise SdpRefused("an m-line cannot be read, or there are more than 8")
            sections.append((OfferedSection(found[1], found[3], found[4]), _Lines()))
        elif line.startswith("a="):
            name, _, value = line[2:].strip().partition(":")
            (sections[-1][1] if sections else session).attributes.append((name, value.strip()))
    named = []
    for section, lines in sections:
        mid = lines.last("mid") or ""
        if mid and not _TOKEN.fullmatch(mid):
            raise SdpRefused("a=mid is no token")
        named.append((replace(section, mid=mid), lines))
    return session, named


def _bundled_data(
    session: _Lines, sections: list[tuple[OfferedSection, _Lines]], audio_mid: str
) -> int | None:
    """Find the data section that goes with the audio; another transport of its own is not set up."""
    groups = [value.split()[1:] for value in session.values("group") if value.startswith("BUNDLE")]
    for number, (section, _) in enumerate(sections):
        is_ours = section.kind == "application" and "webrtc-datachannel" in section.formats
        if is_ours and any(section.mid in mids and audio_mid in mids for mids in groups):
            return number
    return None


def _payloads(section: OfferedSection, lines: _Lines) -> tuple[tuple[int, str, int], ...]:
    named = {}
    for value in lines.values("rtpmap"):
        found = _RTPMAP.fullmatch(value)
        if found is not None:
            named[int(found[1])] = (found[2].lower(), int(found[3]))
    payloads = []
    for text in section.formats.split():
        kind = int(text) if text.isdecimal() else 128
        name = named.get(kind) or _STATIC.get(kind)
        if kind < 128 and name is not None:
            payloads.append((kind, name[0].lower(), name[1]))
    return tuple(payloads)


def _setup(value: str | None) -> str:
    if value not in {"actpass", "active", "passive"}:
        raise SdpRefused("a=setup must be actpass, active or passive")
    return value


def _credentials(ufrag: str | None, password: str | None) -> IceCredentials:
    if not ufrag or not password or not _ICE_CHARS.fullmatch(ufrag) or not _ICE_CHARS.fullmatch(password):
        raise SdpRefused("a=ice-ufrag or a=ice-pwd is missing or malformed")
    return IceCredentials(ufrag, password)


def _fingerprints(values: list[str]) -> tuple[tuple[str, str], ...]:
    found = [match for match in map(_FINGERPRINT.fullmatch, values) if match is not None]
    if not found:
        raise SdpRefused("no a=fingerprint of SHA-256 or better")
    return tuple((match[1].lower(), match[2].upper()) for match in found)


def _usable(candidates: list[str]) -> list[str]:
    """Keep UDP candidates of component 1 with an address that can be sent to.

    Names (mDNS) are left out: such a browser's checks reach us first and make a peer-reflexive candidate.
    """
    usable = []
    for value in candidates[: MAX_CANDIDATES * 4]:
        found = _CANDIDATE.fullmatch(value)
        if found is None or found[1] != "1" or not 0 < int(found[3]) < 65536:
            continue
        try:
            address = ipaddress.ip_address(found[2])
        except ValueError:
            continue
        if not address.is_multicast and not address.is_unspecified:
            usable.append(value)
    return usable[:MAX_CANDIDATES]


def _number(value: str | None, default: int, most: int) -> int:
    if value is None or not value.isdecimal() or len(value) > 10:
        return default
    return min(int(value), most) or default
