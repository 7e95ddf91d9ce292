"""Where calls come in: the SIP endpoint, the media-stream gateway and the web gateway, from the settings."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from voicebot.errors import ConfigError
from voicebot.kept_token import kept_token
from voicebot.media.leg import Dialler, Leg
from voicebot.media.media_stream import MediaStreamConfig, MediaStreamServer
from voicebot.media.media_stream_guard import Access
from voicebot.media.rtp_ports import RtpPorts
from voicebot.media.sip_dialler import SipDialler
from voicebot.media.sip_leg import SipLeg
from voicebot.media.sip_media import MediaParts, SipLegSettings
from voicebot.media.ticker import Ticker
from voicebot.settings import Settings, TrunkSettings
from voicebot.sip.addressing import hop_of_uri
from voicebot.sip.admission import AdmissionConfig
from voicebot.sip.call_control import CallControl
from voicebot.sip.core import UserAgentConfig
from voicebot.sip.endpoint import SipEndpoint, SipEndpointConfig
from voicebot.sip.registration import RegistrationState
from voicebot.sip.transport import SocketConfig
from voicebot.sip.trunk import SipTrunk
from voicebot.web_listener import WebListener

if TYPE_CHECKING:
    from voicebot.transfer.agents import AgentBriefing

log = structlog.get_logger()

GATEWAY_TOKEN_FILE = Path("var/gateway-token")

OnLeg = Callable[[Leg], Awaitable[None]]


class Listeners:
    """Opens and closes everything that calls come in by. `dialler` makes outbound legs once started."""

    def __init__(self, settings: Settings, on_leg: OnLeg) -> None:
        self._settings, self._on_leg = settings, on_leg
        self._ticker = Ticker()
        self._ports = RtpPorts(settings.sip.host, settings.rtp.first_port, settings.rtp.last_port)
        self._endpoint = SipEndpoint(endpoint_config(settings), self._sip_rings)
        self.dialler: Dialler = RoutedDialler(self._endpoint, self._parts_towards)
        self._gateway: MediaStreamServer | None = None
        if settings.gateway.enabled:
            self._gateway = MediaStreamServer(gateway_config(settings), on_leg, self._ticker)
        self.web: WebListener | None = None
        if settings.web.enabled:
            self.web = WebListener(settings, on_leg, self._ticker)
        self.are_open = False

    def tell_ignored(self, on_ignored: Callable[[str], None]) -> None:
        """Have what was not followed of others' wishes (REFER, Replaces, redirects) reported."""
        self._endpoint.tell_ignored(on_ignored)

    async def start(self) -> None:
        """Listen. Raises SipError or MediaError when a port is taken."""
        await self._endpoint.start()
        if self._gateway is not None:
            await self._gateway.start()
        if self.web is not None:
            await self.web.start()
        self.are_open = True

    async def close(self) -> None:
        """Stop listening; what is up is hung up."""
        self.are_open = False
        if self.web is not None:
            await self.web.close()
        if self._gateway is not None:
            await self._gateway.close()
        await self._endpoint.close()

    async def _sip_rings(self, control: CallControl) -> None:
        leg = SipLeg.ringing(control, self._parts_towards(control.facts.source[0]), uuid.uuid4().hex)
        try:
            await self._on_leg(leg)
        finally:
            await leg.hang_up()

    def _parts_towards(self, peer: str) -> MediaParts:
        address = self._settings.sip.advertised_address or _address_towards(peer, self._settings.sip.host)
        return MediaParts(
            self._ports,
            self._ticker,
            SipLegSettings(
                address=address,
                codecs=self._settings.sip.codecs,
                rtp_timeout_seconds=self._settings.rtp.timeout_seconds,
            ),
        )

    @property
    def sip_addresses(self) -> tuple[str, ...]:
        """Return what to dial."""
        host = self._settings.sip.host
        shown = _address_towards("192.0.2.1", host) if host in {"0.0.0.0", "::"} else host  # noqa: S104
        addresses = [f"sip:nl@{shown}:{self._endpoint.port}"]
        if self._endpoint.tls_port and self._settings.sip.tls_port:
            addresses.append(f"sips:nl@{shown}:{self._endpoint.tls_port}")
        return tuple(addresses)

    @property
    def gateway_address(self) -> str:
        """Return the WebSocket's address without its token."""
        if self._gateway is None:
            return ""
        gateway = self._settings.gateway
        return f"ws://{gateway.host}:{self._gateway.port}/media  (token: {_token_place(self._settings)})"

    @property
    def web_address(self) -> str:
        """Return where the pages for callers and agents are, '' when they are off."""
        return self.web.address if self.web is not None else ""

    @property
    def degraded(self) -> list[str]:
        """Trunks that are not registered."""
        return [
            f"trunk '{name}' is not registered ({state.value}): see 'A trunk' in the README"
            for name, state in self._endpoint.registrations().items()
            if state is not None and state is not RegistrationState.REGISTERED
        ]

    def statistics(self) -> dict[str, object]:
        """Return counts of the SIP stack and the ticker."""
        return {
            "sip": {"tasks": self._endpoint.task_count, **asdict(self._endpoint.statistics())},
            "web": self.web.statistics() if self.web is not None else {},
            "gateway_connections": self._gateway.connections if self._gateway is not None else 0,
            "slots_missed": self._ticker.slots_missed,
            "late_over_5_ms": self._ticker.late_over_5_ms,
            "worst_late_ms": round(self._ticker.worst_late_ms, 2),
        }


class RoutedDialler:
    """Dials with the local address that fits the way to each destination. `from_user`: who calls."""

    def __init__(
        self, endpoint: SipEndpoint, parts_towards: Callable[[str], MediaParts], from_user: str = "voicebot"
    ) -> None:
        self._endpoint, self._parts_towards, self._from_user = endpoint, parts_towards, from_user

    async def dial(
        self,
        uri: str,
        *,
        display_name: str = "",
        timeout_seconds: float = 25.0,
        briefing: AgentBriefing | None = None,
    ) -> Leg:
        """See Dialler."""
        host = hop_of_uri(uri).host
        parts = self._parts_towards(await _resolved(host))
        dialler = SipDialler(self._endpoint, parts, from_user=self._from_user)
        return await dialler.dial(uri, display_name=display_name, timeout_seconds=timeout_seconds)


async def _resolved(host: str) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host.strip("[]"), None, type=socket.SOCK_DGRAM)
    except OSError:
        return "192.0.2.1"  # the dialler reports it as unreachable
    return str(found[0][4][0])


def _address_towards(peer: str, bound: str) -> str:
    """Return our address on the way to a peer; no packet is sent."""
    if bound not in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return bound
    family = socket.AF_INET6 if ":" in peer else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((peer, 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"


def endpoint_config(settings: Settings) -> SipEndpointConfig:
    """Translate the settings. Raises ConfigError for a trunk that cannot be used."""
    sip = settings.sip
    try:
        trunks = tuple(_trunk(trunk) for trunk in sip.trunks)
    except ValueError as error:
        raise ConfigError(
            str(error), field="sip.trunks", mend="give it a registrar or proxy as sip:host or sip:host:port"
        ) from error
    return SipEndpointConfig(
        sockets=SocketConfig(
            host=sip.host,
            port=sip.port,
            tls_port=sip.tls_port,
            advertised_host=sip.advertised_address,
            certificate=str(sip.tls_certificate or ""),
            private_key=str(sip.tls_key or ""),
        ),
        agent=UserAgentConfig(
            max_calls=settings.call.concurrent * 2 + 10,
            session_expires_seconds=sip.session_expires_seconds,
        ),
        admission=AdmissionConfig(
            networks=tuple(str(network) for network in sip.allow),
            stranger_status=0 if sip.refuse_silently else 403,
        ),
        trunks=trunks,
    )


def _trunk(trunk: TrunkSettings) -> SipTrunk:
    """A password may come from VOICEBOT_TRUNK_<NAME>_PASSWORD, so that it need not stand in a file."""
    variable = f"VOICEBOT_TRUNK_{trunk.name.upper().replace('-', '_')}_PASSWORD"
    return SipTrunk(
        name=trunk.name,
        registrar=trunk.registrar,
        proxy=trunk.proxy,
        user=trunk.user,
        password=os.environ.get(variable, trunk.password),
        domains=trunk.domains,
        expires_seconds=trunk.expires_seconds,
        transport=trunk.transport,
    )


def _token_place(settings: Settings) -> str:
    return "gateway.token" if settings.gateway.token else str(GATEWAY_TOKEN_FILE)


def gateway_token(settings: Settings) -> str:
    """Return the configured token, or one made at the first start and kept, readable for us only."""
    return settings.gateway.token or kept_token(GATEWAY_TOKEN_FILE)


def gateway_config(settings: Settings) -> MediaStreamConfig:
    """Translate the settings. Raises ConfigError for a door without a lock."""
    gateway = settings.gateway
    access = Access(
        token=gateway_token(settings),
        signing_key=gateway.signing_key,
        public_url=gateway.public_url,
        allow=gateway.allow,
    )
    return MediaStreamConfig(
        access, host=gateway.host, port=gateway.port, max_connections=gateway.max_connections
    )
