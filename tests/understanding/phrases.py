"""Reads the labelled phrases of tests/understanding/data."""

from __future__ import annotations

import csv
from pathlib import Path

DATA = Path(__file__).parent / "data"
CONFIG = Path(__file__).parents[2] / "config"


def labelled(name: str, positive: str) -> tuple[list[str], list[str]]:
    """Return (texts with the label, all others)."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return (
        [row["text"] for row in rows if row["label"] == positive],
        [row["text"] for row in rows if row["label"] != positive],
    )
