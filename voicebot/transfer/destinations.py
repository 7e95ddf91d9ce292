"""Destinations by name: the allow-list of law S2. No spoken or received text ever becomes a dial string."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import phonenumbers

from voicebot.errors import ConfigError, TransferRefused
from voicebot.events import Language

TransferKind = Literal["bridged", "blind"]

_URI = re.compile(r"sips?:(?P<user>[A-Za-z0-9_.+~-]+)@(?P<host>[A-Za-z0-9.:\[\]-]+)")
_SEPARATORS = re.compile(r"[.~-]")
"""May stand between the digits of a number: '0900-1234' is one."""
_PREMIUM = re.compile(r"18\d{2}|090\d\d*|070\d{6}")
"""Dutch 18xx, Dutch and Belgian 090x, Belgian 070."""
_HOME_REGIONS = ("NL", "BE")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a caller may be put through to. `label`: how the bot names it, per language."""

    name: str
    uri: str
    kind: TransferKind
    label_nl: str
    label_en: str

    def label(self, language: Language) -> str:
        """Return the spoken name."""
        return self.label_nl if language == "nl" else self.label_en


class Destinations:
    """The allow-list. Checked once: each URI is plain, and no premium or foreign number."""

    def __init__(self, destinations: Iterable[Destination], *, human: str, concurrent_each: int = 50) -> None:
        self._by_name = {destination.name: destination for destination in destinations}
        self._human = human
        self._concurrent_each = concurrent_each
        self._active: Counter[str] = Counter()
        for destination in self._by_name.values():
            check_uri(destination)
        if human not in self._by_name:
            raise ConfigError(
                f"there is no destination '{human}'",
                field="transfer.human",
                mend="name one of: " + ", ".join(sorted(self._by_name)),
            )

    def resolve(self, name: str) -> Destination:
        """Return a destination by name; '' is the one for a request for a person. Raises TransferRefused."""
        destination = self._by_name.get(name or self._human)
        if destination is None:
            raise TransferRefused("unknown destination")
        return destination

    def occupy(self, name: str) -> bool:
        """Count a call towards the destination's cap (law S3); False when it has its maximum."""
        if self._active[name] >= self._concurrent_each:
            return False
        self._active[name] += 1
        return True

    def free(self, name: str) -> None:
        """Give the place back."""
        self._active[name] -= 1

    def all(self) -> Iterable[Destination]:
        """Return every destination."""
        return self._by_name.values()


def check_uri(destination: Destination) -> None:
    """Raise ConfigError for a URI with parameters or control characters, a premium or a foreign number."""
    field = f"transfer.destinations.{destination.name}.uri"
    match = _URI.fullmatch(destination.uri)
    if match is None:
        raise ConfigError(
            "is no plain SIP address",
            field=field,
            mend="write sip:user@host or sip:user@host:port, nothing more",
        )
    number = _SEPARATORS.sub("", match["user"])
    if _PREMIUM.fullmatch(number):
        raise ConfigError(
            "is a premium or service number", field=field, mend="use a geographic, mobile or internal number"
        )
    if number.startswith(("+", "00")) and number.lstrip("+").isdigit():
        _check_country("+" + number.removeprefix("+").removeprefix("00"), field)


def _check_country(number: str, field: str) -> None:
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException as error:
        raise ConfigError("is no phone number", field=field, mend="write it as +31302345678") from error
    costly = {phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST}
    if phonenumbers.region_code_for_number(parsed) not in _HOME_REGIONS:
        raise ConfigError("is an international number", field=field, mend="use a Dutch or Belgian number")
    if phonenumbers.number_type(parsed) in costly:
        raise ConfigError("is a premium-rate number", field=field, mend="use an ordinary number")
