"""What happened in a call, as frozen values in the past tense; all go to one sink.

Every event has `at_ms`: milliseconds since the call was answered, on a monotonic clock.
No event holds raw DTMF; texts of callers are redacted by the sink before they are stored.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Language = Literal["nl", "en"]
"""The languages the bot speaks. Variants ('nl-BE') are a property of the line, not of the recogniser."""

LANGUAGES: tuple[Language, ...] = ("nl", "en")


class Disposition(enum.StrEnum):
    """How a call ended."""

    COMPLETED = "completed"  # goodbye said, or caller hung up after an answer
    TRANSFERRED = "transferred"  # joined with a person, or REFER accepted and the new call succeeded
    CALLBACK = "callback"  # a callback was stored
    ABANDONED_WAITING = "abandoned_waiting"  # asked for a human and hung up before one was there
    ABANDONED = "abandoned"  # hung up before anything was answered
    TIMED_OUT = "timed_out"  # maximum length, or silence after all repair
    MEDIA_LOST = "media_lost"  # no RTP for the configured time
    REFUSED = "refused"  # not admitted
    FAILED = "failed"  # an error of ours


@dataclass(frozen=True, slots=True)
class CallEvent:
    """Base of all events. `at_ms`: since the answer, monotonic."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class CallAnswered(CallEvent):
    """The leg was answered."""

    leg_kind: str
    codec: str


@dataclass(frozen=True, slots=True)
class DisclosurePlayed(CallEvent):
    """Proof for law D1: frames of 20 ms that went out of those that the text has."""

    language: str
    text_version: str
    frames_sent: int
    frames_total: int


@dataclass(frozen=True, slots=True)
class UtteranceEnded(CallEvent):
    """One stretch of caller's speech ended. Durations in milliseconds."""

    speech_ms: int
    start_ms: int


@dataclass(frozen=True, slots=True)
class StageTimings:
    """Milliseconds of each stage of one turn; None where the stage did not run.

    `last_speech_to_end_of_turn`, `transcription` (of the result used), `understanding`,
    `end_of_turn_to_first_audio`, `last_speech_to_first_audio` (what the caller feels).
    """

    last_speech_to_end_of_turn: int | None = None
    transcription: int | None = None
    understanding: int | None = None
    end_of_turn_to_first_audio: int | None = None
    last_speech_to_first_audio: int | None = None


@dataclass(frozen=True, slots=True)
class TurnTaken(CallEvent):
    """A completed turn. `said_heard` is the part of `said` that the caller actually heard.

    `frames_sent`/`frames_total`: 20 ms frames of the answer. `by` is 'caller' or 'bot' (a prompt unasked).
    """

    number: int
    language: str
    heard: str
    intent: str | None
    confidence: float | None
    said: str
    said_heard: str
    frames_sent: int
    frames_total: int
    timings: StageTimings = field(default_factory=StageTimings)
    prompt_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BargeIn(CallEvent):
    """The caller spoke over the bot and it stopped. `reaction_ms`: first speech to last sample sent."""

    reaction_ms: int
    frames_sent: int
    frames_total: int


@dataclass(frozen=True, slots=True)
class BackchannelHeard(CallEvent):
    """The caller said 'ja', 'mm-hm' or coughed; the bot went on."""

    speech_ms: int


@dataclass(frozen=True, slots=True)
class KeyPressed(CallEvent):
    """A DTMF key. Only whether it was '0' is kept: digits may be secret (law P2)."""

    is_zero: bool


@dataclass(frozen=True, slots=True)
class HumanRequested(CallEvent):
    """The caller asked for a person. `by`: words, key, repair, fallback."""

    by: str
    language: str


@dataclass(frozen=True, slots=True)
class TransferRequested(CallEvent):
    """A transfer was decided. `reason`: human_request, repair, task, rule, worker_failure."""

    destination: str
    reason: str
    kind: str


@dataclass(frozen=True, slots=True)
class TransferProgressed(CallEvent):
    """A step of a transfer.

    `state`: announced, queued, ringing, answered, briefed, accepted, joined, failed, returned, ended.
    `failure`: why it failed, or why it is queued again. `agent`: id of the agent of a queue.
    """

    destination: str
    state: str
    failure: str | None = None
    agent: str = ""


@dataclass(frozen=True, slots=True)
class TransferSkipped(CallEvent):
    """A queue or agent of the route was not tried, because nobody is there. `cause`: closed, absent."""

    destination: str
    cause: str


@dataclass(frozen=True, slots=True)
class TransferDenied(CallEvent):
    """A destination was not dialled for safety (law S2, S3). `cause`: unknown, premium, cap_… ."""

    destination: str
    cause: str


@dataclass(frozen=True, slots=True)
class RuleApplied(CallEvent):
    """A transfer rule decided.

    `point`: request, turn, task, silence, key. `explanation`: what held of each rule tried, no words said.
    """

    rule: str
    point: str
    explanation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RulesFailed(CallEvent):
    """The rules did not decide a request for a person; the default destination was taken (law H2)."""

    cause: str


@dataclass(frozen=True, slots=True)
class CallbackOffered(CallEvent):
    """A waiting caller heard the offer to be called back (law H4). `waited_ms`: since the request."""

    waited_ms: int


@dataclass(frozen=True, slots=True)
class CallbackRequested(CallEvent):
    """The caller is to be called back (law H5).

    `number` '' is the call's; both texts are sealed at storage.
    """

    reason: str
    language: str
    number: str = field(default="", repr=False)
    message: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class NoInput(CallEvent):
    """The caller was silent for `silence_ms` while the bot listened."""

    silence_ms: int


@dataclass(frozen=True, slots=True)
class NoMatch(CallEvent):
    """Nothing was understood. `failures`: in a row."""

    failures: int


@dataclass(frozen=True, slots=True)
class LanguageChanged(CallEvent):
    """The call goes on in another language."""

    language: str


@dataclass(frozen=True, slots=True)
class SpeechWorkerFailed(CallEvent):
    """A worker did not answer. `what`: transcription, understanding, synthesis."""

    what: str
    code: str


@dataclass(frozen=True, slots=True)
class Overflowed(CallEvent):
    """A bounded queue dropped something."""

    queue: str
    dropped: int


@dataclass(frozen=True, slots=True)
class CallEnded(CallEvent):
    """The end. `ended_by`: caller, bot, agent, network, error."""

    disposition: str
    ended_by: str
    detail: str = ""


EventSink = Callable[[CallEvent], None]
"""Must return at once and never raise; storage happens elsewhere."""
