"""An event loop whose time only moves when nothing else can happen: timers fire at once, in order, exactly.

@in_virtual_time
async def test_something():
    await asyncio.sleep(3600)  # takes no time
"""

from __future__ import annotations

import asyncio
import functools
import gc
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for a timer, moves the clock to it."""

    now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("every task waits for something that no timer will bring")
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """`problems`: what the loop would have logged, 'exception was never retrieved' among it."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._clock_resolution = 1e-6
        self.problems: list[str] = []
        self.set_exception_handler(lambda _, context: self.problems.append(str(context)))

    def time(self) -> float:
        return self._jumping.now


def in_virtual_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in virtual time; it fails when a task is left over or an exception was not retrieved."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        loop = VirtualTimeLoop()

        async def watched() -> None:
            await test(*arguments, **named)
            left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            assert not left, f"tasks left over: {left}"

        gc.collect()
        gc.freeze()  # what is there already is not this test's: looking through it again takes long
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(watched())
            gc.collect()
            assert not loop.problems

    return run
