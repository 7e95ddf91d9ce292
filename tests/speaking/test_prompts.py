from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.errors import ConfigError
from voicebot.events import LANGUAGES
from voicebot.speaking.prompts import PromptBook
from voicebot.speaking.spoken_text import spoken

NL = """# teksten
disclosure: "U spreekt met de digitale assistent van {organisation}."
goodbye:
  - "Tot ziens."
  - "Dag!"
status: ["Bestelling {number} is {state}.", "{state}: bestelling {number}."]
"""
EN = """disclosure: "You are speaking to the automated assistant of {organisation}."
goodbye: ["Goodbye."]
status: "Order {number} is {state}."
"""


def write(folder: Path, nl: str = NL, en: str = EN, **variants: str) -> Path:
    (folder / "nl.yaml").write_text(nl, encoding="utf-8")
    (folder / "en.yaml").write_text(en, encoding="utf-8")
    for name, text in variants.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def failure(folder: Path, used: frozenset[str] | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        PromptBook.load(folder, used)
    return caught.value


def test_prompts_are_rendered(tmp_path: Path) -> None:
    book = PromptBook.load(write(tmp_path), frozenset({"disclosure", "goodbye", "status"}))
    assert book.ids == {"disclosure", "goodbye", "status"}
    assert [book.render("goodbye", "nl", n) for n in range(3)] == ["Tot ziens.", "Dag!", "Tot ziens."]
    assert book.render("status", "en", 5, {"number": "1", "state": "ready"}) == "Order 1 is ready."
    assert book.variants("goodbye", "nl") == 2
    assert book.placeholders("status") == {"number", "state"}
    assert book.is_fixed("goodbye", "en")
    assert not book.is_fixed("status", "en")
    assert book.fixed_texts("nl") == ["Tot ziens.", "Dag!"]


def test_values_are_plain_text(tmp_path: Path) -> None:
    book = PromptBook.load(write(tmp_path))
    said = book.render("disclosure", "nl", 0, {"organisation": "{number} {0.__class__}"})
    assert said == "U spreekt met de digitale assistent van {number} {0.__class__}."


def test_missing_value_and_unknown_id_are_key_errors(tmp_path: Path) -> None:
    book = PromptBook.load(write(tmp_path))
    with pytest.raises(KeyError):
        book.render("disclosure", "nl")
    with pytest.raises(KeyError):
        book.render("nothing", "nl")


def test_version_follows_the_text(tmp_path: Path) -> None:
    before = PromptBook.load(write(tmp_path))
    after = PromptBook.load(write(tmp_path, NL.replace("digitale", "automatische")))
    assert before.version("disclosure", "nl") != after.version("disclosure", "nl")
    assert before.version("goodbye", "nl") == after.version("goodbye", "nl")
    assert before.version("disclosure", "nl") != before.version("disclosure", "en")
    assert len(before.version("disclosure", "nl")) == 12


def test_flemish_overrides_apply_to_flemish_lines_only(tmp_path: Path) -> None:
    book = PromptBook.load(write(tmp_path, **{"nl-BE": 'goodbye: "Daag, nog een fijne dag."\n'}))
    assert book.render("goodbye", "nl", line_variant="nl-BE") == "Daag, nog een fijne dag."
    assert book.render("goodbye", "nl") == "Tot ziens."
    assert book.render("goodbye", "en", line_variant="nl-BE") == "Goodbye."
    assert book.version("goodbye", "nl", "nl-BE") != book.version("goodbye", "nl")
    assert book.fixed_texts("nl", "nl-BE") == ["Daag, nog een fijne dag."]


@pytest.mark.parametrize(
    ("nl", "file", "line", "field", "word"),
    [
        (NL + 'extra: "Ja."\n', "nl.yaml", 7, "extra", "en.yaml"),
        (NL.replace("goodbye:\n", "good_bye:\n"), "nl.yaml", 3, "good_bye", "en.yaml"),
        (NL.replace('"{state}: bestelling {number}."', '"{state}."'), "nl.yaml", 6, "status", "{number}"),
        (NL.replace("{organisation}", "{name}"), "en.yaml", 1, "disclosure", "{name}"),
        (NL.replace('"Dag!"', '""'), "nl.yaml", 5, "goodbye", "empty"),
        (NL.replace('"Dag!"', "12"), "nl.yaml", 5, "goodbye", "text"),
        (NL.replace('"Dag!"', "[a]"), "nl.yaml", 5, "goodbye", "text"),
        (NL.replace('"Dag!"', '"Dag {!"'), "nl.yaml", 5, "goodbye", "{"),
        (NL.replace('"Dag!"', '"Dag {0}"'), "nl.yaml", 5, "goodbye", "plain name"),
        (NL.replace('"Dag!"', '"Dag {a.b}"'), "nl.yaml", 5, "goodbye", "plain name"),
        (NL + 'goodbye: "Dag."\n', "nl.yaml", 7, "goodbye", "twice"),
        (NL + "later: []\n", "nl.yaml", 7, "later", "no wording"),
        (NL + "12: Ja\n", "nl.yaml", 7, "12", "word"),
        (NL + 'oops: "open\n', "nl.yaml", 8, "", ""),
        ("- a\n", "nl.yaml", 1, "", "no prompts"),
        ("", "nl.yaml", None, "", "no prompts"),
    ],
)
def test_mistakes_name_file_line_field_and_mend(
    tmp_path: Path, nl: str, file: str, line: int | None, field: str, word: str
) -> None:
    error = failure(write(tmp_path, nl))
    assert error.file is not None
    assert (error.file.name, error.line, error.field) == (file, line, field)
    assert word in str(error)
    assert error.mend


def test_ids_that_nothing_says_and_missing_ones(tmp_path: Path) -> None:
    folder = write(tmp_path)
    unknown = failure(folder, frozenset({"disclosure", "goodbye"}))
    assert (unknown.field, unknown.line) == ("status", 6)
    missing = failure(folder, frozenset({"disclosure", "goodbye", "status", "hello"}))
    assert missing.field == "hello"


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("nl-BE", 'goedendag: "Dag."\n', "does not exist"),
        ("nl-BE", 'goodbye: "Dag {who}."\n', "{who}"),
        ("fr", 'goodbye: "Au revoir."\n', "not a language"),
    ],
)
def test_wrong_variants(tmp_path: Path, name: str, text: str, word: str) -> None:
    error = failure(write(tmp_path, **{name: text}))
    assert error.file is not None
    assert error.file.name == f"{name}.yaml"
    assert word in error.problem


def test_absent_or_binary_files(tmp_path: Path) -> None:
    assert failure(tmp_path).mend
    write(tmp_path)
    (tmp_path / "nl.yaml").write_bytes(b"\xff\xfe\x00")
    assert failure(tmp_path).file == tmp_path / "nl.yaml"


def test_shipped_prompts_load_and_can_be_said() -> None:
    book = PromptBook.load(Path(__file__).parents[2] / "config" / "prompts")
    for language in LANGUAGES:
        texts = book.fixed_texts(language)
        assert texts
        assert all(spoken(text, language) for text in texts)
