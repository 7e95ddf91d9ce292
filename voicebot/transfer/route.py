"""The route of a transfer: whom to try, one after another. Pure.

Names come from rules, from settings and from agents' desks: 'queue:service', 'agent:anna', or a destination's
name. A name that means nothing is not an error here: its step is refused when it is tried (law S2).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from voicebot.transfer.destinations import TransferKind

QUEUE, AGENT = "queue:", "agent:"


@dataclass(frozen=True, slots=True)
class ToDestination:
    """A name of the allow-list; '' is the one for a request for a person. `kind` None: the destination's."""

    name: str
    kind: TransferKind | None = None


@dataclass(frozen=True, slots=True)
class ToAgent:
    """One agent, as soon as free."""

    agent_id: str
    kind: TransferKind | None = None


@dataclass(frozen=True, slots=True)
class ToQueue:
    """Whoever of the queue is free first."""

    queue: str
    kind: TransferKind | None = None


Step = ToDestination | ToAgent | ToQueue


def step_of(target: str, kind: TransferKind | None = None) -> Step:
    """Read a target's name."""
    if target.startswith(QUEUE):
        return ToQueue(target.removeprefix(QUEUE), kind)
    if target.startswith(AGENT):
        return ToAgent(target.removeprefix(AGENT), kind)
    return ToDestination(target, kind)


def name_of(step: Step) -> str:
    """Return the name that `step_of` reads."""
    match step:
        case ToQueue(queue=queue):
            return QUEUE + queue
        case ToAgent(agent_id=agent_id):
            return AGENT + agent_id
        case ToDestination(name=name):
            return name


def route(targets: Iterable[tuple[str, TransferKind | None]], then: Iterable[str] = ()) -> tuple[Step, ...]:
    """Return the steps in order, each target once. `then`: tried after the targets (a queue, usually)."""
    steps: dict[str, Step] = {}
    for target, kind in (*targets, *((name, None) for name in then)):
        steps.setdefault(target, step_of(target, kind))
    return tuple(steps.values())
