"""Offer and answer: RFC 3264 for one plain RTP audio stream. No I/O, no clock.

`AudioSession` keeps what one dialog needs (origin, version, what was agreed); the functions decide. SRTP is
not spoken here: a line that wants it is declined, and the offer refused (488) when no other is left.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, replace

from aiosipua.sdp import ConnectionData, MediaDescription, Origin, SdpMessage, serialize_sdp

from voicebot.errors import SdpRefused
from voicebot.sip.session_description import (
    AudioFormat,
    Direction,
    audio_formats,
    common_direction,
    direction_of,
    is_old_style_hold,
    media_address,
    packet_ms,
    parse_description,
    reversed_direction,
)

_FORMATS: dict[str, AudioFormat] = {
    "PCMA": AudioFormat(8, "pcma", 8000, 1),
    "PCMU": AudioFormat(0, "pcmu", 8000, 1),
    "G722": AudioFormat(9, "g722", 8000, 1),
    "opus": AudioFormat(96, "opus", 48000, 2),
}
"""Name -> what we offer. G.722 says 8000 though it samples at 16000 (RFC 3551 section 4.5.2); Opus says two
channels whatever it carries (RFC 7587 section 7)."""
_SAMPLE_RATES = {"PCMA": 8000, "PCMU": 8000, "G722": 16000, "opus": 48000}
_PACKET_MS = (10, 20, 30, 40, 50, 60)
_OPUS_PACKET_MS = (10, 20, 40, 60)
_OPUS_FMTP = "maxplaybackrate=16000;stereo=0;useinbandfec=1"
_DTMF = "telephone-event"
_DTMF_OFFERED = {8000: 101, 48000: 102}
_PLAIN_RTP = "RTP/AVP"


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """Our side. `address`: IP literal to receive at; `port`: of RTP. `codecs`: those allowed, best first.

    `prefers_own_order`: our order decides, not the offerer's (to get wideband from a peer that lists A-law
    first). `ptime_ms`: milliseconds of audio a packet unless the peer says otherwise, 10 to 60 in tens.
    `accepts_rtcp_mux`: RTP and RTCP on one port when offered (RFC 5761).
    """

    address: str
    port: int
    codecs: tuple[str, ...] = ("PCMA", "PCMU", "G722", "opus")
    ptime_ms: int = 20
    prefers_own_order: bool = False
    accepts_rtcp_mux: bool = True

    def __post_init__(self) -> None:
        ipaddress.ip_address(self.address)
        if not self.codecs or not set(self.codecs) <= set(_FORMATS):
            raise ValueError(f"codecs must be some of {', '.join(_FORMATS)}")
        if self.ptime_ms not in _PACKET_MS or not 0 < self.port <= 65_535:
            raise ValueError("ptime_ms must be 10, 20 … 60 and port 1-65535")


@dataclass(frozen=True, slots=True)
class NegotiatedAudio:
    """What was agreed for the stream.

    `codec`: PCMA, PCMU, G722 or opus. `clock_rate`: of RTP timestamps in Hz (8000 for G722). `sample_rate`:
    of the audio in Hz. Payload types: `_send` to put into packets, `_receive` to expect. `dtmf_send`,
    `dtmf_receive`: those of telephone-event at `dtmf_clock_rate` Hz, None when the peer has none. `ptime_ms`:
    audio a packet that we send. `remote`: (ip, port) of RTP; `remote_rtcp_port`. `direction`: from our point
    of view; 'recvonly' and 'inactive' mean that the peer holds us.
    """

    codec: str
    clock_rate: int
    sample_rate: int
    payload_type_send: int
    payload_type_receive: int
    dtmf_send: int | None
    dtmf_receive: int | None
    dtmf_clock_rate: int
    ptime_ms: int
    remote: tuple[str, int]
    remote_rtcp_port: int
    direction: Direction
    rtcp_mux: bool

    @property
    def is_held_by_peer(self) -> bool:
        """Nothing that we play is heard."""
        return self.direction in ("recvonly", "inactive")


def make_offer(
    local: MediaSettings,
    *,
    direction: Direction = "sendrecv",
    session_id: int = 1,
    version: int = 1,
    agreed: NegotiatedAudio | None = None,
) -> str:
    """Offer all our codecs; with `agreed` only that one on its payload types (section 8.3.2)."""
    if agreed is None:
        offered = [_FORMATS[name] for name in local.codecs]
        rates = sorted({audio_format.clock_rate for audio_format in offered})
        offered += [AudioFormat(_DTMF_OFFERED[rate], _DTMF, rate, 1) for rate in rates]
    else:
        offered = _agreed_formats(agreed)
    mux = agreed is not None and agreed.rtcp_mux
    audio = _audio_line(local, offered, local.ptime_ms, direction, rtcp_mux=mux)
    return _described(local, [audio], session_id, version)


def answer_offer(
    offer: str,
    local: MediaSettings,
    *,
    direction: Direction = "sendrecv",
    session_id: int = 1,
    version: int = 1,
) -> tuple[NegotiatedAudio, str]:
    """Choose a stream and a codec, and write the answer. `direction`: what we want, from our side.

    Takes the first audio line that can be had and declines all other lines with port 0. Raises SdpRefused:
    400 for malformed text, 488 with the reason of the last audio line when none can be had.
    """
    sdp = parse_description(offer)
    refusal = SdpRefused("no audio line")
    for chosen, media in enumerate(sdp.media):
        if media.media != "audio":
            continue
        try:
            agreed = _agree(sdp, media, local, direction)
        except SdpRefused as error:
            refusal = error
            continue
        formats = _agreed_formats(agreed)
        ours = _audio_line(local, formats, agreed.ptime_ms, agreed.direction, rtcp_mux=agreed.rtcp_mux)
        lines = [ours if index == chosen else _declined(line) for index, line in enumerate(sdp.media)]
        answer = _described(local, lines, session_id, version)
        return agreed, answer
    raise refusal


def read_answer(offer: str, answer: str, local: MediaSettings) -> NegotiatedAudio:
    """Read the answer to an offer of `make_offer`. Raises SdpRefused (400, 488) when we cannot live with it.

    The answerer may use payload types of its own (section 6.1): those are for sending to it, ours remain for
    receiving.
    """
    ours, theirs = parse_description(offer), parse_description(answer)
    line, media = ours.media[0], theirs.media[0]
    if media.media != "audio" or media.proto != _PLAIN_RTP:
        raise SdpRefused("the answer is not to our audio line")
    remote = media_address(theirs, media)
    _check_family(remote[0], local)
    offered = {_key(audio_format): audio_format for audio_format in audio_formats(line)}
    answered = [f for f in audio_formats(media) if _key(f) in offered]
    codec, sending = _first_codec(answered, local.codecs)
    dtmf = _dtmf_for(sending.clock_rate, answered)
    theirs_from_us = reversed_direction(_effective_direction(theirs, media, remote[0]))
    rtcp_mux = "rtcp-mux" in line.attributes and "rtcp-mux" in media.attributes
    return NegotiatedAudio(
        codec=codec,
        clock_rate=sending.clock_rate,
        sample_rate=_SAMPLE_RATES[codec],
        payload_type_send=sending.payload_type,
        payload_type_receive=offered[_key(sending)].payload_type,
        dtmf_send=dtmf.payload_type if dtmf else None,
        dtmf_receive=offered[_key(dtmf)].payload_type if dtmf else None,
        dtmf_clock_rate=dtmf.clock_rate if dtmf else sending.clock_rate,
        ptime_ms=packet_ms(media, local.ptime_ms, _steps(codec)),
        remote=remote,
        remote_rtcp_port=_rtcp_port(media, remote[1], rtcp_mux=rtcp_mux),
        direction=common_direction(direction_of(ours, line), theirs_from_us),
        rtcp_mux=rtcp_mux,
    )


class AudioSession:
    """Offers and answers of one dialog.

    `session_id`: of the origin line, unique a dialog. The version rises by one with every description that
    differs from the last (section 8); an unchanged one keeps it.
    """

    def __init__(self, local: MediaSettings, session_id: int) -> None:
        self.local = local
        self.agreed: NegotiatedAudio | None = None
        self._session_id = session_id
        self._version = 0
        self._last = ""
        self._offered = ""

    def offer(self, direction: Direction = "sendrecv") -> str:
        """Describe us: everything at first, then what was agreed, with a direction (hold: sendonly)."""
        numbers = {"session_id": self._session_id, "version": self._version}
        self._offered = self._numbered(
            make_offer(self.local, direction=direction, agreed=self.agreed, **numbers)
        )
        return self._offered

    def answer(self, offer: str, direction: Direction = "sendrecv") -> str:
        """Answer an offer and keep what was agreed. Raises SdpRefused, then all stays as it was."""
        agreed, answer = answer_offer(
            offer, self.local, direction=direction, session_id=self._session_id, version=self._version
        )
        self.agreed = agreed
        return self._numbered(answer)

    def read_answer(self, answer: str) -> NegotiatedAudio:
        """Take the answer to the last `offer()`. Raises SdpRefused, then all stays as it was."""
        self.agreed = read_answer(self._offered, answer, self.local)
        return self.agreed

    def _numbered(self, description: str) -> str:
        if description != self._last:
            old = f"{self._session_id} {self._version} IN"
            self._version += 1
            description = description.replace(old, f"{self._session_id} {self._version} IN", 1)
        self._last = description
        return description


def _agree(
    sdp: SdpMessage, media: MediaDescription, local: MediaSettings, wanted: Direction
) -> NegotiatedAudio:
    if media.proto != _PLAIN_RTP:
        raise SdpRefused("only plain RTP/AVP is spoken here")
    remote = media_address(sdp, media)
    if not is_old_style_hold(remote[0]):
        _check_family(remote[0], local)
    offered = audio_formats(media)
    order = sorted(offered, key=lambda f: _rank(f, local.codecs)) if local.prefers_own_order else offered
    codec, chosen = _first_codec(order, local.codecs)
    dtmf = _dtmf_for(chosen.clock_rate, offered)
    rtcp_mux = local.accepts_rtcp_mux and "rtcp-mux" in media.attributes
    return NegotiatedAudio(
        codec=codec,
        clock_rate=chosen.clock_rate,
        sample_rate=_SAMPLE_RATES[codec],
        payload_type_send=chosen.payload_type,
        payload_type_receive=chosen.payload_type,
        dtmf_send=dtmf.payload_type if dtmf else None,
        dtmf_receive=dtmf.payload_type if dtmf else None,
        dtmf_clock_rate=dtmf.clock_rate if dtmf else chosen.clock_rate,
        ptime_ms=packet_ms(media, local.ptime_ms, _steps(codec)),
        remote=remote,
        remote_rtcp_port=_rtcp_port(media, remote[1], rtcp_mux=rtcp_mux),
        direction=common_direction(wanted, reversed_direction(_effective_direction(sdp, media, remote[0]))),
        rtcp_mux=rtcp_mux,
    )


def _agreed_formats(agreed: NegotiatedAudio) -> list[AudioFormat]:
    formats = [replace(_FORMATS[agreed.codec], payload_type=agreed.payload_type_receive)]
    if agreed.dtmf_receive is not None:
        formats.append(AudioFormat(agreed.dtmf_receive, _DTMF, agreed.dtmf_clock_rate, 1))
    return formats


def _effective_direction(sdp: SdpMessage, media: MediaDescription, address: str) -> Direction:
    return "inactive" if is_old_style_hold(address) else direction_of(sdp, media)


def _check_family(address: str, local: MediaSettings) -> None:
    if ipaddress.ip_address(address).version != ipaddress.ip_address(local.address).version:
        raise SdpRefused("the peer's address family is not ours")


def _key(audio_format: AudioFormat) -> tuple[str, int, int]:
    return audio_format.name, audio_format.clock_rate, audio_format.channels


def _map_of(codec: str) -> tuple[str, int, int]:
    return _key(_FORMATS[codec])


def _rank(audio_format: AudioFormat, codecs: tuple[str, ...]) -> int:
    maps = [_map_of(name) for name in codecs]
    return maps.index(_key(audio_format)) if _key(audio_format) in maps else len(maps)


def _first_codec(formats: Iterable[AudioFormat], codecs: tuple[str, ...]) -> tuple[str, AudioFormat]:
    """Return the first format that is one of ours: by name, rate and channels, never by its number alone."""
    names = {_map_of(name): name for name in codecs}
    for audio_format in formats:
        if _key(audio_format) in names:
            return names[_key(audio_format)], audio_format
    raise SdpRefused("no common codec")


def _dtmf_for(clock_rate: int, formats: Iterable[AudioFormat]) -> AudioFormat | None:
    """telephone-event at the codec's rate (RFC 4733 section 2.1 wants them alike), else at 8000 Hz."""
    events = {f.clock_rate: f for f in reversed(list(formats)) if f.name == _DTMF}
    return events.get(clock_rate, events.get(8000))


def _steps(codec: str) -> tuple[int, ...]:
    return _OPUS_PACKET_MS if codec == "opus" else _PACKET_MS


def _rtcp_port(media: MediaDescription, rtp_port: int, *, rtcp_mux: bool) -> int:
    """a=rtcp (RFC 3605) or the next port; the same one with rtcp-mux. Its address part is not followed."""
    named = (media.attributes.get("rtcp") or [""])[0].split(" ")[0]
    if rtcp_mux:
        return rtp_port
    if named.isascii() and named.isdigit() and 0 < int(named[:6]) <= 65_535:
        return int(named[:6])
    return min(rtp_port + 1, 65_535)


def _audio_line(
    local: MediaSettings, formats: list[AudioFormat], ptime_ms: int, direction: Direction, *, rtcp_mux: bool
) -> MediaDescription:
    names = {audio_format.name: name for name, audio_format in _FORMATS.items()}
    maps, fmtps = [], []
    for entry in formats:
        channels = f"/{entry.channels}" if entry.channels > 1 else ""
        maps.append(f"{entry.payload_type} {names.get(entry.name, entry.name)}/{entry.clock_rate}{channels}")
        if entry.name == _DTMF:
            fmtps.append(f"{entry.payload_type} 0-15")
        elif entry.name == "opus":
            fmtps.append(f"{entry.payload_type} {_OPUS_FMTP}")
    attributes: dict[str, list[str]] = {"rtpmap": maps}
    if fmtps:
        attributes["fmtp"] = fmtps
    attributes |= {"ptime": [str(ptime_ms)], "maxptime": ["60"], direction: []}
    if rtcp_mux:
        attributes["rtcp-mux"] = []
    payload_types = [str(entry.payload_type) for entry in formats]
    return MediaDescription("audio", local.port, _PLAIN_RTP, payload_types, attributes=attributes)


def _declined(line: MediaDescription) -> MediaDescription:
    """Port 0, same media, protocol and formats (section 6)."""
    return MediaDescription(line.media, 0, line.proto, line.formats)


def _described(local: MediaSettings, lines: list[MediaDescription], session_id: int, version: int) -> str:
    family = f"IP{ipaddress.ip_address(local.address).version}"
    return serialize_sdp(
        SdpMessage(
            origin=Origin("-", str(session_id), str(version), "IN", family, local.address),
            session_name="-",
            connection=ConnectionData("IN", family, local.address),
            media=lines,
        )
    )
