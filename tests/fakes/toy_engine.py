"""Small engines for the tests of the worker pool; they run inside real worker processes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from voicebot.errors import ModelMissing
from voicebot.worker_process import is_cancelled


class ToyEngine:
    """Echoes, waits for files to appear, fails on demand."""

    def __init__(self, warm_file: str = "") -> None:
        self._warm_file = warm_file

    def warm_up(self) -> None:
        if self._warm_file:
            Path(self._warm_file).write_text(str(os.getpid()))

    def echo(self, value: object) -> object:
        return value

    def environment(self, name: str) -> str | None:
        return os.environ.get(name)

    def niceness(self) -> int:
        return os.nice(0)

    def wait_for(self, started: str, released: str) -> str:
        """Report the start by one file, end when the other appears."""
        Path(started).touch()
        while not Path(released).exists():
            time.sleep(0.005)
        return "released"

    def note(self, path: str, word: str) -> None:
        """Append a word: shows the order in which requests ran."""
        with Path(path).open("a") as stream:
            stream.write(word + "\n")

    def count(self, limit: int) -> Iterator[int]:
        yield from range(limit)

    def count_until_cancelled(self, ended: str) -> Iterator[int]:
        number = 0
        try:
            while True:
                yield number
                number += 1
        finally:
            Path(ended).write_text(f"{number} {is_cancelled()}")

    def fail_with_content(self) -> None:
        raise ValueError("the caller said 4111 1111 1111 1111")

    def fail_of_ours(self) -> None:
        raise ModelMissing("no such voice")


def missing() -> ToyEngine:
    raise ModelMissing("weights are not there")


def dies_on_start() -> ToyEngine:
    os._exit(3)


def never_ready() -> ToyEngine:
    time.sleep(600)
    raise AssertionError
