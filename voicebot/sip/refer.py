"""Blind transfer by REFER, referrer's side: RFC 3515, RFC 3891 (Replaces), RFC 3892 (Referred-By), RFC 4488.

What goes into the request, and the implicit subscription that tells how the new call went. No I/O.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote

from voicebot.errors import TransferRefused
from voicebot.sip.call_control import ReferProgressed

_TRANSPORTS = frozenset({"udp", "tcp", "tls"})
_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]")
_USER_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+*#")
_MAX_URI = 255


def check_target(target: str, allowed: Collection[str]) -> str:
    """Return `target` unchanged when it stands, character for character, on the allow-list (law S2).

    Even then only a plain 'sip:user@host[:port]' or 'sips:' URI passes, with ;transport= at most: no URI
    headers, no other parameters, no control characters, no escapes. Raises TransferRefused without naming
    the URI.
    """
    if target not in allowed:
        raise TransferRefused("target is not on the allow-list")
    scheme, _, rest = target.partition(":")
    address, *parameters = rest.split(";")
    user, at, host = address.rpartition("@")
    is_plain = (
        len(target) <= _MAX_URI
        and scheme in ("sip", "sips")
        and bool(host)
        and _HOST_CHARACTERS.issuperset(host)
        and _USER_CHARACTERS.issuperset(user)
        and bool(user) == bool(at)
    )
    has_plain_parameters = not parameters or (
        len(parameters) == 1 and parameters[0].removeprefix("transport=") in _TRANSPORTS
    )
    if not (is_plain and has_plain_parameters):
        raise TransferRefused("target is not a plain SIP URI")
    return target


@dataclass(frozen=True, slots=True)
class DialogToReplace:
    """The dialog that the transferee shall take over, seen from its other end (RFC 3891 section 3).

    `to_tag`: tag of the party that will get the INVITE with Replaces; `from_tag`: ours in that dialog.
    """

    call_id: str
    to_tag: str
    from_tag: str

    def as_parameter(self) -> str:
        """Value of the Replaces header, unescaped."""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}"


def refer_headers(
    target: str, allowed: Collection[str], *, referred_by: str, replaces: str = ""
) -> dict[str, str]:
    """Headers that make a REFER of an in-dialog request. Raises TransferRefused (see `check_target`).

    `referred_by`: our own SIP URI. `replaces`: value of a Replaces header, escaped here whatever it holds.
    """
    uri = check_target(target, allowed)
    if replaces:
        uri += "?Replaces=" + quote(replaces, safe="")
    return {"Refer-To": f"<{uri}>", "Referred-By": f"<{referred_by}>"}


def sipfrag_status(body: str) -> int | None:
    """Status code of a message/sipfrag body (RFC 3420, RFC 3515 section 2.4.5); None when there is none."""
    first_line = body.lstrip("\r\n").split("\n", 1)[0].strip()
    version, _, rest = first_line.partition(" ")
    code = rest.strip().split(" ", 1)[0]
    if version.upper() != "SIP/2.0" or not (len(code) == 3 and code.isascii() and code.isdigit()):
        return None
    return int(code) if 100 <= int(code) <= 699 else None


class ReferState(enum.StrEnum):
    """Life of the implicit subscription."""

    SENT = "sent"
    ACCEPTED = "accepted"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class NotifyReply:
    """What to answer a NOTIFY with, and what it told: `progress` is None when it told nothing new."""

    status: int
    progress: ReferProgressed | None = None


class ReferSubscription:
    """One REFER and its NOTIFYs.

    `cseq`: number of the REFER, which is the event id (RFC 3515 section 2.4.6). NOTIFYs may come before the
    202. Without a final NOTIFY within `patience_seconds` of `now` the outcome is the last status known.
    """

    def __init__(self, cseq: int, now: float, patience_seconds: float = 60.0) -> None:
        self.state = ReferState.SENT
        self.deadline: float | None = now + patience_seconds
        self.last_status = 0
        self._cseq = cseq

    def response_received(self, status: int, refer_sub: str = "") -> ReferProgressed | None:
        """Take the final response to the REFER. A refusal, or 'Refer-Sub: false', is the end of it."""
        if self.state is ReferState.DONE or status < 200:
            return None
        if status >= 300:
            return self._finish(status)
        self.state = ReferState.ACCEPTED
        return self._finish(status) if refer_sub.strip().lower() == "false" else None

    def notify_received(self, event: str, subscription_state: str, body: str) -> NotifyReply:
        """Take a NOTIFY of the dialog: values of Event and Subscription-State, and the sipfrag body."""
        package, _, parameters = event.partition(";")
        if package.strip().lower() != "refer":
            return NotifyReply(489)
        event_id = _parameter(parameters, "id")
        if self.state is ReferState.DONE or (event_id is not None and event_id != str(self._cseq)):
            return NotifyReply(481)
        status = sipfrag_status(body)
        has_ended = subscription_state.partition(";")[0].strip().lower() == "terminated"
        if status is None and not has_ended:
            return NotifyReply(400)
        self.last_status = status if status is not None else self.last_status
        if has_ended or self.last_status >= 200:
            return NotifyReply(200, self._finish(self.last_status))
        return NotifyReply(200, ReferProgressed(self.last_status, is_final=False))

    def tick(self, now: float) -> ReferProgressed | None:
        """Give up at `deadline`: the peer took the REFER and never said how it ended."""
        if self.deadline is None or now < self.deadline:
            return None
        return self._finish(self.last_status)

    def dialog_ended(self) -> ReferProgressed | None:
        """End the subscription with its dialog."""
        return None if self.state is ReferState.DONE else self._finish(self.last_status)

    def _finish(self, status: int) -> ReferProgressed:
        self.state, self.deadline, self.last_status = ReferState.DONE, None, status
        return ReferProgressed(status, is_final=True)


def _parameter(parameters: str, name: str) -> str | None:
    for parameter in parameters.split(";"):
        key, _, value = parameter.partition("=")
        if key.strip().lower() == name:
            return value.strip()
    return None
