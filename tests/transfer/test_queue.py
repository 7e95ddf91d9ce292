"""Who is next, to whom, and what a failed offer does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.transfer.queue_samples import a_queue, a_ticket, an_agent
from voicebot.errors import DialFailure, TransferRefused
from voicebot.transfer.agent_posts import QueueTimes
from voicebot.transfer.agents import Agent, AgentState
from voicebot.transfer.queue import Offer, QueueBoard, QueueFull, StaleOffer, Ticket

TIMES = QueueTimes(after_call_seconds=10, reservation_seconds=100, rest_seconds=60, retry_seconds=30)


def board_of(*agents: Agent, **options: object) -> QueueBoard:
    return QueueBoard([a_queue(**options), a_queue("sales", skill="bikes")], agents, TIMES)  # type: ignore[arg-type]


def pairs(offers: tuple[Offer, ...]) -> list[tuple[str, str]]:
    return [(offer.ticket.call_id, offer.agent.agent_id) for offer in offers]


def states(board: QueueBoard) -> dict[str, str]:
    return {agent.agent_id: state.value for agent, state in board.agents()}


def serve(board: QueueBoard, ticket: Ticket, now: float, seconds: float) -> None:
    """Let one caller be served; the agent is available again after 10 seconds more."""
    board.enter(ticket, now)
    (offer,) = board.offers(now)
    board.accepted(offer, now)
    board.call_ended(offer.agent.agent_id, now + seconds)
    board.offers(now + seconds + 10)


def test_the_longest_waiting_caller_gets_the_longest_idle_agent() -> None:
    board = board_of(an_agent("anna"), an_agent("bram"))
    board.set_state("anna", AgentState.BREAK, 1)
    board.set_state("anna", AgentState.AVAILABLE, 2)
    board.enter(a_ticket("late", 5), 6)
    board.enter(a_ticket("early", 4), 6)
    assert pairs(board.offers(6)) == [("early", "bram"), ("late", "anna")]
    assert board.offers(6) == ()
    assert states(board) == {"anna": "ringing", "bram": "ringing"}


def test_language_skill_and_queue_must_fit() -> None:
    board = board_of(an_agent("nelly", languages="nl"), an_agent("eve", languages="en", queues="sales"))
    board.enter(a_ticket("english", 1, language="en"), 3)
    board.enter(a_ticket("bikes", 2, queue="sales", language="en"), 3)
    board.enter(a_ticket("dutch", 3), 3)
    assert pairs(board.offers(3)) == [("dutch", "nelly")]
    board.set_agents([an_agent("eve", languages="en", queues="sales", skills="bikes")], 4)
    assert pairs(board.offers(4)) == [("bikes", "eve")]
    assert not board.is_staffed(a_ticket("x", language="nl"), 4)
    assert board.is_staffed(a_ticket("x", queue="sales", language="en"), 4)


def test_an_agent_asked_for_by_name_takes_the_call_whatever_the_queue() -> None:
    board = board_of(an_agent("anna", languages="nl", queues="sales"), an_agent("bram"))
    board.enter(a_ticket("x", 0, queue="", language="en", agent_id="anna"), 0)
    assert board.position("x") == 1
    assert pairs(board.offers(0)) == [("x", "anna")]
    with pytest.raises(TransferRefused):
        board.enter(a_ticket("y", 0, queue="", agent_id="nobody"), 0)


def test_a_caller_keeps_its_place_while_it_rings_and_after_a_failure() -> None:
    board = board_of(an_agent("anna"))
    board.enter(a_ticket("one", 1), 2)
    board.enter(a_ticket("two", 2), 2)
    (offer,) = board.offers(2)
    assert (board.position("one"), board.position("two")) == (1, 2)
    board.failed(offer, DialFailure.NO_ANSWER, 20)
    board.enter(offer.ticket, 20)
    assert (board.position("one"), board.position("two")) == (1, 2)


@pytest.mark.parametrize(
    ("reason", "contact", "state", "ready_after"),
    [
        (DialFailure.NO_ANSWER, "desk:anna", "break", None),
        (DialFailure.UNREACHABLE, "desk:anna", "break", None),
        (DialFailure.NO_ANSWER, "sip:anna@10.0.0.5", "break", 60),
        (DialFailure.REFUSED_BRIEFING, "sip:anna@10.0.0.5", "break", 60),
        (DialFailure.BUSY, "sip:anna@10.0.0.5", "available", 30),
        (DialFailure.FAILED, "desk:anna", "available", 30),
        (DialFailure.DECLINED, "desk:anna", "available", 0),
        (DialFailure.HUNG_UP, "desk:anna", "available", 0),
    ],
)
def test_what_a_failed_offer_does_to_the_agent(
    reason: DialFailure, contact: str, state: str, ready_after: float | None
) -> None:
    board = board_of(an_agent("anna", contact=contact))
    board.set_state("anna", AgentState.AVAILABLE, 0)
    board.enter(a_ticket("one"), 0)
    (offer,) = board.offers(0)
    board.failed(offer, reason, 25)
    assert states(board) == {"anna": state}
    board.enter(a_ticket("two", 25), 25)
    if ready_after is None:
        assert board.offers(10_000) == ()
        return
    if ready_after:
        assert board.next_change(25) == 55
        assert board.offers(24.9 + ready_after) == ()
    assert pairs(board.offers(25 + ready_after)) == [("two", "anna")]


def test_who_declined_is_not_asked_again_for_the_same_caller_for_a_while() -> None:
    board = board_of(an_agent("anna"), an_agent("bram"))
    board.enter(a_ticket("one"), 0)
    (offer,) = board.offers(0)
    board.failed(offer, DialFailure.DECLINED, 5)
    board.enter(offer.ticket, 5)
    (second,) = board.offers(5)
    assert (offer.agent.agent_id, second.agent.agent_id) == ("anna", "bram")
    board.failed(second, DialFailure.DECLINED, 6)
    board.enter(offer.ticket, 6)
    assert board.offers(34.9) == ()
    assert pairs(board.offers(35)) == [("one", "anna")]


def test_a_caller_who_leaves_frees_the_agent_without_blame() -> None:
    board = board_of(an_agent("anna"), an_agent("bram"))
    board.set_state("bram", AgentState.BREAK, 1)
    board.set_state("bram", AgentState.AVAILABLE, 2)
    board.enter(a_ticket("one", 3), 3)
    (offer,) = board.offers(3)
    board.leave("one", 9)
    assert board.position("one") is None
    assert states(board)["anna"] == "available"
    board.failed(offer, DialFailure.NO_ANSWER, 10)  # too late: says nothing
    assert states(board)["anna"] == "available"
    board.enter(a_ticket("two", 10), 10)
    assert pairs(board.offers(10)) == [("two", "anna")]  # still the longest idle


def test_an_offer_can_be_accepted_once() -> None:
    board = board_of(an_agent("anna"))
    board.enter(a_ticket("one"), 0)
    (offer,) = board.offers(0)
    board.accepted(offer, 3)
    with pytest.raises(StaleOffer):
        board.accepted(offer, 4)
    board.failed(offer, DialFailure.DECLINED, 4)
    assert states(board) == {"anna": "busy"}
    board.call_ended("anna", 9, "another call")
    assert states(board) == {"anna": "busy"}
    board.call_ended("anna", 9, "one")
    board.call_ended("anna", 9)
    assert states(board) == {"anna": "after_call"}


def test_an_old_offer_of_the_same_two_is_stale() -> None:
    board = board_of(an_agent("anna"))
    board.enter(a_ticket("one"), 0)
    (old,) = board.offers(0)
    board.failed(old, DialFailure.DECLINED, 1)
    board.enter(old.ticket, 1)
    (new,) = board.offers(31)
    assert replace(old, number=new.number) == new
    with pytest.raises(StaleOffer):
        board.accepted(old, 32)
    board.accepted(new, 32)


def test_after_call_ends_by_itself_unless_the_agent_wants_longer() -> None:
    board = board_of(an_agent("anna"), an_agent("bram"))
    for name in ("one", "two"):
        board.enter(a_ticket(name), 0)
    for offer in board.offers(0):
        board.accepted(offer, 0)
        board.call_ended(offer.agent.agent_id, 20)
    board.set_state("bram", AgentState.AFTER_CALL, 25)
    assert board.next_change(25) == 30
    board.offers(30)
    assert states(board) == {"anna": "available", "bram": "after_call"}
    board.offers(10_000)
    assert states(board)["bram"] == "after_call"
    board.set_state("bram", AgentState.AVAILABLE, 10_000)
    assert states(board)["bram"] == "available"


def test_what_an_agent_asks_for_in_a_call_comes_after_it() -> None:
    board = board_of(an_agent("anna"))
    board.enter(a_ticket("one"), 0)
    (offer,) = board.offers(0)
    board.accepted(offer, 0)
    board.set_state("anna", AgentState.OFFLINE, 5)
    assert states(board) == {"anna": "busy"}
    board.call_ended("anna", 9)
    assert states(board) == {"anna": "offline"}
    with pytest.raises(ValueError, match="follows from calls"):
        board.set_state("anna", AgentState.BUSY, 9)


def test_a_closed_browser_during_the_ringing_leaves_the_agent_offline() -> None:
    board = board_of(an_agent("anna"))
    board.enter(a_ticket("one"), 0)
    (offer,) = board.offers(0)
    board.set_state("anna", AgentState.OFFLINE, 5)
    board.failed(offer, DialFailure.UNREACHABLE, 6)
    assert states(board) == {"anna": "offline"}


def test_an_offer_that_everybody_forgot_is_taken_back() -> None:
    board = board_of(an_agent("anna"))
    board.enter(a_ticket("one"), 0)
    (offer,) = board.offers(0)
    assert board.next_change(0) == 100
    board.offers(100)
    assert states(board) == {"anna": "break"}
    with pytest.raises(StaleOffer):
        board.accepted(offer, 101)
    board.offers(160)
    assert states(board) == {"anna": "available"}


def test_overflow_after_its_time_and_own_agents_first() -> None:
    queues = [
        a_queue("service", overflow_to="sales", overflow_after_seconds=40),
        a_queue("sales", overflow_to="service", skill="bikes"),
    ]
    board = QueueBoard(queues, [an_agent("sam", queues="sales", skills="bikes")], TIMES)
    board.enter(a_ticket("one", 10), 10)
    assert board.offers(49) == ()
    assert board.next_change(10) == 50
    assert board.expected_wait("one", 20) is None
    board.set_closed(["sales"])
    assert board.offers(50) == ()
    board.set_closed([])
    assert pairs(board.offers(50)) == [("one", "sam")]
    both = [an_agent("sam", queues="sales", skills="bikes"), an_agent("ann")]
    board = QueueBoard(queues, both, TIMES)
    board.set_state("ann", AgentState.BREAK, 1)
    board.set_state("ann", AgentState.AVAILABLE, 2)
    board.enter(a_ticket("one", 2), 90)
    assert pairs(board.offers(90)) == [("one", "ann")]


def test_a_full_queue_hands_on_or_refuses() -> None:
    queues = [a_queue("service", max_waiting=1, overflow_to="sales"), a_queue("sales", max_waiting=1)]
    board = QueueBoard(queues, [], TIMES)
    assert board.enter(a_ticket("one"), 0).queue == "service"
    board.set_closed(["sales"])
    with pytest.raises(QueueFull):
        board.enter(a_ticket("two"), 0)
    board.set_closed([])
    assert board.enter(a_ticket("two"), 0).queue == "sales"
    with pytest.raises(QueueFull):
        board.enter(a_ticket("three"), 0)
    with pytest.raises(TransferRefused):
        board.enter(a_ticket("four", queue="typo"), 0)
    assert board.position("three") is None


def test_no_estimate_without_a_basis() -> None:
    board = board_of(an_agent("anna"))
    for number in range(4):
        serve(board, a_ticket(f"c{number}", number * 100), number * 100, 50)
    board.enter(a_ticket("talking", 400), 400)
    board.accepted(*board.offers(400), 400)  # type: ignore[call-arg]
    board.enter(a_ticket("x", 410), 410)
    assert board.expected_wait("x", 410) is None
    assert board.expected_wait("nobody", 410) is None


def test_the_estimate_follows_place_agents_and_recent_calls() -> None:
    board = board_of(an_agent("anna"))
    for number in range(5):
        serve(board, a_ticket(f"c{number}", number * 100), number * 100, 50)
    board.enter(a_ticket("talking", 500), 500)
    board.accepted(*board.offers(500), 500)  # type: ignore[call-arg]
    board.enter(a_ticket("x", 510), 510)
    board.enter(a_ticket("y", 511), 511)
    assert board.expected_wait("x", 511) == pytest.approx(60)  # 50 of talk and 10 of finishing up
    assert board.expected_wait("y", 511) == pytest.approx(120)
    board.set_agents([an_agent("anna"), an_agent("bram", languages="en")], 512)
    assert board.expected_wait("y", 512) == pytest.approx(120)  # he does not speak Dutch
    board.set_state("anna", AgentState.BREAK, 512)
    board.call_ended("anna", 513)
    assert board.expected_wait("x", 513) is None  # nobody is there
    board.set_state("anna", AgentState.AVAILABLE, 514)
    assert board.expected_wait("x", 514 + 3 * 3600) is None  # that was long ago


def test_the_wait_of_a_queue_for_whoever_comes_now() -> None:
    board = board_of(an_agent("anna"), an_agent("sam", queues="sales"))
    assert board.queue_wait("service", 0) == 0  # anna is free
    assert board.queue_wait("sales", 0) is None  # sam lacks the skill
    for number in range(5):
        serve(board, a_ticket(f"c{number}", number * 100), number * 100, 50)
    board.enter(a_ticket("talking", 500), 500)
    (offer,) = board.offers(500)
    board.accepted(offer, 500)
    assert board.queue_wait("service", 501) == pytest.approx(60)
    board.enter(a_ticket("x", 501), 501)
    assert board.queue_wait("service", 501) == pytest.approx(120)


def test_reserving_an_agent_to_call_somebody_back() -> None:
    board = board_of(an_agent("anna"), an_agent("dora", contact="desk:dora"))
    ticket = a_ticket("callback", 0, queue="", agent_id="anna")
    board.set_state("anna", AgentState.BREAK, 0)
    offer = board.reserve("anna", ticket, 1)
    assert offer is not None
    assert board.reserve("anna", ticket, 1) is None
    assert board.reserve("dora", ticket, 1) is None  # not logged in
    assert board.reserve("nobody", ticket, 1) is None
    board.withdrawn(offer, 2)
    assert states(board)["anna"] == "break"


def test_a_removed_agent_goes_when_the_call_has_ended() -> None:
    board = board_of(an_agent("anna"), an_agent("bram"))
    board.enter(a_ticket("one"), 0)
    board.accepted(*board.offers(0), 0)  # type: ignore[call-arg]
    board.set_agents([], 1)
    assert states(board) == {"anna": "busy"}
    board.call_ended("anna", 5)
    assert states(board) == {}


def test_changes_tell_whose_call_it_was() -> None:
    board = board_of(an_agent("anna"))
    board.enter(a_ticket("one"), 0)
    board.accepted(*board.offers(1), 2)  # type: ignore[call-arg]
    board.call_ended("anna", 30)
    board.offers(40)
    told = [(c.state.value, c.at, c.call_id, c.lane, c.reason) for c in board.take_changes()]
    assert told == [
        ("ringing", 1, "one", "service", ""),
        ("busy", 2, "one", "service", ""),
        ("after_call", 30, "one", "service", ""),
        ("available", 40, "", "", "time"),
    ]
    assert board.take_changes() == ()
