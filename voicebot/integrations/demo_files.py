"""Reads config/demo/{orders,customers,appointments}.yaml; each mistake is a ConfigError."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeVar

import yaml

from voicebot import yaml_text
from voicebot.errors import ConfigError
from voicebot.integrations.demo import Appointment, Customer, DemoData, Order

STATUSES = frozenset(
    {"received", "processing", "ready_for_pickup", "shipped", "delivered", "delayed", "cancelled"}
)
T = TypeVar("T")


def load_demo_data(folder: Path, today: date) -> DemoData:
    """Read the three files; appointments are dated from `today`. Raises ConfigError."""
    return DemoData(
        _entries(folder / "orders.yaml", _order),
        _entries(folder / "customers.yaml", _customer),
        _entries(folder / "appointments.yaml", lambda entry: _appointment(entry, today)),
    )


def _entries(path: Path, make: Callable[[Mapping[str, Any]], T]) -> tuple[T, ...]:
    try:
        entries = yaml_text.load(path.read_text(encoding="utf-8"))
    except OSError as cause:
        raise ConfigError(f"cannot be read ({cause.strerror})", mend="restore it", file=path) from cause
    except yaml.YAMLError as cause:
        raise ConfigError("is not YAML", mend="correct its syntax", file=path) from cause
    if not isinstance(entries, list):
        raise ConfigError("is no list", mend="write one entry a line, with '- '", file=path)
    found: list[T] = []
    for place, entry in enumerate(entries):
        try:
            found.append(make(entry))
        except (KeyError, TypeError, ValueError) as cause:
            mend = "compare it with the other entries"
            raise ConfigError(f"is wrong: {cause}", mend=mend, file=path, field=f"[{place}]") from cause
    return tuple(found)


def _digits(entry: Mapping[str, Any], name: str) -> str:
    value = entry[name]
    if not isinstance(value, str) or not value.isdigit():
        raise ValueError(f"{name} must be digits in quotes")
    return value


def _order(entry: Mapping[str, Any]) -> Order:
    if entry["status"] not in STATUSES:
        raise ValueError(f"status must be one of {', '.join(sorted(STATUSES))}")
    days = entry.get("expected_in_days")
    return Order(
        _digits(entry, "number"),
        entry["status"],
        None if days is None else int(days),
        str(entry.get("branch", "")),
    )


def _customer(entry: Mapping[str, Any]) -> Customer:
    orders = tuple(str(number) for number in entry.get("orders", ()))
    return Customer(_digits(entry, "number"), orders, bool(entry.get("is_blocked", False)))


def _appointment(entry: Mapping[str, Any], today: date) -> Appointment:
    day = today + timedelta(days=int(entry["in_days"]))
    return Appointment(
        _digits(entry, "reference"),
        datetime.combine(day, time.fromisoformat(entry["time"])),
        str(entry["branch"]),
        str(entry["postcode"]).replace(" ", "").upper(),
        str(entry["house_number"]),
        bool(entry.get("can_be_moved", True)),
    )
