"""Dispositions of calls that the bot did not end (law K1: who asked for a person is never contained)."""

from __future__ import annotations

import pytest

from voicebot.call_outcome import CallStory
from voicebot.events import Disposition
from voicebot.media.leg import LegEndCause, LegEnded


def disposition(story: CallStory, cause: LegEndCause = LegEndCause.PEER) -> Disposition:
    return story.outcome_of(LegEnded(cause)).disposition


def test_nothing_answered_something_answered() -> None:
    assert disposition(CallStory()) is Disposition.ABANDONED
    assert disposition(CallStory(has_answered=True)) is Disposition.COMPLETED


def test_who_asked_for_a_person_waits_until_served() -> None:
    story = CallStory(has_answered=True)
    story.human_wanted(10.0)
    story.human_wanted(99.0)
    assert story.wants_human_since == 10.0  # the clock runs from the first request
    assert disposition(story) is Disposition.ABANDONED_WAITING
    story.human_met()
    assert disposition(story) is Disposition.TRANSFERRED
    story.human_wanted(200.0)
    assert disposition(story) is Disposition.ABANDONED_WAITING
    story.callback_stored()
    assert disposition(story) is Disposition.CALLBACK


def test_the_announced_disposition_and_lost_media_come_first() -> None:
    story = CallStory(has_answered=True, goodbye=Disposition.TIMED_OUT)
    assert disposition(story) is Disposition.TIMED_OUT
    assert disposition(story, LegEndCause.MEDIA_LOST) is Disposition.MEDIA_LOST


def test_who_left_after_a_refer_was_taken_is_put_through() -> None:
    story = CallStory(is_waiting=True)
    story.human_wanted(10.0)
    assert disposition(story, LegEndCause.REFERRED) is Disposition.TRANSFERRED


@pytest.mark.parametrize(
    ("cause", "by"),
    [
        (LegEndCause.PEER, "caller"),
        (LegEndCause.REFERRED, "caller"),
        (LegEndCause.US, "bot"),
        (LegEndCause.NETWORK, "network"),
        (LegEndCause.MEDIA_LOST, "network"),
        (LegEndCause.ERROR, "network"),
    ],
)
def test_each_cause_has_its_author(cause: LegEndCause, by: str) -> None:
    assert CallStory().outcome_of(LegEnded(cause, "why")).ended_by == by
