"""How a call ended, and which disposition that is. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from voicebot.events import Disposition
from voicebot.media.leg import LegEndCause, LegEnded


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How the call ended. `ended_by`: caller, bot, agent, network, error."""

    disposition: Disposition
    ended_by: str
    detail: str = ""


@dataclass(slots=True)
class CallStory:
    """What the disposition depends on.

    `wants_human_since`: seconds (monotonic) of the request that nobody has answered yet (law H4's clock).
    `is_waiting`: being put through now. `has_callback`: one was stored. `was_joined`: spoke with a person.
    `has_answered`: the bot answered something. `goodbye`: the disposition announced by the dialogue.
    """

    wants_human_since: float | None = None
    is_waiting: bool = False
    has_callback: bool = False
    was_joined: bool = False
    has_answered: bool = False
    goodbye: Disposition | None = None

    def human_wanted(self, now: float) -> None:
        """Start the clock at the first request."""
        if self.wants_human_since is None:
            self.wants_human_since = now

    def human_met(self) -> None:
        """Take note that the caller was joined with a person."""
        self.was_joined, self.wants_human_since = True, None

    def referred(self) -> None:
        """Take note that the caller's peer is with another now: the end of its leg is no hanging up."""
        self.human_met()
        self.is_waiting = False

    def callback_stored(self) -> None:
        """Take note that somebody will call back."""
        self.has_callback, self.wants_human_since = True, None

    def outcome_of(self, ended: LegEnded) -> CallOutcome:
        """Return the outcome of a leg that ended without the bot's doing."""
        by = {LegEndCause.PEER: "caller", LegEndCause.REFERRED: "caller", LegEndCause.US: "bot"}.get(
            ended.cause, "network"
        )
        return CallOutcome(self._disposition(ended.cause), by, ended.detail)

    def outcome_of_fault(self, detail: str) -> CallOutcome:
        """Return the outcome of a call that nothing of ours can go on with."""
        disposition = Disposition.CALLBACK if self.has_callback else Disposition.FAILED
        return CallOutcome(disposition, "error", detail)

    def _disposition(self, cause: LegEndCause) -> Disposition:
        if cause is LegEndCause.MEDIA_LOST:
            return Disposition.MEDIA_LOST
        if cause is LegEndCause.REFERRED:
            return Disposition.TRANSFERRED
        if self.goodbye is not None:
            return self.goodbye
        if self.is_waiting or self.wants_human_since is not None:
            return Disposition.ABANDONED_WAITING
        if self.has_callback:
            return Disposition.CALLBACK
        if self.was_joined:
            return Disposition.TRANSFERRED
        return Disposition.COMPLETED if self.has_answered else Disposition.ABANDONED
