"""Dutch and Flemish number words -> digits: 'drieënvijftig', 'dubbel zes', 'vijfendertighonderd', 'twie'."""

from __future__ import annotations

from voicebot.understanding.number_words import NumberWords, write_digits
from voicebot.understanding.tagging import fold

_UNITS = ["nul", "een", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen"]
_TEENS = [
    "tien",
    "elf",
    "twaalf",
    "dertien",
    "veertien",
    "vijftien",
    "zestien",
    "zeventien",
    "achttien",
    "negentien",
]
_TENS = ["twintig", "dertig", "veertig", "vijftig", "zestig", "zeventig", "tachtig", "negentig"]
_DIALECT = {
    "twie": 2, "twe": 2, "drij": 3, "viere": 4, "vijve": 5, "vijv": 5, "zesse": 6, "zeuven": 7, "zeve": 7,
    "achte": 8, "nege": 9, "neuge": 9, "tiene": 10, "ellef": 11, "twaalef": 12, "tuchtig": 80, "zero": 0,
}  # fmt: skip


def _below_hundred() -> dict[str, int]:
    words = {word: value for value, word in enumerate(_UNITS + _TEENS)} | _DIALECT
    for step, tens in enumerate(_TENS, start=2):
        words[tens] = step * 10
        for unit in range(1, 10):
            words[f"{_UNITS[unit]}en{tens}"] = step * 10 + unit
            words[f"{_UNITS[unit]}n{tens}"] = step * 10 + unit  # 'drientwintig', as it is often transcribed
    del words["een"]  # an article unless it stands next to a number
    return words


WORDS = NumberWords(
    below_hundred=_below_hundred(),
    tens_then_unit=False,
    hundred=frozenset({"honderd"}),
    thousand=frozenset({"duizend"}),
    joiner="en",
    repeats={
        "dubbel": 2,
        "dubbele": 2,
        "tweemaal": 2,
        "driedubbel": 3,
        "driedubbele": 3,
        "driemaal": 3,
        "tripel": 3,
    },
    times=frozenset({"keer", "maal", "x"}),
    only_between={"een": 1, "ene": 1, "eentje": 1},
)
_ORDINALS = {
    "eerste": 1, "derde": 3, "achtste": 8,
    **{f"{w}de": n for n, w in enumerate(_UNITS) if n in {2, 4, 5, 6, 7, 9}},
    **{f"{w}de": n for n, w in enumerate(_TEENS, start=10)},
    **{f"{w}ste": n for w, n in _below_hundred().items() if 20 <= n <= 31}, "elfde": 11, "twaalfde": 12,
}  # fmt: skip


def digits_written(text: str) -> str:
    """Return the text in lower case without accents, its number words as digits, ordinals as '24e'."""
    folded = " ".join(f"{_ORDINALS[word]}e" if word in _ORDINALS else word for word in fold(text).split(" "))
    for tens in _TENS:  # the article rule would lose the one
        folded = folded.replace(f"een en {tens}", f"eenen{tens}")
    return write_digits(folded, WORDS)
