"""Collects the events of one live call and hands its redacted record to the writer at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from voicebot.events import (
    CallAnswered,
    CallbackRequested,
    CallEnded,
    CallEvent,
    Disposition,
    TransferProgressed,
    TransferRequested,
    TurnTaken,
)
from voicebot.privacy.redaction import Redactor
from voicebot.storage.records import (
    CallIdentity,
    CallRecord,
    EventRecord,
    StoredRecord,
    TransferRecord,
    TransferState,
    TurnRecord,
)

_log = structlog.get_logger()
MAX_EVENTS = 5_000
_ELSEWHERE = frozenset({"at_ms", "heard", "said", "said_heard", "detail"})
"""Fields that are no part of an event's payload: `at_ms` has a column, texts are kept redacted elsewhere."""
_SECRETS: dict[type[CallEvent], frozenset[str]] = {CallbackRequested: frozenset({"number", "message"})}
"""Fields that the callback's own record holds, sealed."""


class RecordTaker(Protocol):
    """What takes records over at once: RecordWriter, or a list in a test."""

    def submit(self, record: StoredRecord) -> None:
        """Take a record over; never raises."""


class CallRecorder:
    """One a call: an EventSink that never raises and never waits, then `finish()`.

    `caller_digest`: keyed hash of the caller's number (CallStore.caller_digest), None when withheld.
    `now`: the wall clock, for when the call started and ended.
    """

    def __init__(
        self,
        identity: CallIdentity,
        writer: RecordTaker,
        now: Callable[[], datetime],
        *,
        caller_digest: str | None = None,
    ) -> None:
        self._identity = identity
        self._writer = writer
        self._now = now
        self._caller_digest = caller_digest
        self._started_at = now()
        self._answered_at: datetime | None = None
        self._codec = identity.codec
        self._leg_kind = identity.leg_kind
        self._heard = Redactor()
        self._last_said = ""
        self._said = Redactor(turns_together=1)
        self._said_heard = Redactor(turns_together=1)
        self._turns: list[TurnRecord] = []
        self._events: list[EventRecord] = []
        self._transfers: list[TransferRecord] = []
        self._end: CallEnded | None = None
        self._dropped = 0
        self._is_finished = False

    def __call__(self, event: CallEvent) -> None:
        """Take an event."""
        try:
            self._take(event)
        except Exception as error:  # noqa: BLE001  # edge: a record with a hole is better than a lost call
            self._dropped += 1
            _log.error("event.not_recorded", event_name=type(event).__name__, error=type(error).__name__)

    def finish(self) -> None:
        """Hand the record over, once; call it whatever ended the call. Events after it are ignored."""
        if self._is_finished:
            return
        self._is_finished = True
        try:
            self._writer.submit(self.record())
        except Exception as error:  # noqa: BLE001  # edge: the end of a call must not fail on its record
            _log.error("call.not_recorded", error=type(error).__name__)

    def record(self) -> CallRecord:
        """Make the record of the call so far; a call that no CallEnded closed has failed."""
        identity = self._identity
        end = self._end or CallEnded(0, Disposition.FAILED, "error", "no end was reported")
        heard, said, said_heard = self._heard.texts, self._said.texts, self._said_heard.texts
        turns = tuple(
            replace(turn, heard=heard[place], said=said[place], said_heard=said_heard[place])
            for place, turn in enumerate(self._turns)
        )
        return CallRecord(
            call_id=identity.call_id,
            started_at=self._started_at,
            answered_at=self._answered_at,
            ended_at=max(self._now(), self._started_at),
            leg_kind=self._leg_kind,
            codec=self._codec,
            line=identity.line,
            languages=tuple(dict.fromkeys(turn.language for turn in turns)),
            disposition=str(end.disposition),
            ended_by=end.ended_by,
            detail=Redactor().redact(end.detail),
            caller_digest=self._caller_digest,
            events_dropped=self._dropped,
            turns=turns,
            events=tuple(self._events),
            transfers=tuple(self._transfers),
        )

    def _take(self, event: CallEvent) -> None:
        if self._is_finished:
            return
        if len(self._events) >= MAX_EVENTS and not isinstance(event, CallEnded):
            self._dropped += 1
            return
        match event:
            case TurnTaken():
                self._add_turn(event)
            case CallAnswered():
                self._answered_at = self._now() - timedelta(milliseconds=event.at_ms)
                self._leg_kind, self._codec = event.leg_kind or self._leg_kind, event.codec or self._codec
            case TransferRequested():
                self._transfers.append(
                    TransferRecord(event.destination, event.kind, event.reason, event.at_ms)
                )
            case TransferProgressed():
                self._add_step(event)
            case CallEnded():
                self._end = self._end or event
            case _:
                pass
        left_out = _ELSEWHERE | _SECRETS.get(type(event), frozenset())
        fields = {name: value for name, value in asdict(event).items() if name not in left_out}
        payload = {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
        self._events.append(EventRecord(type(event).__name__, event.at_ms, payload))

    def _add_turn(self, event: TurnTaken) -> None:
        asked = self._last_said if event.heard else ""
        self._last_said = event.said
        self._heard.redact(event.heard, asked)
        self._said.redact(event.said)
        self._said_heard.redact(event.said_heard)
        turn = TurnRecord(
            number=event.number,
            at_ms=event.at_ms,
            language=event.language,
            heard="",  # filled from the redactors, which may yet hide more of it
            said="",
            said_heard="",
            frames_sent=event.frames_sent,
            frames_total=event.frames_total,
            intent=event.intent,
            confidence=event.confidence,
            timings=event.timings,
            prompt_ids=event.prompt_ids,
        )
        self._turns.append(turn)

    def _add_step(self, event: TransferProgressed) -> None:
        """Put a step on the newest attempt at its destination; an unannounced step begins an attempt."""
        for place in reversed(range(len(self._transfers))):
            if self._transfers[place].destination == event.destination:
                break
        else:
            place = len(self._transfers)
            self._transfers.append(TransferRecord(event.destination, "", "", event.at_ms))
        attempt = self._transfers[place]
        failure = event.failure if event.state == "failed" else attempt.failure  # else: of one agent
        steps = (*attempt.states, TransferState(event.state, event.at_ms))
        self._transfers[place] = replace(attempt, states=steps, failure=failure)
