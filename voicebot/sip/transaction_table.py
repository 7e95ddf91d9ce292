"""All transactions of one user agent: matching (RFC 3261 sections 17.1.3, 17.2.3, 8.2.2.2) and their cap.

No I/O. The table never grows beyond its limits: what does not fit is refused and counted by the caller.
"""

from __future__ import annotations

from collections.abc import Callable

from aiosipua.message import SipRequest, SipResponse

from voicebot.sip.addressing import Hop, parse_top_via, response_hop
from voicebot.sip.messages import cseq_number, first, from_tag, parse_cseq, to_tag
from voicebot.sip.transactions import (
    ClientTransaction,
    InviteClient,
    InviteServer,
    NonInviteClient,
    NonInviteServer,
    ServerTransaction,
    Wire,
)

Key = tuple[str, ...]
BRANCH_COOKIE = "z9hG4bK"


def server_key(request: SipRequest, method: str) -> Key:
    """Key of the server transaction for `method` (an ACK or CANCEL looks for its INVITE)."""
    via = parse_top_via(first(request, "via"))
    branch = via.branch or ""
    if branch.startswith(BRANCH_COOKIE) and len(branch) > len(BRANCH_COOKIE):
        return (branch, via.host.lower(), str(via.port or 0), method)
    # RFC 2543 peers: no unique branch (section 17.2.3, second list)
    return (
        "rfc2543",
        request.uri,
        from_tag(request),
        first(request, "call-id"),
        str(cseq_number(request)),
        first(request, "via").partition(";")[0],
        method,
    )


def merge_key(request: SipRequest) -> Key:
    """What two forks of one request share on arrival (section 8.2.2.2)."""
    return (first(request, "call-id"), from_tag(request), first(request, "cseq"))


class TransactionTable:
    """Finds, makes and forgets transactions.

    `limit`: server transactions of requests outside dialogs; dialogs and our own requests may take as many
    again, so that a flood cannot keep calls from ending.
    """

    def __init__(self, wire: Wire, limit: int = 4096) -> None:
        self.wire = wire
        self._limit = limit
        self._clients: dict[Key, ClientTransaction] = {}
        self._servers: dict[Key, ServerTransaction] = {}
        self._merges: dict[Key, Key] = {}

    def __len__(self) -> int:
        return len(self._clients) + len(self._servers)

    def start_client(
        self,
        request: SipRequest,
        hop: Hop,
        on_response: Callable[[SipResponse], None],
        on_failure: Callable[[int], None],
    ) -> ClientTransaction | None:
        """Send a request whose Via is set; None when the table is full."""
        if len(self._clients) >= 2 * self._limit:
            return None
        key = (parse_top_via(first(request, "via")).branch or "", request.method)

        def forget() -> None:
            self._clients.pop(key, None)

        kind: type[ClientTransaction] = InviteClient if request.method == "INVITE" else NonInviteClient
        transaction = kind(request, hop, self.wire, on_response, on_failure, on_over=forget)
        self._clients[key] = transaction
        transaction.start()
        return transaction

    def find_client(self, response: SipResponse) -> ClientTransaction | None:
        """Match a response by branch and CSeq method (section 17.1.3)."""
        branch = parse_top_via(first(response, "via")).branch or ""
        return self._clients.get((branch, parse_cseq(response)[1]))

    def find_server(self, request: SipRequest) -> ServerTransaction | None:
        """Match a retransmission, or the ACK of a failure."""
        return self._servers.get(server_key(request, "INVITE" if request.method == "ACK" else request.method))

    def find_cancelled(self, cancel: SipRequest) -> ServerTransaction | None:
        """Find the INVITE that a CANCEL means (section 9.2)."""
        return self._servers.get(server_key(cancel, "INVITE"))

    def is_merged(self, request: SipRequest) -> bool:
        """The same request is being answered already: it came by another path too (482)."""
        return not to_tag(request) and merge_key(request) in self._merges

    def start_server(self, request: SipRequest, source: Hop, *, is_known: bool) -> ServerTransaction | None:
        """Open a transaction for a new request; None when full. `is_known`: of a dialog of ours."""
        if len(self._servers) >= (2 if is_known else 1) * self._limit:
            return None
        key, merge = server_key(request, request.method), merge_key(request)
        hop = response_hop(parse_top_via(first(request, "via")), source)
        kind: type[ServerTransaction] = InviteServer if request.method == "INVITE" else NonInviteServer

        def forget() -> None:
            self._servers.pop(key, None)
            if self._merges.get(merge) == key:
                del self._merges[merge]

        transaction = kind(request.method, hop, self.wire, forget)
        self._servers[key] = transaction
        if request.method != "CANCEL":
            self._merges.setdefault(merge, key)
        return transaction

    def transport_failed(self, hop: Hop) -> None:
        """Tell the client transactions that wait on this hop."""
        for transaction in self._waiting_on(hop):
            transaction.transport_failed()

    def connection_lost(self, hop: Hop) -> None:
        """A stream closed: requests on it without any response are sent once more."""
        for transaction in self._waiting_on(hop):
            transaction.connection_lost()

    def abandon_all(self) -> None:
        """Drop everything: the endpoint closes."""
        for client in list(self._clients.values()):
            client.abandon()
        for server in list(self._servers.values()):
            server.abandon()

    def _waiting_on(self, hop: Hop) -> list[ClientTransaction]:
        return [
            transaction
            for transaction in self._clients.values()
            if (transaction.hop.transport, transaction.hop.host, transaction.hop.port)
            == (hop.transport, hop.host, hop.port)
            or (hop.connection and transaction.hop.connection == hop.connection)
        ]
