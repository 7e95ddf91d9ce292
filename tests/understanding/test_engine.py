"""The interpreter: with a small deterministic encoder quickly, and with the real model on unseen phrases."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.understanding.phrases import CONFIG, DATA, labelled
from voicebot.errors import ModelMissing
from voicebot.understanding import engine as engine_module
from voicebot.understanding.embeddings import DIMENSIONS, CachedEncoder, Matrix
from voicebot.understanding.engine import InterpreterEngine
from voicebot.understanding.interpretation import Expectation

TODAY = "2026-11-22"
ANY = Expectation.ANYTHING


class WordsEncoder:
    """Texts with the same words point the same way: enough for the plumbing, not for meaning."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> Matrix:
        self.asked.extend(texts)
        rows = np.full((len(texts), DIMENSIONS), 1e-3, dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.split():
                row[int(hashlib.sha256(word.encode()).hexdigest(), 16) % DIMENSIONS] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@cache
def plumbing() -> InterpreterEngine:
    return InterpreterEngine(str(CONFIG), "", encoder=WordsEncoder())


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> InterpreterEngine:
    return InterpreterEngine(str(CONFIG), str(tmp_path_factory.getbasetemp().parent / "embeddings"))


def test_a_request_for_a_person_is_the_intent_whatever_else_was_said() -> None:
    meaning = plumbing().interpret(
        "waar is mijn bestelling, laat maar, ik wil een medewerker", "nl", ANY, TODAY
    )
    assert meaning.wants_human
    assert meaning.intent == "human"
    assert meaning.confidence > 0.9


def test_a_question_about_the_robot_is_answered_as_such() -> None:
    meaning = plumbing().interpret("are you a robot", "en", ANY, TODAY)
    assert (meaning.intent, meaning.asks_if_robot, meaning.wants_human) == ("robot", True, False)


@pytest.mark.parametrize(
    "text", ["ja", "nee", "vijf drie acht twee een", "mm-hm", "53821", "het nummer is 5 3 8 2 1"]
)
def test_numbers_and_yes_and_no_have_slots_but_no_intent(text: str) -> None:
    meaning = plumbing().interpret(text, "nl", ANY, TODAY)
    assert meaning.intent is None
    assert meaning.slots or meaning.is_backchannel


def test_no_thanks_is_a_no() -> None:
    meaning = plumbing().interpret("nee dank u wel", "nl", Expectation.YES_NO, TODAY)
    assert meaning.slots["yes_no"] == "no"
    assert meaning.intent is None


def test_another_language_is_an_intent_only_when_it_is_asked_for() -> None:
    meaning = plumbing().interpret("can we speak English please", "nl", ANY, TODAY)
    assert (meaning.intent, meaning.requested_language) == ("switch_language", "en")
    refusing = plumbing().interpret("ik spreek geen Engels", "nl", ANY, TODAY)
    assert refusing.requested_language is None
    assert refusing.intent != "switch_language"


def test_the_language_is_found_when_nobody_says_it() -> None:
    assert plumbing().interpret("where is my order", None, ANY, TODAY).language == "en"
    assert plumbing().interpret("waar is mijn bestelling", None, ANY, TODAY).language == "nl"


def test_many_texts_give_the_same_as_one_by_one() -> None:
    texts = ["waar is mijn bestelling", "ja", "are you human", "", "ik wil een mens"]
    together = plumbing().interpret_many(texts, None, ANY, TODAY)
    assert together == [plumbing().interpret(text, None, ANY, TODAY) for text in texts]


def test_training_twice_gives_the_same_answers() -> None:
    again = InterpreterEngine(str(CONFIG), "", encoder=WordsEncoder())
    for text in ("hoe laat zijn jullie open", "my parcel is late", "iets heel anders"):
        assert again.interpret(text, None, ANY, TODAY) == plumbing().interpret(text, None, ANY, TODAY)


def test_without_the_model_the_way_out_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> WordsEncoder:
        raise ModelMissing("not there")

    monkeypatch.setattr(engine_module, "E5Encoder", missing)
    degraded = InterpreterEngine(str(CONFIG), "")
    assert degraded.is_degraded
    assert degraded.interpret("verbind me door", "nl", ANY, TODAY).wants_human
    assert degraded.interpret("ben je een robot", "nl", ANY, TODAY).asks_if_robot
    assert degraded.interpret("vijf drie acht twee een", "nl", ANY, TODAY).slots["order_number"] == "53821"
    assert degraded.interpret("hoe laat zijn jullie open", "nl", ANY, TODAY).intent is None


def test_vectors_of_training_phrases_are_kept_on_disk_and_callers_words_are_not(tmp_path: Path) -> None:
    first = WordsEncoder()
    cached = CachedEncoder(first, tmp_path)
    stored = cached.encode_stored(["Hoe laat?", "Waar?"])
    cached.encode(["mijn geheim"])
    second = WordsEncoder()
    again = CachedEncoder(second, tmp_path)
    assert np.allclose(again.encode_stored(["Waar?", "Hoe laat?"]), stored[::-1])
    assert second.asked == []
    assert all(b"geheim" not in file.read_bytes() for file in tmp_path.iterdir())


def test_a_torn_cache_only_costs_time(tmp_path: Path) -> None:
    CachedEncoder(WordsEncoder(), tmp_path).encode_stored(["een"])
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:40])
    encoder = WordsEncoder()
    assert CachedEncoder(encoder, tmp_path).encode_stored(["een"]).shape == (1, DIMENSIONS)
    assert encoder.asked == ["een"]


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert CachedEncoder(WordsEncoder(), blocked).encode_stored(["een", "twee"]).shape == (2, DIMENSIONS)


def test_callers_texts_are_embedded_once_while_they_are_remembered() -> None:
    encoder = WordsEncoder()
    cached = CachedEncoder(encoder)
    cached.encode(["Hallo!", "hallo"])
    cached.encode(["hallo"])
    assert encoder.asked == ["hallo"]


@pytest.mark.models
def test_unseen_paraphrases_reach_their_intent(real: InterpreterEngine) -> None:
    with (DATA / "intents_unseen.tsv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    found = [
        meaning.intent or "-" for meaning in real.interpret_many([row[1] for row in rows], None, ANY, TODAY)
    ]
    in_scope = [(row, got) for row, got in zip(rows, found, strict=True) if row[0] != "-"]
    right = sum(row[0] == got for row, got in in_scope)
    wrong = [(row, got) for row, got in in_scope if got not in {row[0], "-"}]
    assert right >= 0.85 * len(in_scope), [(row, got) for row, got in in_scope if row[0] != got]
    assert len(wrong) <= 0.05 * len(in_scope), wrong
    answered = [(row, got) for row, got in zip(rows, found, strict=True) if row[0] == "-" and got != "-"]
    assert len(answered) <= 1, answered


@pytest.mark.models
@pytest.mark.parametrize("name", ["human_request_dev.tsv", "human_request_held_out.tsv"])
def test_rules_and_vote_together_reach_the_target(real: InterpreterEngine, name: str) -> None:
    requests, others = labelled(name, "human")
    missed = [m.text for m in real.interpret_many(requests[:300], None, ANY, TODAY) if not m.wants_human]
    alarms = [m.text for m in real.interpret_many(others[:300], None, ANY, TODAY) if m.wants_human]
    assert len(missed) <= 0.02 * min(300, len(requests)), missed
    assert len(alarms) <= 0.02 * min(300, len(others)), alarms


@pytest.mark.models
def test_questions_of_others_are_told_from_ours_also_misheard(real: InterpreterEngine) -> None:
    others = [
        "verkopen jullie ook grasmaaiers",
        "hoeveel weegt een olifant",
        "do you sell washing machines",
        "wie is hier de directeur",
        "can I get a mortgage here",
    ]
    ours = [
        "waar is mijn bestelde ding",
        "mijn afspraak verzoeten",
        "ik ben mijn wacht word vergeten",
        "wat zijn die open tijden",
        "what are your opening ours",
        "where is my old her",
        "ik wil een medewerk spreken",
        "12345",
        "ja",
    ]
    found = real.interpret_many([*others, *ours], None, Expectation.ANYTHING, "2026-11-22")
    assert [each.is_out_of_scope for each in found] == [True] * len(others) + [False] * len(ours)
    assert all(each.intent is None for each in found if each.is_out_of_scope)


@pytest.mark.models
def test_a_turn_with_everything_in_it(real: InterpreterEngine) -> None:
    meaning = real.interpret(
        "kan ik mijn afspraak in Antwerpen van vrijdag naar volgende week dinsdag half drie verzetten",
        "nl",
        ANY,
        TODAY,
    )
    assert meaning.intent == "appointment_change"
    assert meaning.slots == {"branch": "antwerpen", "date": "2026-11-24", "time": "14:30"}
