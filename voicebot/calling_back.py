"""Calling people back, put together from the settings: trunk, numbers, words, caps."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from voicebot.audio import AudioClip
from voicebot.call_speech import Voice
from voicebot.dialogue.actions import Say
from voicebot.errors import ConfigError, VoicebotError
from voicebot.events import Language
from voicebot.media.bridge import BridgeEnd, join
from voicebot.media.leg import Dialler, Leg
from voicebot.settings import Settings
from voicebot.sip.addressing import hop_of_uri
from voicebot.storage.callback_store import CallbackStore
from voicebot.transfer.agent_pool import AgentPool
from voicebot.transfer.call_back import CallBacks
from voicebot.transfer.call_back_parts import CallBackParts
from voicebot.transfer.callback_numbers import CallbackNumbers
from voicebot.transfer.destinations import Destinations
from voicebot.transfer.opening_hours import OpeningHours


@dataclass(frozen=True, slots=True)
class PromptWords:
    """Renders prompts for a leg without a call of its own; implements `Words`."""

    voice: Voice

    async def __call__(
        self, prompt_id: str, language: Language, values: dict[str, str]
    ) -> AsyncIterator[bytes]:
        """Yield s16le 16 kHz; what no voice can speak is left out."""
        say = Say(prompt_id, language, values=values)
        for sentence in self.voice.sentences(self.voice.text_of(say), language):
            clip = self.voice.ready(sentence, language, 1.0)
            if clip is not None:
                yield clip.pcm
                continue
            may_persist = self.voice.may_persist(say)
            try:
                async for chunk in self.voice.stream(sentence, language, 1.0, may_persist=may_persist):
                    yield chunk
            except (VoicebotError, OSError):
                return


def callback_numbers(settings: Settings) -> CallbackNumbers:
    """Return which numbers may be called back, and through which trunk. Raises ConfigError."""
    wanted = settings.callback
    host = ""
    if wanted.trunk:
        trunk = next((trunk for trunk in settings.sip.trunks if trunk.name == wanted.trunk), None)
        if trunk is None:
            names = ", ".join(trunk.name for trunk in settings.sip.trunks) or "none is set up"
            raise ConfigError(
                f"there is no trunk '{wanted.trunk}'",
                field="callback.trunk",
                mend=f'name one of sip.trunks ({names}), or "" for no calling back',
            )
        plain = [domain for domain in trunk.domains if domain != "*"]
        host = plain[0] if plain else hop_of_uri(trunk.registrar or trunk.proxy).host
    return CallbackNumbers(host, region=wanted.region, exceptions=wanted.exceptions)


def build_call_backs(
    settings: Settings,
    pool: AgentPool,
    store: CallbackStore,
    dialler: Dialler,
    destinations: Destinations,
    voice: Voice,
    music: AudioClip,
    hours: OpeningHours,
    now: Callable[[], datetime],
) -> CallBacks:
    """Return what the desks' 'call back' button starts. Raises ConfigError."""
    wanted, transfer = settings.callback, settings.transfer

    async def bridge(caller: Leg, agent: Leg) -> BridgeEnd:
        return await join(caller, agent, hold_music=music)

    def due_again(moment: datetime) -> datetime:
        """Wait a while, then for the desk to be open."""
        at = moment + timedelta(seconds=wanted.retry_seconds)
        return at if hours.desk.is_open(at) else hours.desk.next_opening(at) or at

    return CallBacks(
        CallBackParts(
            pool=pool,
            claims=store,
            dialler=dialler,
            numbers=callback_numbers(settings),
            check_contact=destinations.check_contact,
            bridge=bridge,
            words=PromptWords(voice),
            music=music,
            caps=destinations.caps,
            clock=time.monotonic,
            now=now,
            due_again=due_again,
            ring_seconds=transfer.ring_seconds,
            accept_seconds=transfer.accept_seconds,
            max_attempts=wanted.max_attempts,
        )
    )
