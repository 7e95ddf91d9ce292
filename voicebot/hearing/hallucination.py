"""Which recognised texts are believed. Pure: figures of one decoding in, a verdict out.

Whisper makes up text on silence and noise, and runs into loops on short windows (speech-notes). None of that
may become a turn. A known hallucination ('bedankt voor het kijken') alone proves nothing, a caller may say
thanks: it counts only together with a poor score.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

_SUBTITLE_CREDITS = re.compile(
    r"ondertitel|amara\.?org|tv gelderland|subtitle|subscribe|abonneer|bedankt voor het kijken"
    r"|thanks? (you )?for watching|transcri(bed|ptie) (by|door)|©|www\.",
    re.IGNORECASE,
)
_SILENCE_WORDS = re.compile(
    r"you|thank you( very much)?|thanks|bye( bye)?|oh|so|the|i|okay|ok|hmm|mm|m|dank (je|u)( wel)?|bedankt"
    r"|(oh )?ja|oké|en|de|het|ik|uh|eh"
)
_WORDS = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Decoding:
    """Figures of one decoded utterance.

    `average_log_probability`: per token, natural logarithm. `no_speech_probability`: Whisper's.
    `speech_peak`: highest probability of speech in any 32 ms (Silero). `audio_seconds`: length given.
    """

    text: str
    average_log_probability: float
    no_speech_probability: float
    speech_peak: float
    audio_seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds, set by measurement (models/cards/whisper.md).

    `retry_log_probability`: below it (or in a loop) the utterance is decoded again with the full window.
    `doubtful_log_probability`: below it other signs of noise count. `hopeless_log_probability`: below it
    the text is noise. `compression`: ratio of zlib above which a text is a loop. `words_per_second`: nobody
    speaks faster.
    `sure_no_speech`: Whisper's probability above which Silero must be sure that there is speech. Measured:
    noise has 0.18-0.92 there (0.5 and more without a prompt) and a Silero peak of at most 0.16; real speech
    has at most 0.16 there, but over a telephone line its peak may be as low as 0.13: neither decides alone.
    `doubtful_peak`: below this Silero peak a poor score is enough to call it noise.
    """

    retry_log_probability: float = -1.5
    doubtful_log_probability: float = -0.8
    hopeless_log_probability: float = -1.6
    compression: float = 2.4
    words_per_second: float = 7.0
    sure_no_speech: float = 0.17
    doubtful_peak: float = 0.2


def is_loop(text: str, limits: Limits) -> bool:
    """Whether a text repeats itself: zlib's ratio (as in Whisper), or one word again and again."""
    data = text.encode()
    if len(data) >= 24 and len(data) / len(zlib.compress(data)) > limits.compression:
        return True
    words = [word.lower() for word in _WORDS.findall(text)]
    if len(words) < 6 or any(word.isdigit() for word in words):
        return False  # 'nul nul nul' and the like are numbers, not loops
    return len(set(words)) <= len(words) // 4


def better(first: Decoding, second: Decoding, limits: Limits) -> Decoding:
    """Choose between two decodings of the same utterance: no loop before a loop, then the likelier."""
    return max(
        first,
        second,
        key=lambda each: (not is_loop(each.text, limits), each.average_log_probability),
    )


def believed_text(decoding: Decoding, limits: Limits) -> str:
    """The text, or '' when it is noise, silence or made up."""
    text = decoding.text.strip()
    words = _WORDS.findall(text)
    if not words or is_loop(text, limits):
        return ""
    score, no_speech = decoding.average_log_probability, decoding.no_speech_probability
    if score < limits.hopeless_log_probability:
        return ""
    is_sure_speech = decoding.speech_peak > 0.5
    if no_speech > limits.sure_no_speech and not is_sure_speech:
        return ""
    if decoding.speech_peak < limits.doubtful_peak and score < -1.0:
        return ""
    if no_speech > 0.6 and score < limits.doubtful_log_probability:  # OpenAI's own rule, stricter
        return ""
    if len(words) > 3 and len(words) > limits.words_per_second * decoding.audio_seconds:
        return ""
    if _SUBTITLE_CREDITS.search(text) and (no_speech > 0.3 or score < -0.5):
        return ""
    is_silence_word = _SILENCE_WORDS.fullmatch(" ".join(words).lower()) is not None
    if is_silence_word and (no_speech > 0.1 or score < -1.0) and not is_sure_speech:
        return ""
    return text
