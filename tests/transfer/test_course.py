"""The course of an attempt: every order of events leads to a person, to the bot, or to the end."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import DialFailure
from voicebot.transfer.course import (
    FINAL,
    Accepted,
    AgentFound,
    Announced,
    Answered,
    CallerLeft,
    Command,
    Connected,
    Happening,
    ImpossibleHappening,
    NotTaken,
    Parted,
    Plan,
    Referred,
    Replaced,
    TransferState,
    advance,
)

S = TransferState
FAILURES = st.sampled_from(DialFailure)
PLANS = st.builds(Plan, st.sampled_from(["bridged", "attended"]), st.booleans()) | st.just(Plan("blind"))
OUTCOMES: dict[Command, st.SearchStrategy[Happening]] = {
    Command.WAIT: st.just(AgentFound()) | st.builds(NotTaken, FAILURES),
    Command.DIAL: st.builds(Answered, st.booleans()) | st.builds(NotTaken, FAILURES),
    Command.BRIEF: st.just(Accepted()) | st.builds(NotTaken, FAILURES),
    Command.REFER: st.builds(Referred, st.none() | FAILURES) | st.builds(NotTaken, FAILURES),
    Command.REPLACE: st.builds(Replaced, st.booleans()) | st.builds(NotTaken, FAILURES),
    Command.CONNECT: st.just(Connected()) | st.builds(NotTaken, FAILURES),
    Command.BRIDGE: st.builds(Parted, st.sampled_from(["caller", "agent", "handed_on"]))
    | st.builds(NotTaken, FAILURES),
}
"""What can come of each command."""
ANYTHING = st.one_of(st.just(Announced()), st.just(CallerLeft()), *OUTCOMES.values())


def follow(plan: Plan, data: st.DataObject, *, steps: int = 60, leaves: bool = True) -> list[S]:
    """Let whatever can happen happen."""
    state, seen = S.ASKED, [S.ASKED]
    happening: Happening = Announced()
    for _ in range(steps):
        move = advance(plan, state, happening)
        seen += move.states
        state = seen[-1]
        if move.command is Command.FINISH:
            return seen
        can_leave = leaves and data.draw(st.integers(0, 9)) == 0
        happening = CallerLeft() if can_leave else data.draw(OUTCOMES[move.command])
    return seen


@given(PLANS, st.data())
def test_whatever_happens_the_caller_is_with_a_person_with_the_bot_or_gone(
    plan: Plan, data: st.DataObject
) -> None:
    seen = follow(plan, data)
    assert (seen[-1] in FINAL) or plan.is_queued  # only a queue may go on asking for the next agent
    assert all(state not in FINAL for state in seen[:-1])
    assert seen.count(S.JOINED) <= 1
    assert seen[1] is S.ANNOUNCED or seen[1] is S.ENDED  # nothing is dialled before it is announced


@given(PLANS, st.data())
def test_nobody_is_joined_who_has_not_accepted(plan: Plan, data: st.DataObject) -> None:
    seen = follow(plan, data, leaves=False)
    if S.JOINED in seen:
        assert seen[seen.index(S.JOINED) - 1] is S.ACCEPTED
    if S.RETURNED in seen:
        assert seen[-2] is S.JOINED
    for before, after in pairwise(seen):
        if after is S.BRIEFED:
            assert before is S.ANSWERED


@given(PLANS, st.lists(ANYTHING, max_size=40))
def test_events_out_of_order_are_refused_and_change_nothing(plan: Plan, happenings: list[Happening]) -> None:
    state = S.ASKED
    for happening in happenings:
        try:
            move = advance(plan, state, happening)
        except ImpossibleHappening:
            continue
        assert state not in FINAL
        assert (move.command is Command.FINISH) == (bool(move.states) and move.states[-1] in FINAL)
        state = move.states[-1] if move.states else state
    if state not in FINAL:  # from anywhere the caller can leave, and nothing follows
        assert advance(plan, state, CallerLeft()).states == (S.ENDED,)
        state = S.ENDED
    for happening in happenings:
        with pytest.raises(ImpossibleHappening):
            advance(plan, state, happening)


def test_a_queue_asks_for_the_next_agent_until_the_queue_itself_says_no() -> None:
    plan = Plan("bridged", is_queued=True)
    for state in (S.RINGING, S.ANSWERED, S.ACCEPTED):
        move = advance(plan, state, NotTaken(DialFailure.NO_ANSWER))
        assert (move.states, move.command) == ((S.QUEUED,), Command.WAIT)
    closed = advance(plan, S.QUEUED, NotTaken(DialFailure.CLOSED))
    assert (closed.states, closed.failure) == ((S.FAILED,), DialFailure.CLOSED)


def test_an_attended_transfer_falls_back_to_joining() -> None:
    plan = Plan("attended")
    assert advance(plan, S.RINGING, Answered(has_accepted=True)).command is Command.REPLACE
    assert advance(plan, S.ANSWERED, Accepted()).command is Command.REPLACE
    assert advance(plan, S.ACCEPTED, Replaced(True)).states == (S.ENDED,)
    assert advance(plan, S.ACCEPTED, Replaced(False)).command is Command.CONNECT
