"""Intent classification: embeddings plus logistic regression, trained at start from the configured phrases.

Confidence is calibrated and the reject threshold is learnt: predictions on phrases left out of training give
a temperature (Guo et al. 2017, On Calibration of Modern Neural Networks) and the threshold that best
separates right answers from wrong ones and from out-of-scope phrases.
Deterministic: no shuffling, no random start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from voicebot.understanding.embeddings import Matrix
from voicebot.understanding.intent_files import OUT_OF_SCOPE, IntentExample

Floats = npt.NDArray[np.float64]
FOLDS = 4
_SCALE = 6.0
"""e5 vectors differ little (cosines 0.75-0.95): centred and stretched, so that the penalty is mild."""
_C = 3.0
_TEMPERATURES = np.geomspace(0.25, 3.0, 25)
_COST_OF_A_WRONG_ANSWER = 1.0
_ACCEPTED_FALSE_ALARMS = 0.008
_LOWEST_THRESHOLD, _HIGHEST_THRESHOLD = 0.3, 0.75


@dataclass(frozen=True, slots=True)
class Ranked:
    """Intents of one text, best first, with calibrated confidences (0-1)."""

    intents: tuple[tuple[str, float], ...]
    threshold: float

    def best(self, without: frozenset[str] = frozenset()) -> tuple[str | None, float]:
        """The best accepted intent not in `without`; None with the best confidence otherwise."""
        name, confidence = next(((n, c) for n, c in self.intents if n not in without), (OUT_OF_SCOPE, 0.0))
        if name == OUT_OF_SCOPE or confidence < self.threshold:
            return None, confidence
        return name, confidence


def _fit(
    features: Floats, labels: npt.NDArray[np.str_] | npt.NDArray[np.int64], c: float
) -> LogisticRegression:
    # BLAS threads cost ten times what they gain on matrices of this size (measured on a loaded machine).
    with threadpool_limits(limits=1, user_api="blas"):
        return LogisticRegression(C=c, max_iter=300, class_weight="balanced").fit(features, labels)


def _folds(labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """Fold of each example: the n-th of its intent goes to fold n modulo FOLDS."""
    seen: dict[str, int] = {}
    fold = []
    for label in labels:
        seen[label] = seen.get(label, -1) + 1
        fold.append(seen[label] % FOLDS)
    return np.array(fold)


def _softmax(logits: Floats, temperature: float) -> Floats:
    scaled = logits / temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares: Floats = np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
    return shares


class IntentClassifier:
    """Trained in the constructor: about a second for a thousand phrases. `vectors`: one row an example."""

    def __init__(self, examples: Sequence[IntentExample], vectors: Matrix) -> None:
        labels = np.array([example.intent for example in examples])
        self._mean = vectors.mean(axis=0)
        features = self._features(vectors)
        self._model = _fit(features, labels, _C)
        self.intents: tuple[str, ...] = tuple(self._model.classes_)
        self.temperature, self.threshold = self._calibrate(features, labels)

    def _features(self, vectors: Matrix) -> Floats:
        stretched: Floats = (vectors - self._mean).astype(np.float64) * _SCALE
        return stretched

    def _calibrate(self, features: Floats, labels: npt.NDArray[np.str_]) -> tuple[float, float]:
        """Temperature by likelihood, threshold by accuracy, both on phrases left out of training."""
        folds = _folds(list(labels))
        logits = np.full((len(labels), len(self.intents)), -30.0)
        for fold in range(FOLDS):
            left_out = folds == fold
            if not left_out.any() or len(set(labels[~left_out])) < 2:
                continue
            model = _fit(features[~left_out], labels[~left_out], _C)
            columns = [self.intents.index(name) for name in model.classes_]
            logits[np.ix_(np.flatnonzero(left_out), np.array(columns))] = model.decision_function(
                features[left_out]
            )
        truth = np.array([self.intents.index(label) for label in labels])
        rows = np.arange(len(labels))
        losses = [-np.log(_softmax(logits, t)[rows, truth] + 1e-9).mean() for t in _TEMPERATURES]
        temperature = float(_TEMPERATURES[int(np.argmin(losses))])
        probabilities = _softmax(logits, temperature)
        best, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
        names = np.array(self.intents)
        says_intent = names[best] != OUT_OF_SCOPE
        gains = []
        candidates = np.linspace(_LOWEST_THRESHOLD, _HIGHEST_THRESHOLD, 46)
        for threshold in candidates:
            accepted = says_intent & (confidence >= threshold)
            right = (accepted & (best == truth)).sum()
            # A wrong answer costs a caller more than 'I did not understand that'.
            wrong = (accepted & (best != truth)).sum()
            gains.append(right - _COST_OF_A_WRONG_ANSWER * wrong)
        return temperature, float(candidates[int(np.argmax(gains))])

    def rank(self, vectors: Matrix) -> list[Ranked]:
        """Rank the intents of each row."""
        logits = np.asarray(self._model.decision_function(self._features(vectors)))
        ranked = []
        for row in _softmax(logits, self.temperature):
            order = np.argsort(-row)[:5]
            ranked.append(Ranked(tuple((self.intents[i], float(row[i])) for i in order), self.threshold))
        return ranked


class RequestVote:
    """The second vote on 'does this ask for a person': for phrases that no rule covers.

    The threshold is the lowest at which hardly any phrase left out of training is a false alarm.
    """

    def __init__(self, is_request: Sequence[bool], vectors: Matrix) -> None:
        labels = np.array(is_request, dtype=np.int64)
        self._mean = vectors.mean(axis=0)
        features = (vectors - self._mean).astype(np.float64) * _SCALE
        self._model = _fit(features, labels, 1.0)
        folds = _folds([str(label) for label in labels])
        scores = np.zeros(len(labels))
        for fold in range(FOLDS):
            left_out = folds == fold
            scores[left_out] = _fit(features[~left_out], labels[~left_out], 1.0).predict_proba(
                features[left_out]
            )[:, 1]
        negatives = np.sort(scores[labels == 0])
        allowed = negatives[
            min(len(negatives) - 1, int(np.ceil(len(negatives) * (1 - _ACCEPTED_FALSE_ALARMS))))
        ]
        self.threshold = float(min(0.97, max(0.8, allowed)))

    def score(self, vectors: Matrix) -> Floats:
        """Probability of a request, one a row."""
        scores: Floats = np.asarray(
            self._model.predict_proba((vectors - self._mean).astype(np.float64) * _SCALE)[:, 1]
        )
        return scores
