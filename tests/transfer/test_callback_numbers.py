"""Which numbers may be called back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import TransferRefused
from voicebot.transfer.callback_numbers import CallbackNumbers, number_in

NUMBERS = CallbackNumbers("sip.example.org")


@pytest.mark.parametrize(
    ("contact", "e164"),
    [
        ("0301234567", "+31301234567"),
        ("030-123 45 67", "+31301234567"),
        ("0031301234567", "+31301234567"),
        ("+31612345678", "+31612345678"),
        ("+3232345678", "+3232345678"),
        ("088-1234567", "+31881234567"),  # a company's
        ("032345678", "+3232345678"),  # nine digits: Belgian
        ("0032470123456", "+32470123456"),
    ],
)
def test_ordinary_numbers_are_dialled_through_the_trunk(contact: str, e164: str) -> None:
    assert NUMBERS.uri(contact) == f"sip:{e164}@sip.example.org"


@pytest.mark.parametrize(
    ("contact", "why"),
    [
        ("", "no_number"),
        ("anonymous", "no_number"),
        ("100", "no_number"),
        ("112", "no_number"),
        ("0900-8844", "costly"),
        ("0909 123 456", "costly"),
        ("14030", "costly"),
        ("+32902123 45", "costly"),
        ("+3278151515", "costly"),  # 078: one rate for all, not an ordinary line
        ("+441632960961", "no_number"),  # a number for films: valid nowhere
        ("+442079460958", "foreign"),
        ("0049301234567", "foreign"),
        ("0301234567;phone-context=x", "no_number"),
        ("0301234567@evil.example", "no_number"),
        ("sip:0301234567@evil.example", "no_number"),
        ("0301234567\r\nX: y", "no_number"),
        ("0" * 60, "no_number"),
        ("٠٣٠١٢٣٤٥٦٧", "no_number"),
    ],
)
def test_others_are_refused_with_a_word(contact: str, why: str) -> None:
    with pytest.raises(TransferRefused) as caught:
        NUMBERS.uri(contact)
    assert str(caught.value) == why


def test_region_exceptions_and_no_trunk() -> None:
    assert CallbackNumbers("h", region="BE").uri("0475123456") == "sip:+32475123456@h"
    assert CallbackNumbers("h", region="NL").uri("0475123456") == "sip:+31475123456@h"
    listed = CallbackNumbers("h", exceptions=["+442079460958"])
    assert listed.uri("+44 20 7946 0958") == "sip:+442079460958@h"
    with pytest.raises(TransferRefused, match="foreign"):
        listed.uri("+442079460959")
    with pytest.raises(TransferRefused, match="no_trunk"):
        CallbackNumbers("").uri("0301234567")


@given(st.one_of(st.text(max_size=30), st.from_regex(r"(\+|00)?[0-9 ()./-]{3,22}", fullmatch=True)))
def test_whatever_comes_only_dutch_and_belgian_digits_reach_the_address(contact: str) -> None:
    uri, why = "", ""
    try:
        uri = NUMBERS.uri(contact)
    except TransferRefused as refused:
        why = str(refused)
    is_home = re.fullmatch(r"sip:\+3[12][0-9]{7,9}@sip\.example\.org", uri, re.ASCII)
    assert is_home or why in {"no_number", "foreign", "costly"}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Mijn ketting ligt eraf, bel me op 06-12345678 na vijven.", "+31612345678"),
        ("Bel mij terug op nul drie nul 1234567", ""),
        ("Ik woon in Antwerpen, 03 234 56 78, bestelling 53821.", "+3232345678"),
        ("Bestelling 53821 van 24 november", ""),
        ("", ""),
    ],
)
def test_a_number_named_in_a_message_is_found(text: str, number: str) -> None:
    assert number_in(text) == number
