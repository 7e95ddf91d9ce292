"""The turns of one call: what was heard, what was said in answer, how much of that was heard."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from voicebot.call_saying import Saying
from voicebot.call_understanding import TurnHeard
from voicebot.events import EventSink, StageTimings, TurnTaken

LINES_KEPT = 24
"""Lines of the transcript that can be shown to an agent."""


@dataclass(slots=True)
class _Turn:
    """`fillers`: how many of the sayings, at the start, only bridged the wait for recognition."""

    number: int
    opened_at_ms: int
    heard: TurnHeard | None
    sayings: list[Saying] = field(default_factory=list)
    fillers: int = 0
    is_closed: bool = False

    @property
    def is_settled(self) -> bool:
        return self.is_closed and all(saying.done.is_set() for saying in self.sayings)


class TurnLog:
    """Emits TurnTaken for each turn once all that was said in it has been played or stopped.

    The event's `at_ms` is when the turn began: the end of the caller's say, or the bot's first word.
    """

    def __init__(self, sink: EventSink, at_ms: Callable[[], int]) -> None:
        self._sink, self._at_ms = sink, at_ms
        self._turns: deque[_Turn] = deque([_Turn(0, 0, None)])
        self._early: list[Saying] = []
        self._lines: deque[tuple[str, str]] = deque(maxlen=LINES_KEPT)

    def open(self, heard: TurnHeard | None) -> None:
        """Begin a turn; None when the bot speaks without being spoken to."""
        last = self._turns[-1]
        number = last.number + 1
        if last.heard is None and not last.sayings:  # nothing has come of the last one
            number = self._turns.pop().number
        else:
            last.is_closed = True
        self._turns.append(_Turn(number, self._at_ms(), heard, self._early, len(self._early)))
        self._early = []
        self.settle()

    def add(self, saying: Saying) -> None:
        """Note that this is said in the present turn."""
        self._turns[-1].sayings.append(saying)

    def add_early(self, saying: Saying) -> None:
        """Note that this is said while the next turn is still being recognised: it belongs to that one."""
        self._early.append(saying)

    def settle(self) -> None:
        """Emit what is complete, in order; the last turn stays open."""
        while self._turns and self._turns[0].is_settled:
            self._emit(self._turns.popleft())

    def flush(self) -> None:
        """Emit what is left: the call is over."""
        self._turns[-1].sayings += self._early
        for turn in self._turns:
            self._emit(turn)
        self._turns.clear()

    def lines(self) -> list[tuple[str, str]]:
        """Return the last things said, oldest first: ('caller' or 'bot', text as it was said)."""
        open_lines = [line for turn in self._turns for line in _lines_of(turn)]
        return [*self._lines, *open_lines]

    def _emit(self, turn: _Turn) -> None:
        self._lines.extend(_lines_of(turn))
        heard = turn.heard
        said = [saying for saying in turn.sayings if saying.results or not saying.was_dropped]
        if heard is None and not said:
            return
        meaning = heard.interpretation if heard else None
        self._sink(
            TurnTaken(
                turn.opened_at_ms,
                number=turn.number,
                language=heard.language if heard else said[0].say.language,
                heard=heard.text if heard else "",
                intent=meaning.intent if meaning else None,
                confidence=meaning.confidence if meaning else None,
                said=" ".join(saying.text for saying in said),
                said_heard=" ".join(saying.text_heard for saying in said if saying.text_heard),
                frames_sent=sum(saying.frames_sent for saying in said),
                frames_total=sum(saying.frames_total for saying in said),
                timings=_timings(turn),
                prompt_ids=tuple(saying.say.prompt_id for saying in said),
            )
        )


def _lines_of(turn: _Turn) -> list[tuple[str, str]]:
    said = ((saying.text_heard if saying.done.is_set() else saying.text) for saying in turn.sayings)
    heard = turn.heard.text if turn.heard is not None else ""
    return [line for line in (("caller", heard), ("bot", " ".join(filter(None, said)))) if line[1]]


def _timings(turn: _Turn) -> StageTimings:
    """Measure to the first sample of the answer: 'one moment' is none."""
    heard = turn.heard
    if heard is None:
        return StageTimings()
    answers = turn.sayings[turn.fillers :]
    first = next((each.first_audio_at for each in answers if each.first_audio_at is not None), None)
    return StageTimings(
        last_speech_to_end_of_turn=_ms(heard.ended_at - heard.last_speech_at),
        transcription=heard.transcription_ms,
        understanding=heard.understanding_ms,
        end_of_turn_to_first_audio=None if first is None else _ms(first - heard.ended_at),
        last_speech_to_first_audio=None if first is None else _ms(first - heard.last_speech_at),
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
