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

    def step(self, *, is_busy: bool) -> Silent | None:
        """Take one more frame; `is_busy`: somebody speaks or thinks. A Silent ends the limit."""
        if self.listen is None or is_busy:
            self._quiet_ms = 0
            return None
        self._quiet_ms += FRAME_MS
        if self._quiet_ms < self.listen.no_input_ms:
            return None
        silent = Silent(self._quiet_ms)
        self.expect(None)
        return silent
