"""Random peers: damaged answers and requests in any order. Whatever they do, nothing is left in the end."""

import random

import pytest
from aiosipua.message import SipRequest

from tests.sip.bench import ANSWER, OFFER, PEER, Bench, request, response
from voicebot.sip.digest import Credentials, DigestClient

HEADERS = (
    "Require: 100rel",
    "RSeq: 1",
    "Min-SE: 100",
    "Session-Expires: 100;refresher=uac",
    "Allow: INVITE, UPDATE",
    "Record-Route: <sip:a;lr>",
    'WWW-Authenticate: Digest realm="pbx", nonce="n1", qop="auth", algorithm=MD5',
    'Proxy-Authenticate: Digest realm="pbx", nonce="n1"',
)
STATUSES = (100, 180, 183, 200, 200, 200, 302, 401, 407, 422, 481, 486, 491, 500)
METHODS = ("INVITE", "BYE", "UPDATE", "INFO", "NOTIFY", "PRACK", "REFER", "CANCEL")


def damaged(message: str, rng: random.Random) -> bytes:
    data = bytearray(message.encode())
    for _ in range(rng.choice((0, 0, 1, 3))):
        at, kind = rng.randrange(len(data)), rng.random()
        if kind < 0.4:
            data[at] = rng.randrange(256)
        elif kind < 0.7:
            del data[at : at + rng.randint(1, 30)]
        else:
            start = rng.randrange(len(data))
            data[at:at] = data[start : start + rng.randint(1, 60)]
    return bytes(data)


def session(rng: random.Random) -> Bench:
    bench = Bench(digest=DigestClient(Credentials("a", "b")), jitter=rng.random())
    call = bench.dial()
    for _ in range(12):
        ours = [m for m in bench.take() if isinstance(m, SipRequest) and m.method != "ACK"]
        if rng.random() < 0.15:
            call.hang_up()
        if rng.random() < 0.2:
            call.reinvite(OFFER, lambda outcome: None)
        if rng.random() < 0.1:
            call.refer("sip:a@10.0.0.9", "", lambda outcome: None)
        for mine in ours[:3]:
            answer = response(mine, rng.choice(STATUSES), headers=HEADERS, body=ANSWER, tag=rng.choice("xy"))
            bench.agent.receive(damaged(answer, rng), PEER)
        if rng.random() < 0.4:
            theirs = request(
                rng.choice(METHODS),
                cseq=rng.randint(1, 9),
                branch=f"z9hG4bK{rng.random()}",
                to_tag=call.local_tag,
                from_tag=rng.choice("xy"),
                call_id=call.call_id,
            )
            bench.agent.receive(damaged(theirs, rng), PEER)
        if rng.random() < 0.3:
            kept = bench.sent
            bench.sent = []
            bench.pass_time(rng.random() * 70)
            bench.sent = kept
    for left in bench.agent.calls:
        left.hang_up()
    bench.pass_time(2000)
    return bench


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_left(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(150):
        assert session(rng).is_empty()
