"""Settings of queues and of calling back: sections [queue] and [callback] of the file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from voicebot.settings_parts import Section


class QueueSettings(Section):
    """Seconds. `after_call`: to finish up after a call; `rest`: a phone that did not answer is left alone.

    `retry`: an agent who declined a caller is not offered the same one again so soon. The queues themselves
    are in config/queues.yaml.
    """

    after_call_seconds: float = Field(default=30.0, ge=0, le=3600)
    rest_seconds: float = Field(default=60.0, ge=5, le=3600)
    retry_seconds: float = Field(default=30.0, ge=1, le=3600)


class CallbackSettings(Section):
    """Calling people back. `trunk`: name of the trunk in sip.trunks that such calls go out by, '' for none.

    `region`: of numbers without a country code. `within_seconds`: of opening time, in which a promised call
    is due. `retry_seconds`: until the next attempt after nobody answered. `max_attempts`: then it has failed.
    `exceptions`: foreign numbers that may be called, one by one.
    """

    trunk: str = ""
    region: Literal["NL", "BE"] = "NL"
    within_seconds: float = Field(default=7200.0, ge=60, le=604800)
    retry_seconds: float = Field(default=1800.0, ge=60, le=86400)
    max_attempts: int = Field(default=5, ge=1, le=50)
    exceptions: tuple[str, ...] = ()
