"""Rendered prompts on disk: one file a clip, checked when read, replaced atomically, bounded in size.

Synchronous; callers run it in a thread. A file is a header (magic, length in bytes, sha256) and s16le
samples at 16 kHz. The modification time is the time of last use: the oldest go first.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import tempfile
from pathlib import Path

import structlog

log = structlog.get_logger()

_HEADER = struct.Struct(">8sQ32s")
_MAGIC = b"VBCLIP1\n"
_SUFFIX = ".clip"


class ClipStore:
    """A directory of clips. `limit_bytes`: of all files together; the least recently used are deleted.

    A disk that is full or read-only is logged once; the store then only reads. `write_failures` and
    `corrupt` count since start.
    """

    def __init__(self, directory: Path, *, limit_bytes: int) -> None:
        self._directory, self._limit_bytes = directory, limit_bytes
        self._used_bytes: int | None = None
        self.write_failures = 0
        self.corrupt = 0

    def read(self, key: str) -> bytes | None:
        """Return the samples, or None when absent or corrupt (a corrupt file is deleted)."""
        file = self._file(key)
        try:
            content = file.read_bytes()
        except OSError:
            return None
        pcm = _checked(content)
        if pcm is None:
            self.corrupt += 1
            log.warning("cached prompt is corrupt, rendering it anew", key=key[:12])
            with contextlib.suppress(OSError):
                file.unlink()
                self._used_bytes = None
            return None
        with contextlib.suppress(OSError):
            os.utime(file)
        return pcm

    def write(self, key: str, pcm: bytes) -> bool:
        """Store samples; False (logged once) when the disk does not take them."""
        header = _HEADER.pack(_MAGIC, len(pcm), hashlib.sha256(pcm).digest())
        file = self._file(key)
        temporary = ""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".new-")
            with os.fdopen(handle, "wb") as output:
                output.write(header + pcm)
            os.replace(temporary, file)
        except OSError as error:
            with contextlib.suppress(OSError):
                if temporary:
                    os.unlink(temporary)
            if not self.write_failures:
                log.warning(
                    "prompt cache cannot write, going on without",
                    error=type(error).__name__,
                    errno=error.errno,
                )
            self.write_failures += 1
            return False
        self._account(len(header) + len(pcm))
        return True

    def _account(self, added_bytes: int) -> None:
        self._used_bytes = None if self._used_bytes is None else self._used_bytes + added_bytes
        if self._used_bytes is not None and self._used_bytes <= self._limit_bytes:
            return
        files = [(stat.st_mtime_ns, stat.st_size, file) for file, stat in self._files()]
        used = sum(size for _, size, _ in files)
        for _, size, file in sorted(files):
            if used <= self._limit_bytes:
                break
            with contextlib.suppress(OSError):
                file.unlink()
                used -= size
        self._used_bytes = used

    def _files(self) -> list[tuple[Path, os.stat_result]]:
        found: list[tuple[Path, os.stat_result]] = []
        for file in self._directory.glob(f"*/*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                found.append((file, file.stat()))
        return found

    def _file(self, key: str) -> Path:
        return self._directory / key[:2] / f"{key}{_SUFFIX}"


def _checked(content: bytes) -> bytes | None:
    if len(content) < _HEADER.size:
        return None
    magic, length, digest = _HEADER.unpack_from(content)
    pcm = content[_HEADER.size :]
    whole = magic == _MAGIC and length == len(pcm) and hashlib.sha256(pcm).digest() == digest
    return pcm if whole else None
