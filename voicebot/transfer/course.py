"""The course of one attempt to put a caller through: which state follows from what happened. Pure.

`advance` is the whole state machine; `execute.py` carries out the commands it names and reports back what
came of them. Whatever happens, in whatever order: a caller who is not with a person is with the bot.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal

from voicebot.errors import DialFailure
from voicebot.transfer.destinations import TransferKind


class TransferState(enum.StrEnum):
    """Where an attempt stands. FAILED, RETURNED and ENDED are final."""

    ASKED = "asked"  # decided; the bot still speaks
    ANNOUNCED = "announced"  # the announcement was played to its end
    QUEUED = "queued"  # waits for a free agent
    RINGING = "ringing"
    ANSWERED = "answered"  # a telephone was picked up; it may be a voicemail
    BRIEFED = "briefed"
    ACCEPTED = "accepted"  # a person wants the call
    JOINED = "joined"
    FAILED = "failed"  # nobody took it; the caller is with the bot
    RETURNED = "returned"  # the agent has left; the caller is with the bot
    ENDED = "ended"  # the caller has left, was handed on, or the peer connects the rest (REFER)


FINAL = frozenset({TransferState.FAILED, TransferState.RETURNED, TransferState.ENDED})
IN_PERSON = frozenset({TransferState.JOINED})
"""States in which the caller is with a person; in every other that is not final the bot keeps company."""


class Command(enum.StrEnum):
    """What is to be done next."""

    WAIT = "wait"  # for an agent of the queue
    DIAL = "dial"
    BRIEF = "brief"  # speak to the agent until a key says yes or no
    REFER = "refer"  # blind
    REPLACE = "replace"  # REFER with Replaces: the caller's peer takes our place at the agent's
    CONNECT = "connect"  # end the music, give the caller's audio away
    BRIDGE = "bridge"
    FINISH = "finish"


@dataclass(frozen=True, slots=True)
class Announced:
    """The caller has heard that a transfer follows."""


@dataclass(frozen=True, slots=True)
class AgentFound:
    """The queue has reserved an agent."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Somebody took the call. `has_accepted`: at a desk, where the briefing is read before Accept."""

    has_accepted: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """The agent has heard the briefing and wants the call."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Nobody has taken it, or what was taken broke."""

    reason: DialFailure


@dataclass(frozen=True, slots=True)
class Referred:
    """A blind REFER is over. `failure`: None when the new call was answered."""

    failure: DialFailure | None


@dataclass(frozen=True, slots=True)
class Replaced:
    """A REFER with Replaces is over; when it did not succeed the agent is still there."""

    has_succeeded: bool


@dataclass(frozen=True, slots=True)
class Connected:
    """Nothing of the bot's is on the caller's line any more."""


@dataclass(frozen=True, slots=True)
class Parted:
    """The joining of both is over. `by`: who ended it, or 'handed_on' to another by the agent."""

    by: Literal["caller", "agent", "handed_on"]


@dataclass(frozen=True, slots=True)
class CallerLeft:
    """The caller hung up, or chose something else than to wait."""


Happening = (
    Announced
    | AgentFound
    | Answered
    | Accepted
    | NotTaken
    | Referred
    | Replaced
    | Connected
    | Parted
    | CallerLeft
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is attempted. `is_queued`: by agents of a queue; another follows the one who did not take it."""

    kind: TransferKind = "bridged"
    is_queued: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """The states that follow, in order, and what to do in the last of them."""

    states: tuple[TransferState, ...]
    command: Command
    failure: DialFailure | None = None


class ImpossibleHappening(Exception):
    """Nothing of the kind can happen in this state: a mistake in the program."""

    def __init__(self, state: TransferState, happening: Happening) -> None:
        super().__init__(f"{type(happening).__name__} while {state.value}")


def advance(plan: Plan, state: TransferState, happening: Happening) -> Move:
    """Return what follows. Raises ImpossibleHappening."""
    states = TransferState
    match happening:
        case CallerLeft() if state not in FINAL:
            return Move((states.ENDED,), Command.FINISH)
        case Announced() if state is states.ASKED:
            return _begin(plan)
        case AgentFound() if state is states.QUEUED:
            return Move((states.RINGING,), Command.DIAL)
        case Answered(has_accepted=True) if state is states.RINGING:
            return Move((states.ACCEPTED,), _joining(plan))
        case Answered() if state is states.RINGING:
            return Move((states.ANSWERED,), Command.BRIEF)
        case Accepted() if state is states.ANSWERED:
            return Move((states.BRIEFED, states.ACCEPTED), _joining(plan))
        case Replaced(has_succeeded=True) if state is states.ACCEPTED:
            return Move((states.ENDED,), Command.FINISH)
        case Replaced() if state is states.ACCEPTED:
            return Move((), Command.CONNECT)
        case Connected() if state is states.ACCEPTED:
            return Move((states.JOINED,), Command.BRIDGE)
        case Parted(by="agent") if state is states.JOINED:
            return Move((states.RETURNED,), Command.FINISH)
        case Parted() if state is states.JOINED:
            return Move((states.ENDED,), Command.FINISH)
        case Referred(failure=None) if state is states.RINGING:
            return Move((states.ACCEPTED, states.ENDED), Command.FINISH)
        case Referred(failure=failure) if state is states.RINGING and failure is not None:
            return Move((states.FAILED,), Command.FINISH, failure)
        case NotTaken(reason=reason) if state not in FINAL:
            return _not_taken(plan, state, reason)
    raise ImpossibleHappening(state, happening)


def _begin(plan: Plan) -> Move:
    if plan.is_queued:
        return Move((TransferState.ANNOUNCED, TransferState.QUEUED), Command.WAIT)
    command = Command.REFER if plan.kind == "blind" else Command.DIAL
    return Move((TransferState.ANNOUNCED, TransferState.RINGING), command)


def _joining(plan: Plan) -> Command:
    return Command.REPLACE if plan.kind == "attended" else Command.CONNECT


def _not_taken(plan: Plan, state: TransferState, reason: DialFailure) -> Move:
    """Ask the queue for the next agent; without a queue, or when the queue itself says no, it has failed."""
    is_ringing = state in {TransferState.RINGING, TransferState.ANSWERED, TransferState.ACCEPTED}
    if plan.is_queued and is_ringing:
        return Move((TransferState.QUEUED,), Command.WAIT, reason)
    return Move((TransferState.FAILED,), Command.FINISH, reason)
