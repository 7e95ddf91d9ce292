"""Transcripts at rest are sealed with a key that is not in the database (law P3).

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce. Each sealed value names its key, so that a new
key can be added while old rows stay readable. The place of a value (table, row, column) is authenticated
with it: a ciphertext moved to another row does not open.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from voicebot.errors import ConfigError, StorageError

KEY_BYTES = 32
_NONCE_BYTES = 12


class UndecipherableError(StorageError):
    """A sealed value cannot be opened: its key is not in the key ring, or it was changed."""

    code = "storage.undecipherable"


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted value. `key_id`: 16 hex digits. `data`: nonce, ciphertext and tag."""

    key_id: str
    data: bytes


class Cipher:
    """Seals and opens short texts. `keys`: 32 bytes each; the last one seals, all of them open."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ConfigError(
                "the key ring needs one or more keys of 32 bytes",
                mend="generate one with: openssl rand -base64 32",
                field="storage.key",
            )
        self._keys = {_key_id(key): key for key in keys}
        self._current = _key_id(keys[-1])

    @property
    def key_id(self) -> str:
        """Id of the key that seals now: from its hash, so it tells nothing of the key."""
        return self._current

    def seal(self, text: str, place: str) -> Sealed:
        """Encrypt `text` for one place ('turns/CALL/3/heard')."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = text.encode("utf-8", "replace")
        body = AESGCM(self._keys[self._current]).encrypt(nonce, plain, place.encode("utf-8", "replace"))
        return Sealed(self._current, nonce + body)

    def open(self, sealed: Sealed, place: str) -> str:
        """Decrypt; raises UndecipherableError."""
        key = self._keys.get(sealed.key_id)
        if key is None:
            raise UndecipherableError(f"key {sealed.key_id} is not in the key ring")
        nonce, body = sealed.data[:_NONCE_BYTES], sealed.data[_NONCE_BYTES:]
        try:
            return AESGCM(key).decrypt(nonce, body, place.encode("utf-8", "replace")).decode()
        except (InvalidTag, ValueError) as error:
            raise UndecipherableError("a sealed value was changed, moved or cut short") from error

    def digest(self, text: str, purpose: str, key_id: str | None = None) -> str:
        """Keyed hash in hex (HMAC-SHA-256): equal texts can be found, and nobody without the key can guess.

        The key is the current one unless `key_id` names another; raises UndecipherableError when unknown.
        """
        key = self._keys.get(key_id or self._current)
        if key is None:
            raise UndecipherableError(f"key {key_id} is not in the key ring")
        purpose_key = hmac.digest(key, purpose.encode(), "sha256")
        return hmac.digest(purpose_key, text.encode("utf-8", "replace"), "sha256").hex()

    def digests(self, text: str, purpose: str) -> tuple[str, ...]:
        """Return the keyed hash under each key of the ring: finds rows from before a rotation."""
        return tuple(self.digest(text, purpose, key_id) for key_id in self._keys)


def parse_keys(text: str, source: Path | None = None) -> Cipher:
    """Read a key ring: one base64 key of 32 bytes a line, '#' comments; the last line seals."""
    keys: list[bytes] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not (entry := line.split("#", 1)[0].strip()):
            continue
        try:
            key = base64.b64decode(entry, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise ConfigError(
                "not a base64 key of 32 bytes",
                mend="put one key on a line, from: openssl rand -base64 32",
                file=source,
                line=number,
                field="storage.key",
            )
        keys.append(key)
    return Cipher(tuple(keys))


def load_or_create_key(path: Path) -> Cipher:
    """Read the key file, or make it (mode 0600) when there is none. Blocking: call it at the start.

    Safe when two processes start at once: the file appears whole or not at all, and the first one wins.
    """
    if not path.exists():
        _create(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ConfigError(
            f"others may read the key file (mode {mode:04o})", mend="chmod 600 the file", file=path
        )
    return parse_keys(path.read_text("ascii", errors="replace"), path)


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(b"# Transcript key. Keep a copy: without it stored transcripts cannot be read.\n")
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    finally:
        draft.unlink(missing_ok=True)


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"voicebot key id" + key).hexdigest()[:16]
