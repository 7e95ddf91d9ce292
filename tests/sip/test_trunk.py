"""Trunks: which calls they take, registration driven by the agent's timers, digest, admission."""

import asyncio

import pytest

from tests.sip.bench import ANSWER, OFFER, PEER, Bench, methods, only_request, response
from tests.sip.test_endpoint import QUICK, next_event
from voicebot.sip.addressing import Hop
from voicebot.sip.admission import AdmissionConfig
from voicebot.sip.call_control import Answered, CallControl
from voicebot.sip.core import UserAgentConfig
from voicebot.sip.endpoint import SipEndpoint, SipEndpointConfig
from voicebot.sip.registration import RegistrationState
from voicebot.sip.transport import SocketConfig
from voicebot.sip.trunk import SipTrunk, TrunkLink

CHALLENGE = ('WWW-Authenticate: Digest realm="pbx", nonce="n1", qop="auth"',)
TRUNK = SipTrunk("provider", registrar="sip:10.0.0.2", user="31302345678", password="secret")


def test_which_uris_it_serves() -> None:
    assert TRUNK.serves("sip:1@10.0.0.2:5080")
    assert not TRUNK.serves("sip:1@10.0.0.3")
    assert not TRUNK.serves("tel:+31")
    everything = SipTrunk("all", proxy="sip:proxy.example:5070", domains=("*",))
    assert everything.serves("sip:1@anything")
    assert everything.hop == Hop("udp", "proxy.example", 5070)
    assert everything.routes == ("<sip:proxy.example:5070;lr>",)
    over_tls = SipTrunk("tls", registrar="sip:r.example", proxy="sip:p.example", transport="tls")
    assert over_tls.routes == ("<sip:p.example;transport=tls;lr>",)
    assert over_tls.hop == Hop("tls", "p.example", 5061)
    assert over_tls.hosts == {"r.example", "p.example"}


@pytest.mark.parametrize("wrong", [{}, {"registrar": "pbx.example"}, {"proxy": "sip:a:99999"}])
def test_unusable_trunks_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="trunk x"):
        SipTrunk("x", **wrong)  # type: ignore[arg-type]


def test_password_is_not_shown() -> None:
    assert "secret" not in repr(TRUNK)


def test_it_registers_answers_the_challenge_refreshes_and_unregisters() -> None:
    bench = Bench()
    link = TrunkLink(TRUNK, bench.agent)
    assert link.state is None
    link.start(("10.0.0.1", 5060))
    register = only_request(bench.take(), "REGISTER")
    again = only_request(bench.inject(response(register, 401, headers=CHALLENGE)), "REGISTER")
    assert again.headers.get_first("authorization")
    contact = f"Contact: {again.headers.get_first('contact')}"
    bench.inject(response(again, 200, headers=(contact,), contact=""))
    assert link.state is RegistrationState.REGISTERED
    assert link.is_usable
    refresh = only_request(bench.pass_time(225.1), "REGISTER")
    bench.inject(response(refresh, 200, headers=(contact,), contact=""))
    link.stop()
    last = only_request(bench.take(), "REGISTER")
    assert last.headers.get_first("expires") == "0"
    bench.inject(response(last, 200, contact=""))
    assert link.state is RegistrationState.IDLE
    bench.pass_time(60)
    assert bench.is_empty()


def test_silence_is_retried() -> None:
    bench = Bench()
    link = TrunkLink(TRUNK, bench.agent)
    link.start(("10.0.0.1", 5060))
    assert methods(bench.pass_time(33)).count("REGISTER") == 11
    assert link.last_failure == "no response"
    assert not link.is_usable
    assert methods(bench.pass_time(5)) != []


def test_lost_connection_means_registering_anew() -> None:
    bench = Bench()
    link = TrunkLink(SipTrunk("t", registrar="sip:10.0.0.2", user="a", transport="tcp"), bench.agent)
    link.start(("10.0.0.1", 5060))
    register = only_request(bench.take(), "REGISTER")
    assert ";transport=tcp" in (register.headers.get_first("contact") or "")
    bench.inject(
        response(register, 200, headers=(f"Contact: {register.headers.get_first('contact')}",), contact="")
    )
    assert link.is_usable
    link.connection_lost(Hop("udp", PEER.host, 5060))
    assert link.is_usable
    link.connection_lost(Hop("tcp", PEER.host, 5060))
    assert not link.is_usable
    assert methods(bench.pass_time(3)) == ["REGISTER"]


class Registrar(asyncio.DatagramProtocol):
    """A provider: challenges everything once, then accepts it."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.registered = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        from aiosipua.message import SipMessage, SipRequest

        message = SipMessage.parse(data)
        if not isinstance(message, SipRequest) or message.method == "ACK":
            return
        self.requests.append(message.method)
        if "authorization" not in message.headers and message.method in ("REGISTER", "INVITE"):
            reply = response(message, 401, headers=CHALLENGE)
        elif message.method == "REGISTER":
            reply = response(
                message, 200, headers=(f"Contact: {message.headers.get_first('contact')}",), contact=""
            )
            self.registered.set()
        else:
            port = self._transport.get_extra_info("sockname")[1]
            reply = response(message, 200, body=ANSWER, contact=f"<sip:callee@127.0.0.1:{port}>")
        self._transport.sendto(reply.encode(), addr)  # type: ignore[attr-defined]


async def test_endpoint_registers_calls_through_the_trunk_and_admits_it() -> None:
    loop = asyncio.get_running_loop()
    transport, registrar = await loop.create_datagram_endpoint(Registrar, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    trunk = SipTrunk(
        "provider",
        registrar=f"sip:127.0.0.1:{port}",
        user="31302345678",
        password="secret",
        domains=("trunk.example",),
    )

    async def refuse(call: CallControl) -> None:
        call.reject(480)

    config = SipEndpointConfig(
        sockets=SocketConfig(host="127.0.0.1", port=0),
        agent=UserAgentConfig(timer_values=QUICK),
        admission=AdmissionConfig(networks=()),
        trunks=(trunk,),
    )
    endpoint = SipEndpoint(config, refuse)
    await endpoint.start()
    try:
        await asyncio.wait_for(registrar.registered.wait(), 5)
        call = await endpoint.invite("sip:+31201234567@trunk.example", sdp=OFFER)
        events = call.events()
        assert await next_event(events) == Answered(ANSWER)
        assert call.facts.caller == "31302345678"
        await call.hang_up()
    finally:
        await endpoint.close()
        transport.close()
    # the nonce is known by then, so that only the first REGISTER is challenged
    assert registrar.requests == ["REGISTER", "REGISTER", "INVITE", "BYE", "REGISTER"]
    assert endpoint.registrations() == {"provider": RegistrationState.IDLE}
    assert endpoint.statistics().dropped == {}
