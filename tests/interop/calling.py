"""What the tests of whole calls share: callers and agents on real phones, the bot's prompts, the records."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from tests.peers.baresip import Account, Baresip
from tests.peers.ports import missing
from tests.peers.service import PROMPT_CACHE, ROOT, RunningService
from tests.peers.signals import Likeness, level_dbfs, likeness, tone, tone_dbfs
from tests.peers.switchboard import Switchboard
from tests.peers.wav import Samples
from voicebot.dialogue.actions import Say
from voicebot.events import Language
from voicebot.privacy.encryption import load_or_create_key
from voicebot.prompt_voice import PromptVoice
from voicebot.speaking.clip_store import ClipStore
from voicebot.speaking.espeak import EspeakEngine, EspeakSettings
from voicebot.speaking.levels import levelled, to_pcm
from voicebot.speaking.prompt_cache import PromptCache
from voicebot.speaking.prompts import PromptBook
from voicebot.speaking.spoken_text import spoken
from voicebot.speaking.synthesiser import SpeechRequest
from voicebot.speaking.voices import VoicesEngine, voices_of
from voicebot.storage.records import CallRecord
from voicebot.storage.store import CallStore
from voicebot.understanding.knowledge import load_knowledge

RATE = 8000
ALIKE = 0.75
"""Normalised cross-correlation of a prompt with what a phone recorded of it, A-law in between: about 0.98."""
WEIGHTS = ROOT / "models" / "weights"


def require_models() -> None:
    """Skip (fail in CI) without the weights that the service needs."""
    for name in ("whisper-base", "silero-vad-v6", "piper-en_US-joe-medium"):
        if not (WEIGHTS / name).is_dir():
            missing(f"model weights '{name}' are not there: voicebot models pull")


DUTCH_CALLER = EspeakSettings("nl+m3", words_per_minute=160, pitch=35, word_gap=1)
"""Of some 20 ways to let eSpeak NG talk one that Whisper base understands; not the bot's own voice."""


@cache
def _english_voice() -> VoicesEngine:
    return VoicesEngine(voices_of({"en": WEIGHTS / "piper-en_US-joe-medium", "nl": None}))


@cache
def speech(text: str, language: Language) -> Samples:
    """Speak as a caller, 8 kHz: Piper in English, eSpeak NG in Dutch (few phrases of which come through)."""
    if language == "en":
        return _telephone(b"".join(_english_voice().synthesise(SpeechRequest(text, language))))
    sounds = np.concatenate(list(EspeakEngine("nl", DUTCH_CALLER).sentence(text, 1.0)))
    return _telephone(to_pcm(levelled(sounds)))


def shifted(samples: Samples, by_ms: int) -> Samples:
    """Put silence before it."""
    return np.concatenate([np.zeros(by_ms * RATE // 1000), samples])


def _telephone(pcm: bytes) -> Samples:
    samples: Samples = soxr.resample(np.frombuffer(pcm, "<i2").astype(np.float64) / 32768, 16000, RATE)
    return samples


class NotRendered(AssertionError):
    """The service's cache does not hold a sentence."""


class Prompts:
    """The audio of what a running service says, from the cache that it reads and writes."""

    def __init__(self, service: RunningService) -> None:
        voices: dict[str, str] = service.facts["voices"]
        self._cache = PromptCache(_KnownVoices(voices), PROMPT_CACHE)
        self._store = ClipStore(PROMPT_CACHE, limit_bytes=1 << 40)
        self._voice = PromptVoice(
            PromptBook.load(ROOT / "config" / "prompts"), self._cache, "", service.facts["organisation"]
        )

    def sentences(
        self, prompt_id: str, language: Language, variant: int = 0, text: str = ""
    ) -> list[Samples]:
        """Return a prompt without personal data, or a known text, sentence by sentence at 8 kHz.

        Raises NotRendered for what the service has not spoken or rehearsed yet: a cold cache fills slowly.
        """
        say = Say(prompt_id, language, variant=variant, text=text)
        found = []
        for sentence in self._voice.sentences(self._voice.text_of(say), language):
            key = self._cache.key(SpeechRequest(spoken(sentence, language, ""), language, 1.0))
            pcm = self._store.read(key)
            if pcm is None:
                raise NotRendered(f"'{sentence}' was never rendered")
            found.append(_telephone(pcm))
        return found


class _KnownVoices:
    """Names the service's voices; never speaks."""

    def __init__(self, voices: dict[str, str]) -> None:
        self._voices = voices

    def voice_id(self, language: Language) -> str:
        return self._voices[language]

    def synthesise(self, request: SpeechRequest) -> AsyncIterator[bytes]:
        raise AssertionError("not rendered by the service")


def known_answer(article: str, language: Language) -> str:
    """Return the approved text of config/knowledge."""
    return load_knowledge(ROOT / "config" / "knowledge").articles[article].spoken[language]


class Listener:
    """A phone's user, who knows the bot's prompts and what was heard so far.

    `at`: how much, in seconds. `call`: which of the phone's calls is listened to, counted from 1.
    """

    def __init__(self, phone: Baresip, prompts: Prompts, language: Language, *, call: int = 1) -> None:
        self.phone, self.prompts, self.language, self.call = phone, prompts, language, call
        self.at = 0.0

    async def received(self) -> Samples:
        """Return all that came so far."""
        samples, rate = await self.phone.recording(number=self.call)
        assert rate == RATE
        return samples

    async def hears(
        self, prompt_id: str, variant: int = 0, *, text: str = "", seconds: float = 20.0, rate: float = ALIKE
    ) -> None:
        """Wait until each sentence of a prompt was received, in order and to its end."""
        until = time.monotonic() + seconds
        while True:
            try:
                sentences = self.prompts.sentences(prompt_id, self.language, variant, text)
                break
            except NotRendered:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.25)
        for sentence in sentences:
            await self._hears(sentence, f"{prompt_id} ({self.language})", seconds, rate)

    async def _hears(self, sentence: Samples, name: str, seconds: float, alike: float) -> None:
        until = time.monotonic() + seconds
        best = Likeness(0.0, 0.0)
        while time.monotonic() < until:
            received = await self.received()
            rest = received[int(self.at * RATE) :]
            if len(rest) >= len(sentence):
                best = likeness(rest, sentence, RATE)
            if best.peak >= alike:
                self.at += best.offset_seconds + len(sentence) / RATE
                return
            await asyncio.sleep(0.25)
        raise AssertionError(
            f"{self.phone.account.user} never heard {name}: likeness {best}, from {self.at} s"
        )

    async def quiet(self, seconds: float = 0.6, *, within: float = 20.0) -> None:
        """Wait until the bot has spoken since `at` and then been silent."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            received = await self.received()
            rest = received[int(self.at * RATE) :]
            tail = rest[len(rest) - int(seconds * RATE) :]
            if len(rest) > len(tail) and level_dbfs(rest) > -45 and level_dbfs(tail) < -60:
                self.at = len(received) / RATE
                return
            await asyncio.sleep(0.25)
        raise AssertionError(f"{self.phone.account.user}: the bot was not quiet within {within} s")

    async def says(self, text: str) -> None:
        """Speak in the language of the call."""
        await self.phone.say(await asyncio.to_thread(speech, text, self.language))

    async def asks(self, text: str, answer: str, *, tries: int = 3) -> None:
        """Ask until the answer is heard, as people do: what eSpeak NG says is not understood every time.

        Each time some milliseconds later within the packet, or the recogniser would get the same samples.
        """
        for left in reversed(range(tries)):
            await self.phone.say(shifted(speech(text, self.language), 7 * (tries - left)))
            try:
                await self.hears(answer, seconds=20)
                return
            except AssertionError:
                if not left:
                    raise

    async def hears_speech(self, seconds: float, *, within: float = 10.0) -> None:
        """Wait for so much sound since `at`, pauses between words included."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            received = await self.received()
            rest = received[int(self.at * RATE) :]
            if len(rest) >= seconds * RATE and level_dbfs(rest[-int(seconds * RATE) :]) > -30:
                return
            await asyncio.sleep(0.25)
        raise AssertionError(f"{self.phone.account.user} heard no speech within {within} s")

    async def level_of(self, hz: float, *, but_not: float, within: float = 8.0) -> None:
        """Wait until one tone is heard well, and another (one's own) is not."""
        until = time.monotonic() + within
        levels = (-120.0, -120.0)
        while time.monotonic() < until:
            received = await self.received()
            tail = received[-RATE:]
            levels = (tone_dbfs(tail, RATE, hz), tone_dbfs(tail, RATE, but_not))
            if levels[0] > -15 and levels[1] < -45:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{self.phone.account.user}: {hz} Hz and {but_not} Hz at {levels} dBFS")


async def together(*calls: Coroutine[Any, Any, Any]) -> list[Any]:
    """Hold calls at once; when one fails the others are ended, so that the next test finds a quiet desk."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(call) for call in calls]
    return [task.result() for task in tasks]


async def hear_each_other(caller: Listener, agent: Listener, caller_hz: float, agent_hz: float) -> None:
    """Both whistle at once; each must hear the other, and not itself."""
    await together(
        caller.phone.say(tone(caller_hz, 6.0)),
        agent.phone.say(tone(agent_hz, 6.0)),
        caller.level_of(agent_hz, but_not=caller_hz),
        agent.level_of(caller_hz, but_not=agent_hz),
    )


@dataclass
class Desk:
    """A running service with the phones of its agents behind a switchboard."""

    service: RunningService
    switchboard: Switchboard
    prompts: Prompts
    directory: Path
    _one_asks: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def caller(self, name: str, language: Language, *, port: int = 0) -> AsyncIterator[Listener]:
        """A phone that has called the line of a language. `port`: of a proxy in front of the service."""
        async with Baresip.running(self.directory / name, Account(name)) as phone:
            await phone.dial(f"sip:{language}@127.0.0.1:{port or self.service.sip_port}")
            await phone.event("CALL_ESTABLISHED")
            yield Listener(phone, self.prompts, language)

    @asynccontextmanager
    async def agent(self, name: str, *, answer: str = "manual") -> AsyncIterator[Listener]:
        """An agent's phone; briefings are in Dutch. `answer`: manual or auto."""
        account = Account("agent", answer=answer)
        async with Baresip.running(self.directory / name, account) as phone:
            yield Listener(phone, self.prompts, "nl")

    async def rings(self, agent: Listener, asking: Awaitable[None]) -> None:
        """Let a caller ask for a person, and wait until it is this agent whose phone rings."""
        await self.answers_next(agent.phone.port, asking)
        await agent.phone.event("CALL_INCOMING")

    async def answers_next(self, port: int, asking: Awaitable[None]) -> None:
        """Let a caller ask for a person, and lead the call to a port of ours."""
        async with self._one_asks:
            calls = self.switchboard.calls
            self.switchboard.in_line.append(port)
            await asking
            await self.switchboard.has_put_through(calls + 1, seconds=60)

    async def record(self, caller: str, seconds: float = 15.0) -> CallRecord:
        """Wait for the record of the only call of a caller."""
        cipher = load_or_create_key(self.service.state / "transcripts.key")
        store = CallStore(self.service.database_url, cipher)
        try:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                found = await store.list_calls(caller=caller)
                if found:
                    assert len(found) == 1
                    record = await store.get_call(found[0].call_id, accessed_by="test")
                    assert record is not None
                    return record
                await asyncio.sleep(0.1)
        finally:
            await store.close()
        raise AssertionError(f"the call of {caller} was not recorded:\n{self.service.log()[-2000:]}")

    async def is_idle(self) -> None:
        """Nothing of any call is left over in the service."""
        await self.service.until(
            "live_calls == 0 and sip['calls'] == 0 and gateway_connections == 0 and records_waiting == 0"
        )


def disclosure_was_complete(record: CallRecord) -> bool:
    """Whether the proof for law D1 says that all frames were sent."""
    (played,) = [event.payload for event in record.events if event.name == "DisclosurePlayed"]
    return played["frames_sent"] == played["frames_total"] != 0


def names(record: CallRecord) -> list[str]:
    """Return the names of a call's events."""
    return [event.name for event in record.events]


async def run_command(
    *arguments: str, environment: dict[str, str] | None = None, seconds: float = 120.0
) -> tuple[int, dict[str, Any], str]:
    """Run `voicebot …` as its user would; returns (exit code, its JSON, stderr)."""
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--pdeathsig", "KILL"),
        *(sys.executable, "-m", "voicebot", *arguments),
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines: Sequence[str] = out.decode().strip().splitlines()
    return process.returncode or 0, json.loads(lines[-1]) if lines else {}, err.decode()
