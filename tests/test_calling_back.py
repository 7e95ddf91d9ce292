"""Calling back as the settings say: by which trunk, to which numbers."""

from __future__ import annotations

import pytest

from voicebot.calling_back import callback_numbers
from voicebot.errors import ConfigError, TransferRefused
from voicebot.settings import Settings, SipSettings, TrunkSettings
from voicebot.settings_queue import CallbackSettings
from voicebot.settings_transfer import DestinationSettings, TransferSettings

HUMAN = DestinationSettings(uri="sip:a@127.0.0.1", label_nl="a", label_en="a")


def settings_of(trunk: str, *trunks: TrunkSettings, exceptions: tuple[str, ...] = ()) -> Settings:
    return Settings(
        transfer=TransferSettings(destinations={"medewerker": HUMAN}),
        sip=SipSettings(trunks=trunks),
        callback=CallbackSettings(trunk=trunk, exceptions=exceptions),
    )


@pytest.mark.parametrize(
    ("trunk", "host"),
    [
        (TrunkSettings(name="p", registrar="sip:reg.example.org"), "reg.example.org"),
        (TrunkSettings(name="p", proxy="sip:10.0.0.9:5070"), "10.0.0.9"),
        (TrunkSettings(name="p", proxy="sip:p.example.org", domains=("example.net",)), "example.net"),
        (TrunkSettings(name="p", registrar="sip:reg.example.org", domains=("*",)), "reg.example.org"),
    ],
)
def test_numbers_go_through_the_trunk_that_is_named(trunk: TrunkSettings, host: str) -> None:
    other = TrunkSettings(name="other", registrar="sip:other.example.org")
    assert callback_numbers(settings_of("p", other, trunk)).uri("0301234567") == f"sip:+31301234567@{host}"


def test_without_a_trunk_nothing_is_called_and_a_wrong_name_is_a_mistake() -> None:
    with pytest.raises(TransferRefused, match="no_trunk"):
        callback_numbers(settings_of("")).uri("0301234567")
    with pytest.raises(ConfigError) as caught:
        callback_numbers(settings_of("p"))
    assert caught.value.field == "callback.trunk"


def test_exceptions_are_those_of_the_settings() -> None:
    trunk = TrunkSettings(name="p", registrar="sip:reg.example.org")
    numbers = callback_numbers(settings_of("p", trunk, exceptions=("+442079460958",)))
    assert numbers.uri("+442079460958") == "sip:+442079460958@reg.example.org"
