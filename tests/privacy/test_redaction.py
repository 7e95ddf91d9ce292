"""What is hidden, what stays: as callers say it and Whisper writes it."""

from __future__ import annotations

import pytest

from voicebot.privacy.redaction import Redactor, redact
from voicebot.privacy.spoken_digits import tokens_of

HIDDEN = {
    "mijn bsn is 111222333 ja": "mijn bsn is [bsn] ja",
    "1112.22.333": "[bsn]",
    "één één één dubbel twee twee tripel drie": "[bsn]",
    "one double one, two two two, three three three": "[bsn]",
    "11, 12, 22, 33, 3": "[bsn]",
    "rijksregisternummer 85.07.30-033.28": "rijksregisternummer [national-number]",
    "vijfentachtig nul zeven dertig nul drieëndertig achtentwintig": "[national-number]",
    "kaart 4111 1111 1111 1111 en de cvc is 123": "kaart [card] en de cvc is [card-code]",
    "de beveiligingscode is een twee drie": "de beveiligingscode is [card-code]",
    "c v c 9 8 7": "c v c [card-code]",
    "mijn pincode is vierendertig twaalf": "mijn pincode is [card-code]",
    "NL91 ABNA 0417 1643 00": "[iban]",
    "en el is n l 91 a b n a 0417164300": "en el is [iban]",
    "BE68 5390 0754 7034": "[iban]",
    "bel 06-12345678": "bel [phone]",
    "bel +31 6 1234 5678 terug": "bel [phone] terug",
    "nul zes twaalf vierendertig zesenvijftig achtenzeventig": "[phone]",
    "call 0470 12 34 56": "call [phone]",
    "03 225 12 34": "[phone]",
    "klantnummer 987654321": "klantnummer [number]",  # no check digit holds: a misheard digit is no excuse
    "jan.jansen+web@mail.voorbeeld.nl": "[email]",
    "jan punt jansen apenstaartje voorbeeld punt nl": "[email]",
    "my email is john underscore smith at example dot com please": "my email is [email] please",
    "Biltstraat 12, 3572 AB Utrecht": "Biltstraat [address] Utrecht",
    "3572ab 14a": "[address]",
    "vijfendertig tweeënzeventig A B huisnummer twaalf": "[address] huisnummer [address]",
    "3572 A van Anna B van Bernard": "[address]",
    "Meir 12, 2000 Antwerpen": "Meir [address] Antwerpen",
    "postcode 2000 nummer 12": "postcode [address] nummer [address]",
    "ik ben geboren op 12 maart 1985": "ik ben geboren op [birth-date]",
    "12-03-1985": "[birth-date]",
    "1985-03-12": "[birth-date]",
    "twaalf maart negentienvijfentachtig": "[birth-date]",
    "twaalfde maart vijfentachtig": "[birth-date]",
    "March the twelfth nineteen eighty five": "[birth-date]",
    "my birthday is March 12th": "my birthday is [birth-date]",
    "geboortedatum twaalf drie vijfentachtig": "geboortedatum [birth-date]",
}


@pytest.mark.parametrize("text", HIDDEN)
def test_hidden(text: str) -> None:
    assert redact(text) == HIDDEN[text]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bestelling 53821 van 12 november 2026 om 14:30 uur",
        "bestelling drie en vijftig acht twee een",
        "orders 53821, 53822",
        "kan ik een afspraak op 24-11-2026 om half 3",
        "op 24 november tweeduizend zesentwintig om 10 uur",
        "zijn jullie open van 9 tot 17.30 op maandag 5 januari",
        "twee fietsen en een lamp voor 1250 euro en 50 cent",
        "ik kom met vier of vijf mensen om acht uur",
        "ik wil iemand spreken, nu!",
        "see you at the shop at five",
        "de Trek FX 3 uit 2024",
    ],
)
def test_unchanged(text: str) -> None:
    assert redact(text) == text


def test_a_number_over_three_turns_is_hidden_in_all() -> None:
    redactor = Redactor()
    assert redactor.redact("mijn nummer is een een een") == "mijn nummer is een een een"
    redactor.redact("ja")
    assert redactor.redact("twee twee twee en dan drie drie drie") == "[bsn]"
    assert redactor.texts == ("mijn nummer is [bsn]", "ja", "[bsn]")


def test_what_the_bot_asked_tells_what_an_answer_is() -> None:
    redactor = Redactor()
    assert redactor.redact("12 maart", asked="Wat is uw geboortedatum?") == "[birth-date]"
    assert redactor.redact("12 maart", asked="Wanneer komt u langs?") == "12 maart"
    assert redactor.redact("123", asked="En de CVC-code?") == "[card-code]"
    assert redactor.redact("123", asked="Hoeveel?") == "123"


def test_a_house_number_in_the_next_turn_is_hidden() -> None:
    redactor = Redactor()
    redactor.redact("3572 AB")
    assert redactor.redact("nummer 12") == "nummer [address]"
    assert redactor.redact("ik kom om 12 uur") == "ik kom om 12 uur"


def test_numbers_far_apart_are_not_joined() -> None:
    redactor = Redactor()
    redactor.redact("bestelling 111222")
    for _ in range(4):
        redactor.redact("ja hoor")
    assert redactor.redact("333") == "333"


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("vierendertig", ["34"]),
        ("vier en dertig", ["34"]),
        ("tweeëntwintig", ["22"]),
        ("negentienhonderdvijfentachtig", ["1985"]),
        ("negentienvijfentachtig", ["1985"]),
        ("tweeduizendzesentwintig", ["2026"]),
        ("driehonderdtwaalf", ["312"]),
        ("thirty-four", ["34"]),
        ("double oh seven", ["00", "7"]),
        ("twee keer de vijf", ["55"]),
        ("two hundred and five", ["205"]),
        ("nineteen hundred eighty five", ["1985"]),
        ("oh dear", []),
        ("٤٢", ["42"]),
        ("3e", ["3"]),
    ],
)
def test_spoken_digits(text: str, digits: list[str]) -> None:
    assert [token.digits for token in tokens_of(text) if token.digits] == digits
