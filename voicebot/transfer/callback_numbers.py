"""Which numbers may be called back, and by which address (law S2). Pure.

A caller's number, received or spoken, never becomes a dial string as it is: it is parsed, must be an
ordinary Dutch or Belgian number (or be listed one by one), and only its digits go into the address, at the
trunk's host.
"""

from __future__ import annotations

from collections.abc import Iterable

import phonenumbers

from voicebot.errors import ConfigError, TransferRefused
from voicebot.transfer.destinations import Destination, check_uri

HOME_REGIONS = ("NL", "BE")
LONGEST = 25
"""Characters of a number as it is written, with separators."""
_ORDINARY = frozenset(
    {
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
        phonenumbers.PhoneNumberType.VOIP,
    }
)
_COMPANY = "+3188"
"""Dutch company numbers, at the ordinary rate."""


def number_in(text: str) -> str:
    """Return the first Dutch or Belgian telephone number in a text in E.164, '' when there is none."""
    for region in HOME_REGIONS:
        for match in phonenumbers.PhoneNumberMatcher(text, region):
            return phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
    return ""


class CallbackNumbers:
    """`host`: of the trunk, '' when there is none. `region`: of numbers without a country code, tried first.

    `exceptions`: numbers in E.164 that may be called though they are foreign or of another sort.
    """

    def __init__(self, host: str, *, region: str = "NL", exceptions: Iterable[str] = ()) -> None:
        self._host = host
        self._regions = (region, *(other for other in HOME_REGIONS if other != region))
        self._exceptions = frozenset(exceptions)

    def uri(self, contact: str) -> str:
        """Return what to dial. Raises TransferRefused with one word: no_trunk, no_number, foreign, costly."""
        if not self._host:
            raise TransferRefused("no_trunk")
        number = self._parsed(contact)
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if e164 not in self._exceptions:
            if phonenumbers.region_code_for_number(number) not in HOME_REGIONS:
                raise TransferRefused("foreign")
            is_company = e164.startswith(_COMPANY) and len(e164) == len("+31881234567")
            if phonenumbers.number_type(number) not in _ORDINARY and not is_company:
                raise TransferRefused("costly")
        uri = f"sip:{e164}@{self._host}"
        try:
            check_uri(Destination("callback", uri, "bridged", "", ""), self._exceptions)
        except ConfigError as error:
            raise TransferRefused("costly") from error
        return uri

    def _parsed(self, contact: str) -> phonenumbers.PhoneNumber:
        plain = contact.strip()
        if len(plain) > LONGEST or not set(plain) <= set("+0123456789 -./()"):
            raise TransferRefused("no_number")
        if plain.startswith("00"):
            plain = "+" + plain[2:]
        for region in self._regions:
            try:
                number = phonenumbers.parse(plain, region)
            except phonenumbers.NumberParseException:
                continue
            if phonenumbers.is_valid_number(number):
                return number
        raise TransferRefused("no_number")
