"""Amounts of money, percentages, units and ranges in words.

Both parts of an amount are named ('twaalf euro en vijftig cent'): on the phone 'twaalf vijftig' can be
a time, a date or 1250.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from voicebot.events import Language
from voicebot.speaking.spoken_numbers import amount_value, cardinal, digits, number

NUMBER = r"\d+(?:[.,' ]\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)?"

_CURRENCY = r"€|£|\$|EUR(?:O|o)?|GBP|USD"
_MILLIONS = r"miljoen|miljard|duizend|million|billion|thousand|mln|mld"
_MONEY = re.compile(
    rf"(?P<minus>(?<![\w.,])[-−]\s?)?(?:(?P<sign>{_CURRENCY})\s?(?P<minus2>[-−]\s?)?(?P<value>{NUMBER})(?P<dash>[.,](?:-+|–|—))?"
    rf"(?:\s(?P<times>{_MILLIONS})\b)?"
    rf"|(?P<value2>{NUMBER})(?P<dash2>[.,](?:-+|–|—))?\s?(?P<sign2>€|EUR\b|[Ee]uros?\b|£|GBP\b|pounds\b|pond\b|USD\b|dollars?\b|\$))"
)
_SAID: dict[Language, dict[str, tuple[str, str, str, str]]] = {
    "nl": {
        "EUR": ("euro", "euro", "cent", "cent"),
        "GBP": ("pond", "pond", "penny", "pence"),
        "USD": ("dollar", "dollar", "cent", "cent"),
    },
    "en": {
        "EUR": ("euro", "euros", "cent", "cents"),
        "GBP": ("pound", "pounds", "penny", "pence"),
        "USD": ("dollar", "dollars", "cent", "cents"),
    },
}
_LARGE: dict[Language, dict[str, str]] = {
    "nl": {
        "mln": "miljoen",
        "mld": "miljard",
        "million": "miljoen",
        "billion": "miljard",
        "thousand": "duizend",
    },
    "en": {
        "mln": "million",
        "mld": "billion",
        "miljoen": "million",
        "miljard": "billion",
        "duizend": "thousand",
    },
}
_PERCENT = re.compile(rf"(?P<minus>(?<![\w.,])[-−])?(?P<value>{NUMBER})\s?(?P<sign>%|‰)")
_PER: dict[Language, dict[str, str]] = {
    "nl": {"%": "procent", "‰": "promille"},
    "en": {"%": "percent", "‰": "per mille"},
}

# written unit -> (singular, plural); Dutch measures keep the singular after a number
_UNITS: dict[Language, dict[str, tuple[str, str]]] = {
    "nl": {
        "km/u": ("kilometer per uur",) * 2,
        "km/h": ("kilometer per uur",) * 2,
        "km": ("kilometer",) * 2,
        "cm": ("centimeter",) * 2,
        "mm": ("millimeter",) * 2,
        "m²": ("vierkante meter",) * 2,
        "m2": ("vierkante meter",) * 2,
        "m": ("meter",) * 2,
        "kg": ("kilo",) * 2,
        "gr": ("gram",) * 2,
        "g": ("gram",) * 2,
        "ml": ("milliliter",) * 2,
        "l": ("liter",) * 2,
        "min": ("minuut", "minuten"),
        "sec": ("seconde", "seconden"),
        "kWh": ("kilowattuur",) * 2,
        "Wh": ("wattuur",) * 2,
        "W": ("watt",) * 2,
        "V": ("volt",) * 2,
        "GB": ("gigabyte",) * 2,
        "MB": ("megabyte",) * 2,
        "°C": ("graden Celsius",) * 2,
        "°": ("graden",) * 2,
        "''": ("inch",) * 2,
    },
    "en": {
        "km/h": ("kilometre per hour", "kilometres per hour"),
        "mph": ("mile per hour", "miles per hour"),
        "km": ("kilometre", "kilometres"),
        "cm": ("centimetre", "centimetres"),
        "mm": ("millimetre", "millimetres"),
        "m²": ("square metre", "square metres"),
        "m2": ("square metre", "square metres"),
        "m": ("metre", "metres"),
        "kg": ("kilo", "kilos"),
        "g": ("gram", "grams"),
        "ml": ("millilitre", "millilitres"),
        "l": ("litre", "litres"),
        "min": ("minute", "minutes"),
        "sec": ("second", "seconds"),
        "hrs": ("hour", "hours"),
        "kWh": ("kilowatt hour", "kilowatt hours"),
        "Wh": ("watt hour", "watt hours"),
        "W": ("watt", "watts"),
        "V": ("volt", "volts"),
        "GB": ("gigabyte", "gigabytes"),
        "MB": ("megabyte", "megabytes"),
        "°C": ("degree Celsius", "degrees Celsius"),
        "°": ("degree", "degrees"),
        "''": ("inch", "inches"),
    },
}
_UNIT = {
    lang: re.compile(
        rf"(?P<value>(?:(?<![\w.,)])-)?(?:{NUMBER}))\s?"
        rf"(?P<unit>{'|'.join(sorted(map(re.escape, table), key=len, reverse=True))})"
        r"(?![\w/²])(?:\.(?=\s*[a-z0-9,;]))?"
    )
    for lang, table in _UNITS.items()
}
_RANGE = re.compile(
    r"(?<![\w.,/-])(?P<low>\d{1,4}(?:[.,]\d{1,2})?)\s?[-–—]\s?(?P<high>\d{1,4}(?:[.,]\d{1,2})?)(?![\d/-]|[.,]\d|[A-Za-z]{2}\b)"
)


def money(value: Decimal, currency: str, language: Language) -> str:
    """Say an amount, rounded to cents. `currency`: EUR, GBP or USD."""
    one, many, cent, cents = _SAID[language][currency]
    total = int((abs(value) * 100).to_integral_value(rounding=ROUND_HALF_UP))
    whole, rest = divmod(total, 100)
    parts: list[str] = []
    if whole or not rest:
        parts.append(f"{cardinal(whole, language)} {one if whole == 1 else many}")
    if rest:
        parts.append(f"{cardinal(rest, language)} {cent if rest == 1 else cents}")
    sign = ("min " if language == "nl" else "minus ") if value < 0 and total else ""
    return sign + (" en " if language == "nl" else " and ").join(parts)


def _currency(sign: str) -> str:
    if sign in ("£", "GBP", "pounds", "pond"):
        return "GBP"
    return "USD" if sign == "$" or sign.lower().startswith(("usd", "dollar")) else "EUR"


def speak_money(text: str, language: Language) -> str:
    """Replace amounts of money by words: '€ 12,50', 'EUR 1.299,00', '5,- euro', '£3.20'."""

    def said(match: re.Match[str]) -> str:
        written = match["value"] or match["value2"]
        currency = _currency(match["sign"] or match["sign2"])
        negative = bool(match["minus"] or match["minus2"])
        if match["times"]:
            large = _LARGE[language].get(match["times"], match["times"])
            sign = ("min " if language == "nl" else "minus ") if negative else ""
            return f"{sign}{number(written, language)} {large} {_SAID[language][currency][1]}"
        value = amount_value(written, language)
        return " " * match[0].startswith(" ") + money(-value if negative else value, currency, language) + " "

    return _MONEY.sub(said, text)


def speak_percentages(text: str, language: Language) -> str:
    """Replace '21%' and '2,5 %' by words."""

    def said(match: re.Match[str]) -> str:
        return f"{number((match['minus'] or '') + match['value'], language)} {_PER[language][match['sign']]} "

    return _PERCENT.sub(said, text)


def speak_units(text: str, language: Language) -> str:
    """Replace a number with a unit behind it ('5 km', '2 min', '20 °C') by words."""

    def said(match: re.Match[str]) -> str:
        one, many = _UNITS[language][match["unit"]]
        return f"{number(match['value'], language)} {one if match['value'] == '1' else many}"

    return _UNIT[language].sub(said, text)


def speak_ranges(text: str, language: Language) -> str:
    """Replace the dash of a rising range ('3-5 dagen', '10 – 15%') by 'tot' or 'to'; others are left."""

    def said(match: re.Match[str]) -> str:
        low, high = match["low"], match["high"]
        zero_led = any(len(part) > 1 and part[0] == "0" and part[1].isdigit() for part in (low, high))
        if zero_led or amount_value(low, language) >= amount_value(high, language):
            return match[0]
        return f"{low} {'tot' if language == 'nl' else 'to'} {high}"

    return _RANGE.sub(said, text)


def speak_numbers(text: str, language: Language) -> str:
    """Replace every number that is left by words; what cannot be read as one is said digit by digit."""

    def said(match: re.Match[str]) -> str:
        before = text[match.start() - 1 : match.start()]
        after = text[match.end() : match.end() + 1]
        words = number(match[0], language) if len(match[0]) <= 24 else digits(match[0], language)
        return (" " if before.isalpha() else "") + words + (" " if after.isalpha() else "")

    return re.sub(rf"(?:(?<![\w.,)])[-−](?=\d))?(?:{NUMBER})", said, text)
