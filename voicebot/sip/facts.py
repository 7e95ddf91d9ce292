"""The facts of an INVITE that the rest of the program sees: RFC 3261, P-Asserted-Identity (RFC 3325)."""

from __future__ import annotations

from aiosipua.message import SipRequest

from voicebot.errors import SipParseError
from voicebot.sip.addressing import Hop, NameAddr, parse_name_addr, user_of
from voicebot.sip.call_control import CallFacts
from voicebot.sip.messages import first, sdp_of

MAX_VALUE_CHARACTERS = 512
MAX_HEADERS = 24
_OF_INTEREST = frozenset(
    {"diversion", "history-info", "user-agent", "p-asserted-identity", "privacy", "referred-by", "alert-info"}
)


def facts_of(invite: SipRequest, source: Hop) -> CallFacts:
    """Facts of an INVITE received. Values are untrusted text, cut to a bounded length."""
    origin = _identity(invite)
    return CallFacts(
        call_id=first(invite, "call-id"),
        inbound=True,
        caller=user_of(origin.uri)[:MAX_VALUE_CHARACTERS],
        called=user_of(invite.uri)[:MAX_VALUE_CHARACTERS],
        display_name=origin.display_name[:MAX_VALUE_CHARACTERS],
        source=(source.host, source.port),
        offer=sdp_of(invite),
        headers=_headers_of_interest(invite),
    )


def _identity(invite: SipRequest) -> NameAddr:
    for value in [*invite.headers.get("p-asserted-identity"), first(invite, "from")]:
        try:
            return parse_name_addr(value)
        except SipParseError:
            continue
    return NameAddr("", "", {})


def _headers_of_interest(invite: SipRequest) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, values in invite.headers.items():
        lowered = name.lower()
        if (lowered in _OF_INTEREST or lowered.startswith("x-")) and len(found) < MAX_HEADERS:
            found[lowered] = ", ".join(values)[:MAX_VALUE_CHARACTERS]
    return found
