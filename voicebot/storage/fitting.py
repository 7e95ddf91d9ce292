"""Makes texts from outside fit a column: PostgreSQL refuses NUL, lone surrogates and too long strings."""

from __future__ import annotations

import math

from voicebot.storage.records import Json


def fit(text: str, length: int) -> str:
    """Return at most `length` characters, without what no database takes."""
    clean = text.replace("\x00", "").encode("utf-8", "replace").decode()
    return clean[:length]


def fit_json(value: Json) -> Json:
    """Do the same for every string inside a JSON value; NaN and infinities, which JSON lacks, become None."""
    match value:
        case str():
            return fit(value, 10_000)
        case list():
            return [fit_json(item) for item in value]
        case dict():
            return {fit(key, 200): fit_json(item) for key, item in value.items()}
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
