from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from text_to_num import text2num

from voicebot.events import Language
from voicebot.speaking.spoken_codes import code, phone
from voicebot.speaking.spoken_dates import clock
from voicebot.speaking.spoken_numbers import cardinal, digit_groups, digits, number, ordinal, year
from voicebot.speaking.spoken_text import LONGEST, spoken

languages = st.sampled_from(["nl", "en"])

DUTCH = [
    ("Om 14:30.", "Om veertien uur dertig."),
    ("Om 9.00 uur open.", "Om negen uur open."),
    ("van 9:00-17.30 uur", "Van negen uur tot zeventien uur dertig"),
    ("Om 9 uur. Tot dan.", "Om negen uur. Tot dan."),
    ("14u30 of 9u", "Veertien uur dertig of negen uur"),
    ("op 24-11-2026", "Op vierentwintig november tweeduizend zesentwintig"),
    ("op 2026-11-24", "Op vierentwintig november tweeduizend zesentwintig"),
    ("di 24 nov. om 9:05", "Dinsdag vierentwintig november om negen uur vijf"),
    ("op 24-11", "Op vierentwintig november"),
    ("Op 24 november. Tot dan.", "Op vierentwintig november. Tot dan."),
    ("ma-vr en za 10-16 uur", "Maandag tot en met vrijdag en zaterdag tien tot zestien uur"),
    ("Dat kost € 12,50.", "Dat kost twaalf euro en vijftig cent."),
    ("EUR 1.299,00", "Duizendtweehonderdnegenennegentig euro"),
    ("€ 1.299", "Duizendtweehonderdnegenennegentig euro"),
    ("€ 5,- of 0,50 euro", "Vijf euro of vijftig cent"),
    ("€ 1,01", "Één euro en één cent"),
    ("-€ 3", "Min drie euro"),
    ("€ 1,5 miljoen", "Één komma vijf miljoen euro"),
    ("£ 3,05", "Drie pond en vijf pence"),
    ("21% of 2,5 %", "Eenentwintig procent of twee komma vijf procent"),
    ("Bel 030 - 123 45 67.", "Bel nul drie nul, één twee drie, vier vijf, zes zeven."),
    ("tel. 0800-1234", "Telefoon nul acht nul nul, één twee drie vier"),
    ("0301234567", "Nul drie nul, één twee drie, vier vijf zes zeven"),
    ("+31 30 1234567", "Plus drie één, drie nul, één twee drie, vier vijf, zes zeven"),
    ("3511 AB Utrecht", "Drie vijf één één, A B Utrecht"),
    ("bestelling 12345", "Bestelling één twee drie, vier vijf"),
    ("#2024-00123", "Nummer twee nul twee vier, nul nul één, twee drie"),
    ("order AB-1234", "Order A B, één twee drie vier"),
    ("nr. 5", "Nummer vijf"),
    ("klantnr. 10023", "Klantnummer één nul nul, twee drie"),
    ("06-12345678", "Nul zes, één twee, drie vier, vijf zes, zeven acht"),
    ("10u-18u, 's avonds", "Tien uur tot achttien uur, 's avonds"),
    ("Oudegracht 112-bis en 12B", "Oudegracht honderdtwaalf-bis en twaalf B"),
    ("2x, 3 x 4 = 12", "Twee keer, drie keer vier is twaalf"),
    ("versie 2.0.1", "Versie twee punt nul punt één"),
    ("NL91 ABNA 0417 1643 00", "N L, negen één, A B N A, nul vier één zeven, één zes vier drie, nul nul"),
    ("de 1e, 2de en 21ste", "De eerste, tweede en eenentwintigste"),
    ("3-5 dagen", "Drie tot vijf dagen"),
    ("1.500 fietsen", "Duizendvijfhonderd fietsen"),
    ("-3 °C, 28''", "Min drie graden Celsius, achtentwintig inch"),
    ("1 min of 5 min.", "Één minuut of vijf minuten."),
    ("sinds 1999", "Sinds negentienhonderd negenennegentig"),
    ("bijv. morgen a.u.b. Dag.", "Bijvoorbeeld morgen alstublieft. Dag."),
    ("B.V. of b.v. zo", "B V of bijvoorbeeld zo"),
    ("info@example.nl", "Info apenstaartje example punt nl"),
    ("https://www.example.nl/hulp", "W W W punt example punt nl schuine streep hulp"),
    ("Druk op 1 of *.", "Druk op één of sterretje."),
    ("**Let op** <b>nu</b> 😀 [hier](http://x.nl)", "Let op nu hier"),
    ("½ uur, 1½ uur", "Een half uur, één en een half uur"),
    ("24/7", "Vierentwintig zeven"),
    ("Jan & Piet (broers)", "Jan en Piet, broers"),
    ("t/m 31 dec", "Tot en met eenendertig december"),
]
ENGLISH = [
    ("At 2:30 pm.", "At two thirty in the afternoon."),
    ("At 9:00-17:00", "At nine o'clock in the morning to five o'clock in the afternoon"),
    ("at 9 a.m. We open.", "At nine o'clock in the morning. We open."),
    ("12:00, 00:00 and 12:30 am", "Twelve noon, midnight and twelve thirty at night"),
    ("9:05 in the evening", "Nine oh five in the evening"),
    ("on 24-11-2026", "On the twenty-fourth of November twenty twenty-six"),
    ("Tue 24 November 2026", "Tuesday the twenty-fourth of November twenty twenty-six"),
    ("on the 3rd of May", "On the third of May"),
    ("May 3, 2005", "The third of May two thousand and five"),
    ("Mon-Fri. Bye.", "Monday to Friday. Bye."),
    ("€12.50", "Twelve euros and fifty cents"),
    ("£1,299.01", "One thousand two hundred and ninety-nine pounds and one penny"),
    ("$0.99", "Ninety-nine cents"),
    ("order #A1234", "Order number Ay, one two three four"),
    ("3-5 days, e.g. 1 km", "Three to five days, for example one kilometre"),
    ("1,500.5", "One thousand five hundred point five"),
    ("the 22nd", "The twenty-second"),
    ("since 2010, in 1900", "Since twenty ten, in nineteen hundred"),
    ("mail info@example.com.", "Mail info at example dot com."),
    ("Dr. Smith @ 10", "Doctor Smith at ten"),
]


@pytest.mark.parametrize(("written", "said"), DUTCH)
def test_dutch(written: str, said: str) -> None:
    assert spoken(written, "nl") == said


@pytest.mark.parametrize(("written", "said"), ENGLISH)
def test_english(written: str, said: str) -> None:
    assert spoken(written, "en") == said


def test_flemish_numbers_are_grouped_as_in_belgium() -> None:
    assert spoken("0470123456", "nl", "nl-BE") == "Nul vier zeven nul, één twee, drie vier, vijf zes"
    assert spoken("0470123456", "nl", "nl-BE") != spoken("0470123456", "nl")


ALPHABET = st.sampled_from(
    list("0123456789 .,:;-/€£$%#@&*+()[]<>'\"°²½ABZabuhmest\n\t\x00\x1f😀éß١९Ⅳﬁж中'’–—_~`|")
)
PIECES = st.sampled_from(
    [w for w, _ in DUTCH + ENGLISH]
    + [
        " ",
        ". ",
        "uur",
        "a.m.",
        "nov",
        "tot",
        "&amp;",
        "<b>",
        "31-02-2026",
        "t/m",
        "12.30.45",
        "1e",
        "www.",
        "x@y.nl",
    ]
)


@given(
    st.one_of(st.text(), st.text(ALPHABET), st.lists(PIECES).map("".join)),
    languages,
    st.sampled_from(["", "nl-BE"]),
)
@settings(max_examples=200)
def test_output_is_clean_and_stable(text: str, language: Language, variant: str) -> None:
    said = spoken(text, language, variant)
    assert not [c for c in said if c.isnumeric() or not (c.isalpha() or c in " .,?!;:'-")]
    assert "  " not in said
    assert said == said.strip()
    assert spoken(said, language, variant) == said


@given(st.integers(0, 10**9), languages)
@settings(deadline=None)
def test_cardinals_can_be_read_back(value: int, language: Language) -> None:
    assert text2num(cardinal(value, language), language) == value


@given(st.integers(1000, 2999))
def test_dutch_years_can_be_read_back(value: int) -> None:
    assert text2num(year(value, "nl"), "nl") == value


@given(st.integers(0, 99_999), languages)
@settings(deadline=None)
def test_a_number_in_a_sentence_can_be_read_back(value: int, language: Language) -> None:
    words = re.sub(
        r"^(We hebben|We have) | (stuks|pieces)$",
        "",
        spoken(f"We hebben {value} stuks" if language == "nl" else f"We have {value} pieces", language),
    )
    assert text2num(words, language) == value


@given(st.text("0123456789", min_size=1, max_size=20), languages)
def test_digits_are_all_said_in_order(written: str, language: Language) -> None:
    words = digits(written, language).split()
    assert [str(text2num(word, language)) for word in words] == list(written)
    groups = digit_groups(written)
    assert "".join(groups) == written
    assert max(map(len, groups)) <= 4


@given(st.integers(0, 23), st.integers(0, 59))
def test_dutch_times_can_be_read_back(hour: int, minute: int) -> None:
    said_hour, _, said_minute = clock(hour, minute, "nl").partition(" uur")
    assert text2num(said_hour, "nl") == hour
    assert (text2num(said_minute.strip(), "nl") if said_minute else 0) == minute


@given(st.integers(0, 23), st.integers(0, 59))
def test_english_times_name_the_part_of_the_day(hour: int, minute: int) -> None:
    said = clock(hour, minute, "en")
    others = [clock(h, m, "en") for h in range(24) for m in (minute,) if h != hour]
    assert said not in others


@pytest.mark.parametrize(
    ("written", "value"),
    [("1.299,00", "1299 komma 00"), ("1,5", "1 komma 5"), ("12.500", "12500"), ("0,05", "0 komma 05")],
)
def test_dutch_separators(written: str, value: str) -> None:
    whole, _, fraction = value.partition(" komma ")
    expected = cardinal(int(whole), "nl") + (f" komma {digits(fraction, 'nl')}" if fraction else "")
    assert number(written, "nl") == expected


def test_ordinals() -> None:
    assert [ordinal(n, "nl") for n in (1, 8, 20, 100)] == ["eerste", "achtste", "twintigste", "honderdste"]
    assert [ordinal(n, "en") for n in (1, 12, 23)] == ["first", "twelfth", "twenty-third"]


def test_huge_numbers_are_said_as_digits() -> None:
    assert cardinal(10**12, "en").startswith("one zero zero, zero zero zero")


def test_codes_and_phones() -> None:
    assert code("COVID19", "nl") == "COVID, één negen"
    assert code("a1b", "en") == "Ay, one, B"
    assert phone("not a number 12", "nl", "NL") == "één twee"


def test_length_is_limited() -> None:
    assert len(spoken("a " * LONGEST, "nl")) < LONGEST
