"""The four state machines one by one: RFC 3261 figures 5 to 8, RFC 6026."""

from collections.abc import Callable

import pytest
from aiosipua.message import SipRequest, SipResponse

from tests.sip.bench import request
from voicebot.sip.addressing import Hop
from voicebot.sip.messages import make_response, parse_message
from voicebot.sip.timers import TimerQueue, TimerValues
from voicebot.sip.transactions import (
    InviteClient,
    InviteServer,
    NonInviteClient,
    NonInviteServer,
    State,
    Wire,
)

UDP = Hop("udp", "10.0.0.2", 5060)
TCP = Hop("tcp", "10.0.0.2", 5060)


class Machine:
    """One transaction, what it sent (first line, time) and told."""

    def __init__(self) -> None:
        self.timers = TimerQueue()
        self.sent: list[tuple[str, float]] = []
        self.responses: list[int] = []
        self.failures: list[int] = []
        self.ends = 0
        self.wire = Wire(self.timers, TimerValues(), self._send)

    def _send(self, data: bytes, hop: Hop) -> None:
        self.sent.append((data.split(b"\r\n")[0].decode().removesuffix(" SIP/2.0"), self.timers.now))

    def over(self) -> None:
        self.ends += 1

    def times(self, start: str) -> list[float]:
        return [at for line, at in self.sent if line.startswith(start)]

    def pass_time(self, seconds: float) -> None:
        end = self.timers.now + seconds
        while (deadline := self.timers.next_deadline) is not None and deadline <= end:
            self.timers.advance(deadline)
        self.timers.advance(end)


def parsed(method: str) -> SipRequest:
    message = parse_message(request(method).encode())
    assert isinstance(message, SipRequest)
    return message


def client(
    kind: type[InviteClient] | type[NonInviteClient], hop: Hop
) -> tuple[Machine, InviteClient | NonInviteClient]:
    machine = Machine()
    transaction = kind(
        parsed("INVITE" if kind is InviteClient else "BYE"),
        hop,
        machine.wire,
        lambda response: machine.responses.append(response.status_code),
        machine.failures.append,
        on_over=machine.over,
    )
    transaction.start()
    return machine, transaction


def server(
    kind: type[InviteServer] | type[NonInviteServer], hop: Hop
) -> tuple[Machine, InviteServer | NonInviteServer]:
    machine = Machine()
    method = "INVITE" if kind is InviteServer else "BYE"
    return machine, kind(method, hop, machine.wire, machine.over)


def reply(method: str, status: int) -> SipResponse:
    return make_response(parsed(method), status, tag="t")


class TestInviteClient:
    def test_timer_a_doubles_and_b_ends(self) -> None:
        machine, transaction = client(InviteClient, UDP)
        machine.pass_time(100)
        assert machine.times("INVITE") == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
        assert (machine.failures, machine.ends, transaction.state) == ([408], 1, State.TERMINATED)
        assert len(machine.timers) == 0

    def test_a_stream_is_not_retransmitted_on(self) -> None:
        machine, _ = client(InviteClient, TCP)
        machine.pass_time(100)
        assert machine.times("INVITE") == [0]
        assert machine.failures == [408]

    def test_provisional_stops_a_and_b(self) -> None:
        machine, transaction = client(InviteClient, UDP)
        transaction.receive(reply("INVITE", 180))
        machine.pass_time(200)
        assert machine.times("INVITE") == [0]
        assert (machine.responses, transaction.state) == ([180], State.PROCEEDING)

    @pytest.mark.parametrize(("hop", "linger"), [(UDP, 32.0), (TCP, 0.0)])
    def test_failure_is_acked_and_d_soaks_up_repeats(self, hop: Hop, linger: float) -> None:
        machine, transaction = client(InviteClient, hop)
        transaction.receive(reply("INVITE", 486))
        assert machine.times("ACK") == [0]
        assert machine.ends == (0 if linger else 1)
        if linger:
            transaction.receive(reply("INVITE", 486))
            assert machine.times("ACK") == [0, 0]
            machine.pass_time(linger - 0.1)
            assert machine.ends == 0
            machine.pass_time(0.2)
        assert (machine.responses, machine.ends) == ([486], 1)

    def test_2xx_goes_up_each_time_for_m_and_is_not_acked_here(self) -> None:
        machine, transaction = client(InviteClient, UDP)
        for _ in range(3):
            transaction.receive(reply("INVITE", 200))
        transaction.receive(reply("INVITE", 486))
        assert machine.responses == [200] * 3
        assert machine.times("ACK") == []
        machine.pass_time(31.9)
        assert machine.ends == 0
        machine.pass_time(0.2)
        assert machine.ends == 1

    def test_dead_transport(self) -> None:
        machine, transaction = client(InviteClient, UDP)
        transaction.transport_failed()
        transaction.transport_failed()
        assert (machine.failures, machine.ends) == ([503], 1)


class TestNonInviteClient:
    def test_timer_e_doubles_to_t2_and_f_ends(self) -> None:
        machine, _ = client(NonInviteClient, UDP)
        machine.pass_time(100)
        assert machine.times("BYE") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert (machine.failures, machine.ends) == ([408], 1)

    def test_provisional_slows_e_to_t2_and_f_still_ends(self) -> None:
        machine, transaction = client(NonInviteClient, UDP)
        transaction.receive(reply("BYE", 100))
        machine.pass_time(9)
        assert machine.times("BYE") == [0, 0.5, 4.5, 8.5]
        machine.pass_time(100)
        assert machine.failures == [408]

    def test_final_goes_up_once_and_k_lingers(self) -> None:
        machine, transaction = client(NonInviteClient, UDP)
        transaction.receive(reply("BYE", 200))
        transaction.receive(reply("BYE", 200))
        assert machine.responses == [200]
        machine.pass_time(4.9)
        assert machine.ends == 0
        machine.pass_time(0.2)
        assert (machine.ends, len(machine.timers)) == (1, 0)

    def test_on_a_stream_nothing_lingers(self) -> None:
        machine, transaction = client(NonInviteClient, TCP)
        transaction.receive(reply("BYE", 200))
        assert machine.ends == 1


class TestInviteServer:
    def test_retransmission_gets_the_last_provisional(self) -> None:
        machine, transaction = server(InviteServer, UDP)
        transaction.receive_again()
        transaction.respond(reply("INVITE", 100))
        transaction.respond(reply("INVITE", 180))
        transaction.receive_again()
        assert [line for line, _ in machine.sent] == [
            "SIP/2.0 100 Trying",
            "SIP/2.0 180 Ringing",
            "SIP/2.0 180 Ringing",
        ]

    def test_failure_is_repeated_by_g_until_h(self) -> None:
        machine, transaction = server(InviteServer, UDP)
        transaction.respond(reply("INVITE", 486))
        machine.pass_time(100)
        assert machine.times("SIP/2.0 486") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert (machine.ends, len(machine.timers)) == (1, 0)

    def test_ack_stops_g_and_i_lingers(self) -> None:
        machine, transaction = server(InviteServer, UDP)
        assert isinstance(transaction, InviteServer)
        transaction.respond(reply("INVITE", 486))
        transaction.receive_ack()
        transaction.receive_ack()
        assert transaction.state is State.CONFIRMED
        transaction.receive_again()
        machine.pass_time(4.9)
        assert (len(machine.sent), machine.ends) == (1, 0)
        machine.pass_time(0.2)
        assert machine.ends == 1

    def test_2xx_is_repeated_by_the_core_only_and_l_soaks_up_the_invite(self) -> None:
        machine, transaction = server(InviteServer, UDP)
        transaction.respond(reply("INVITE", 200))
        transaction.receive_again()
        transaction.respond(reply("INVITE", 486))
        assert len(machine.sent) == 1
        transaction.respond(reply("INVITE", 200))
        assert len(machine.sent) == 2
        machine.pass_time(31.9)
        assert machine.ends == 0
        machine.pass_time(0.2)
        assert machine.ends == 1

    def test_on_a_stream_g_is_silent(self) -> None:
        machine, transaction = server(InviteServer, TCP)
        transaction.respond(reply("INVITE", 486))
        machine.pass_time(20)
        assert len(machine.sent) == 1


class TestNonInviteServer:
    def test_retransmission_gets_the_final_again_for_j(self) -> None:
        machine, transaction = server(NonInviteServer, UDP)
        transaction.receive_again()
        assert machine.sent == []
        transaction.respond(reply("BYE", 200))
        transaction.respond(reply("BYE", 500))
        transaction.receive_again()
        assert [line for line, _ in machine.sent] == ["SIP/2.0 200 OK"] * 2
        machine.pass_time(31.9)
        assert machine.ends == 0
        machine.pass_time(0.2)
        assert machine.ends == 1

    def test_on_a_stream_it_is_over_at_once(self) -> None:
        machine, transaction = server(NonInviteServer, TCP)
        transaction.respond(reply("BYE", 200))
        assert machine.ends == 1


def test_timers_fire_in_order_and_late_ones_count_from_now() -> None:
    timers = TimerQueue()
    fired: list[str] = []
    timers.after(2, lambda: fired.append("b"))
    timers.after(1, lambda: (fired.append("a"), timers.after(1, lambda: fired.append("c"))))  # type: ignore[arg-type,return-value]
    timers.after(1.5, lambda: fired.append("never")).cancel()
    timers.advance(10)
    assert fired == ["a", "b"]
    assert timers.next_deadline == 11
    timers.advance(11)
    assert (fired, timers.next_deadline, len(timers)) == (["a", "b", "c"], None, 0)


def test_cancelled_timers_do_not_pile_up() -> None:
    timers = TimerQueue()
    keep: list[Callable[[], None]] = []
    timers.after(1e6, keep.clear)
    for _ in range(10_000):
        timers.after(1000, lambda: None).cancel()
    assert len(timers) == 1
    assert len(timers._heap) < 200
