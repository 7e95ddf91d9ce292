"""What the desk's page may say over its WebSocket. Anything else is refused; lengths are bounded."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

MAX_SDP = 20_000
"""Characters; Chromium's audio offers have about 3000."""
MAX_MESSAGE = 32_000
MAX_NOTE = 2000
MAX_LINE = 500

Id = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.:@+-]+$")]
Sdp = Annotated[str, Field(min_length=10, max_length=MAX_SDP)]
Disposition = Literal["solved", "callback", "handed_on", "not_reached", "complaint", "other"]


class Message(BaseModel):
    """Base of all messages."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Alive(Message):
    """Sent every few seconds: the network is there."""

    type: Literal["alive"]


class SetState(Message):
    """The agent chose a state."""

    type: Literal["state"]
    state: Literal["available", "break", "after_call"]


class Accept(Message):
    """The agent takes the ringing call; `sdp` offers the page's audio."""

    type: Literal["accept"]
    ring: Id
    sdp: Sdp


class Decline(Message):
    """The agent refuses the ringing call."""

    type: Literal["decline"]
    ring: Id


class Rejoin(Message):
    """After a reload, or from another window: the call's audio goes through this page from now on."""

    type: Literal["rejoin"]
    call: Id
    sdp: Sdp


class Mute(Message):
    """The agent is not to be heard."""

    type: Literal["mute"]
    call: Id
    on: bool


class Hold(Message):
    """Put the caller on hold, or take the caller back."""

    type: Literal["hold"]
    call: Id
    on: bool


class HandOnTo(Message):
    """Put the caller through to 'agent:anna' or 'queue:service'."""

    type: Literal["hand_on"]
    call: Id
    target: Annotated[str, Field(max_length=100, pattern=r"^(agent|queue):[A-Za-z0-9_.-]+$")]


class End(Message):
    """The agent hangs up."""

    type: Literal["end"]
    call: Id


class TypedLine(Message):
    """A line for a caller who reads instead of hears."""

    type: Literal["text"]
    call: Id
    text: Annotated[str, Field(min_length=1, max_length=MAX_LINE)]


class WrapUp(Message):
    """How a call ended, and a note."""

    type: Literal["wrap_up"]
    call: Id
    code: Disposition
    note: Annotated[str, Field(max_length=MAX_NOTE)] = ""


class SkipWrapUp(Message):
    """There is nothing to note of a call."""

    type: Literal["skip_wrap_up"]
    call: Id


class ListCallbacks(Message):
    """Show the callback list anew."""

    type: Literal["callbacks"]


class CallBack(Message):
    """Ring this agent now, then the caller who was promised a call."""

    type: Literal["call_back"]
    callback: Id


class CallbackDone(Message):
    """A promised call was made, or is no longer needed."""

    type: Literal["callback_done"]
    callback: Id


InCall = Mute | Hold | HandOnTo | End | TypedLine
OfNow = Alive | SetState | Accept | Decline | Rejoin | InCall | SkipWrapUp
"""Done at once."""
Stored = WrapUp | ListCallbacks | CallBack | CallbackDone
"""Needs the database."""
FromPage = OfNow | Stored

_ADAPTER: TypeAdapter[FromPage] = TypeAdapter(Annotated[FromPage, Field(discriminator="type")])


def parse(text: str) -> FromPage:
    """Read one message. Raises ValueError (pydantic's ValidationError is one)."""
    if len(text) > MAX_MESSAGE:
        raise ValueError("message too long")
    return _ADAPTER.validate_json(text)
