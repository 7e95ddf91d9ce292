"""When a waiting caller is spoken to, and when the offer to be called back is due (law H4). Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WaitFacts:
    """What a waiting caller can be told.

    `waited_seconds`: since the request for a person. `position`: in the queue, from 1, None when not in one.
    `expected_seconds`: None where there is no basis for an estimate. `offers_callback`: it is due.
    """

    waited_seconds: float
    position: int | None = None
    expected_seconds: float | None = None
    offers_callback: bool = False


@dataclass(frozen=True, slots=True)
class WaitingTimes:
    """Seconds. `first_word`, `word`: before the first word in a queue, and between two words.

    `offer`: from the request to the first offer of a callback; `offer_again`: from one offer to the next.
    """

    first_word_seconds: float = 1.0
    word_seconds: float = 20.0
    offer_seconds: float = 150.0
    offer_again_seconds: float = 120.0


class WaitingWords:
    """One caller's wait; all arguments are seconds since the request for a person.

    `speaks_first`: the first word comes soon (a queue tells the position), not after a while of music.
    """

    def __init__(self, times: WaitingTimes, waited_seconds: float, *, speaks_first: bool = False) -> None:
        self._times = times
        self._next_word = waited_seconds + (times.first_word_seconds if speaks_first else times.word_seconds)
        self._next_offer = max(times.offer_seconds, waited_seconds)

    def next_in(self, waited_seconds: float) -> float:
        """Return how long to wait for the next word; 0 when it is due."""
        return max(0.0, min(self._next_word, self._next_offer) - waited_seconds)

    def take(self, waited_seconds: float) -> bool:
        """Say that a word is spoken now; returns whether it offers a callback."""
        offers = waited_seconds >= self._next_offer
        if offers:
            self._next_offer = waited_seconds + self._times.offer_again_seconds
        self._next_word = waited_seconds + self._times.word_seconds
        return offers
