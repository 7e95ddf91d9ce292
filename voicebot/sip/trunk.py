"""A SIP trunk: which calls go through it, its account, and its registration driven by timers. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from aiosipua.message import SipRequest, SipResponse

from voicebot.errors import SipParseError
from voicebot.sip.addressing import Hop, Transport, hop_of_uri, parse_sip_uri, unbracketed
from voicebot.sip.core import CallCore
from voicebot.sip.digest import Credentials, DigestClient
from voicebot.sip.registration import Registration, RegistrationSettings, RegistrationState
from voicebot.sip.timers import Timer, cancel


@dataclass(frozen=True, slots=True)
class SipTrunk:
    """A provider or PBX.

    `registrar`, `proxy`: 'sip:host[:port]'; an empty registrar means no registration, an empty proxy that
    calls go to the registrar. `domains`: hosts of URIs that go through it, '*' for all. `auth_user`: name in
    the digest, `user` when empty. Raises ValueError when a URI or the user name is unusable.
    """

    name: str
    registrar: str = ""
    proxy: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    auth_user: str = ""
    domains: tuple[str, ...] = ()
    expires_seconds: int = 300
    transport: Transport = "udp"

    def __post_init__(self) -> None:
        try:
            for uri in (self.registrar, self.proxy):
                if uri:
                    hop_of_uri(uri, self.transport)
        except SipParseError as error:
            raise ValueError(f"trunk {self.name}: {error}") from error
        if not (self.registrar or self.proxy):
            raise ValueError(f"trunk {self.name}: needs a registrar or a proxy")

    @property
    def hop(self) -> Hop:
        """Where its requests go."""
        return hop_of_uri(self.proxy or self.registrar, self.transport)

    @property
    def hosts(self) -> frozenset[str]:
        """Host names or addresses that requests of this trunk come from."""
        return frozenset(hop_of_uri(uri, self.transport).host for uri in (self.registrar, self.proxy) if uri)

    @property
    def domain(self) -> str:
        """Host of its addresses-of-record."""
        return parse_sip_uri(self.registrar or self.proxy).host

    @property
    def routes(self) -> tuple[str, ...]:
        """Route set of calls: the outbound proxy, loose."""
        if not self.proxy:
            return ()
        uri = (
            self.proxy
            if ";" in self.proxy or self.transport == "udp"
            else f"{self.proxy};transport={self.transport}"
        )
        return (f"<{uri};lr>",)

    def serves(self, uri: str) -> bool:
        """Say whether calls to `uri` go through this trunk."""
        try:
            host = unbracketed(parse_sip_uri(uri).host).lower()
        except SipParseError:
            return False
        served = {domain.lower() for domain in self.domains} or {unbracketed(self.domain).lower()}
        return "*" in served or host in served


class TrunkLink:
    """The running side of a trunk: one DigestClient, and the registration when there is a registrar."""

    def __init__(self, trunk: SipTrunk, core: CallCore, wake: Callable[[], None] = lambda: None) -> None:
        self.trunk = trunk
        self.digest: DigestClient | None = None
        if trunk.user and trunk.password:
            self.digest = DigestClient(Credentials(trunk.auth_user or trunk.user, trunk.password))
        self._core, self._on_change = core, wake
        self._timer: Timer | None = None
        self._registration: Registration | None = None

    @property
    def state(self) -> RegistrationState | None:
        """State of the registration, None without a registrar."""
        return self._registration.state if self._registration is not None else None

    @property
    def is_usable(self) -> bool:
        """Registered, or no registration needed."""
        return self._registration is None or self._registration.is_bound(self._core.timers.now)

    @property
    def last_failure(self) -> str:
        """Why the registration failed last, '' when it did not."""
        return self._registration.last_failure if self._registration is not None else ""

    def start(self, local: tuple[str, int]) -> None:
        """Register from `local` (host, port of ours)."""
        trunk = self.trunk
        if not trunk.registrar:
            return
        contact = self._core.contact(trunk.hop)
        settings = RegistrationSettings(
            aor=f"sip:{trunk.user or self._core.config.user}@{trunk.domain}",
            registrar_uri=f"sip:{trunk.domain}",
            contact_uri=contact.strip("<>"),
            expires_seconds=trunk.expires_seconds,
            user_agent=self._core.config.user_agent,
        )
        self._registration = Registration(
            settings,
            call_id=f"{self._core.token()}@{local[0]}",
            from_tag=self._core.token(),
            digest=self.digest,
            jitter=self._core.jitter,
        )
        self._go_on(self._registration.start(self._core.timers.now))

    def stop(self) -> None:
        """Remove the binding."""
        if self._registration is not None:
            self._go_on(self._registration.stop(self._core.timers.now))

    def connection_lost(self, hop: Hop) -> None:
        """With the stream goes the registrar's way to us: register over a new one."""
        if self._registration is not None and hop.is_reliable and hop.transport == self.trunk.hop.transport:
            now = self._core.timers.now
            self._go_on(self._registration.transport_failed(now))

    def _go_on(self, request: SipRequest | None) -> None:
        registration = self._registration
        assert registration is not None
        if request is not None:
            sent = self._core.send_request(request, self.trunk.hop, self._received, self._failed)
            if sent is None:
                registration.request_failed("too many transactions", self._core.timers.now)
        cancel(self._timer)
        self._timer = None
        if registration.deadline is not None:
            wait = max(0.001, registration.deadline - self._core.timers.now)
            self._timer = self._core.timers.after(wait, self._due)
        self._on_change()

    def _received(self, response: SipResponse) -> None:
        if self._registration is not None:
            self._go_on(self._registration.response_received(response, self._core.timers.now))

    def _failed(self, status: int) -> None:
        if self._registration is not None:
            reason = "no response" if status == 408 else "transport failed"
            self._go_on(self._registration.request_failed(reason, self._core.timers.now))

    def _due(self) -> None:
        if self._registration is not None:
            self._go_on(self._registration.tick(self._core.timers.now))
