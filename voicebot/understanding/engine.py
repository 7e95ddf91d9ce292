"""The interpreter: rules, slots and trained classifiers together. Synchronous; lives in a worker process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from voicebot.errors import ModelMissing
from voicebot.events import Language
from voicebot.understanding.embeddings import CachedEncoder, E5Encoder, Encoder
from voicebot.understanding.human_request import (
    RequestFinding,
    find_request,
    may_ask_if_robot,
    may_be_request,
)
from voicebot.understanding.intent_files import OUT_OF_SCOPE, load_intents
from voicebot.understanding.intents import IntentClassifier, Ranked, RequestVote
from voicebot.understanding.interpretation import Expectation, Interpretation
from voicebot.understanding.knowledge import load_knowledge
from voicebot.understanding.language_words import guess_language
from voicebot.understanding.slots import digits_written, find_slots, requested_language
from voicebot.understanding.yes_no import is_backchannel

HUMAN, ROBOT, CALLBACK = "human", "robot", "callback_request"
SWITCH_LANGUAGE, THANKS, HELP = "switch_language", "thanks", "help"
_RULE_CONFIDENCE = 0.99
"""Share of the rules' findings that were right on phrases never seen before (tests/understanding/data)."""
_SURE_ROBOT = 0.8
_SURE_OUT_OF_SCOPE = 0.65
"""Misheard requests of ours (telephone, Whisper base) stay below it, or are still understood."""
_BARE_WORDS = frozenset(
    """
    ja nee nein neen yes no mijn nummer is het dat en and the my number it ordernummer bestelnummer
    klantnummer order postcode huisnummer de een a eh ehm uh um euh dus so op om aan uur hoor graag
    please
    """.split()  # noqa: SIM905 - a word list
)


class InterpreterEngine:
    """Understands one text, or many at once.

    `config_dir`: holds intents/ and knowledge/. `cache_dir`: for training phrases' vectors, '' for none.
    `encoder`: for tests. Without the embedding model requests for a person, questions about the robot, slots,
    yes and no are still understood; `is_degraded` says so. Raises ConfigError.
    """

    def __init__(
        self, config_dir: str, cache_dir: str = "var/embeddings", *, encoder: Encoder | None = None
    ) -> None:
        folder = Path(config_dir)
        files = load_intents(folder / "intents")
        knowledge = load_knowledge(folder / "knowledge")
        examples = [
            *(example for file in files for example in (*file.examples, *file.near_misses)),
            *knowledge.examples(),
        ]
        self.is_degraded = False
        self._classifier: IntentClassifier | None = None
        self._vote: RequestVote | None = None
        try:
            self._encoder = CachedEncoder(encoder or E5Encoder(), Path(cache_dir) if cache_dir else None)
        except ModelMissing:
            self.is_degraded = True
            return
        vectors = self._encoder.encode_stored([example.text for example in examples])
        # Requests for a person and their near misses are the rules' and the vote's matter: hundreds of them
        # would drown the other intents in the calibration.
        misses = {example.text for file in files for example in file.near_misses}
        rows = [n for n, e in enumerate(examples) if e.intent != HUMAN and e.text not in misses]
        self._classifier = IntentClassifier([examples[n] for n in rows], vectors[rows])
        self._vote = RequestVote([example.intent == HUMAN for example in examples], vectors)

    def warm_up(self) -> None:
        """Touch every part once, so that the first caller does not wait for it."""
        self.interpret("goedemorgen, wanneer is de winkel open", "nl", Expectation.ANYTHING, "2026-01-01")

    def interpret(
        self, text: str, language: Language | None, expectation: Expectation, today: str
    ) -> Interpretation:
        """Understand one text. `today`: ISO date."""
        return self.interpret_many([text], language, expectation, today)[0]

    def interpret_many(
        self, texts: Sequence[str], language: Language | None, expectation: Expectation, today: str
    ) -> list[Interpretation]:
        """Understand texts together: their embeddings are computed as one batch."""
        findings = [find_request(text) for text in texts]
        wanting = [
            place
            for place, (text, finding) in enumerate(zip(texts, findings, strict=True))
            if not finding.wants_human and not _is_bare(text, language or guess_language(text))
        ]
        ranked: dict[int, Ranked] = {}
        votes: dict[int, float] = {}
        if wanting and self._classifier is not None and self._vote is not None:
            vectors = self._encoder.encode([texts[place] for place in wanting])
            ranked = dict(zip(wanting, self._classifier.rank(vectors), strict=True))
            votes = dict(zip(wanting, map(float, self._vote.score(vectors)), strict=True))
        day = date.fromisoformat(today)
        return [
            self._combine(text, language, expectation, day, finding, ranked.get(place), votes.get(place, 0.0))
            for place, (text, finding) in enumerate(zip(texts, findings, strict=True))
        ]

    def _combine(
        self,
        text: str,
        language: Language | None,
        expectation: Expectation,
        today: date,
        finding: RequestFinding,
        ranked: Ranked | None,
        vote: float,
    ) -> Interpretation:
        language = language or guess_language(text)
        slots = find_slots(text, language, expectation, today)
        best, confidence = ranked.best(frozenset({HUMAN})) if ranked else (None, 0.0)
        top, top_confidence = ranked.intents[0] if ranked else (OUT_OF_SCOPE, 0.0)
        is_voted = (
            self._vote is not None
            and vote >= self._vote.threshold
            and best != CALLBACK
            and not finding.asks_if_robot
            and may_be_request(text)
        )
        wants_human = finding.wants_human or is_voted
        is_robot_voted = (
            best == ROBOT and top == ROBOT and confidence > _SURE_ROBOT and may_ask_if_robot(text)
        )
        asks = finding.asks_if_robot or (is_robot_voted and not wants_human)
        wanted_language = requested_language(text)
        if wants_human:
            best, confidence = HUMAN, _RULE_CONFIDENCE if finding.wants_human else vote
        elif asks:
            best, confidence = ROBOT, _RULE_CONFIDENCE if finding.asks_if_robot else confidence
        elif wanted_language is not None and best in {None, SWITCH_LANGUAGE, ROBOT, HELP}:
            best, confidence = SWITCH_LANGUAGE, _RULE_CONFIDENCE
        elif best == SWITCH_LANGUAGE:
            best = None  # 'ik spreek geen Engels' asks for no other language
        elif best == ROBOT or (best == THANKS and _is_answer(slots, expectation)):
            best = None
        return Interpretation(
            text=text,
            language=language,
            intent=best,
            confidence=round(confidence, 3),
            slots=slots,
            wants_human=wants_human,
            asks_if_robot=asks,
            is_backchannel=is_backchannel(text),
            requested_language=wanted_language,
            is_out_of_scope=best is None and top == OUT_OF_SCOPE and top_confidence >= _SURE_OUT_OF_SCOPE,
        )


def _is_answer(slots: Mapping[str, str], expectation: Expectation) -> bool:
    """'Nee, dank u' is a no, and after a yes-or-no question 'okay thanks' is a yes."""
    return slots.get("yes_no") == "no" or (expectation is Expectation.YES_NO and "yes_no" in slots)


def _is_bare(text: str, language: Language) -> bool:
    """Numbers, yes, no and sounds hold no intent of their own; their slots say everything."""
    words = [word.strip(".,!?;:'\"") for word in digits_written(text, language).split()]
    if is_backchannel(text):
        return True
    return all(not word or word.isdigit() or word in _BARE_WORDS for word in words)
