from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from voicebot.media.scheduling import Scheduling, prefer_this_thread


def in_a_thread(real_time: bool) -> tuple[Scheduling, int, str]:
    """What was granted, the policy then, and the policy of a child process."""
    found: list[tuple[Scheduling, int, str]] = []

    def run() -> None:
        granted = prefer_this_thread(real_time=real_time)
        code = "import os; print(os.sched_getscheduler(0))"
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        found.append((granted, os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK, child.stdout.strip()))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux schedulers")
@pytest.mark.parametrize("real_time", [True, False])
def test_only_the_asking_thread_is_preferred(real_time: bool) -> None:
    before = os.sched_getscheduler(0)
    granted, policy, of_child = in_a_thread(real_time)
    expected = os.SCHED_RR if granted is Scheduling.REAL_TIME else os.SCHED_OTHER
    assert policy == expected
    assert of_child == str(os.SCHED_OTHER)
    assert os.sched_getscheduler(0) == before
    assert real_time or granted is not Scheduling.REAL_TIME


@pytest.mark.skipif(sys.platform != "linux", reason="Linux schedulers")
def test_a_refusal_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr("platform.release", lambda: "5.10.0-28-amd64")
    assert prefer_this_thread() is Scheduling.USUAL
