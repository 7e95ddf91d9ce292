"""A hundred calls over a bad line: all good, none doubled, none stuck, nothing left behind."""

from dataclasses import dataclass, field

import pytest

from tests.sip.bench import ANSWER, OFFER
from tests.sip.virtual_net import VirtualNet
from voicebot.sip.addressing import Hop
from voicebot.sip.call_control import Answered, CallControlEvent, Ended, Reoffered
from voicebot.sip.core import Outcome, UserAgentConfig
from voicebot.sip.inbound_call import InboundCall
from voicebot.sip.outbound_call import Destination, OutboundCall

CALLER, BOT = "10.0.0.2", "10.0.0.1"


@dataclass
class Tally:
    """What happened to the calls."""

    accepted: list[Outcome] = field(default_factory=list)
    received: list[InboundCall] = field(default_factory=list)
    bot_ended: list[Ended] = field(default_factory=list)
    held: list[Outcome] = field(default_factory=list)
    caller_events: dict[OutboundCall, list[CallControlEvent]] = field(default_factory=dict)


def answer(net: VirtualNet, tally: Tally, call: InboundCall) -> None:
    tally.received.append(call)

    def heard(event: CallControlEvent) -> None:
        if isinstance(event, Reoffered):
            call.answer_reoffer(ANSWER)
        elif isinstance(event, Ended):
            tally.bot_ended.append(event)

    call.on_event = heard
    call.ring()
    net.later(1.0, lambda: call.accept(ANSWER, tally.accepted.append))


def dial(net: VirtualNet, tally: Tally, number: int) -> None:
    destination = Destination(f"sip:bot@{BOT}", Hop("udp", BOT, 5060), f"sip:c{number}@{CALLER}")
    call = net.agents[CALLER].invite(destination, OFFER)
    events = tally.caller_events[call] = []

    def heard(event: CallControlEvent) -> None:
        events.append(event)
        if isinstance(event, Answered):
            # on a line this bad the hold may still be repeating when we hang up; its outcome must come anyway
            net.later(2.0, lambda: call.reinvite(OFFER, tally.held.append))
            net.later(20.0, call.hang_up)

    call.on_event = heard
    call.start()


@pytest.mark.parametrize("reliable", [True, False])
@pytest.mark.parametrize(("loss", "seed"), [(0.0, 1), (0.05, 2), (0.2, 3), (0.2, 4)])
def test_hundred_calls(loss: float, seed: int, reliable: bool) -> None:
    net, tally = VirtualNet(loss, seed), Tally()
    config = UserAgentConfig(has_reliable_provisionals=reliable)
    net.join(BOT, lambda call: answer(net, tally, call), config)
    net.join(CALLER, lambda call: call.reject(480), config)
    for number in range(100):
        net.at(number / 10, lambda number=number: dial(net, tally, number))
    net.run(until=200)
    assert net.lost >= net.sent * loss * 0.8
    assert len(tally.received) == 100
    assert [outcome.status for outcome in tally.accepted] == [200] * 100
    for events in tally.caller_events.values():
        assert [type(event) for event in events if isinstance(event, Answered | Ended)] == [Answered, Ended]
    assert len(tally.bot_ended) == 100
    assert [outcome.status for outcome in tally.held] == [200] * 100
    for agent in net.agents.values():
        statistics = agent.statistics()
        assert (statistics.calls, statistics.transactions, statistics.timers) == (0, 0, 0)


@pytest.mark.parametrize("seed", [5, 6])
def test_callers_who_give_up_while_it_rings_leave_nothing(seed: int) -> None:
    net, tally = VirtualNet(0.2, seed), Tally()
    net.join(BOT, lambda call: answer(net, tally, call), UserAgentConfig())
    net.join(CALLER, lambda call: call.reject(480), UserAgentConfig())

    def dial_and_give_up(number: int) -> None:
        destination = Destination(f"sip:bot@{BOT}", Hop("udp", BOT, 5060), f"sip:c{number}@{CALLER}")
        call = net.agents[CALLER].invite(destination, OFFER)
        events = tally.caller_events[call] = []
        call.on_event = events.append
        call.start()
        # around the moment of the answer, so that CANCEL and 200 cross in many of them
        net.later(0.9 + number / 200, call.hang_up)

    for number in range(60):
        net.at(number / 10, lambda number=number: dial_and_give_up(number))
    net.run(until=250)
    assert all(isinstance(events[-1], Ended) for events in tally.caller_events.values())
    assert len(tally.bot_ended) == len(tally.received)
    assert all(agent.statistics().calls == agent.statistics().timers == 0 for agent in net.agents.values())
