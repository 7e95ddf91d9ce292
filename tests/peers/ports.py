"""Free loopback ports and the wait for a condition that every peer of the tests needs."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import socket
import time
from collections.abc import Callable
from typing import NoReturn

import pytest

LOOPBACK = "127.0.0.1"
_RANGE = (4096, 15_000)
_chance = random.SystemRandom()
_given: set[int] = set()


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                return False
    return True


def free_port(spread: int = 1) -> int:
    """Return an even port of which `spread` in a row are free for UDP and TCP; never the same twice.

    Even because RTP takes one (RFC 3550 section 11); baresip wants a spread of 2 (it takes TLS too). Below
    the ephemeral ports: a service binds its own half a minute later, and nobody may have it by then.
    """
    for _ in range(1000):
        start = _chance.randrange(*_RANGE, 2)
        ports = range(start, start + spread)
        if not _given & set(ports) and all(map(_is_free, ports)):
            _given.update(ports)
            return start
    raise OSError("no free loopback port")


def require_program(name: str) -> str:
    """Return the path of a peer's program; skip the test without it, fail where all peers are insisted on."""
    found = shutil.which(name)
    if found is None:
        missing(f"{name} is not installed")
    return found


def missing(reason: str) -> NoReturn:
    """Skip with `reason`; fail instead when CI=true or VOICEBOT_REQUIRE_PEERS=1."""
    if os.environ.get("CI") == "true" or os.environ.get("VOICEBOT_REQUIRE_PEERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


async def eventually(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    """Return as soon as `condition()` holds; raise TimeoutError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds} s still not: {what}")
        await asyncio.sleep(0.02)
