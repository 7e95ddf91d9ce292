"""What the dialogue asks the call to do, as frozen values; the call carries them out in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voicebot.events import Disposition, Language
from voicebot.transfer.destinations import TransferKind
from voicebot.understanding.interpretation import Expectation


@dataclass(frozen=True, slots=True)
class Say:
    """Speak a prompt from config/prompts, or approved text.

    `prompt_id` names the prompt; `variant` picks a wording (modulo their number); `values` fill its
    placeholders. `text`, if not empty, is spoken as it is (approved knowledge). `can_be_interrupted`: False
    for the disclosure only.
    """

    prompt_id: str
    language: Language
    values: Mapping[str, str] = field(default_factory=dict)
    variant: int = 0
    text: str = ""
    can_be_interrupted: bool = True


@dataclass(frozen=True, slots=True)
class Listen:
    """Wait for the caller. `no_input_ms`: silence after the last prompt before `silence()` is called."""

    expectation: Expectation
    no_input_ms: int


@dataclass(frozen=True, slots=True)
class RunTask:
    """Call a backend. `name`: 'order_status'. The result comes back by `task_done()`."""

    name: str
    slots: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Transfer:
    """Put the caller through.

    `destination`: a destination's name, 'queue:…' or 'agent:…'; '' for the default human destination. `kind`:
    None for the destination's own. `then`: whom to try next, in order. `reason`: human_request, repair, task,
    rule, handed_on, worker_failure. `summary`: one line for the agent, no secrets; `asked` and `tried`: parts
    of it, as an agent's desk shows them.
    """

    destination: str
    reason: str
    language: Language
    summary: str
    kind: TransferKind | None = None
    then: tuple[tuple[str, TransferKind | None], ...] = ()
    asked: str = ""
    tried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreCallback:
    """Keep a callback request for a person to handle (law H5).

    `number`: digits the caller gave, '' for the number the call came from. `message`: what the caller said to
    pass on, '' for none; redact it before storage.
    """

    reason: str
    language: Language
    number: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call after everything said was played."""

    disposition: Disposition


Action = Say | Listen | RunTask | Transfer | StoreCallback | HangUp


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """Result of a backend call. `status`: done, not_found, refused, unavailable. `values` fill prompts."""

    name: str
    status: str
    values: Mapping[str, str] = field(default_factory=dict)
