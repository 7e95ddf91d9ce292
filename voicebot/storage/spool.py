"""Where records wait while the database cannot take them: one sealed file a record, written at once or not.

A file is written under a draft name, synced and renamed, so that a full disk or a crash leaves no half
record; deleting it needs no room. Files of dead processes are found at the next start. Saving is
idempotent, so two processes may share a folder. All methods block: call them in a thread.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import time
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from voicebot.privacy.encryption import Cipher, Sealed
from voicebot.storage.engine import RecordRejected
from voicebot.storage.records import AuditEntry, CallbackRecord, CallRecord, StoredRecord

_KINDS: dict[str, TypeAdapter[StoredRecord]] = {
    "call": TypeAdapter(CallRecord),
    "callback": TypeAdapter(CallbackRecord),
    "audit": TypeAdapter(AuditEntry),
}
_SUFFIX = ".record"
_PLACE = "spool"


class Spool:
    """A folder of waiting records, oldest first by name. `cipher` seals them as the database would."""

    def __init__(self, folder: Path, cipher: Cipher) -> None:
        self._folder = folder
        self._cipher = cipher
        self._numbers = itertools.count()

    def write(self, record: StoredRecord) -> Path:
        """Keep a record; it survives a crash when this returns. Raises OSError (disk full, read-only)."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(self._numbers):06d}"
        draft, final = self._folder / f".{name}", self._folder / f"{name}{_SUFFIX}"
        try:
            with draft.open("xb") as file:
                file.write(pack(record, self._cipher))
                file.flush()
                os.fsync(file.fileno())
            draft.rename(final)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        self._sync_folder()
        return final

    def waiting(self) -> list[Path]:
        """List the records, oldest first; empty when there is no folder."""
        return sorted(self._folder.glob(f"*{_SUFFIX}"))

    def read(self, path: Path) -> StoredRecord | None:
        """Return a waiting record, None when another process has stored it meanwhile.

        Raises RecordRejected or UndecipherableError when it is no record, OSError when it cannot be read.
        """
        try:
            return unpack(path.read_bytes(), self._cipher)
        except FileNotFoundError:
            return None

    def remove(self, path: Path) -> None:
        """Forget a record that is stored."""
        path.unlink(missing_ok=True)

    def set_aside(self, path: Path) -> None:
        """Move a record that can never be stored to 'rejected', for a person to look at."""
        aside = self._folder / "rejected"
        aside.mkdir(mode=0o700, exist_ok=True)
        path.rename(aside / path.name)

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def pack(record: StoredRecord, cipher: Cipher) -> bytes:
    """Seal a record as one line of JSON."""
    kind = {CallRecord: "call", CallbackRecord: "callback", AuditEntry: "audit"}[type(record)]
    sealed = cipher.seal(_KINDS[kind].dump_json(record).decode(), f"{_PLACE}/{kind}")
    line = {"kind": kind, "key": sealed.key_id, "sealed": base64.b64encode(sealed.data).decode()}
    return json.dumps(line).encode() + b"\n"


def unpack(line: bytes, cipher: Cipher) -> StoredRecord:
    """Open what `pack` made. Raises RecordRejected or UndecipherableError."""
    try:
        fields = json.loads(line)
        kind = fields["kind"]
        sealed = Sealed(str(fields["key"]), base64.b64decode(fields["sealed"], validate=True))
        return _KINDS[kind].validate_json(cipher.open(sealed, f"{_PLACE}/{kind}"))
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise RecordRejected("not a spooled record") from error
