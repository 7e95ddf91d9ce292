"""The turns of one call: what was heard, what was said in answer, how much of that was heard."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from voicebot.call_hearing import TurnHeard
from voicebot.call_speech import Saying
from voicebot.events import EventSink, StageTimings, TurnTaken


@dataclass(slots=True)
class _Turn:
    number: int
    heard: TurnHeard | None
    sayings: list[Saying] = field(default_factory=list)
    is_closed: bool = False

    @property
    def is_settled(self) -> bool:
        return self.is_closed and all(saying.done.is_set() for saying in self.sayings)


class TurnLog:
    """Emits TurnTaken for each turn once all that was said in it has been played or stopped."""

    def __init__(self, sink: EventSink, at_ms: Callable[[], int]) -> None:
        self._sink, self._at_ms = sink, at_ms
        self._turns: deque[_Turn] = deque([_Turn(0, None)])
        self._next_number = 1

    def open(self, heard: TurnHeard | None) -> None:
        """Begin a turn; None when the bot speaks without being spoken to."""
        self._turns[-1].is_closed = True
        self._turns.append(_Turn(self._next_number, heard))
        self._next_number += 1
        self.settle()

    def add(self, saying: Saying) -> None:
        """Note that this is said in the present turn."""
        self._turns[-1].sayings.append(saying)

    def settle(self) -> None:
        """Emit what is complete, in order."""
        while self._turns and self._turns[0].is_settled:
            self._emit(self._turns.popleft())

    def flush(self) -> None:
        """Emit what is left: the call is over."""
        while self._turns:
            self._emit(self._turns.popleft())

    def _emit(self, turn: _Turn) -> None:
        if turn.heard is None and not turn.sayings:
            return
        heard = turn.heard
        meaning = heard.interpretation if heard else None
        said = [saying for saying in turn.sayings if saying.results or not saying.was_dropped]
        self._sink(
            TurnTaken(
                self._at_ms(),
                number=turn.number,
                language=_language(turn),
                heard=heard.text if heard else "",
                intent=meaning.intent if meaning else None,
                confidence=meaning.confidence if meaning else None,
                said=" ".join(saying.text for saying in said),
                said_heard=" ".join(saying.text_heard for saying in said).strip(),
                frames_sent=sum(saying.frames_sent for saying in said),
                frames_total=sum(saying.frames_total for saying in said),
                timings=_timings(turn),
                prompt_ids=tuple(saying.say.prompt_id for saying in said),
            )
        )


def _language(turn: _Turn) -> str:
    if turn.heard is not None:
        return turn.heard.language
    return turn.sayings[0].say.language


def _timings(turn: _Turn) -> StageTimings:
    heard = turn.heard
    if heard is None:
        return StageTimings()
    first = next((saying.first_audio_at for saying in turn.sayings if saying.first_audio_at), None)
    return StageTimings(
        last_speech_to_end_of_turn=_ms(heard.ended_at - heard.last_speech_at),
        transcription=heard.transcription_ms,
        understanding=heard.understanding_ms,
        end_of_turn_to_first_audio=_ms(first - heard.ended_at) if first else None,
        last_speech_to_first_audio=_ms(first - heard.last_speech_at) if first else None,
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
