"""What is said over the data channel of a browser, as JSON objects with a `type`.

To the page: caption {speaker, text, lang, final}, ended {cause}. From the page: text {text}, typing {},
key {digit}, bye {}. Unknown types are ignored, so that pages and bots of different versions get along.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from voicebot.events import Language
from voicebot.media.leg import CallerTyping, DigitPressed, LegEndCause, Speaking, TextReceived

CHANNEL = "voicebot"
MAX_TEXT_CHARACTERS = 500
"""A longer line is cut: nobody says so much in one turn."""
_KEYS = frozenset("0123456789*#ABCD")
_KEY_MS = 100


@dataclass(frozen=True, slots=True)
class SaidBye:
    """The page ends the call."""


def caption_message(speaker: Speaking, text: str, language: Language, *, is_final: bool) -> str:
    """Write a caption."""
    return json.dumps(
        {"type": "caption", "speaker": speaker, "text": text, "lang": language, "final": is_final},
        ensure_ascii=False,
    )


def ended_message(cause: LegEndCause) -> str:
    """Write that the call is over."""
    return json.dumps({"type": "ended", "cause": cause.value})


def read_message(text: str | bytes) -> TextReceived | CallerTyping | DigitPressed | SaidBye | None:
    """Read what the page says; None for what is not understood."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    match message:
        case {"type": "text", "text": str(line)}:
            line = " ".join(line[:MAX_TEXT_CHARACTERS].split())
            line = "".join(character for character in line if character.isprintable())
            return TextReceived(line) if line else None
        case {"type": "key", "digit": str(digit)} if digit in _KEYS and len(digit) == 1:
            return DigitPressed(digit, _KEY_MS)
        case {"type": "typing"}:
            return CallerTyping()
        case {"type": "bye"}:
            return SaidBye()
    return None
