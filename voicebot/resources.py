"""What this process takes of the machine: an operator sees a leak before callers do."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from pathlib import Path


def resources_in_use() -> dict[str, int]:
    """Return resident bytes, open files (sockets too), tasks and threads; -1 where /proc does not tell."""
    return {
        "resident_bytes": _resident_bytes(),
        "open_files": _open_files(),
        "tasks": len(asyncio.all_tasks()),
        "threads": threading.active_count(),
    }


def _resident_bytes() -> int:
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return -1


def _open_files() -> int:
    with suppress(OSError):
        return sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1  # the listing itself is one
    return -1
