"""Intent files and approved answers: what is read, and what an operator is told when a file is wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.understanding.phrases import CONFIG
from voicebot.dialogue import intent_names
from voicebot.errors import ConfigError
from voicebot.understanding.intent_files import OUT_OF_SCOPE, load_intents
from voicebot.understanding.knowledge import load_knowledge
from voicebot.understanding.slots import find_slots

ARTICLE = """---
id: faq_test
valid_from: 2026-01-01
valid_until: 2026-12-31
source: a page
questions:
  nl: [is dit een test]
spoken:
  nl: Ja, dit is
    een test.
  nl-BE: Ja zeker, een test.
  en: Yes, a test.
---
Notes for editors.
"""


def test_the_shipped_intents_cover_what_the_dialogue_acts_on() -> None:
    ids = {file.id for file in load_intents(CONFIG / "intents")}
    acted_on = {
        value for name, value in vars(intent_names).items() if name.isupper() and isinstance(value, str)
    }
    assert acted_on | {"order_status", "password_reset", "appointment_change", OUT_OF_SCOPE} <= ids
    assert all(
        {"nl", "en"} <= {e.variant for e in file.examples} for file in load_intents(CONFIG / "intents")
    )


def test_the_shipped_answers_exist_in_both_languages_and_are_speakable_text() -> None:
    knowledge = load_knowledge(CONFIG / "knowledge")
    assert len(knowledge.articles) >= 6
    for article in knowledge.articles.values():
        assert article.valid_until > article.valid_from
        assert {"nl", "en"} <= set(article.spoken)
        assert not any(mark in text for text in article.spoken.values() for mark in "#*_<>[]{}")


def test_no_phrase_is_taught_twice_for_different_intents() -> None:
    taught: dict[str, str] = {}
    for file in load_intents(CONFIG / "intents"):
        for example in file.examples:
            assert taught.setdefault(example.text.casefold(), file.id) == file.id, example.text


def _write(folder: Path, text: str, name: str = "thing.yaml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "line", "field", "mend"),
    [
        ("id: a_thing\ndescription: x\nexamples:\n  nl: [a]\n de: [b]\n", 5, "", "indentation"),
        ("id: a_thing\ndescription: x\nexamples:\n  nl: [a]\n  de: [b]\n", 5, "examples.de", "nl, nl-BE, en"),
        ("id: a_thing\ndescription: x\nexamples:\n  nl: [ja, yes]\n", 4, "examples.nl[1]", "quotes"),
        ("id: a_thing\ndescription: x\nexamples:\n  nl: iets\n", 4, "examples.nl", "one phrase per line"),
        ("id: A Thing\ndescription: x\nexamples:\n  nl: [a]\n", 1, "id", "lower-case"),
        ("id: a_thing\nexamples:\n  nl: [a]\n", 1, "description", "add 'description"),
        ("id: a_thing\ndescription: x\nsamples:\n  nl: [a]\n", 3, "samples", "use only"),
        ("id: a_thing\ndescription: x\n", None, "examples", "lists under"),
        ("- a\n", 1, "", "write 'id:'"),
    ],
)
def test_a_wrong_intent_file_names_line_field_and_mend(
    tmp_path: Path, text: str, line: int | None, field: str, mend: str
) -> None:
    file = _write(tmp_path, text)
    with pytest.raises(ConfigError) as raised:
        load_intents(tmp_path)
    error = raised.value
    assert (error.file, error.line, error.field) == (file, line, field)
    assert mend in error.mend


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no intents"):
        load_intents(tmp_path)


def test_an_answer_is_spoken_in_its_variant_while_it_is_valid(tmp_path: Path) -> None:
    _write(tmp_path, ARTICLE, "a.md")
    knowledge = load_knowledge(tmp_path)
    assert knowledge.answer("faq_test", "nl", "", date(2026, 6, 1)) == "Ja, dit is een test."
    assert knowledge.answer("faq_test", "nl", "nl-BE", date(2026, 6, 1)) == "Ja zeker, een test."
    assert knowledge.answer("faq_test", "en", "nl-BE", date(2026, 6, 1)) in {
        "Yes, a test.",
        "Ja zeker, een test.",
    }
    assert knowledge.answer("faq_test", "en", "", date(2026, 12, 31)) == "Yes, a test."


def test_expired_future_and_unknown_answers_are_not_spoken(tmp_path: Path) -> None:
    _write(tmp_path, ARTICLE, "a.md")
    knowledge = load_knowledge(tmp_path)
    assert knowledge.answer("faq_test", "nl", "", date(2027, 1, 1)) is None
    assert knowledge.answer("faq_test", "nl", "", date(2025, 12, 31)) is None
    assert knowledge.answer("faq_other", "nl", "", date(2026, 6, 1)) is None


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("valid_until: 2026-12-31", "valid_until: soon", 4, "valid_until"),
        ("valid_until: 2026-12-31", "valid_until: 2025-12-31", 4, "valid_until"),
        ("  en: Yes, a test.\n", "", 8, "spoken.en"),
        ("source: a page\n", "", 1, "source"),
        ("source: a page", "bron: a page", 5, "bron"),
    ],
)
def test_a_wrong_article_names_line_and_field(
    tmp_path: Path, old: str, new: str, line: int, field: str
) -> None:
    file = _write(tmp_path, ARTICLE.replace(old, new), "a.md")
    with pytest.raises(ConfigError) as raised:
        load_knowledge(tmp_path)
    assert (raised.value.file, raised.value.line, raised.value.field) == (file, line, field)


def test_an_article_without_front_matter_or_with_a_used_id_is_refused(tmp_path: Path) -> None:
    _write(tmp_path, "just text", "a.md")
    with pytest.raises(ConfigError, match="front matter"):
        load_knowledge(tmp_path)
    _write(tmp_path, ARTICLE, "a.md")
    _write(tmp_path, ARTICLE, "b.md")
    with pytest.raises(ConfigError, match="twice"):
        load_knowledge(tmp_path)


def test_branches_of_the_slots_are_those_of_the_opening_hours() -> None:
    import yaml

    branches = yaml.safe_load((CONFIG / "opening_hours.yaml").read_text(encoding="utf-8"))["branches"]
    for branch in branches:
        assert find_slots(f"in {branch}", "nl", "anything", date(2026, 1, 1))["branch"] == branch  # type: ignore[arg-type]
