"""Who may talk to us, and how fast: law S1, against scanners and floods. No I/O, no clock."""

from __future__ import annotations

import enum
import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

PRIVATE_NETWORKS = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16",
    "::1/128", "fc00::/7", "fe80::/10",
)  # fmt: skip


class Verdict(enum.StrEnum):
    """What becomes of a packet."""

    ADMITTED = "admitted"
    STRANGER = "stranger"
    LIMITED = "limited"


@dataclass(frozen=True, slots=True)
class AdmissionConfig:
    """`networks`: CIDR blocks of sources that may call. `stranger_status`: 0 for silence, or 403.

    Rates are packets per second and source, with a burst; strangers get theirs only so that the rest of a
    dialog of ours through a public proxy still works. `max_sources`: remembered at once.
    """

    networks: tuple[str, ...] = PRIVATE_NETWORKS
    stranger_status: int = 0
    per_second: float = 1000.0
    burst: float = 2000.0
    stranger_per_second: float = 10.0
    stranger_burst: float = 40.0
    max_sources: int = 4096
    log_every_seconds: float = 60.0


@dataclass(slots=True)
class _Source:
    """A token bucket. `tokens` as of `at` seconds."""

    is_admitted: bool
    tokens: float
    at: float


class Admission:
    """Judges sources. Raises ValueError for a malformed network."""

    def __init__(self, config: AdmissionConfig) -> None:
        self._config = config
        self._networks = [ipaddress.ip_network(block) for block in config.networks]
        self._hosts: set[str] = set()
        self._sources: OrderedDict[str, _Source] = OrderedDict()
        self._next_log = float("-inf")
        self._unlogged = 0

    @property
    def stranger_status(self) -> int:
        """Status for strangers' requests, 0 for silence."""
        return self._config.stranger_status

    def allow(self, host: str) -> None:
        """Admit one address (an IP literal), such as that of a trunk."""
        self._hosts.add(host)
        self._sources.pop(host, None)

    def judge(self, host: str, now: float) -> Verdict:
        """Judge one packet from `host` (an IP literal) at `now` seconds."""
        config = self._config
        source = self._sources.get(host)
        if source is None:
            is_admitted = self._is_admitted(host)
            source = _Source(is_admitted, config.burst if is_admitted else config.stranger_burst, now)
            self._sources[host] = source
            if len(self._sources) > config.max_sources:
                self._sources.popitem(last=False)
        self._sources.move_to_end(host)
        rate = config.per_second if source.is_admitted else config.stranger_per_second
        burst = config.burst if source.is_admitted else config.stranger_burst
        source.tokens = min(burst, source.tokens + (now - source.at) * rate)
        source.at = now
        if source.tokens < 1.0:
            return Verdict.LIMITED
        source.tokens -= 1.0
        return Verdict.ADMITTED if source.is_admitted else Verdict.STRANGER

    def refusals_to_log(self, now: float) -> int:
        """Count one refusal; how many to log now, 0 while it is too soon."""
        self._unlogged += 1
        if now < self._next_log:
            return 0
        self._next_log = now + self._config.log_every_seconds
        count, self._unlogged = self._unlogged, 0
        return count

    def _is_admitted(self, host: str) -> bool:
        if host in self._hosts:
            return True
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)
