"""Dialogs: RFC 3261 section 12. Tags, CSeq order, route set, remote target. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aiosipua.message import SipRequest, SipResponse

from voicebot.errors import SipParseError
from voicebot.sip.addressing import Hop, Transport, hop_of_uri, parse_name_addr, parse_sip_uri
from voicebot.sip.messages import cseq_number, first, from_tag, make_request, to_tag


@dataclass(slots=True)
class Dialog:
    """One peer-to-peer relation.

    `local`, `remote`: From and To values as they go into our requests, with tags. `remote_target`: URI of
    the peer's Contact. `route_set`: Route values in the order of our requests. `remote_cseq`: None until
    the peer has sent a request. `flow`: where its last message came from.
    """

    call_id: str
    local: str
    remote: str
    local_tag: str
    remote_tag: str
    remote_target: str
    route_set: tuple[str, ...]
    local_cseq: int
    remote_cseq: int | None
    flow: Hop
    is_confirmed: bool = False

    @classmethod
    def of_uas(cls, invite: SipRequest, local_tag: str, source: Hop) -> Dialog:
        """Open the dialog of an INVITE received (section 12.1.1). Raises SipParseError."""
        return cls(
            call_id=first(invite, "call-id"),
            local=f"{first(invite, 'to')};tag={local_tag}",
            remote=first(invite, "from"),
            local_tag=local_tag,
            remote_tag=from_tag(invite),
            remote_target=contact_uri(invite),
            route_set=routes_of(invite),
            local_cseq=0,
            remote_cseq=cseq_number(invite),
            flow=source,
        )

    @classmethod
    def of_uac(cls, invite: SipRequest, response: SipResponse, source: Hop) -> Dialog:
        """Open the dialog of one fork of our INVITE (section 12.1.2). Raises SipParseError."""
        return cls(
            call_id=first(invite, "call-id"),
            local=first(invite, "from"),
            remote=first(response, "to"),
            local_tag=from_tag(invite),
            remote_tag=to_tag(response),
            remote_target=contact_uri(response),
            route_set=routes_of(response)[::-1],
            local_cseq=cseq_number(invite),
            remote_cseq=None,
            flow=source,
            is_confirmed=response.status_code >= 200,
        )

    def confirm(self, response: SipResponse, source: Hop) -> None:
        """Take target and route set anew from the 2xx (section 13.2.2.4)."""
        target, routes = contact_uri(response), routes_of(response)
        self.remote_target, self.route_set = target, routes[::-1]
        self.flow = source
        self.is_confirmed = True

    def takes_cseq(self, number: int) -> bool:
        """Note the number of a new request; False when it is out of order (500, section 12.2.2)."""
        if self.remote_cseq is not None and number <= self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def refresh_target(self, message: SipRequest | SipResponse) -> None:
        """Follow the Contact of a target refresh request or its 2xx; keep ours when it has none."""
        try:
            self.remote_target = contact_uri(message)
        except SipParseError:
            return

    def request(self, method: str, headers: Iterable[tuple[str, str]] = (), *, cseq: int = 0) -> SipRequest:
        """Build the next request (section 12.2.1.1); `cseq` is for ACK, which takes the INVITE's."""
        if not cseq:
            self.local_cseq += 1
        uri, routes = self._uri_and_routes()
        fields = [("Route", route) for route in routes]
        fields += [
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq or self.local_cseq} {method}"),
        ]
        return make_request(method, uri, [*fields, *headers])

    def next_hop(self) -> Hop:
        """Where a request goes: first route or remote target, over the open stream of the peer if any."""
        default: Transport = self.flow.transport
        uri = parse_name_addr(self.route_set[0]).uri if self.route_set else self.remote_target
        hop = hop_of_uri(uri, default)
        if hop.is_reliable and hop.transport == self.flow.transport:
            return Hop(hop.transport, hop.host, hop.port, self.flow.connection)
        return hop

    def _uri_and_routes(self) -> tuple[str, list[str]]:
        """Request-URI and Route values; a first route without ;lr is a strict router of RFC 2543."""
        if not self.route_set:
            return self.remote_target, []
        route_uri = parse_name_addr(self.route_set[0]).uri
        if "lr" in parse_sip_uri(route_uri).params:
            return self.remote_target, list(self.route_set)
        return route_uri, [*self.route_set[1:], f"<{self.remote_target}>"]


def routes_of(message: SipRequest | SipResponse) -> tuple[str, ...]:
    """Record-Route values in the order of the message. Raises SipParseError when one is no SIP URI."""
    routes = tuple(message.headers.get("record-route"))
    for route in routes:
        parse_sip_uri(parse_name_addr(route).uri)
    return routes


def contact_uri(message: SipRequest | SipResponse) -> str:
    """URI of the first Contact. Raises SipParseError when there is none that is SIP."""
    uri = parse_name_addr(first(message, "contact")).uri
    parse_sip_uri(uri)
    return uri
