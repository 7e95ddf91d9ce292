"""Which language the caller speaks, turn by turn. Pure: figures in, decision out.

Whisper's own probabilities for nl and en carry the decision, weighted with what the turns before said
(hysteresis); langdetect is a weak vote on longer texts only. 'Oké', names and numbers never switch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from voicebot.events import LANGUAGES, Language

WORDS = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
# Acknowledgements, loans and greetings that say nothing about the language of the next sentence.
_SAME_IN_BOTH = frozenset(
    """
    oké oke okay ok ja yes no nee jep yep yeah ah oh uh eh uhm ehm hm hmm mm mhm hallo hello hi hey hoi sorry
    super perfect thanks bye in is was we me so over met water name order email e-mail online website app sms
    service helpdesk manager team januari april september november december what wat stop help
    """.split()  # noqa: SIM905 - a list of quoted words would be longer and harder to read
)


@dataclass(frozen=True, slots=True)
class LanguageRules:
    """How readily a call changes its language.

    `stickiness`: prior of the language spoken so far; of English at most `english_stickiness`: Whisper base
    takes much Dutch for English and hardly any English for Dutch (models/cards/whisper.md).
    `switch_probability`: what the other language must reach to take over. `first_prior`: of the line's own
    language before anyone has spoken. `text_weight`: exponent of langdetect's vote (0 is none).
    `sure_probability`: where Whisper is so sure, the vote could not change the decision.
    """

    stickiness: float = 0.9
    english_stickiness: float = 0.65
    switch_probability: float = 0.8
    first_prior: float = 0.9
    text_weight: float = 0.4
    sure_probability: float = 0.95


@dataclass(frozen=True, slots=True)
class CallLanguage:
    """The language of a call so far. `is_heard`: at least one telling turn has confirmed it."""

    language: Language
    is_heard: bool = False


def prior_for(state: CallLanguage, rules: LanguageRules) -> Mapping[Language, float]:
    """Return the probability per language before the next turn; goes into the TranscriptionRequest."""
    own = rules.stickiness if state.is_heard else rules.first_prior
    if state.language == "en":
        own = min(own, rules.english_stickiness)
    return MappingProxyType({each: own if each == state.language else 1 - own for each in LANGUAGES})


def after_turn(
    state: CallLanguage,
    text: str,
    probabilities: Mapping[Language, float],
    rules: LanguageRules,
    vote: Mapping[Language, float] | None = None,
) -> CallLanguage:
    """Return the language after one turn.

    `probabilities`: of the Transcription, with `prior_for` weighed in already. A text that tells nothing
    leaves the state as it is. `vote`: of `text_language`, made where the text was recognised.
    """
    if not is_telling(text):
        return state
    is_sure = max(probabilities.values(), default=0.0) >= rules.sure_probability
    combined = _combined(probabilities, None if is_sure else vote, rules.text_weight)
    other: Language = "en" if state.language == "nl" else "nl"
    if combined[other] >= rules.switch_probability:
        return CallLanguage(other, is_heard=True)
    return CallLanguage(state.language, is_heard=state.is_heard or combined[state.language] > 0.5)


def is_telling(text: str) -> bool:
    """Whether a text can tell its language: two words at least that are not the same in both, no name alone.

    A capital inside a sentence marks a name; digits are no words.
    """
    words = WORDS.findall(text)
    own = [
        word
        for position, word in enumerate(words)
        if word.lower() not in _SAME_IN_BOTH and (position == 0 or word[0].islower() or word == "I")
    ]
    return len(own) >= 2


def _combined(
    probabilities: Mapping[Language, float], vote: Mapping[Language, float] | None, weight: float
) -> dict[Language, float]:
    raised = {
        each: max(probabilities.get(each, 0.0), 1e-6) * (vote[each] ** weight if vote else 1.0)
        for each in LANGUAGES
    }
    total = sum(raised.values())
    return {each: value / total for each, value in raised.items()}
