"""Whatever happens in whatever order: one call an agent, nobody forgotten, no gaps, nobody stuck."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.transfer.queue_samples import a_queue, a_ticket, an_agent
from voicebot.errors import DialFailure
from voicebot.transfer.agent_posts import QueueTimes
from voicebot.transfer.agents import Agent, AgentState
from voicebot.transfer.queue import Offer, QueueBoard, QueueFull, Ticket

AGENTS = (
    an_agent("anna", languages="nl"),
    an_agent("bram", queues="service sales", skills="bikes"),
    an_agent("cora", languages="en", queues="sales", skills="bikes", contact="desk:cora"),
    an_agent("dirk", contact="desk:dirk"),
)
QUEUES = (
    a_queue("service", overflow_to="sales", overflow_after_seconds=30, max_waiting=6),
    a_queue("sales", skill="bikes", overflow_to="service", overflow_after_seconds=50, max_waiting=4),
)
TIMES = QueueTimes(after_call_seconds=10, reservation_seconds=90, rest_seconds=40, retry_seconds=15)
AGENT_STATES = (AgentState.AVAILABLE, AgentState.BREAK, AgentState.OFFLINE, AgentState.AFTER_CALL)


def reaches(ticket: Ticket, agent: Agent, now: float) -> bool:
    """Say in other words than the board whether an agent may take a caller."""
    if ticket.agent_id:
        return agent.agent_id == ticket.agent_id
    speaks = ticket.language in agent.languages
    waited = now - ticket.entered_at
    service = "service" in agent.queues and (ticket.queue == "service" or waited >= 50)
    sales = "sales" in agent.queues and "bikes" in agent.skills
    return speaks and (service or (sales and (ticket.queue == "sales" or waited >= 30)))


def came_before(ticket: Ticket) -> tuple[float, str]:
    return (ticket.entered_at, ticket.call_id)


class BoardMachine(RuleBasedStateMachine):
    """`callers`: on the board. `standing`: offers that nobody answered for yet. `talking`: call by agent."""

    def __init__(self) -> None:
        super().__init__()
        self.board = QueueBoard(QUEUES, AGENTS, TIMES)
        self.now = 0.0
        self.numbers = 0
        self.callers: dict[str, Ticket] = {}
        self.standing: dict[int, tuple[Offer, float]] = {}
        self.talking: dict[str, str] = {}
        self.refused: dict[tuple[str, str], float] = {}
        for name in ("cora", "dirk"):
            self.board.set_state(name, AgentState.AVAILABLE, 0)
        self.ready_at: dict[str, float] = {}

    def states(self) -> dict[str, AgentState]:
        return {agent.agent_id: state for agent, state in self.board.agents()}

    @rule(
        queue=st.sampled_from(["service", "sales"]),
        language=st.sampled_from(["nl", "en"]),
        by_name=st.sampled_from(["", "", "", "anna", "cora"]),
    )
    def call_comes(self, queue: str, language: str, by_name: str) -> None:
        self.numbers += 1
        ticket = a_ticket(
            f"call-{self.numbers}", self.now, queue=queue, language=language, agent_id=by_name  # type: ignore[arg-type]
        )  # fmt: skip
        try:
            self.callers[ticket.call_id] = self.board.enter(ticket, self.now)
        except QueueFull:
            assert len(self.callers) >= 6

    @precondition(lambda self: self.callers)
    @rule(data=st.data())
    def caller_hangs_up(self, data: st.DataObject) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.callers)))
        self.board.leave(call_id, self.now)
        del self.callers[call_id]
        self.standing = {n: o for n, o in self.standing.items() if o[0].ticket.call_id != call_id}

    @rule(seconds=st.sampled_from([0.0, 0.5, 5.0, 16.0, 31.0, 45.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.match()

    def match(self) -> None:
        """Ask for offers; check order and that nobody who could be served is left."""
        for number, (offer, since) in list(self.standing.items()):
            if self.now - since >= 90:  # the board takes it back, and the caller off
                self.note_failed(offer)
                del self.standing[number]
                self.callers.pop(offer.ticket.call_id, None)
        offers = self.board.offers(self.now)
        ranks = [came_before(offer.ticket) for offer in offers]
        assert ranks == sorted(ranks)
        for offer in offers:
            assert self.callers[offer.ticket.call_id] == offer.ticket
            assert reaches(offer.ticket, offer.agent, self.now)
            self.standing[offer.number] = (offer, self.now)
        ringing_for = {offer.ticket.call_id for offer, _ in self.standing.values()}
        available = [agent for agent, state in self.board.agents() if state is AgentState.AVAILABLE]
        for ticket in self.callers.values():
            for agent in available:
                is_kept_apart = self.refused.get((ticket.call_id, agent.agent_id), 0) > self.now
                is_resting = self.ready_at.get(agent.agent_id, 0) > self.now
                if ticket.call_id not in ringing_for and not is_kept_apart and not is_resting:
                    assert not reaches(ticket, agent, self.now), "a caller was forgotten"
        for offer in offers:  # nobody older, whom the same agent could have taken, was passed over
            for ticket in self.callers.values():
                if ticket.call_id in ringing_for or not reaches(ticket, offer.agent, self.now):
                    continue
                is_kept_apart = self.refused.get((ticket.call_id, offer.agent.agent_id), 0) > self.now
                assert is_kept_apart or came_before(ticket) > came_before(offer.ticket)

    def note_failed(self, offer: Offer) -> None:
        self.refused[offer.ticket.call_id, offer.agent.agent_id] = self.now + 15

    @precondition(lambda self: self.standing)
    @rule(data=st.data())
    def agent_accepts(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.standing)))
        offer, _ = self.standing.pop(number)
        self.board.accepted(offer, self.now)
        assert offer.agent.agent_id not in self.talking, "two calls at once"
        self.talking[offer.agent.agent_id] = offer.ticket.call_id
        del self.callers[offer.ticket.call_id]

    @precondition(lambda self: self.standing)
    @rule(data=st.data(), reason=st.sampled_from(list(DialFailure)), stays=st.booleans())
    def agent_fails(self, data: st.DataObject, reason: DialFailure, stays: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.standing)))
        offer, _ = self.standing.pop(number)
        self.board.failed(offer, reason, self.now)
        self.note_failed(offer)
        if reason in {DialFailure.BUSY, DialFailure.FAILED}:
            self.ready_at[offer.agent.agent_id] = self.now + 15
        if stays:
            assert self.board.enter(offer.ticket, self.now) == offer.ticket
        else:
            del self.callers[offer.ticket.call_id]

    @precondition(lambda self: self.talking)
    @rule(data=st.data())
    def call_ends(self, data: st.DataObject) -> None:
        agent_id = data.draw(st.sampled_from(sorted(self.talking)))
        self.board.call_ended(agent_id, self.now, self.talking.pop(agent_id))

    @rule(name=st.sampled_from([agent.agent_id for agent in AGENTS]), state=st.sampled_from(AGENT_STATES))
    def agent_says(self, name: str, state: AgentState) -> None:
        if self.states()[name] is not state:
            self.ready_at.pop(name, None)
        self.board.set_state(name, state, self.now)

    @invariant()
    def nobody_is_forgotten_and_places_have_no_gaps(self) -> None:
        for lane in ("service", "sales"):
            mine = [call_id for call_id, ticket in self.callers.items() if ticket.lane == lane]
            places = sorted(self.board.position(call_id) or 0 for call_id in mine)
            assert places == list(range(1, len(mine) + 1))
        assert {ticket.call_id for ticket in self.board.waiting()} == set(self.callers)

    @invariant()
    def an_agent_rings_or_talks_for_one_caller_only(self) -> None:
        states = self.states()
        ringing = [offer.agent.agent_id for offer, _ in self.standing.values()]
        assert len(ringing) == len(set(ringing))
        assert {n for n, state in states.items() if state is AgentState.RINGING} == set(ringing)
        assert {n for n, state in states.items() if state is AgentState.BUSY} == set(self.talking)

    def teardown(self) -> None:
        """Let everything end: nobody may be left ringing or busy, everybody is served in the end."""
        for offer, _ in self.standing.values():
            self.board.failed(offer, DialFailure.HUNG_UP, self.now)
            self.callers.pop(offer.ticket.call_id, None)
        for agent_id in self.talking:
            self.board.call_ended(agent_id, self.now)
        for agent in AGENTS:
            self.board.set_state(agent.agent_id, AgentState.AVAILABLE, self.now)
        self.now += 200
        for _ in range(100):
            for offer in self.board.offers(self.now):
                self.board.accepted(offer, self.now)
                self.board.call_ended(offer.agent.agent_id, self.now + 1)
                del self.callers[offer.ticket.call_id]
            self.now += 20
        assert self.callers == {}
        assert set(self.states().values()) == {AgentState.AVAILABLE}


TestBoard = BoardMachine.TestCase
TestBoard.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
