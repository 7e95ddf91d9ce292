"""What callers say of themselves, and what only sounds like it."""

# ruff: noqa: E501 - lists of phrases

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.understanding.vulnerable import VULNERABLE_SIGNALS, vulnerable_signals

SAID = {
    "hearing": [
        "ik ben slechthorend", "ik ben een beetje slechthorend", "sorry, ik ben nogal slechthorend", "ik ben doof",
        "ik ben doof aan één oor", "wilt u langzamer praten want ik ben slechthorend", "ik heb een gehoorapparaat",
        "ik draag een hoortoestel", "ik hoor niet zo goed", "ik hoor slecht", "ik hoor niet goed meer",
        "mijn gehoor is niet zo goed meer", "omdat ik slechthorend ben", "slechthorend", "I am hard of hearing",
        "I'm deaf", "I'm a bit deaf", "I have a hearing aid", "I can't hear very well", "my hearing is not very good",
        "sorry, I'm hard of hearing, could you speak up", "I wear hearing aids", "ik kan niet goed horen",
        "we zijn allebei slechthorend", "u spreekt met een slechthorende",
    ],
    "sight": [
        "ik ben blind", "ik ben slechtziend", "I am visually impaired", "I'm blind", "mijn ogen zijn slecht",
        "ik zie heel slecht", "I can't see very well", "my eyesight is poor",
    ],
    "speech": [
        "ik stotter", "ik heb afasie", "I have a stutter", "I stutter", "ik heb een spraakgebrek",
        "ik kan moeilijk praten", "ik heb moeite met praten", "I have trouble speaking",
    ],
    "understanding": [
        "ik begrijp dit niet goed", "ik begrijp het niet", "ik begrijp het niet zo goed", "ik begrijp er niets van",
        "ik snap er niks van", "ik snap het niet", "ik kan het niet volgen", "ik kan u niet volgen",
        "I don't understand this very well", "I don't understand", "I can't follow this", "I don't get it",
        "this is too complicated for me", "dit is te moeilijk voor mij", "dat is mij te ingewikkeld",
        "ik ben in de war", "I'm confused", "het is te ingewikkeld voor me", "ik heb een verstandelijke beperking",
        "ik heb autisme", "sorry ik snap dit niet helemaal", "I have a learning disability",
        "I don't really understand it",
    ],
    "reading": [
        "ik kan niet lezen", "ik kan niet zo goed lezen en schrijven", "ik ben laaggeletterd", "I can't read very well",
        "ik heb dyslexie", "I am dyslexic", "ik heb moeite met lezen",
    ],
    "memory": [
        "ik heb dementie", "I have dementia", "ik vergeet alles", "I forget everything", "mijn geheugen is slecht",
        "mijn geheugen is niet meer zo goed", "I have memory problems",
    ],
    "language": [
        "mijn Nederlands is niet zo goed", "mijn Nederlands is slecht", "my English is not very good",
        "ik spreek niet goed Nederlands", "ik spreek slecht Nederlands", "I don't speak Dutch very well",
        "ik spreek maar weinig Nederlands",
    ],
    "computer": [
        "ik ben niet handig met computers", "ik heb geen computer", "ik heb geen internet",
        "I'm not good with computers", "I don't have a computer", "I don't have internet",
    ],
}  # fmt: skip

NOT_SAID = [
    # other people
    "mijn moeder is slechthorend", "mijn man is doof", "my father is hard of hearing", "mijn dochter stottert",
    "hij begrijpt het niet", "you don't understand", "je begrijpt me niet", "u begrijpt mij niet goed",
    "is de monteur soms blind", "my son is autistic",
    # denied or imagined
    "ik ben niet doof", "I'm not deaf", "ik ben toch niet blind", "als ik doof was", "ik ben niet in de war",
    # the line, not the caller
    "ik hoor u niet", "ik hoor u slecht", "ik kan u niet goed horen", "I can't hear you", "ik hoor niets",
    # something else altogether
    "ik begrijp dat de winkel dicht is", "ik begrijp niet waarom mijn bestelling zo lang duurt",
    "I don't understand why my order is late", "ik snap niet wanneer hij wordt geleverd", "ik snap het",
    "I understand", "ik begrijp het", "ik wil een computer kopen", "ik heb een nieuwe computer", "hebben jullie een blinddoek",
    "ik zie geen bestelling in mijn account", "ik kan de factuur niet lezen", "I can't read the invoice",
    "I read that you close early", "ik kan niet inloggen", "ik vergeet mijn wachtwoord steeds", "I forgot my password",
    "ik ben mijn wachtwoord vergeten", "in English please", "kunnen we Engels praten", "ik spreek Nederlands",
    "do you speak Dutch", "de deur is moeilijk te openen", "ik wil graag iemand spreken", "ik heb een klacht",
    "het is moeilijk om jullie te bereiken", "that is too expensive", "hoor ik nog van jullie", "ik hoor het graag",
    "I look forward to hearing from you", "mijn zoon hoort dat graag", "ik volg mijn pakket",
    "I want to follow my order", "een blinde muur", "hoe laat zijn jullie open", "where is my order", "", "12345",
    "ik zie het wel", "ik zie u dinsdag", "ik kan dinsdag niet", "my bike has a bad brake", "ik heb problemen met mijn fiets",
    "I have trouble with my brakes", "ik heb geen afspraak", "volgende week", "ik heb er niets over gehoord",
]  # fmt: skip


@pytest.mark.parametrize(("signal", "text"), [(s, t) for s, texts in SAID.items() for t in texts])
def test_what_callers_say_of_themselves(signal: str, text: str) -> None:
    assert vulnerable_signals(text) == {signal}


@pytest.mark.parametrize("text", NOT_SAID)
def test_what_only_sounds_like_it(text: str) -> None:
    assert vulnerable_signals(text) == frozenset()


def test_several_at_once_and_in_a_longer_turn() -> None:
    said = "goedemiddag, u spreekt met Jansen, ik ben slechthorend en ik begrijp dit niet goed, waar is mijn fiets"
    assert vulnerable_signals(said) == {"hearing", "understanding"}


@given(st.text(max_size=300))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    assert vulnerable_signals(text) <= set(VULNERABLE_SIGNALS)
