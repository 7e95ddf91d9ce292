"""The allow-list of the settings: who may be dialled at all, and how often (laws S2, S3)."""

from __future__ import annotations

from voicebot.settings import Settings
from voicebot.transfer.caps import CapLimits, TransferCaps
from voicebot.transfer.destinations import Destination, Destinations


def destinations_of(settings: Settings) -> Destinations:
    """Return the allow-list of the settings. Raises ConfigError."""
    return Destinations(
        (
            Destination(name, found.uri, found.kind, found.label_nl, found.label_en)
            for name, found in settings.transfer.destinations.items()
        ),
        human=settings.transfer.human,
        exceptions=settings.transfer.exceptions,
        caps=TransferCaps(
            CapLimits(
                settings.transfer.caller_per_hour,
                settings.transfer.destination_per_hour,
                settings.transfer.destination_at_once,
                settings.transfer.all_at_once,
            )
        ),
    )
