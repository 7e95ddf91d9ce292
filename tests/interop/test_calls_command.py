"""`voicebot call` as an operator runs it: over SIP and over the media gateway, and what goes wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.interop.calling import RATE, Desk, disclosure_was_complete, run_command, shifted, speech, together
from tests.peers.ports import free_port
from tests.peers.signals import level_dbfs, tone, tone_dbfs
from tests.peers.wav import read_wav, write_wav

pytestmark = [
    pytest.mark.interop,
    pytest.mark.models,
    pytest.mark.asyncio(loop_scope="session"),
]

QUICK = ("--json", "--no-transcripts")
Report = tuple[int, dict[str, Any], str]


async def talks_over_sip(desk: Desk, directory: Path) -> Report:
    return await run_command(
        *("call", desk.service.uri("en"), "--language", "en", "--caller", "ivan", "--json"),
        *("--say", "Are you a robot?", "--dtmf", "2", "--interrupt", "What are your opening hours?"),
        *("--record", str(directory / "ivan.wav")),
    )


async def is_joined_over_the_gateway(desk: Desk, directory: Path) -> Report:
    """Asks, asks for a person, whistles; the agent on a SIP phone whistles too.

    The whistle is long: it begins at the first pause, which on a slow machine comes before the agent has
    pressed 1.
    """
    whistle = write_wav(directory / "whistle.wav", tone(700, 15.0), RATE)

    async def call() -> Report:
        return await run_command(
            *("call", desk.service.stream_url("en"), "--caller", "gina", "--language", "en", *QUICK),
            *("--say", "Can I park my car there?", "--then", "Can I speak to a human, please?"),
            *("--play", str(whistle), "--record", str(directory / "gina.wav")),
        )

    async with desk.agent("agent-of-gina") as agent, asyncio.TaskGroup() as group:
        calling = group.create_task(call())
        await desk.rings(agent, asyncio.sleep(0))
        await agent.phone.accept()
        await agent.hears_speech(1.0)
        await agent.phone.press("1")
        await agent.phone.say(tone(1200, 3.0))
        await agent.level_of(700, but_not=1200, within=20)
        report = await calling
        await agent.phone.event("CALL_CLOSED")
        return report


async def asks_in_dutch_over_the_gateway(desk: Desk, directory: Path) -> Report:
    """Asks twice, in other words: what eSpeak NG says is not understood every time."""
    texts = "Wat zijn de openingstijden?", "Wat zijn de openingstijden van de winkel?"
    played = [
        argument
        for by_ms, text in enumerate(texts)
        for argument in (
            "--play",
            str(write_wav(directory / f"{by_ms}.wav", shifted(speech(text, "nl"), by_ms), RATE)),
        )
    ]
    return await run_command("call", desk.service.stream_url("nl"), "--caller", "henk", *QUICK, *played)


async def check_sip(desk: Desk, report: dict[str, Any], recording: Path) -> None:
    assert (report["answered"], report["ended_by"]) == (True, "caller")
    greeting, robot, keys, interruption = report["turns"]
    assert report["first_audio_ms"] >= 0
    assert "digital assistant" in greeting["heard"].lower()
    assert greeting["language"] == "en"
    assert "digital assistant" in robot["heard"].lower()  # small words are misheard at times
    assert robot["latency_ms"] > 0
    assert keys["step"] == "dtmf:2"
    assert interruption["interrupt_ms"] > 0
    samples, rate = read_wav(recording)
    assert rate == 16000
    assert len(samples) / rate == pytest.approx(report["seconds"], abs=1.0)
    assert level_dbfs(samples) > -35

    record = await desk.record("ivan")
    assert [turn.intent for turn in record.turns if turn.intent] == ["robot", "opening_hours"]
    (answer,) = [turn for turn in record.turns if turn.intent == "robot"]
    assert "not a person" in answer.said_heard
    (barge_in,) = [event.payload for event in record.events if event.name == "BargeIn"]
    assert barge_in["frames_sent"] < barge_in["frames_total"]
    before, after = record.turns[-2:]
    assert before.frames_sent < before.frames_total
    assert after.intent == "opening_hours"
    assert "Utrecht" in after.said


async def check_gateway(desk: Desk, report: dict[str, Any], directory: Path) -> None:
    assert report["answered"]
    assert report["first_audio_ms"] >= 0
    assert [turn["step"] for turn in report["turns"]] == [
        None,
        "say:Can I park my car there?",
        "say:Can I speak to a human, please?",
        f"play:{directory / 'whistle.wav'}",
    ]
    samples, rate = read_wav(directory / "gina.wav")
    seconds = [samples[start : start + rate] for start in range(0, len(samples), rate)]
    assert max(tone_dbfs(second, rate, 1200) for second in seconds) > -15  # the agent was heard
    joined = [second for second in seconds if tone_dbfs(second, rate, 1200) > -15]
    assert max(tone_dbfs(second, rate, 700) for second in joined) < -40  # and no echo of the caller

    record = await desk.record("gina")
    assert (record.leg_kind, record.codec) == ("media_stream", "PCMU/8000")
    assert [turn.intent for turn in record.turns if turn.intent] == ["faq_parking", "human"]
    assert disclosure_was_complete(record)
    assert (record.disposition, record.transfers[0].failure) == ("transferred", None)


async def check_dutch(desk: Desk, report: dict[str, Any]) -> None:
    assert report["turns"][1]["latency_ms"] is not None
    record = await desk.record("henk")
    answered = [turn for turn in record.turns if turn.intent == "opening_hours"]
    assert answered
    assert all("Utrecht" in turn.said for turn in answered)
    assert record.languages == ("nl",), [(turn.language, turn.intent, turn.heard) for turn in record.turns]


async def test_conversations_over_sip_and_the_gateway(desk: Desk, tmp_path: Path) -> None:
    reports = await together(
        talks_over_sip(desk, tmp_path),
        is_joined_over_the_gateway(desk, tmp_path),
        asks_in_dutch_over_the_gateway(desk, tmp_path),
    )
    for code, _, errors in reports:
        assert code == 0, errors
    over_sip, joined, dutch = (report for _, report, _ in reports)
    await check_sip(desk, over_sip, tmp_path / "ivan.wav")
    await check_gateway(desk, joined, tmp_path)
    await check_dutch(desk, dutch)


async def test_exit_codes_of_calls_that_fail(desk: Desk) -> None:
    """1: nobody answered, or no admission; 2: the command line is wrong."""
    wrong_token = desk.service.stream_url("nl").replace("test-token", "wrong")
    refused, nobody, strange, empty = await together(
        run_command("call", wrong_token, "--dtmf", "0", "--json"),
        run_command("call", f"ws://127.0.0.1:{free_port()}/media", "--dtmf", "0", "--json"),
        run_command("call", "tel:+31201234567", "--dtmf", "0", "--json"),
        run_command("call", desk.service.uri("nl"), "--then", "say:", "--json"),
    )
    assert (refused[0], refused[1]["answered"]) == (1, False)
    assert (nobody[0], nobody[1]["answered"], nobody[1]["ended_by"]) == (1, False, "unreachable")
    assert strange[0] == 2
    assert "sip:user@host" in strange[2]
    assert empty[0] == 2
    assert "empty" in empty[2]
