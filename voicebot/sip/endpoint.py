"""The running SIP stack: sockets and the loop's clock around the I/O-free user agent."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from voicebot.errors import SipError, SipParseError
from voicebot.faults import log_fault
from voicebot.sip.addressing import Hop, bracketed, hop_of_uri
from voicebot.sip.admission import Admission, AdmissionConfig
from voicebot.sip.call_control import IncomingCall
from voicebot.sip.call_handle import CallHandle
from voicebot.sip.core import DigestAnswers, SipStatistics, Surroundings, UserAgentConfig
from voicebot.sip.inbound_call import InboundCall
from voicebot.sip.outbound_call import Destination, OutboundCall
from voicebot.sip.registration import RegistrationState
from voicebot.sip.transport import SipSockets, SocketCallbacks, SocketConfig
from voicebot.sip.trunk import SipTrunk, TrunkLink
from voicebot.sip.user_agent import UserAgent

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SipEndpointConfig:
    """Sockets, behaviour, allow-list and trunks of one endpoint."""

    sockets: SocketConfig = field(default_factory=SocketConfig)
    agent: UserAgentConfig = field(default_factory=UserAgentConfig)
    admission: AdmissionConfig = field(default_factory=AdmissionConfig)
    trunks: tuple[SipTrunk, ...] = ()


class SipEndpoint:
    """Implements `SipEndpointProtocol`.

    `on_call` runs in a task of its own for each inbound call, and owns the call: when it returns or raises,
    what is left of the call is hung up (refused with 480 or 500 while it still rings).
    """

    def __init__(self, config: SipEndpointConfig, on_call: IncomingCall) -> None:
        self._config, self._on_call = config, on_call
        self._timer: asyncio.TimerHandle | None = None
        self._quiet = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._trunk_addresses: dict[str, str] = {}
        self._sockets = SipSockets(
            config.sockets,
            SocketCallbacks(self._received, self._failed, self._lost, self._dropped, self._resolved),
        )
        surroundings = Surroundings(
            send=self._sockets.send,
            token=lambda: secrets.token_hex(10),
            jitter=random.random,
            local_address=self._sockets.local_address,
            on_call=self._begin_call,
            digest_for=self._digest_for,
        )
        self._agent = UserAgent(config.agent, surroundings, Admission(config.admission))
        self._links = [TrunkLink(trunk, self._agent) for trunk in config.trunks]

    def tell_ignored(self, on_ignored: Callable[[str], None]) -> None:
        """Have each REFER, Replaces and redirect that was not followed reported (law S1); returns at once."""
        self._agent.on_ignored = on_ignored

    @property
    def port(self) -> int:
        """UDP and TCP port that is listened on."""
        return self._sockets.port

    @property
    def tls_port(self) -> int:
        """TLS port that is listened on, when there is a certificate."""
        return self._sockets.tls_port

    def statistics(self) -> SipStatistics:
        """Live counts and totals."""
        return self._agent.statistics()

    @property
    def task_count(self) -> int:
        """Calls whose `on_call` is still running."""
        return len(self._tasks)

    def registrations(self) -> Mapping[str, RegistrationState | None]:
        """State of each trunk by name; None for those that do not register."""
        return {link.trunk.name: link.state for link in self._links}

    async def start(self) -> None:
        """Listen, and begin to register. Raises SipError when a port is taken."""
        await self._sockets.open()
        for link in self._links:
            await self._learn_addresses(link)
        with self._turn():
            for link in self._links:
                link.start(self._sockets.local_address(link.trunk.hop))
        log.info("sip listening", host=self._config.sockets.host, port=self.port)

    async def invite(
        self,
        uri: str,
        *,
        sdp: str,
        from_user: str = "voicebot",
        display_name: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> CallHandle[OutboundCall]:
        """Start an outbound call. Raises SipError for a URI that cannot be called or no free place.

        A host that cannot be found or reached comes as SetupFailed(503).
        """
        link = next((link for link in self._links if link.trunk.serves(uri)), None)
        try:
            hop = link.trunk.hop if link is not None else hop_of_uri(uri)
        except SipParseError as error:
            raise SipError("this URI cannot be called") from error
        try:
            await self._sockets.resolve(hop.host)
        except OSError:
            log.warning("sip host not found", trunk=link.trunk.name if link else "")
        if link is not None:
            from_uri = f"sip:{link.trunk.user or from_user}@{link.trunk.domain}"
        else:
            host, port = self._sockets.local_address(hop)
            from_uri = f"sip:{from_user}@{bracketed(host)}:{port}"
        destination = Destination(
            uri=uri,
            hop=hop,
            from_uri=from_uri,
            display_name=display_name,
            routes=link.trunk.routes if link is not None else (),
            headers=dict(headers or {}),
        )
        with self._turn():
            call = self._agent.invite(destination, sdp, link.digest if link is not None else None)
            handle = CallHandle(call, self._turn)
            call.start()
        return handle

    async def close(self, grace_seconds: float = 2.0) -> None:
        """Hang up what is left, unregister, wait at most `grace_seconds` for it, close the sockets."""
        self._agent.is_closing = True
        with self._turn():
            for call in self._agent.calls:
                call.hang_up(503 if isinstance(call, InboundCall) and not call.has_ended else 0)
            for link in self._links:
                link.stop()
        try:
            async with asyncio.timeout(grace_seconds):
                await self._quiet.wait()
        except TimeoutError:
            log.warning("sip closed with calls left", calls=self._agent.statistics().calls)
        with self._turn():
            self._agent.abandon_all()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._sockets.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_quiet(self) -> bool:
        is_unregistered = all(link.state in (None, RegistrationState.IDLE) for link in self._links)
        return not self._agent.calls and is_unregistered

    # --- the clock ---

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Tell the core the time before it is asked anything, and set the alarm for its next deadline."""
        loop = asyncio.get_running_loop()
        try:
            self._agent.advance(loop.time())
            yield
        finally:
            if self._agent.is_closing and self._is_quiet():
                self._quiet.set()
            deadline = self._agent.next_deadline
            if self._timer is not None and (deadline is None or self._timer.when() != deadline):
                self._timer.cancel()
                self._timer = None
            if deadline is not None and self._timer is None:
                self._timer = loop.call_at(deadline, self._alarm)

    def _alarm(self) -> None:
        self._timer = None
        with self._turn():
            pass

    # --- from the sockets ---

    def _received(self, data: bytes, source: Hop) -> None:
        try:
            with self._turn():
                self._agent.receive(data, source)
        except Exception as error:  # noqa: BLE001 - the edge to the network: one packet costs no listener its life
            self._agent.note_dropped("internal_error")
            log_fault(error, "sip message failed", "sip.receive")

    def _failed(self, hop: Hop) -> None:
        with self._turn():
            self._agent.transport_failed(hop)

    def _lost(self, hop: Hop) -> None:
        with self._turn():
            self._agent.connection_lost(hop)
            for link in self._links:
                if self._trunk_addresses.get(hop.host) == link.trunk.name:
                    link.connection_lost(hop)

    def _dropped(self, reason: str) -> None:
        self._agent.note_dropped(reason)

    def _resolved(self, name: str, address: str) -> None:
        for link in self._links:
            if name in link.trunk.hosts:
                self._trunk_addresses[address] = link.trunk.name
                self._agent.admission.allow(address)

    async def _learn_addresses(self, link: TrunkLink) -> None:
        """Admit the trunk's own addresses; a name that does not resolve now is tried again when used."""
        for host in link.trunk.hosts:
            try:
                self._resolved(host, await self._sockets.resolve(host))
            except OSError:
                log.warning("sip trunk host not found", trunk=link.trunk.name)

    def _digest_for(self, source: Hop) -> DigestAnswers | None:
        name = self._trunk_addresses.get(source.host)
        return next((link.digest for link in self._links if link.trunk.name == name), None)

    # --- inbound calls ---

    def _begin_call(self, call: InboundCall) -> None:
        handle = CallHandle(call, self._turn)
        task = asyncio.get_running_loop().create_task(self._run_call(handle), name="sip-call")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_call(self, handle: CallHandle[InboundCall]) -> None:
        status = 480
        try:
            await self._on_call(handle)
        except Exception as error:  # noqa: BLE001 - the edge of a call: the caller gets a code, the log the cause
            status = 500
            log_fault(error, "sip call failed", "sip.call")
        finally:
            with self._turn():
                handle.session.hang_up(status)
