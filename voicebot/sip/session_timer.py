"""Session timers: RFC 4028. Who refreshes, how often, and when a session counts as dead. No I/O, no clock."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiosipua.message import SipMessage, SipRequest, SipResponse

from voicebot.sip.messages import first, tokens

LOWEST_MIN_SE = 90
_VALUE = re.compile(r"\s*(\d{1,9})\s*(;.*)?$", re.ASCII | re.DOTALL)
_REFRESHER = re.compile(r";\s*refresher\s*=\s*(uac|uas)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """A Session-Expires value. `seconds` of life; `refresher`: 'uac', 'uas' or '' when left open."""

    seconds: int
    refresher: str = ""

    @classmethod
    def of(cls, message: SipMessage) -> SessionExpires | None:
        """Read the header; None when missing or malformed."""
        match = _VALUE.match(first(message, "session-expires"))
        if match is None:
            return None
        refresher = _REFRESHER.search(match[2] or "")
        return cls(int(match[1]), refresher[1].lower() if refresher else "")


def min_se_of(message: SipMessage) -> int:
    """Min-SE in seconds, 90 when missing or malformed (section 5)."""
    match = _VALUE.match(first(message, "min-se"))
    return max(LOWEST_MIN_SE, int(match[1])) if match else LOWEST_MIN_SE


class SessionTimer:
    """Negotiation of one dialog. `wanted`: seconds we ask for; `minimum`: the least that we accept."""

    def __init__(self, wanted: int = 1800, minimum: int = LOWEST_MIN_SE) -> None:
        self._minimum = max(minimum, LOWEST_MIN_SE)
        self._wanted = max(wanted, self._minimum)
        self.interval: int | None = None
        self.is_refresher = False

    @property
    def refresh_after(self) -> float | None:
        """Seconds from the last refresh to ours; None when the peer refreshes or there is no timer."""
        return self.interval / 2 if self.interval and self.is_refresher else None

    @property
    def expire_after(self) -> float | None:
        """Seconds from the last refresh to the BYE (section 10); None without a timer."""
        if not self.interval:
            return None
        return self.interval - min(32.0, self.interval / 3)

    def request_headers(self) -> list[tuple[str, str]]:
        """Headers of our INVITE or UPDATE; in a session the roles stay as they are."""
        value = str(self.interval or self._wanted)
        if self.interval:
            value += f";refresher={'uac' if self.is_refresher else 'uas'}"
        return [("Session-Expires", value), ("Min-SE", str(self._minimum))]

    def too_short(self, request: SipRequest) -> bool:
        """Say whether the request deserves a 422 (section 9): the interval is below our minimum."""
        asked = SessionExpires.of(request)
        return asked is not None and asked.seconds < self._minimum and "timer" in tokens(request, "supported")

    def refusal_headers(self) -> list[tuple[str, str]]:
        """Headers of a 422."""
        return [("Min-SE", str(self._minimum))]

    def answer(self, request: SipRequest) -> list[tuple[str, str]]:
        """Settle on an interval for a request received; headers of its 2xx (section 9, table 2)."""
        asked = SessionExpires.of(request)
        peer_can = "timer" in tokens(request, "supported")
        if asked is None and not peer_can:
            self.interval = None
            return []
        seconds = asked.seconds if asked else self._wanted
        # no higher than ours, no lower than the Min-SE of anyone on the path
        seconds = max(min(seconds, self._wanted), min_se_of(request), self._minimum)
        refresher = (asked.refresher if asked else "") or "uac"
        if not peer_can:
            refresher = "uas"
        self.interval, self.is_refresher = seconds, refresher == "uas"
        headers = [("Session-Expires", f"{seconds};refresher={refresher}")]
        return [("Require", "timer"), *headers] if refresher == "uac" else headers

    def settle(self, response: SipResponse) -> None:
        """Take the 2xx of our request (section 7.2)."""
        granted = SessionExpires.of(response)
        if granted is None or granted.seconds <= 0:
            self.interval = None
            return
        self.interval = max(granted.seconds, LOWEST_MIN_SE)
        self.is_refresher = granted.refresher != "uas"

    def raise_minimum(self, response: SipResponse) -> bool:
        """Take a 422: ask for more next time. False when the demand is none or absurd."""
        demanded = min_se_of(response)
        if not first(response, "min-se") or demanded <= (self.interval or self._wanted) or demanded > 86_400:
            return False
        self._wanted = self._minimum = demanded
        if self.interval:
            self.interval = demanded
        return True
