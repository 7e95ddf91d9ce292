"""Destinations by name: the allow-list of law S2. No spoken or received text ever becomes a dial string."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import phonenumbers

from voicebot.errors import ConfigError, TransferRefused
from voicebot.events import Language
from voicebot.transfer.caps import CapLimits, TransferCaps

TransferKind = Literal["bridged", "blind", "attended"]

_URI = re.compile(r"sips?:(?P<user>[A-Za-z0-9_.+~-]+)@(?P<host>[A-Za-z0-9.:\[\]-]+)")
_SEPARATORS = re.compile(r"[.~-]")
"""May stand between the digits of a number: '0900-1234' is one."""
_PREMIUM = re.compile(r"18\d{2}|090\d\d*|070\d{6}|08[47]\d{7}")
"""Dutch 18xx, Dutch and Belgian 090x; shared cost: Belgian 070, Dutch 084 and 087."""
_NATIONAL = re.compile(r"\+3[12]")
_HOME_REGIONS = ("NL", "BE")
_COSTLY = frozenset(
    {
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
        phonenumbers.PhoneNumberType.SHARED_COST,
    }
)


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
    """The allow-list, checked once: each URI is plain, and no premium, shared-cost or foreign number.

    `exceptions`: numbers that may be dialled though they are ('+441632960961'), listed one by one. `human`:
    the destination for a request for a person. `caps`: how often all of this may be dialled.
    """

    def __init__(
        self,
        destinations: Iterable[Destination],
        *,
        human: str,
        exceptions: Iterable[str] = (),
        caps: TransferCaps | None = None,
    ) -> None:
        self._by_name = {destination.name: destination for destination in destinations}
        self._human = human
        self._exceptions = frozenset(number_of(number) for number in exceptions)
        self.caps = caps or TransferCaps(CapLimits())
        for destination in self._by_name.values():
            check_uri(destination, self._exceptions)
        if human not in self._by_name:
            raise ConfigError(
                f"there is no destination '{human}'",
                field="transfer.human",
                mend="name one of: " + ", ".join(sorted(self._by_name)),
            )

    @property
    def human(self) -> str:
        """The name of the destination for a request for a person."""
        return self._human

    def resolve(self, name: str) -> Destination:
        """Return a destination by name; '' is the one for a request for a person. Raises TransferRefused."""
        destination = self._by_name.get(name or self._human)
        if destination is None:
            raise TransferRefused("unknown destination")
        return destination

    def check_contact(self, contact: str) -> None:
        """Refuse an agent's telephone that no destination could have. Raises TransferRefused."""
        if contact.startswith("desk:"):
            return
        try:
            check_uri(Destination("", contact, "bridged", "", ""), self._exceptions)
        except ConfigError as error:
            raise TransferRefused(error.problem) from error

    def all(self) -> Iterable[Destination]:
        """Return every destination."""
        return self._by_name.values()


def check_uri(destination: Destination, exceptions: frozenset[str] = frozenset()) -> None:
    """Raise ConfigError for a URI with parameters or control characters, a premium or a foreign number."""
    field = f"transfer.destinations.{destination.name}.uri"
    match = _URI.fullmatch(destination.uri)
    if match is None:
        raise ConfigError(
            "is no plain SIP address",
            field=field,
            mend="write sip:user@host or sip:user@host:port, nothing more",
        )
    number = number_of(match["user"])
    if number in exceptions:
        return
    if _PREMIUM.fullmatch(_NATIONAL.sub("0", number, count=1)):
        raise ConfigError(
            "is a premium or service number",
            field=field,
            mend="use a geographic, mobile or internal number, or list it in transfer.exceptions",
        )
    if number.startswith("+") and number[1:].isdigit():
        _check_country(number, field)


def number_of(user: str) -> str:
    """Return a number without separators, '00' as '+'; what is no number stays as it is."""
    plain = _SEPARATORS.sub("", user)
    return "+" + plain[2:] if plain.startswith("00") and plain.isdigit() else plain


def _check_country(number: str, field: str) -> None:
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException as error:
        raise ConfigError("is no phone number", field=field, mend="write it as +31302345678") from error
    if phonenumbers.region_code_for_number(parsed) not in _HOME_REGIONS:
        raise ConfigError(
            "is an international number",
            field=field,
            mend="use a Dutch or Belgian number, or list it in transfer.exceptions",
        )
    if phonenumbers.number_type(parsed) in _COSTLY:
        raise ConfigError("is a premium-rate number", field=field, mend="use an ordinary number, or list it")
