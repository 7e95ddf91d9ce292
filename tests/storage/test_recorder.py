"""Events of a call become its record, with nothing in it that must not be kept."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from voicebot.events import (
    CallAnswered,
    CallbackRequested,
    CallEnded,
    CallEvent,
    DisclosurePlayed,
    HumanRequested,
    KeyPressed,
    StageTimings,
    TransferProgressed,
    TransferRequested,
    TurnTaken,
)
from voicebot.privacy.encryption import Cipher
from voicebot.storage import recorder as module
from voicebot.storage.recorder import CallRecorder
from voicebot.storage.records import (
    CallIdentity,
    CallRecord,
    EventRecord,
    StoredRecord,
    TransferState,
)
from voicebot.storage.store import CallStore
from voicebot.storage.writer import RecordWriter

RING = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


class Drawer:
    def __init__(self) -> None:
        self.records: list[StoredRecord] = []

    def submit(self, record: StoredRecord) -> None:
        self.records.append(record)


class Clock:
    def __init__(self) -> None:
        self.now = RING

    def __call__(self) -> datetime:
        return self.now


def turn(number: int, heard: str, said: str = "Zegt u het maar.", language: str = "nl") -> TurnTaken:
    timings = StageTimings(300, 200, 10, 30, 330)
    return TurnTaken(
        number * 1000, number, language, heard, "x", 0.9, said, said[:5], 10, 50, timings, ("ask",)
    )


def recorded(*events: CallEvent) -> tuple[CallRecord, Drawer]:
    clock, drawer = Clock(), Drawer()
    identity = CallIdentity("call-1", "sip", "winkel", "0301234567")
    recorder = CallRecorder(identity, drawer, clock, caller_digest="digest")
    clock.now = RING + timedelta(seconds=1)
    for event in events:
        recorder(event)
    clock.now = RING + timedelta(seconds=60)
    recorder.finish()
    recorder.finish()
    recorder(HumanRequested(99, "words", "nl"))
    (record,) = [one for one in drawer.records if isinstance(one, CallRecord)]
    return record, drawer


def test_a_whole_call() -> None:
    record, _ = recorded(
        CallAnswered(0, "sip", "PCMA/8000"),
        DisclosurePlayed(2500, "nl", "v3", 120, 120),
        turn(3, "hoe laat bent u open"),
        KeyPressed(4000, is_zero=True),
        HumanRequested(5000, "key", "en"),
        turn(6, "thanks", "You are welcome.", "en"),
        TransferRequested(6000, "medewerker", "human_request", "bridged"),
        TransferProgressed(6100, "medewerker", "ringing"),
        TransferProgressed(9000, "medewerker", "failed", "busy"),
        TransferRequested(9100, "medewerker", "human_request", "blind"),
        TransferProgressed(9200, "medewerker", "joined"),
        CallEnded(20_000, "transferred", "agent", "BYE"),
        CallEnded(20_001, "failed", "error"),
    )
    assert (record.started_at, record.answered_at) == (RING, RING + timedelta(seconds=1))
    assert record.ended_at == RING + timedelta(seconds=60)
    assert (record.leg_kind, record.codec, record.line) == ("sip", "PCMA/8000", "winkel")
    assert record.languages == ("nl", "en")
    assert (record.disposition, record.ended_by, record.detail) == ("transferred", "agent", "BYE")
    assert record.caller_digest == "digest"
    assert [(one.heard, one.said, one.said_heard) for one in record.turns] == [
        ("hoe laat bent u open", "Zegt u het maar.", "Zegt "),
        ("thanks", "You are welcome.", "You a"),
    ]
    assert record.turns[0].timings.last_speech_to_first_audio == 330
    first, second = record.transfers
    assert (first.kind, first.failure) == ("bridged", "busy")
    assert first.states == (TransferState("ringing", 6100), TransferState("failed", 9000))
    assert (second.kind, second.states, second.failure) == ("blind", (TransferState("joined", 9200),), None)
    assert record.events[1] == EventRecord(
        "DisclosurePlayed",
        2500,
        {"language": "nl", "text_version": "v3", "frames_sent": 120, "frames_total": 120},
    )


def test_numbers_are_redacted_also_when_split_over_turns_or_asked_for() -> None:
    record, _ = recorded(
        turn(1, "mijn nummer is 1112", "Gaat u verder."),
        turn(2, "en dan 22333", "Ik heb 111222333. Wat is uw geboortedatum?"),
        turn(3, "twaalf maart", "Dank u, twaalf maart 1985."),
        CallEnded(9, "completed", "caller", "caller 0612345678 gone"),
    )
    assert [one.heard for one in record.turns] == [
        "mijn nummer is [bsn]",
        "en dan [bsn]",
        "[birth-date]",
    ]
    assert record.turns[1].said.startswith("Ik heb [bsn].")
    assert "1985" not in record.turns[2].said
    assert record.detail == "caller [phone] gone"
    assert not {"heard", "said", "said_heard"} & {name for event in record.events for name in event.payload}
    for secret in ("1112", "22333", "0612345678", "0301234567"):
        assert secret not in repr(record)


def test_a_call_that_nobody_ended_has_failed() -> None:
    record, _ = recorded(CallAnswered(0, "sip", "PCMA/8000"))
    assert (record.disposition, record.ended_by) == ("failed", "error")
    unanswered, _ = recorded(CallEnded(0, "refused", "bot", "486"))
    assert (unanswered.answered_at, unanswered.disposition) == (None, "refused")


def test_an_event_of_a_callback_holds_neither_number_nor_message() -> None:
    record, _ = recorded(CallbackRequested(5000, "closed", "nl", "0301234567", "bel mij over mijn fiets"))
    (event,) = record.events
    assert event == EventRecord("CallbackRequested", 5000, {"reason": "closed", "language": "nl"})


def test_the_sink_never_raises_and_counts_what_it_could_not_take() -> None:
    class Broken(CallEvent):
        __slots__ = ()

        def __getattribute__(self, name: str) -> object:
            raise RuntimeError(name)

    record, _ = recorded(Broken(0), CallEnded(1, "completed", "caller"))
    assert (record.events_dropped, record.disposition) == (1, "completed")


def test_events_are_bounded_but_the_end_always_counts() -> None:
    events = [KeyPressed(n, is_zero=False) for n in range(module.MAX_EVENTS + 3)]
    record, _ = recorded(*events, CallEnded(9, "completed", "caller"))
    assert (len(record.events), record.events_dropped) == (module.MAX_EVENTS + 1, 3)
    assert record.disposition == "completed"


async def test_a_cancelled_call_is_in_the_database(url: str, tmp_path: Path, cipher: Cipher) -> None:
    store = CallStore(url, cipher)
    writer = RecordWriter(store, tmp_path / "spool", cipher)
    writer.start()

    async def call() -> None:
        recorder = CallRecorder(CallIdentity("call-1", "sip", "winkel"), writer, Clock())
        try:
            recorder(CallAnswered(0, "sip", "PCMA/8000"))
            await asyncio.Event().wait()
        finally:
            recorder.finish()

    task = asyncio.create_task(call())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    await writer.close(10)
    (summary,) = await store.list_calls()
    assert (summary.call_id, summary.disposition) == ("call-1", "failed")
    await store.close()
