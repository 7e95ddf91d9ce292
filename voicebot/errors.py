"""The exception tree. Each class has a stable `code` that logs, JSON output and records carry.

VoicebotError
├── ConfigError            a setting, prompt, intent or rule file is wrong; names file, line, field, mend
├── PortUnusable           a port that the service listens on is taken or not allowed; says which setting
├── ModelError
│   ├── ModelMissing       weights are not on disk
│   └── ModelDownloadFailed  no source gave the file, or its checksum is wrong
├── SpeechWorkerError
│   ├── SpeechWorkerDied   the process ended while it held our request
│   └── SpeechWorkerBusy   the bounded queue is full or the time limit passed
├── SipError
│   ├── SipParseError      not a SIP message, or one that breaks RFC 3261
│   └── SdpRefused         no common codec, unusable address (488), or no SDP at all (400)
├── MediaError
├── DialFailed             an outbound leg was not answered; `.reason` is a DialFailure
├── TransferRefused        destination is not on the allow-list, or capped
└── StorageError
"""

from __future__ import annotations

import enum
from pathlib import Path


class VoicebotError(Exception):
    """Base of all errors that this program raises on purpose."""

    code = "error"


class ConfigError(VoicebotError):
    """A configuration file is wrong.

    `file`, `line` (1-based, None when unknown) and `field` (dotted) say where; `mend` says what to do.
    """

    code = "config"

    def __init__(
        self, problem: str, *, mend: str, file: Path | None = None, line: int | None = None, field: str = ""
    ) -> None:
        self.problem, self.mend, self.file, self.line, self.field = problem, mend, file, line, field
        super().__init__(str(self))

    def __str__(self) -> str:
        where = f"{self.file or 'environment'}{f':{self.line}' if self.line else ''}"
        return f"{where}: {self.field + ': ' if self.field else ''}{self.problem}. To mend: {self.mend}"


class PortUnusable(VoicebotError):
    """A port cannot be listened on. `port`: 'sip.port UDP port 5060'; `mend` says what to do."""

    code = "port"

    def __init__(self, port: str, problem: str, mend: str) -> None:
        super().__init__(f"{port}: {problem}. To mend: {mend}")
        self.port, self.problem, self.mend = port, problem, mend


class ModelError(VoicebotError):
    """A model cannot be used."""

    code = "model"


class ModelMissing(ModelError):
    """The weights are not on disk; `voicebot models pull` fetches them."""

    code = "model.missing"


class ModelDownloadFailed(ModelError):
    """No source gave the file with the right checksum."""

    code = "model.download"


class SpeechWorkerError(VoicebotError):
    """A speech worker did not answer."""

    code = "worker"


class SpeechWorkerDied(SpeechWorkerError):
    """The worker process ended while it held the request."""

    code = "worker.died"


class SpeechWorkerBusy(SpeechWorkerError):
    """The bounded queue is full, or the time limit has passed."""

    code = "worker.busy"


class SipError(VoicebotError):
    """A SIP exchange failed."""

    code = "sip"


class SipParseError(SipError):
    """The bytes are no SIP message that RFC 3261 allows."""

    code = "sip.parse"


class SdpRefused(SipError):
    """The session description cannot be agreed on. `status`: 488, or 400 where it breaks RFC 8866."""

    code = "sip.sdp"

    def __init__(self, problem: str, status: int = 488) -> None:
        super().__init__(problem)
        self.status = status


class MediaError(VoicebotError):
    """Audio cannot be sent or received."""

    code = "media"


class DialFailure(enum.StrEnum):
    """Why nobody took a call that was put through."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"
    REFUSED_BRIEFING = "refused_briefing"
    HUNG_UP = "hung_up"
    NO_MEDIA = "no_media"
    CLOSED = "closed"  # outside the hours of the queue
    FULL = "full"  # no place left: in the queue, or within a cap
    FAILED = "failed"


class DialFailed(VoicebotError):
    """An outbound leg was not answered."""

    code = "dial"

    def __init__(self, reason: DialFailure, detail: str = "") -> None:
        super().__init__(f"{reason.value}{': ' + detail if detail else ''}")
        self.reason, self.detail = reason, detail


class TransferRefused(VoicebotError):
    """The destination is unknown, not allowed, or its cap is reached."""

    code = "transfer.refused"


class StorageError(VoicebotError):
    """The database could not be read or written."""

    code = "storage"
