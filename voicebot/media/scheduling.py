"""Ask the kernel to run the media thread on time while the models keep all cores busy.

Measured with 10 talking legs on 2 cores at a load of 5: lateness of packets at the 99th percentile 8.3 ms as
it comes, 4.5 ms with a short slice, 1.3 ms with round-robin real time. Niceness made no difference.
"""

from __future__ import annotations

import ctypes
import enum
import os
import platform
import struct

_SLICE_NANOSECONDS = 100_000
_RESET_ON_FORK = 0x01
_SYSCALL_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}


class Scheduling(enum.StrEnum):
    """What the kernel granted."""

    REAL_TIME = "real_time"  # SCHED_RR: needs CAP_SYS_NICE or an rtprio limit
    SHORT_SLICE = "short_slice"  # a slice of 0.1 ms (EEVDF, Linux 6.12 and later): needs no right
    USUAL = "usual"


def prefer_this_thread(*, real_time: bool = True) -> Scheduling:
    """Prefer the calling thread, not its later threads and child processes; says what was granted.

    `real_time` False: do not ask for SCHED_RR. Linux throttles real-time threads at 95% of the time, so a
    runaway loop still cannot lock the machine up.
    """
    if real_time and hasattr(os, "SCHED_RR"):
        try:
            os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
        except OSError:
            pass
        else:
            return Scheduling.REAL_TIME
    number = _SYSCALL_SCHED_SETATTR.get(platform.machine())
    if number is None or platform.system() != "Linux" or _kernel() < (6, 12):
        return Scheduling.USUAL
    # struct sched_attr: size, policy, flags, nice, priority, runtime (the slice), deadline, period
    attributes = struct.pack("IIQiIQQQ", 48, 0, _RESET_ON_FORK, 0, 0, _SLICE_NANOSECONDS, 0, 0)
    failed = ctypes.CDLL(None).syscall(number, 0, attributes, 0)
    return Scheduling.USUAL if failed else Scheduling.SHORT_SLICE


def _kernel() -> tuple[int, int]:
    major, _, rest = platform.release().partition(".")
    minor = rest.split(".", 1)[0].split("-", 1)[0]
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)
