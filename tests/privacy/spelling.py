"""Ways in which people say and recognisers write a number; independent of the code under test."""

from __future__ import annotations

import re

from hypothesis import strategies as st
from num2words import num2words

FILLERS = ("", "", "", " eh", " en", " en dan", " streepje", " um")
_NUMBER_WORDS = {
    word
    for number in range(100)
    for language in ("nl", "en")
    for word in re.split(r"[\s-]+", num2words(number, lang=language))
} - {"en", "and"} | {"dubbel", "double", "tripel", "triple", "oh", "één"}


def has_number(text: str) -> bool:
    """Whether a digit or a number word stands in the text, outside labels."""
    plain = re.sub(r"\[[a-z-]+\]", " ", text.lower())
    return any(word in _NUMBER_WORDS or word.isdigit() for word in re.findall(r"[^\W\d_]+|\d+", plain))


@st.composite
def spoken(draw: st.DrawFn, digits: str) -> str:
    """One language, digit by digit, in pairs, with doubles and fillers."""
    language = draw(st.sampled_from(["nl", "en"]))
    double, triple = ("dubbel", "tripel") if language == "nl" else ("double", "triple")
    said: list[str] = []
    place = 0
    while place < len(digits):
        rest = digits[place:]
        choices = ["one"]
        if len(rest) >= 2 and rest[0] == rest[1]:
            choices.append("double")
        if len(rest) >= 3 and len(set(rest[:3])) == 1:
            choices.append("triple")
        if len(rest) >= 2 and rest[0] != "0" and not (said and said[-1].endswith("ty") and rest[0] != "0"):
            choices.append("pair")
        choice = draw(st.sampled_from(choices))
        size = {"one": 1, "double": 2, "triple": 3, "pair": 2}[choice]
        word = num2words(int(rest[0]), lang=language)
        if choice == "double":
            word = f"{double} {word}"
        elif choice == "triple":
            word = f"{triple} {word}"
        elif choice == "pair":
            word = num2words(int(rest[:2]), lang=language)
        if choice == "one" and said and said[-1].endswith("ty"):
            word = f"en {word}" if language == "nl" else f"and {word}"  # 'twenty one' would be 21
        said.append(word)
        place += size
    return "".join(word + draw(st.sampled_from(FILLERS)) + " " for word in said).strip()


@st.composite
def grouped(draw: st.DrawFn, digits: str) -> str:
    """Figures in groups, with one kind of separator."""
    separator = draw(st.sampled_from(["", " ", "-", ".", " - ", "/", ", "]))
    sizes = st.integers(1, 4) if separator == ", " else st.integers(1, 6)
    groups: list[str] = []
    place = 0
    while place < len(digits):
        size = draw(sizes)
        groups.append(digits[place : place + size])
        place += size
    return separator.join(groups)


def spelled(digits: str) -> st.SearchStrategy[str]:
    """Any way to say or write digits."""
    return spoken(digits) | grouped(digits)
