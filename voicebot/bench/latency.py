"""Latency and load: test callers talk to a running service, one or many at a time."""

from __future__ import annotations

import asyncio
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voicebot.events import Language
from voicebot.test_caller.conversation import CallerPatience, CallReport, SpokenStep, TestCaller
from voicebot.test_caller.dialling import RING_SECONDS, caller_stack
from voicebot.test_caller.script import Step

PHRASES: dict[Language, tuple[str, ...]] = {
    "nl": (
        "wat zijn de openingstijden",
        "ik ben mijn wachtwoord vergeten",
        "waar blijft mijn bestelling",
        "laat maar",
        "tot hoe laat zijn jullie open op zaterdag",
        "ben je een robot",
        "nee dank u",
        "wat kan ik allemaal vragen",
    ),
    "en": (
        "what are your opening hours",
        "I forgot my password",
        "never mind",
        "where is my order",
        "cancel that please",
        "are you a robot",
        "no thank you",
        "what can I ask you",
    ),
}


@dataclass(slots=True)
class LatencyResult:
    """Milliseconds over all turns of all calls. `unanswered`: turns without a reply."""

    latencies: list[int] = field(default_factory=list)
    interrupts: list[int] = field(default_factory=list)
    first_audio: list[int] = field(default_factory=list)
    gaps: int = 0
    turns: int = 0
    unanswered: int = 0
    failed_calls: int = 0

    def add(self, report: CallReport) -> None:
        """Add a call; the greeting is no turn."""
        self.failed_calls += not report.answered
        if report.first_audio_ms is not None:
            self.first_audio.append(report.first_audio_ms)
        for turn in report.turns:
            self.gaps += turn.gaps
            if turn.step is None:
                continue
            self.turns += 1
            if turn.step.kind == "interrupt":
                if turn.interrupt_ms is not None:
                    self.interrupts.append(turn.interrupt_ms)
            elif turn.latency_ms is None:
                self.unanswered += 1
            else:
                self.latencies.append(turn.latency_ms)

    def summary(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "turns": self.turns,
            "unanswered": self.unanswered,
            "failed_calls": self.failed_calls,
            "concealed_frames": self.gaps,
            "answer_ms": spread(self.latencies),
            "barge_in_ms": spread(self.interrupts),
            "first_audio_ms": spread(self.first_audio),
        }


def spread(values: Sequence[float]) -> dict[str, float] | None:
    """Return count, median, 90th and 95th percentile and maximum; None without values."""
    if not values:
        return None
    ordered = sorted(values)

    def percentile(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return {
        "count": len(ordered),
        "median": statistics.median(ordered),
        "p90": percentile(0.90),
        "p95": percentile(0.95),
        "max": ordered[-1],
    }


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="ascii", errors="replace").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "cpu": model or platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_average": [round(value, 2) for value in os.getloadavg()],
    }


def script(language: Language, turns: int, *, with_interrupts: bool) -> tuple[Step, ...]:
    """Return a script of so many turns; every fifth is a barge-in when asked."""
    phrases = PHRASES[language]
    return tuple(
        Step(
            "interrupt" if with_interrupts and number % 5 == 4 else "say",
            phrases[number % len(phrases)],
            language,
        )
        for number in range(turns)
    )


async def run_calls(
    target: str, steps: Sequence[SpokenStep], *, calls: int, codec: str, stagger_seconds: float = 0.7
) -> LatencyResult:
    """Place `calls` calls at once, each with the same steps, and collect their figures."""
    result = LatencyResult()

    async def one(number: int, dialler: Any) -> None:
        await asyncio.sleep(number * stagger_seconds)
        leg = await dialler.dial(target, display_name=f"bench-{number}", timeout_seconds=RING_SECONDS)
        patience = CallerPatience(reply_seconds=10.0, call_seconds=60.0 + 20.0 * len(steps))
        result.add(await TestCaller(leg, steps, patience).run())

    async with caller_stack(codec=codec) as dialler:
        outcomes = await asyncio.gather(
            *(one(number, dialler) for number in range(calls)), return_exceptions=True
        )
    result.failed_calls += sum(isinstance(outcome, BaseException) for outcome in outcomes)
    return result
