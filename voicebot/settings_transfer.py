"""Settings of transfers: who can be reached, how long it rings, what may never be dialled how often."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from voicebot.settings_parts import PLAIN_URI, Section

BRIEFING_AND_LEAST_RING_SECONDS = 35.0
"""What an attempt to reach an agent takes beside `accept_seconds`: see transfer/briefing.py."""
_NUMBER = re.compile(r"(?:\+|00)?[0-9]{3,15}")


def _number(value: str) -> str:
    if not _NUMBER.fullmatch(value):
        raise ValueError("is no phone number: write digits only, +441632960961")
    return value


class DestinationSettings(Section):
    """Where a caller may be put through to.

    `kind`: bridged (the bot briefs and joins), blind (REFER), or attended (as bridged, then REFER with
    Replaces where the caller's side can, so that the call leaves the bot).
    """

    uri: str
    kind: Literal["bridged", "blind", "attended"] = "bridged"
    label_nl: str
    label_en: str

    @field_validator("uri")
    @classmethod
    def _is_plain(cls, uri: str) -> str:
        if not PLAIN_URI.fullmatch(uri):
            raise ValueError(
                "is no plain SIP address: write sip:user@host or sip:user@host:port, no parameters"
            )
        return uri


class TransferSettings(Section):
    """Who can be reached. `human` names the destination for a request for a person.

    `then`: tried when nobody takes the call, after whom a rule names ('queue:service'). `exceptions`:
    premium, shared-cost and foreign numbers that may be dialled all the same, one by one. `offer_seconds`: so
    long after a request for a person a callback is offered at the latest (law H4). `agent_language`: of what
    agents hear before they press 1. The caps are dials of transfers.
    """

    destinations: dict[str, DestinationSettings] = Field(default_factory=dict)
    human: str = Field(default="medewerker", validate_default=True)
    then: tuple[str, ...] = ()
    exceptions: tuple[Annotated[str, AfterValidator(_number)], ...] = ()
    ring_seconds: float = Field(default=25.0, ge=5, le=120)
    accept_seconds: float = Field(default=20.0, ge=5, le=120)
    offer_seconds: float = Field(default=150.0, ge=45, le=600, validate_default=True)
    agent_language: Literal["nl", "en"] = "nl"
    caller_per_hour: int = Field(default=30, ge=1, le=1000)
    destination_per_hour: int = Field(default=1000, ge=1, le=100_000)
    destination_at_once: int = Field(default=50, ge=1, le=2000)
    all_at_once: int = Field(default=200, ge=1, le=5000)

    @field_validator("offer_seconds")
    @classmethod
    def _an_agent_can_be_tried(cls, offer: float, info: ValidationInfo) -> float:
        least = BRIEFING_AND_LEAST_RING_SECONDS + info.data.get("accept_seconds", 0.0)
        if offer < least:
            raise ValueError(
                f"is too short to ring and brief an agent: set at least {least:g}, or accept_seconds shorter"
            )
        return offer

    @field_validator("human")
    @classmethod
    def _human_is_known(cls, human: str, info: ValidationInfo) -> str:
        if "destinations" in info.data and human not in info.data["destinations"]:
            raise ValueError(
                f"there is no [transfer.destinations.{human}]: callers who ask for a person must have "
                "somewhere to go (law H3); add that table, or name another in transfer.human"
            )
        return human
