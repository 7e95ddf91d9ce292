"""What the sections of the settings are made of: a table of the file, ports, networks, addresses."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

Port = Annotated[int, Field(ge=0, le=65535)]


def _network(value: object) -> object:
    try:
        return ip_network(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"{error}: write a network such as 192.0.2.0/24, one address as /32") from None


Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
PRIVATE_NETWORKS = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
CodecName = Literal["PCMA", "PCMU", "G722", "opus"]
PLAIN_URI = re.compile(r"sips?:[A-Za-z0-9_.+~-]+@[A-Za-z0-9.\[\]:-]+")


def _literal(value: str) -> str:
    """Media addresses go into SDP as they are, so a name will not do."""
    if value:
        try:
            ip_address(value)
        except ValueError:
            raise ValueError(f"'{value}' is no IP address: write one such as 192.0.2.10") from None
    return value


IpLiteral = Annotated[str, AfterValidator(_literal)]


class Section(BaseModel):
    """A table of the file: unknown keys are mistakes, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")
