"""What the bot says in one call: prompts in order, sentence by sentence, and how much of each was heard."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import numpy as np

from voicebot.audio import AudioClip, pcm_of, samples_of
from voicebot.call_saying import Saying
from voicebot.call_text import Captions
from voicebot.dialogue.actions import Say
from voicebot.errors import VoicebotError
from voicebot.events import Language
from voicebot.media.leg import Leg, PlaybackResult

MAX_WAITING = 16
"""Sayings that may wait; more means a loop in the dialogue, and the oldest waiting one is dropped."""
TRIES = 2
"""How often a sentence is rendered before the caller is put through instead."""


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
        """Render a sentence; s16le 16 kHz. Raises SpeechWorkerError; OSError where a disk fails."""

    def emergency_clip(self, language: Language) -> AudioClip:
        """Return a clip that is always in memory: 'a technical problem, one moment'."""


class Speaker:
    """Plays sayings in order. One task runs `run()`; all else returns at once.

    The leg is asked for its playout each time: it has another one once it is answered.

    `captions`: show each saying before its first sound. `on_finished`: of each saying, also of one that was
    dropped. `on_failed`: the error's code, at each failed try to render. `on_lost`: a saying could not be
    rendered at all; `failures_in_a_row` counts those. Call `close()` once, after the leg has ended.
    """

    def __init__(
        self,
        leg: Leg,
        voice: Voice,
        *,
        on_finished: Callable[[Saying], None],
        on_failed: Callable[[str], None],
    ) -> None:
        self._leg, self._voice, self.captions = leg, voice, Captions(leg)
        self._on_finished, self._on_failed = on_finished, on_failed
        self._waiting: deque[Saying] = deque()
        self._current: list[Saying] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._rendering: asyncio.Task[None] | None = None
        self._watching: set[asyncio.Task[None]] = set()
        self.on_lost: Callable[[], None] | None = None
        self.failures_in_a_row = 0
        self.rate = 1.0
        self.gain_db = 0.0
        self.dropped = 0

    @property
    def is_speaking(self) -> bool:
        """Something is waiting, being rendered or played, and not stopped yet."""
        return bool(self._waiting) or any(not saying.was_dropped for saying in self._current)

    @property
    def can_be_interrupted(self) -> bool:
        """What plays now may be stopped by speech."""
        playing = self._current or list(self._waiting)[:1]
        return all(saying.say.can_be_interrupted for saying in playing)

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

        A prompt that cannot be interrupted (the disclosure, law D1) plays on to its end, or still comes.
        """
        self._drop_waiting()
        if not self._current or not self.can_be_interrupted:
            return ()
        for saying in self._current:
            saying.was_dropped = True
        if self._rendering is not None:
            self._rendering.cancel()
        return self._leg.playout.stop()

    def _drop_waiting(self) -> None:
        for saying in [each for each in self._waiting if each.say.can_be_interrupted]:
            self._waiting.remove(saying)
            self._finish(saying, dropped=True)

    async def close(self) -> None:
        """Drop what waits and take the results of what was playing; the leg has ended."""
        while self._waiting:
            self._finish(self._waiting.popleft(), dropped=True)
        while self._watching:
            await asyncio.gather(*self._watching)

    def abandon(self) -> None:
        """Stop everything, whatever it is: the conversation begins anew after a fault."""
        while self._waiting:
            self._finish(self._waiting.popleft(), dropped=True)
        for saying in self._current:
            saying.was_dropped = True
        self._leg.playout.stop()

    async def run(self) -> None:
        """Render and queue sayings until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                saying = self._waiting.popleft()
                self._current.append(saying)
                watch = asyncio.create_task(self._watch(saying), name="watch-saying")
                self._watching.add(watch)
                watch.add_done_callback(self._watching.discard)
                async with asyncio.TaskGroup() as group:  # a stop cancels the rendering alone
                    self._rendering = group.create_task(self._render(saying), name="render-saying")
                self._rendering = None
                if not saying.say.can_be_interrupted:
                    await saying.done.wait()

    async def _render(self, saying: Saying) -> None:
        self.captions.said(saying)
        try:
            for number, sentence in enumerate(saying.sentences):
                if not await self._render_sentence(saying, number, sentence):
                    self._lost(saying)
                    return
                saying.rendered = number + 1
            self.failures_in_a_row = 0
        finally:
            saying.is_rendered.set()

    def _lost(self, saying: Saying) -> None:
        """Say no more of what was to follow: without this it would make no sense."""
        saying.has_failed = True
        self.failures_in_a_row += 1
        self._drop_waiting()
        if self.on_lost is not None:
            self.on_lost()

    async def _render_sentence(self, saying: Saying, number: int, sentence: str) -> bool:
        """Play a sentence from memory, or as it is rendered; False when that failed twice."""
        language = saying.say.language
        clip = self._voice.ready(sentence, language, self.rate)
        if clip is not None:
            clip = AudioClip(self._louder(clip.pcm), clip.name)
            saying.playbacks[number] = self._leg.playout.play(clip)
            return True
        may_persist = self._voice.may_persist(saying.say)
        for _ in range(TRIES):
            playback = self._leg.playout.begin(saying.say.prompt_id)
            saying.playbacks[number] = playback
            try:
                async for chunk in self._voice.stream(sentence, language, self.rate, may_persist=may_persist):
                    playback.write(self._louder(chunk))
            except (VoicebotError, OSError) as error:
                self._on_failed(error.code if isinstance(error, VoicebotError) else "io")
                self._apologise(saying)
                continue
            finally:
                playback.close()
            return True
        return False

    def _apologise(self, saying: Saying) -> None:
        """Fill the wait for the next try; once, not at each failure of a voice that is dead."""
        if not self.failures_in_a_row and saying.apology is None:
            saying.apology = self._leg.playout.play(self._voice.emergency_clip(saying.say.language))

    def _louder(self, pcm: bytes) -> bytes:
        """Apply the gain of 'luider'; peaks bend instead of clipping."""
        if not self.gain_db:
            return pcm
        samples = samples_of(pcm).astype(np.float32) * (10 ** (self.gain_db / 20) / 32768)
        return pcm_of(np.tanh(samples) * 32767)

    async def _watch(self, saying: Saying) -> None:
        """Wait until it was played or stopped, and note how much of it was."""
        await saying.is_rendered.wait()
        for number, playback in saying.playbacks.items():
            if number == 0:
                saying.first_audio_at = await playback.started()
            saying.results[number] = await playback.finished()
        if saying.apology is not None:
            await saying.apology.finished()
        self._finish(saying, dropped=saying.was_dropped)

    def _finish(self, saying: Saying, *, dropped: bool) -> None:
        saying.was_dropped = dropped
        if saying in self._current:
            self._current.remove(saying)
        saying.done.set()
        if not self._waiting and not self._current:
            self._idle.set()
        self._on_finished(saying)
