from __future__ import annotations

import pytest

from voicebot.errors import MediaError
from voicebot.media.peer_latch import PeerLatch, checked_address

SDP, NAT, OTHER = ("10.0.0.5", 4000), ("203.0.113.7", 40111), ("198.51.100.66", 6666)


def test_sends_to_the_sdp_until_media_comes_then_to_its_source() -> None:
    latch = PeerLatch(SDP)
    assert latch.send_to == SDP
    assert latch.admit(NAT, 1, 0)
    assert latch.send_to == NAT


def test_once_bound_others_are_refused_and_counted() -> None:
    latch = PeerLatch(SDP)
    for at_ms in range(0, 2000, 20):
        assert latch.admit(NAT, 1, at_ms)
        assert not latch.admit(OTHER, 2, at_ms)
        assert not latch.admit(OTHER, 1, at_ms)  # even with the peer's SSRC
    assert (latch.send_to, latch.refused, latch.relatched) == (NAT, 200, 0)


def test_the_announced_address_wins_over_who_was_merely_first() -> None:
    latch = PeerLatch(SDP)
    assert latch.admit(OTHER, 2, 0)
    assert latch.admit(SDP, 1, 5)
    assert not latch.admit(OTHER, 2, 10)
    assert latch.send_to == SDP


def test_a_nat_that_moved_is_followed_once_the_old_address_is_silent() -> None:
    latch = PeerLatch(SDP)
    latch.admit(NAT, 1, 0)
    moved = ("203.0.113.7", 50222)
    assert not latch.admit(moved, 1, 399)
    assert latch.admit(moved, 1, 400)
    assert latch.send_to == moved
    assert not latch.admit(OTHER, 9, 2399)  # another SSRC needs a longer silence
    assert latch.admit(OTHER, 9, 2400)


def test_a_new_address_in_a_reinvite_frees_the_latch_and_the_same_one_keeps_it() -> None:
    latch = PeerLatch(SDP)
    latch.admit(NAT, 1, 0)
    latch.renegotiate(SDP)
    assert latch.send_to == NAT
    latch.renegotiate(OTHER)
    assert latch.send_to == OTHER
    assert latch.admit(OTHER, 5, 10)


@pytest.mark.parametrize("port", [0, 65536])
def test_ports_that_cannot_be_answered_are_refused(port: int) -> None:
    latch = PeerLatch(SDP)
    assert not latch.admit(("10.0.0.5", port), 1, 0)
    assert latch.send_to == SDP


@pytest.mark.parametrize(
    ("host", "port"), [("example.org", 4000), ("10.0.0.1", 0), ("10.0.0.1", 99999), ("224.0.0.1", 4000)]
)
def test_addresses_must_be_sendable_literals(host: str, port: int) -> None:
    with pytest.raises(MediaError):
        checked_address(host, port)
