"""Faults at the edges are logged by kind and place, never with what was being handled."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.media.sip_stage import sdp
from tests.sip.bench import request
from tests.sip.test_endpoint import endpoint
from voicebot.faults import PLACES, log_fault, places_of
from voicebot.logs import set_up_logging
from voicebot.sip.addressing import Hop
from voicebot.sip.call_control import CallControl

SECRET = "+31201234567"


@pytest.fixture
def default_logging() -> Iterator[None]:
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers.clear()  # basicConfig(force=True) would close them
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def raised(depth: int) -> Exception:
    def fail(left: int, number: str) -> None:
        if left:
            fail(left - 1, number)
        raise ValueError(f"{number} is wrong")

    try:
        fail(depth, SECRET)
    except ValueError as error:
        return error
    raise AssertionError


def test_a_fault_is_logged_by_kind_and_place() -> None:
    group = ExceptionGroup("tasks", [ExceptionGroup("inner", [raised(9)]), KeyError("other")])
    with structlog.testing.capture_logs() as logged:
        log_fault(group, "it failed", "call.fault")
    (entry,) = logged
    assert (entry["event"], entry["action"], entry["error"]) == ("it failed", "call.fault", "ValueError")
    assert len(entry["where"]) == PLACES
    assert all(place.startswith("test_faults.py:") for place in entry["where"])
    assert SECRET not in repr(logged)


def test_a_fault_that_was_never_raised_has_no_place() -> None:
    assert places_of(ValueError(SECRET)) == []


async def test_sip_faults_are_logged_without_the_message_and_answered() -> None:
    async def bot(call: CallControl) -> None:
        raise ValueError(call.facts.caller)

    with structlog.testing.capture_logs() as logged:
        async with endpoint(bot) as callee, endpoint() as caller:
            call = await caller.invite(f"sip:bot@127.0.0.1:{callee.port}", sdp=sdp(4000), from_user=SECRET)
            (failed,) = [event async for event in call.events()]
            assert getattr(failed, "status", 0) == 500
            callee._agent.receive = lambda data, source: raised(0).args[7]  # type: ignore[method-assign]
            callee._received(request().encode(), Hop("udp", "127.0.0.1", 5060))
            del callee._agent.receive  # type: ignore[attr-defined]
    faults = {entry["action"]: entry["error"] for entry in logged if "error" in entry}
    assert faults == {"sip.call": "ValueError", "sip.receive": "IndexError"}
    assert SECRET not in repr(logged)


def test_tracebacks_in_the_log_hold_no_local_values(
    default_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging()
    structlog.get_logger().error("it failed", exc_info=raised(2))
    entry = json.loads(capsys.readouterr().err)
    frames = entry["exception"][0]["frames"]
    assert [frame["name"] for frame in frames] == ["raised", "fail", "fail", "fail"]
    assert not any(frame.get("locals") for frame in frames)
