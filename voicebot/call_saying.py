"""One prompt on its way to the caller, and how much of it arrived."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from voicebot.dialogue.actions import Say
from voicebot.media.leg import Playback, PlaybackResult

FRAMES_PER_CHARACTER = 3
"""20 ms frames: the length of a sentence that was never rendered is estimated, at 17 letters a second."""


@dataclass(slots=True, eq=False)
class Saying:
    """One prompt.

    `playbacks`, `results`: by the number of the sentence. `rendered`: sentences that the voice has made, to
    their end. `apology`: what was played instead. `first_audio_at`: monotonic seconds.
    """

    say: Say
    text: str
    sentences: tuple[str, ...]
    playbacks: dict[int, Playback] = field(default_factory=dict)
    results: dict[int, PlaybackResult] = field(default_factory=dict)
    apology: Playback | None = None
    rendered: int = 0
    first_audio_at: float | None = None
    was_dropped: bool = False
    has_failed: bool = False
    is_rendered: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def frames_sent(self) -> int:
        """20 ms frames that went out."""
        return sum(result.frames_sent for result in self.results.values())

    @property
    def frames_total(self) -> int:
        """20 ms frames of the whole text; estimated for what was never, or not wholly, rendered."""
        return sum(self._length(number) for number in range(len(self.sentences)))

    def _length(self, number: int) -> int:
        result = self.results.get(number)
        frames = result.frames_total if result else 0
        if number < self.rendered:
            return frames
        return max(frames + 1, len(self.sentences[number]) * FRAMES_PER_CHARACTER)

    @property
    def text_heard(self) -> str:
        """The part of the text that was played: whole sentences, then whole words by share of time."""
        heard = []
        for number, sentence in enumerate(self.sentences):
            result = self.results.get(number)
            words = sentence.split()
            if result is not None and result.frames_sent:
                share = result.frames_sent / self._length(number)
                heard.append(" ".join(words[: int(len(words) * share)]))
        return " ".join(part for part in heard if part)
