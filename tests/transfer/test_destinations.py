"""The allow-list: names in, plain addresses out, nothing costly or foreign (law S2, S3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import ConfigError, TransferRefused
from voicebot.transfer.destinations import Destination, Destinations


def at(uri: str, name: str = "desk") -> Destination:
    return Destination(name, uri, "bridged", "de balie", "the desk")


@pytest.mark.parametrize(
    "uri",
    [
        "sip:agent@127.0.0.1",
        "sip:agent@10.0.0.1:5080",
        "sips:desk.one@pbx.example.org",
        "sip:+31302345678@trunk.example.org",
        "sip:003232345678@trunk.example.org",
        "sip:+31-30-234-5678@trunk.example.org",
        "sip:201@[fd00::1]:5060",
        "sip:0302345678@trunk.example.org",
        "sip:0701234567@trunk.example.org",  # The Hague
    ],
)
def test_plain_addresses_are_allowed(uri: str) -> None:
    assert Destinations([at(uri)], human="desk").resolve("desk").uri == uri


@pytest.mark.parametrize(
    "uri",
    [
        "sip:09001234@trunk",
        "sip:0900-1234@trunk",
        "sip:0906.123.456@trunk",
        "sip:0909@trunk",
        "sip:1888@trunk",
        "sip:070123456@trunk",  # Belgian shared cost
        "sip:+319001234@trunk",
        "sip:0031-900-1234@trunk",
        "sip:+441632960961@trunk",
        "sip:00441632960961@trunk",
        "sip:+1-900-5551234@trunk",
        "sip:+999@trunk",
        "sip:agent@host;transport=udp",
        "sip:agent@host?Replaces=x",
        "sip:agent@host\r\nX: y",
        "sip:agent:secret@host",
        "sip:a gent@host",
        "sip:@host",
        "tel:+31302345678",
        "",
    ],
)
def test_costly_foreign_and_decorated_addresses_are_refused(uri: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Destinations([at(uri)], human="desk")
    assert caught.value.field == "transfer.destinations.desk.uri"
    assert caught.value.mend


@given(st.text(max_size=40))
def test_nothing_but_a_plain_address_gets_through(user: str) -> None:
    try:
        Destinations([at(f"sip:{user}@host")], human="desk")
    except ConfigError:
        return
    assert all(character.isascii() and (character.isalnum() or character in "_.+~-") for character in user)


def test_the_empty_name_is_the_person_and_unknown_names_are_refused() -> None:
    destinations = Destinations([at("sip:a@h"), at("sip:b@h", "person")], human="person")
    assert destinations.resolve("").name == "person"
    with pytest.raises(TransferRefused):
        destinations.resolve("sip:+31302345678@evil")


def test_a_missing_person_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="name one of: desk"):
        Destinations([at("sip:a@h")], human="person")


def test_costly_and_foreign_numbers_pass_only_when_listed_one_by_one() -> None:
    listed = ["+441632960961", "0900-1234"]
    allowed = [at("sip:+44-1632-960961@trunk", "london"), at("sip:00441632960961@trunk", "same")]
    destinations = Destinations([*allowed, at("sip:09001234@trunk", "paid")], human="paid", exceptions=listed)
    assert destinations.resolve("london").uri == "sip:+44-1632-960961@trunk"
    with pytest.raises(ConfigError, match="international"):
        Destinations([at("sip:+441632960962@trunk")], human="desk", exceptions=listed)
    with pytest.raises(ConfigError, match="premium"):
        Destinations([at("sip:09001235@trunk")], human="desk", exceptions=listed)


@pytest.mark.parametrize(
    "uri", ["sip:0841234567@trunk", "sip:+31871234567@trunk", "sip:+3270123456@trunk", "sip:+32 70@trunk"]
)
def test_shared_cost_numbers_are_refused_in_every_notation(uri: str) -> None:
    with pytest.raises(ConfigError):
        Destinations([at(uri)], human="desk")


def test_an_agent_s_telephone_is_held_to_the_same() -> None:
    destinations = Destinations([at("sip:a@h")], human="desk")
    destinations.check_contact("desk:anna")
    destinations.check_contact("sip:anna@10.0.0.5")
    for contact in ("sip:09001234@trunk", "sip:a@h;transport=tcp", "tel:112", "http://x"):
        with pytest.raises(TransferRefused):
            destinations.check_contact(contact)
