"""langdetect as a weak vote on the language of a text. It takes milliseconds: never in the media loop."""

from __future__ import annotations

from collections.abc import Mapping

from langdetect import DetectorFactory, detect_langs
from langdetect.lang_detect_exception import LangDetectException

from voicebot.events import Language
from voicebot.hearing.language import WORDS

DetectorFactory.seed = 0  # langdetect is random without it
_LEAST_WORDS_FOR_TEXT_VOTE = 3


def text_vote(text: str) -> Mapping[Language, float] | None:
    """Return langdetect's vote among nl and en; None below 3 words. It takes short Dutch for Afrikaans."""
    if len(WORDS.findall(text)) < _LEAST_WORDS_FOR_TEXT_VOTE:
        return None
    try:
        found = {guess.lang: guess.prob for guess in detect_langs(text.lower())}
    except LangDetectException:  # no letters it knows
        return None
    dutch, english = found.get("nl", 0.0) + found.get("af", 0.0), found.get("en", 0.0)
    if dutch + english < 0.2:
        return None
    # Never sure: a vote of 0 or 1 would silence everyone else.
    share = min(max(dutch / (dutch + english), 0.05), 0.95)
    return {"nl": share, "en": 1 - share}
