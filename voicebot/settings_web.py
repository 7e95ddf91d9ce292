"""Settings of the web gateway: the pages for callers and agents, WHIP, and the way of their media."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from voicebot.settings_parts import CodecName, Network, Port, Section

_ICE_URL = re.compile(r"(?:stun|stuns|turn|turns):[A-Za-z0-9.:\[\]-]{1,255}(?:\?transport=(?:udp|tcp))?")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\[\]:-]{1,255}")


class WebSettings(Section):
    """The public pages. `token` empty: made at first start and kept in var/web-token.

    `public`: our own page /call calls without a token. `origins`: sites that may embed calls, which takes
    the token too. `public_url`: how browsers reach us, where a proxy stands between. `turn_secret`: shared
    with a TURN server for passwords that expire (coturn: use-auth-secret).
    """

    enabled: bool = True
    host: str = "0.0.0.0"  # noqa: S104 - public by design: limits per address, caps, tokens
    port: Port = 8088
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    public_url: str = ""
    public: bool = True
    token: str = Field(default="", repr=False)
    origins: tuple[str, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()
    calls_per_minute: int = Field(default=10, ge=1, le=10_000)
    calls_per_address: int = Field(default=5, ge=1, le=1000)
    codecs: tuple[CodecName, ...] = ("opus", "PCMA", "PCMU")
    ice_servers: tuple[str, ...] = ()
    turn_user: str = ""
    turn_password: str = Field(default="", repr=False)
    turn_secret: str = Field(default="", repr=False)
    media_timeout_seconds: float = Field(default=15.0, ge=2, le=600)

    @field_validator("tls_key")
    @classmethod
    def _key_and_certificate(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if (key is None) != (info.data.get("tls_certificate") is None):
            raise ValueError("HTTPS needs both: set tls_certificate and tls_key")
        return key

    @field_validator("ice_servers")
    @classmethod
    def _are_ice_servers(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            if not _ICE_URL.fullmatch(url):
                raise ValueError(f"'{url}' is no STUN or TURN server: write stun:host:3478 or turn:host:3478")
        return urls

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"'{origin}' is no origin: write https://www.example.org, without a path")
        return origins
