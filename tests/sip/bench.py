"""A user agent on a bench: datagrams in by hand, time by hand, everything that goes out is kept."""

from __future__ import annotations

import itertools

from aiosipua.message import SipMessage, SipRequest, SipResponse

from voicebot.sip.addressing import Hop
from voicebot.sip.admission import Admission, AdmissionConfig
from voicebot.sip.call_control import CallControlEvent
from voicebot.sip.call_session import CallSession
from voicebot.sip.core import DigestAnswers, Surroundings, UserAgentConfig
from voicebot.sip.inbound_call import InboundCall
from voicebot.sip.outbound_call import Destination, OutboundCall
from voicebot.sip.user_agent import UserAgent

US = "10.0.0.1"
PEER = Hop("udp", "10.0.0.2", 5060)
OFFER = "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
ANSWER = OFFER.replace("10.0.0.2", "10.0.0.1")
Message = SipRequest | SipResponse


class Bench:
    """One UserAgent. `sent`: (message, hop) not yet taken; `calls`: inbound ones; `events`: by call."""

    def __init__(
        self,
        *,
        config: UserAgentConfig | None = None,
        admission: AdmissionConfig | None = None,
        jitter: float = 0.5,
        digest: DigestAnswers | None = None,
    ) -> None:
        self.sent: list[tuple[Message, Hop]] = []
        self.calls: list[InboundCall] = []
        self.events: dict[CallSession, list[CallControlEvent]] = {}
        serial = itertools.count(1)
        self.agent = UserAgent(
            config or UserAgentConfig(),
            Surroundings(
                send=lambda data, hop: self.sent.append((SipMessage.parse(data), hop)),
                token=lambda: f"tok{next(serial)}",
                jitter=lambda: jitter,
                local_address=lambda hop: (US, 5060),
                on_call=self._on_call,
                digest_for=lambda hop: digest,
            ),
            Admission(admission or AdmissionConfig()),
        )
        self.digest = digest

    def _on_call(self, call: InboundCall) -> None:
        self.calls.append(call)
        self._listen(call)

    def _listen(self, call: CallSession) -> None:
        heard: list[CallControlEvent] = []
        self.events[call] = heard
        call.on_event = heard.append

    def inject(self, message: str | bytes, source: Hop = PEER) -> list[Message]:
        """Take a message in; return what went out because of it."""
        self.agent.receive(message.encode() if isinstance(message, str) else message, source)
        return self.take()

    def take(self) -> list[Message]:
        """Everything sent since the last time."""
        sent, self.sent = self.sent, []
        return [message for message, _ in sent]

    def take_with_hops(self) -> list[tuple[Message, Hop]]:
        """Everything sent since the last time, with where it went."""
        sent, self.sent = self.sent, []
        return sent

    def pass_time(self, seconds: float) -> list[Message]:
        """Let time pass from deadline to deadline; return what went out meanwhile."""
        end = self.agent.timers.now + seconds
        while (deadline := self.agent.next_deadline) is not None and deadline <= end:
            self.agent.advance(deadline)
        self.agent.advance(end)
        return self.take()

    def dial(self, uri: str = "sip:agent@10.0.0.2", **destination: object) -> OutboundCall:
        """Begin an outbound call to PEER."""
        settings = {"uri": uri, "hop": PEER, "from_uri": "sip:bot@10.0.0.1", **destination}
        call = self.agent.invite(Destination(**settings), OFFER, self.digest)  # type: ignore[arg-type]
        self._listen(call)
        call.start()
        return call

    def is_empty(self) -> bool:
        """Nothing is left: no call, no transaction, no timer."""
        statistics = self.agent.statistics()
        return (statistics.calls, statistics.transactions, statistics.timers) == (0, 0, 0)


def request(
    method: str = "INVITE",
    *,
    cseq: int = 1,
    branch: str = "z9hG4bKpeer1",
    to_tag: str = "",
    headers: tuple[str, ...] = (),
    body: str | None = None,
    uri: str = "sip:bot@10.0.0.1",
    call_id: str = "call1@peer",
    from_tag: str = "ft",
    content_type: str = "application/sdp",
    via: str = "",
    contact: str = "<sip:caller@10.0.0.2:5060>",
) -> str:
    """Text of a request of the peer; INVITE has an offer unless `body` is ''."""
    if body is None:
        body = OFFER if method == "INVITE" else ""
    lines = [
        f"{method} {uri} SIP/2.0",
        via or f"Via: SIP/2.0/UDP 10.0.0.2:5060;rport;branch={branch}",
        "Max-Forwards: 70",
        f'From: "Caller" <sip:+31201234567@10.0.0.2>;tag={from_tag}',
        "To: <sip:bot@10.0.0.1>" + (f";tag={to_tag}" if to_tag else ""),
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        *(
            [f"Contact: {contact}"]
            if method in ("INVITE", "UPDATE", "REFER", "SUBSCRIBE") and contact
            else []
        ),
        *headers,
        *([f"Content-Type: {content_type}"] if body and content_type else []),
        f"Content-Length: {len(body.encode())}",
        "",
        body,
    ]
    return "\r\n".join(lines)


def response(
    to: SipRequest,
    status: int,
    *,
    tag: str = "pt",
    headers: tuple[str, ...] = (),
    body: str = "",
    contact: str = "<sip:agent@10.0.0.2:5060>",
    reason: str = "Whatever",
) -> str:
    """Text of the peer's response to a request of ours."""
    to_value = to.headers.get_first("to") or ""
    lines = [
        f"SIP/2.0 {status} {reason}",
        *(f"Via: {via}" for via in to.headers.get("via")),
        f"From: {to.headers.get_first('from')}",
        f"To: {to_value}" + (f";tag={tag}" if tag and "tag=" not in to_value else ""),
        f"Call-ID: {to.headers.get_first('call-id')}",
        f"CSeq: {to.headers.get_first('cseq')}",
        *([f"Contact: {contact}"] if contact else []),
        *headers,
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
        "",
        body,
    ]
    return "\r\n".join(lines)


def statuses(messages: list[Message]) -> list[int]:
    """Status codes of the responses."""
    return [message.status_code for message in messages if isinstance(message, SipResponse)]


def methods(messages: list[Message]) -> list[str]:
    """Methods of the requests."""
    return [message.method for message in messages if isinstance(message, SipRequest)]


def only_request(messages: list[Message], method: str) -> SipRequest:
    """The one request of this method."""
    found = [m for m in messages if isinstance(m, SipRequest) and m.method == method]
    assert len(found) == 1, messages
    return found[0]


def only_response(messages: list[Message], status: int) -> SipResponse:
    """The one response of this status."""
    found = [m for m in messages if isinstance(m, SipResponse) and m.status_code == status]
    assert len(found) == 1, messages
    return found[0]


def local_tag(message: SipResponse) -> str:
    """Tag that we put on To."""
    return (message.headers.get_first("to") or "").rpartition("tag=")[2]


def answered(bench: Bench, **invite: object) -> tuple[InboundCall, str]:
    """An inbound call, answered and acknowledged: the call and our tag."""
    bench.inject(request(**invite))  # type: ignore[arg-type]
    call = bench.calls[-1]
    call.accept(ANSWER, lambda outcome: None)
    tag = local_tag(only_response(bench.take(), 200))
    cseq = int(invite.get("cseq", 1))  # type: ignore[call-overload]
    call_id = str(invite.get("call_id", "call1@peer"))
    bench.inject(request("ACK", cseq=cseq, branch="z9hG4bKack", to_tag=tag, call_id=call_id))
    return call, tag


def established(bench: Bench, **ok: object) -> tuple[OutboundCall, SipRequest]:
    """An outbound call that the peer answered: the call and our INVITE."""
    call = bench.dial()
    invite = only_request(bench.take(), "INVITE")
    bench.inject(response(invite, 200, body=ANSWER, **ok))  # type: ignore[arg-type]
    return call, invite


def in_dialog(method: str, tag: str, cseq: int, **more: object) -> str:
    """Text of the peer's request inside the dialog of our tag."""
    return request(method, cseq=cseq, to_tag=tag, branch=f"z9hG4bK{method}{cseq}", **more)  # type: ignore[arg-type]
