"""Slots: numbers, days, times, postcodes, yes and no, generated and by example."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from num2words import num2words

from voicebot.events import Language
from voicebot.understanding import normalise_en, normalise_nl
from voicebot.understanding.dates import easter, find_date
from voicebot.understanding.interpretation import Expectation
from voicebot.understanding.slots import find_slots, requested_language
from voicebot.understanding.yes_no import is_backchannel, yes_or_no

TODAY = date(2026, 11, 22)  # a Sunday
ANY = Expectation.ANYTHING


def slots(text: str, language: Language = "nl", expectation: Expectation = ANY) -> dict[str, str]:
    return find_slots(text, language, expectation, TODAY)


def only_digits(text: str, language: Language) -> str:
    return find_slots(text, language, Expectation.DIGITS, TODAY).get("digits", "")


@st.composite
def spoken_number(draw: st.DrawFn, language: Language) -> tuple[str, str]:
    """A number of 5 or 6 digits, and one way in which a caller may say it."""
    groups: list[tuple[str, str]] = []
    while sum(len(digits) for digits, _ in groups) < 5:
        left = 6 - sum(len(digits) for digits, _ in groups)
        size = draw(st.integers(1, min(2, left)))
        if size == 1:
            digit = draw(st.integers(0, 9))
            groups.append((str(digit), num2words(digit, lang=language)))
        elif draw(st.booleans()):
            digit = draw(st.integers(0, 9))
            word = num2words(digit, lang=language)
            groups.append((str(digit) * 2, f"{'dubbel' if language == 'nl' else 'double'} {word}"))
        else:
            pair = draw(st.integers(10, 99))
            groups.append((str(pair), num2words(pair, lang=language)))
    words = draw(st.sampled_from([" ", ", ", " eh "]))
    return "".join(digits for digits, _ in groups), words.join(text for _, text in groups)


def _is_ambiguous_english(spoken: str) -> bool:
    """'twenty, five' may be 25 or 205; 'two double …' cannot be mistaken."""
    words = spoken.replace(",", "").replace(" eh", "").split()
    return any(
        first.endswith("ty")
        and second in {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
        for first, second in pairwise(words)
    )


@given(spoken_number("nl"))
def test_spoken_dutch_digits_are_understood_back(pair: tuple[str, str]) -> None:
    digits, spoken = pair
    assert only_digits(spoken, "nl") == digits


@given(spoken_number("en"))
def test_spoken_english_digits_are_understood_back(pair: tuple[str, str]) -> None:
    digits, spoken = pair
    if not _is_ambiguous_english(spoken):
        assert only_digits(spoken, "en") == digits


@given(st.integers(10_000, 999_999))
def test_a_number_said_as_one_is_understood_back(number: int) -> None:
    assert only_digits(num2words(number, lang="nl"), "nl") == str(number)
    assert only_digits(num2words(number, lang="en"), "en") == str(number)


@given(
    st.text(alphabet="0123456789", min_size=5, max_size=6), st.sampled_from(["", " ", "-", ".", ", ", " - "])
)
def test_digits_as_the_recogniser_writes_them(digits: str, separator: str) -> None:
    assert only_digits(separator.join(digits), "nl") == digits


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("vijf drie acht twee een", "nl", "53821"),
        ("drieënvijftig achtentwintig een", "nl", "53281"),
        ("53.82 1", "nl", "53821"),
        ("5 3 8 2 en dan 1", "nl", "53821"),
        ("vijfendertighonderd twaalf", "nl", "3512"),
        ("het is dubbel zes drie nul een", "nl", "66301"),
        ("vijf drie en twee keer acht en een", "nl", "53881"),
        ("drie en vijftig acht honderd een en twintig", "nl", "53821"),
        ("vijf drij acht twie een", "nl", "53821"),
        ("five three eight oh one", "en", "53801"),
        ("fifty-three eight twenty-one", "en", "53821"),
        ("it's five three double eight one", "en", "53881"),
        ("my number is 5-3-8-2-1, thanks", "en", "53821"),
    ],
)
def test_dictated_numbers(text: str, language: Language, expected: str) -> None:
    assert only_digits(text, language) == expected


def test_articles_and_prepositions_are_no_numbers() -> None:
    assert slots("ik wil een fiets met drie versnellingen") == {}
    assert slots("I want to go for a ride", "en") == {}


def test_the_context_names_the_number() -> None:
    assert slots("mijn bestelling 53821 is er niet")["order_number"] == "53821"
    assert slots("mijn afspraaknummer is 204518")["reference"] == "204518"
    assert slots("klantnummer een nul nul een")["customer_number"] == "1001"
    assert slots("bel me op nul zes een twee drie vier vijf zes zeven acht")["phone_number"] == "0612345678"
    assert "order_number" not in slots("op 24 november 2026 om half drie")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3511 AB huisnummer 12", {"postcode": "3511 AB", "house_number": "12"}),
        ("vijfendertig elf a b nummer twaalf", {"postcode": "3511 AB", "house_number": "12"}),
        ("3 5 7 2 C van Cornelis D van Dirk 8", {"postcode": "3572 CD", "house_number": "8"}),
        ("twintig achttien, huisnummer vijfenveertig", {"postcode": "2018", "house_number": "45"}),
        ("2018", {"postcode": "2018"}),
    ],
)
def test_postcodes(text: str, expected: dict[str, str]) -> None:
    found = slots(text, expectation=Expectation.POSTCODE)
    assert {name: found.get(name) for name in expected} == expected


def test_six_digits_where_a_postcode_was_asked_are_the_reference() -> None:
    found = slots("twee nul vier vijf een acht", expectation=Expectation.POSTCODE)
    assert "postcode" not in found
    assert found["digits"] == "204518"


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("vandaag", "nl", "2026-11-22"),
        ("morgenochtend", "nl", "2026-11-23"),
        ("overmorgen", "nl", "2026-11-24"),
        ("dinsdag", "nl", "2026-11-24"),
        ("volgende week dinsdag", "nl", "2026-11-24"),
        ("dinsdag over een week", "nl", "2026-12-01"),
        ("over twee weken", "nl", "2026-12-06"),
        ("24 november", "nl", "2026-11-24"),
        ("vierentwintig november", "nl", "2026-11-24"),
        ("de vierentwintigste", "nl", "2026-11-24"),
        ("3 maart", "nl", "2027-03-03"),
        ("op 1-12", "nl", "2026-12-01"),
        ("in het weekend", "nl", "2026-11-28"),
        ("tweede kerstdag", "nl", "2026-12-26"),
        ("van vrijdag naar maandag", "nl", "2026-11-23"),
        ("next Tuesday", "en", "2026-11-24"),
        ("tomorrow afternoon", "en", "2026-11-23"),
        ("the twenty-fourth of November", "en", "2026-11-24"),
        ("November 24th", "en", "2026-11-24"),
        ("in three days", "en", "2026-11-25"),
        ("on Boxing Day", "en", "2026-12-26"),
        ("Easter Monday", "en", "2027-03-29"),
    ],
)
def test_days(text: str, language: Language, expected: str) -> None:
    assert slots(text, language, Expectation.DATE)["date"] == expected


def test_the_same_weekday_is_today_for_opening_hours_and_in_a_week_for_appointments() -> None:
    assert slots("zijn jullie zondag open")["date"] == "2026-11-22"
    assert slots("zondag", expectation=Expectation.DATE)["date"] == "2026-11-29"


def test_an_impossible_day_is_no_date() -> None:
    assert "date" not in slots("31 februari", expectation=Expectation.DATE)


def test_easter_of_known_years() -> None:
    assert [easter(year) for year in (2024, 2025, 2026, 2027)] == [
        date(2024, 3, 31), date(2025, 4, 20), date(2026, 4, 5), date(2027, 3, 28),
    ]  # fmt: skip


_MONTHS = "januari februari maart april mei juni juli augustus september oktober november december".split()  # noqa: SIM905 - a word list


@given(st.integers(0, 364))
def test_a_day_and_month_said_in_words_is_understood_back(ahead: int) -> None:
    day = TODAY + timedelta(days=ahead)
    said = f"{num2words(day.day, lang='nl')} {_MONTHS[day.month - 1]}"
    found = find_date(normalise_nl.digits_written(said), TODAY)
    assert found is not None
    assert found[0] == day


@given(st.integers(1, 31), st.sampled_from(_MONTHS), st.text(max_size=30))
def test_any_text_around_a_day_is_read_without_an_error(day: int, month: str, noise: str) -> None:
    slots(f"{noise} {day} {month} {noise}")


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("half drie", "nl", "14:30"),
        ("kwart over tien", "nl", "10:15"),
        ("kwart voor vier", "nl", "15:45"),
        ("tien over half drie", "nl", "14:40"),
        ("vijf voor half elf", "nl", "10:25"),
        ("tien uur", "nl", "10:00"),
        ("om 14:30 graag", "nl", "14:30"),
        ("drie uur 's middags", "nl", "15:00"),
        ("zeven uur 's ochtends", "nl", "07:00"),
        ("11 uur", "nl", "11:00"),
        ("half past two", "en", "14:30"),
        ("half three", "en", "15:30"),
        ("quarter to four", "en", "15:45"),
        ("ten o'clock", "en", "10:00"),
        ("at 9 am", "en", "09:00"),
        ("3 pm", "en", "15:00"),
    ],
)
def test_times(text: str, language: Language, expected: str) -> None:
    assert slots(text, language, Expectation.TIME)["time"] == expected


def test_days_and_prices_are_no_times() -> None:
    assert "time" not in slots("over tien dagen")
    assert "time" not in slots("vijf drie acht twee een", expectation=Expectation.DIGITS)


def test_branches() -> None:
    assert slots("de winkel in Utrecht")["branch"] == "utrecht"
    assert slots("is the Antwerp shop open", "en")["branch"] == "antwerpen"
    assert slots("in Antwerpen")["branch"] == "antwerpen"


YES = (
    "ja|jawel|ja graag|jazeker|bwa ja|ah ja|yep|yes please|that's"
    " right|dat klopt|doe maar|zeker|is goed|prima|sure|okay"
)
NO = (
    "nee|neen|ba nee|nope|nee dank u|no thanks|dat klopt niet|lie"
    "ver niet|hoeft niet|zeker niet|not really|ja nee|bijlange niet"
)


@pytest.mark.parametrize("text", YES.split("|"))
def test_yes(text: str) -> None:
    assert yes_or_no(text, is_expected=True) == "yes"


@pytest.mark.parametrize("text", NO.split("|"))
def test_no(text: str) -> None:
    assert yes_or_no(text, is_expected=True) == "no"


def test_a_request_that_opens_with_yes_is_no_answer_unless_one_was_asked() -> None:
    text = "ja ik wil graag weten hoe laat de winkel morgen open is"
    assert yes_or_no(text, is_expected=False) is None
    assert yes_or_no(text, is_expected=True) == "yes"


def test_backchannels_are_sounds_only() -> None:
    assert all(map(is_backchannel, ["ja", "mm-hm", "oké ja", "Yeah.", "ik snap het"]))
    assert not any(map(is_backchannel, ["nee", "ja graag een afspraak", "", "stop"]))


def test_the_other_language_is_asked_for() -> None:
    assert requested_language("can we speak English") == "en"
    assert requested_language("kan het in het Nederlands") == "nl"
    assert requested_language("ik spreek geen Engels") is None
    assert requested_language("I can't speak Dutch") is None


@given(st.text(max_size=80), st.sampled_from(list(Expectation)), st.sampled_from(["nl", "en"]))
def test_any_text_gives_canonical_slots(text: str, expectation: Expectation, language: Language) -> None:
    for name, value in slots(text, language, expectation).items():
        assert value
        if name in {"digits", "order_number", "house_number", "reference", "phone_number"}:
            assert value.isdigit()
        if name == "date":
            date.fromisoformat(value)


@given(st.text(max_size=60))
def test_writing_digits_twice_changes_nothing(text: str) -> None:
    once = normalise_nl.digits_written(text)
    assert sum(map(str.isdecimal, normalise_nl.digits_written(once))) >= sum(map(str.isdecimal, once))
    assert isinstance(normalise_en.digits_written(text), str)
