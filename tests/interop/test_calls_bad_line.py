"""Whole calls over bad lines: loss, jitter, reordering, clocks that run fast and slow. All at once."""

from __future__ import annotations

import time

import numpy as np
import pytest
import soxr

from tests.interop.calling import RATE, Desk, disclosure_was_complete, speech, together
from tests.peers.lossy_call import LossyCall
from tests.peers.lossy_proxy import Line
from voicebot.audio import AudioClip
from voicebot.media.ticker import Ticker
from voicebot.storage.records import CallRecord
from voicebot.test_caller.conversation import CallerPatience, SpokenStep, TestCaller
from voicebot.test_caller.dialling import caller_stack
from voicebot.test_caller.script import Step

pytestmark = [
    pytest.mark.interop,
    pytest.mark.models,
    pytest.mark.asyncio(loop_scope="session"),
]

QUESTION = "Can I park my car there?"


async def call_over(desk: Desk, name: str, line: Line) -> CallRecord:
    """A phone asks its question over a bad line, once the bot has finished."""
    target = ("127.0.0.1", desk.service.sip_port)
    async with LossyCall.between(target, line) as bad, desk.caller(name, "en", port=bad.port) as caller:
        await caller.hears("how_can_i_help", rate=0.4, seconds=30)
        await caller.says(QUESTION)
        await caller.quiet(1.5)
        await caller.phone.hang_up()
        assert bad.media_forwarded > 500
        if line.loss:
            assert bad.media_dropped / (bad.media_dropped + bad.media_forwarded) == pytest.approx(
                line.loss, rel=0.4
            )
        return await desk.record(name)


async def call_with_clock(desk: Desk, name: str, speed: float) -> CallRecord:
    """A caller whose sound card runs fast or slow: packets of 160 samples each, but not every 20 ms."""
    ticker = Ticker(clock=lambda: time.monotonic() * speed)
    pcm = (soxr.resample(speech(QUESTION, "en"), RATE, 16000) * 32767).astype(np.int16).tobytes()
    step = SpokenStep(Step("say", QUESTION), AudioClip(pcm, "question"))
    async with caller_stack(caller=name, ticker=ticker) as dialler:
        leg = await dialler.dial(desk.service.uri("en"))
        report = await TestCaller(leg, [step], CallerPatience()).run()
    assert report.answered
    assert report.turns[1].latency_ms is not None
    return await desk.record(name)


async def test_a_conversation_works_over_bad_lines_and_with_wrong_clocks(desk: Desk) -> None:
    records = await together(
        call_over(desk, "lossy", Line(loss=0.05, delay_ms=20, seed=3)),
        call_over(desk, "jittery", Line(delay_ms=20, jitter_ms=60, reorder=0.05, seed=4)),
        call_with_clock(desk, "fast", 1.005),
        call_with_clock(desk, "slow", 0.995),
    )
    for record in records:
        assert [turn.intent for turn in record.turns if turn.intent] == ["faq_parking"]
        assert disclosure_was_complete(record)
        assert record.ended_by == "caller"
        assert not record.events_dropped
