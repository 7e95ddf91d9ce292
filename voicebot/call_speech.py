"""What the bot says in one call: prompts in order, sentence by sentence, and how much of each was heard."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from voicebot.audio import AudioClip, pcm_of, samples_of
from voicebot.dialogue.actions import Say
from voicebot.errors import SpeechWorkerError
from voicebot.events import Language
from voicebot.media.leg import Leg, Playback, PlaybackResult

MAX_WAITING = 16
"""Sayings that may wait; more means a loop in the dialogue, and the oldest waiting one is dropped."""


class Voice(Protocol):
    """Prompts and their audio, as the call needs them. No method blocks the loop."""

    def text_of(self, say: Say) -> str:
        """Return the written text of a prompt."""

    def text_version(self, prompt_id: str, language: Language) -> str:
        """Return the version of a prompt's text, for the proof of the disclosure."""

    def sentences(self, text: str, language: Language) -> tuple[str, ...]:
        """Split text into what is spoken at once."""

    def ready(self, sentence: str, language: Language, rate: float) -> AudioClip | None:
        """Return the audio of a sentence if it is in memory."""

    def may_persist(self, say: Say) -> bool:
        """Whether the text holds nothing personal, so that its audio may be kept on disk."""

    def stream(
        self, sentence: str, language: Language, rate: float, *, may_persist: bool
    ) -> AsyncIterator[bytes]:
        """Render a sentence; s16le 16 kHz. Raises SpeechWorkerError."""

    def emergency_clip(self, language: Language) -> AudioClip:
        """Return a clip that is always in memory: 'a technical problem, one moment'."""


@dataclass(slots=True)
class Saying:
    """One prompt on its way to the caller."""

    say: Say
    text: str
    sentences: tuple[str, ...]
    playbacks: list[Playback] = field(default_factory=list)
    results: list[PlaybackResult] = field(default_factory=list)
    first_audio_at: float | None = None
    was_dropped: bool = False
    has_failed: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def frames_sent(self) -> int:
        """20 ms frames that went out."""
        return sum(result.frames_sent for result in self.results)

    @property
    def frames_total(self) -> int:
        """20 ms frames rendered; a sentence that was never rendered is not counted."""
        return sum(result.frames_total for result in self.results)

    @property
    def text_heard(self) -> str:
        """The part of the text that was played: whole sentences, then whole words by share of time."""
        heard: list[str] = []
        for sentence, result in zip(self.sentences, self.results, strict=False):
            if result.completed:
                heard.append(sentence)
                continue
            words = sentence.split()
            share = result.frames_sent / result.frames_total if result.frames_total else 0.0
            heard.append(" ".join(words[: int(len(words) * share)]))
        return " ".join(part for part in heard if part)


class Speaker:
    """Plays sayings in order. One task runs `run()`; all else returns at once."""

    def __init__(
        self,
        leg: Leg,
        voice: Voice,
        *,
        on_finished: Callable[[Saying], None],
        on_failed: Callable[[str], None],
    ) -> None:
        self._leg, self._voice = leg, voice
        self._on_finished, self._on_failed = on_finished, on_failed
        self._waiting: deque[Saying] = deque()
        self._current: list[Saying] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._finishing: set[asyncio.Task[None]] = set()
        self.rate = 1.0
        self.gain_db = 0.0
        self.dropped = 0

    @property
    def is_speaking(self) -> bool:
        """Something is waiting, being rendered or played."""
        return not self._idle.is_set()

    @property
    def can_be_interrupted(self) -> bool:
        """What plays now may be stopped by speech."""
        return all(saying.say.can_be_interrupted for saying in self._current)

    def say(self, say: Say) -> Saying:
        """Queue a prompt."""
        text = self._voice.text_of(say)
        saying = Saying(say=say, text=text, sentences=self._voice.sentences(text, say.language))
        if len(self._waiting) >= MAX_WAITING:
            self._finish(self._waiting.popleft(), dropped=True)
            self.dropped += 1
        self._waiting.append(saying)
        self._idle.clear()
        self._wake.set()
        return saying

    async def silent(self) -> None:
        """Wait until everything was said."""
        await self._idle.wait()

    def pause(self) -> None:
        """Hold the position: a possible barge-in."""
        self._leg.playout.pause()

    def resume(self) -> None:
        """Go on from the held position."""
        self._leg.playout.resume()

    def stop(self) -> tuple[PlaybackResult, ...]:
        """Stop what may be stopped, drop what waits, tell how much was heard of what was playing.

        A prompt that cannot be interrupted (the disclosure, law D1) plays on to its end.
        """
        while self._waiting:
            self._finish(self._waiting.popleft(), dropped=True)
        if not self.can_be_interrupted:
            return ()
        for saying in self._current:
            saying.was_dropped = True
        return self._leg.playout.stop()

    async def settled(self) -> None:
        """Wait until the results of all stopped playbacks are in."""
        while self._finishing:
            await asyncio.gather(*self._finishing, return_exceptions=True)

    async def run(self) -> None:
        """Render and queue sayings until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                saying = self._waiting.popleft()
                self._current.append(saying)
                await self._play(saying)
                watcher = asyncio.create_task(self._watch(saying), name="watch-saying")
                self._finishing.add(watcher)
                watcher.add_done_callback(self._finishing.discard)
                if not saying.say.can_be_interrupted:
                    await saying.done.wait()

    async def _play(self, saying: Saying) -> None:
        language = saying.say.language
        may_persist = self._voice.may_persist(saying.say)
        for sentence in saying.sentences:
            if saying.was_dropped:
                return
            clip = self._voice.ready(sentence, language, self.rate)
            if clip is not None:
                clip = AudioClip(self._louder(clip.pcm), clip.name)
                saying.playbacks.append(self._leg.playout.play(clip))
                continue
            playback = self._leg.playout.begin(saying.say.prompt_id)
            saying.playbacks.append(playback)
            try:
                async for chunk in self._voice.stream(sentence, language, self.rate, may_persist=may_persist):
                    playback.write(self._louder(chunk))
            except SpeechWorkerError as error:
                saying.has_failed = True
                self._on_failed(error.code)
                playback.close()
                saying.playbacks.append(self._leg.playout.play(self._voice.emergency_clip(language)))
                return
            playback.close()

    def _louder(self, pcm: bytes) -> bytes:
        """Apply the gain of 'luider'; peaks bend instead of clipping."""
        if not self.gain_db:
            return pcm
        samples = samples_of(pcm).astype(np.float32) * (10 ** (self.gain_db / 20) / 32768)
        return pcm_of(np.tanh(samples) * 32767)

    async def _watch(self, saying: Saying) -> None:
        for number, playback in enumerate(saying.playbacks):
            if number == 0:
                saying.first_audio_at = await playback.started()
            saying.results.append(await playback.finished())
        self._finish(saying, dropped=saying.was_dropped)

    def _finish(self, saying: Saying, *, dropped: bool) -> None:
        saying.was_dropped = dropped
        if saying in self._current:
            self._current.remove(saying)
        saying.done.set()
        if not self._waiting and not self._current:
            self._idle.set()
        self._on_finished(saying)
