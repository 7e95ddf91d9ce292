"""What was said and how much of it was heard, turn by turn."""

from __future__ import annotations

from voicebot.call_record import TurnLog
from voicebot.call_saying import FRAMES_PER_CHARACTER, Saying
from voicebot.call_understanding import TurnHeard
from voicebot.dialogue.actions import Say
from voicebot.events import CallEvent, TurnTaken
from voicebot.media.leg import PlaybackResult
from voicebot.understanding.interpretation import Interpretation


def saying(*sentences: str, prompt: str = "answer") -> Saying:
    return Saying(Say(prompt, "nl"), " ".join(sentences), sentences)


def played(of: Saying, *frames: tuple[int, int], first_audio_at: float | None = None) -> Saying:
    for number, (sent, total) in enumerate(frames):
        of.results[number] = PlaybackResult("", sent, total, sent == total)
    of.rendered = len(frames)
    of.first_audio_at = first_audio_at
    of.done.set()
    return of


def heard(text: str, last_speech_at: float = 10.0) -> TurnHeard:
    return TurnHeard(
        text, "nl", Interpretation(text, "nl", "hours", 0.8), last_speech_at, last_speech_at + 0.3, 90, 12
    )


class Log(TurnLog):
    def __init__(self) -> None:
        self.events: list[CallEvent] = []
        self.now_ms = 0
        super().__init__(self.events.append, lambda: self.now_ms)

    @property
    def turns(self) -> list[TurnTaken]:
        return [event for event in self.events if isinstance(event, TurnTaken)]


def test_whole_sentences_and_whole_words_count_as_heard() -> None:
    cut = played(saying("Wij zijn open.", "Tot zes uur vanavond.", "Nog iets?"), (10, 10), (5, 10))
    assert cut.text_heard == "Wij zijn open. Tot zes"
    assert cut.frames_sent == 15
    assert cut.frames_total == 20 + len("Nog iets?") * FRAMES_PER_CHARACTER  # never rendered: estimated


def test_what_was_rendered_in_part_never_counts_as_whole() -> None:
    part = played(saying("Kort."), (400, 400))
    part.rendered = 0
    assert part.frames_sent == 400
    assert part.frames_total == 401
    assert part.text_heard == ""


def test_a_turn_is_told_when_all_of_it_was_played_and_the_next_has_begun() -> None:
    log = Log()
    greeting, answer = saying("Welkom."), saying("Om zes uur.")
    log.add(greeting)
    log.now_ms = 3000
    log.open(heard("hoe laat"))
    log.add(answer)
    assert not log.turns
    played(greeting, (10, 10))
    log.settle()
    assert [turn.number for turn in log.turns] == [0]
    played(answer, (3, 10), first_audio_at=10.7)
    log.settle()
    assert len(log.turns) == 1  # more may be said in it
    log.flush()
    last = log.turns[-1]
    assert (last.at_ms, last.heard, last.said_heard) == (3000, "hoe laat", "")
    assert (last.frames_sent, last.frames_total) == (3, 10)
    assert last.timings.last_speech_to_end_of_turn == 300
    assert last.timings.end_of_turn_to_first_audio == 400
    assert last.timings.last_speech_to_first_audio == 700
    assert (last.timings.transcription, last.timings.understanding) == (90, 12)


def test_what_bridged_the_wait_belongs_to_the_turn_but_is_no_answer() -> None:
    log = Log()
    log.add(played(saying("Welkom."), (10, 10)))
    log.add_early(played(saying("Een moment.", prompt="one_moment"), (10, 10), first_audio_at=12.0))
    log.open(heard("hoe laat"))
    log.add(played(saying("Om zes uur."), (10, 10), first_audio_at=14.0))
    log.flush()
    assert log.turns[0].prompt_ids == ("answer",)
    assert log.turns[1].prompt_ids == ("one_moment", "answer")
    assert log.turns[1].timings.last_speech_to_first_audio == 4000


def test_turns_in_which_nothing_was_said_leave_no_gap() -> None:
    log = Log()
    log.add(played(saying("Welkom."), (10, 10)))
    log.open(None)  # a key
    log.open(None)  # another
    log.open(heard("hoe laat"))
    dropped = saying("Nooit gezegd.")
    dropped.was_dropped = True
    dropped.done.set()
    log.add(dropped)
    log.flush()
    log.settle()
    assert [(turn.number, turn.said) for turn in log.turns] == [(0, "Welkom."), (1, "")]
