from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.events import Language
from voicebot.speaking.spoken_sentences import quick_start, sentences
from voicebot.speaking.spoken_text import spoken


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Hallo. Dag!  Tot ziens?", "nl", ["Hallo.", "Dag!", "Tot ziens?"]),
        ("Dat kost 12.50 euro. Oké.", "nl", ["Dat kost 12.50 euro.", "Oké."]),
        ("Vraag dhr. J. de Vries. Hij is er.", "nl", ["Vraag dhr. J. de Vries.", "Hij is er."]),
        ("Bijv. morgen, d.w.z. dinsdag. Goed?", "nl", ["Bijv. morgen, d.w.z. dinsdag.", "Goed?"]),
        ("Ask Dr. Smith, e.g. today. Fine.", "en", ["Ask Dr. Smith, e.g. today.", "Fine."]),
        ("Op 24 nov. om negen uur.", "nl", ["Op 24 nov. om negen uur."]),
        ('Hij zei "ja." Toen niets.', "nl", ['Hij zei "ja."', "Toen niets."]),
        ("zonder einde", "nl", ["zonder einde"]),
        ("  ", "nl", []),
    ],
)
def test_sentences(text: str, language: Language, expected: list[str]) -> None:
    assert sentences(text, language) == expected


@given(st.text(), st.sampled_from(["nl", "en"]))
def test_nothing_but_white_space_is_lost(text: str, language: Language) -> None:
    assert "".join("".join(sentences(text, language)).split()) == "".join(text.split())


@pytest.mark.parametrize("text", ["Om 9 uur. 3 fietsen. Klaar.", "Bel 030-1234567. 21% korting. Dag."])
def test_normalised_text_splits_where_the_written_one_does(text: str) -> None:
    assert len(sentences(spoken(text, "nl"), "nl")) == 3


def test_long_sentence_starts_early() -> None:
    long = "We zijn open van negen tot vijf uur, op maandag tot vrijdag, en op zaterdag van tien tot vier."
    first, rest = quick_start(long)
    assert first == "We zijn open van negen tot vijf uur,"
    assert f"{first} {rest}" == long
    assert quick_start("Kort, maar goed.") == ["Kort, maar goed."]
    assert quick_start("x" * 200) == ["x" * 200]
