"""How long bot and caller have both been silent. Pure: counted in received frames."""

from __future__ import annotations

from voicebot.audio import FRAME_MS
from voicebot.call_inputs import Silent
from voicebot.dialogue.actions import Listen


class SilenceCounter:
    """Says when the caller has been silent for as long as Listen allows. `listen`: None for no limit."""

    def __init__(self) -> None:
        self.listen: Listen | None = None
        self._quiet_ms = 0

    def expect(self, listen: Listen | None) -> None:
        """Begin anew with another limit."""
        self.listen, self._quiet_ms = listen, 0

    def step(self, *, bot_is_busy: bool, caller_is_heard: bool = False) -> Silent | None:
        """Take one more frame. A Silent ends the limit.

        `bot_is_busy`: it speaks or decides: counting begins anew after it. `caller_is_heard`: something is
        heard that may turn out to be a cough, which is no reason to begin anew.
        """
        if bot_is_busy:
            self._quiet_ms = 0
        if self.listen is None or bot_is_busy or caller_is_heard:
            return None
        self._quiet_ms += FRAME_MS
        if self._quiet_ms < self.listen.no_input_ms:
            return None
        silent = Silent(self._quiet_ms)
        self.expect(None)
        return silent
