"""Weights on disk: the lock file beside them, what is present or wrong, what a profile comes down to."""

from __future__ import annotations

import enum
import hashlib
import importlib.metadata
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from voicebot.errors import ModelMissing
from voicebot.model_catalogue import Artifact, Catalogue, ModelFile, Source

LOCK_NAME = "lock.json"
_BLOCK = 1 << 20


class State(enum.StrEnum):
    """Whether an artifact can be used."""

    PRESENT = "present"
    MISSING = "missing"
    WRONG = "wrong"  # a file is gone, cut off or altered


@dataclass(frozen=True, slots=True)
class ArtifactState:
    """`problem`: '' when present. `path`: its folder, None for a package. `source`: where it came from."""

    artifact: Artifact
    state: State
    path: Path | None
    source: str = ""
    problem: str = ""


def sha256_of(path: Path) -> str:
    """Hex digest of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def inspect(artifact: Artifact, weights: Path, *, thorough: bool = False) -> ArtifactState:
    """State of one artifact: sizes against the lock file; `thorough` reads every byte as well."""
    if artifact.is_package:
        return _inspect_package(artifact)
    folder = weights / artifact.name
    lock = _read_lock(folder)
    if lock is None:
        return ArtifactState(artifact, State.MISSING, folder, problem="not downloaded")
    source, files = lock
    for name, (size, sha256) in files.items():
        path = folder / name
        if not path.is_file():
            return ArtifactState(artifact, State.WRONG, folder, source, f"{name} is gone")
        if path.stat().st_size != size:
            return ArtifactState(artifact, State.WRONG, folder, source, f"{name} has the wrong size")
        if thorough and sha256_of(path) != sha256:
            return ArtifactState(artifact, State.WRONG, folder, source, f"{name} has the wrong checksum")
    return ArtifactState(artifact, State.PRESENT, folder, source)


def write_lock(folder: Path, artifact: Artifact, source: Source) -> None:
    """Record sizes and hashes of what is in the folder; writing it last makes the artifact present."""
    files = {
        file.path: {"size": (folder / file.path).stat().st_size, "sha256": sha256_of(folder / file.path)}
        for file in source.files
    }
    unpinned = [file.path for file in source.files if not file.sha256]
    record = {"artifact": artifact.name, "source": source.label, "files": files, "hash_first_seen": unpinned}
    draft = folder / (LOCK_NAME + ".part")
    draft.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    os.replace(draft, folder / LOCK_NAME)


def check_file(path: Path, file: ModelFile) -> str:
    """Return what is wrong with a fetched file against the catalogue, '' when nothing is."""
    size = path.stat().st_size
    if size != file.size:
        return f"{file.path}: {size} bytes instead of {file.size}"
    if file.sha256 and sha256_of(path) != file.sha256:
        return f"{file.path}: wrong checksum"
    return ""


def adopt(artifact: Artifact, weights: Path) -> Source | None:
    """Accept weights that were copied here by hand, when they are exactly those of one source."""
    folder = weights / artifact.name
    for source in artifact.sources:
        paths = [(folder / file.path, file) for file in source.files]
        if paths and all(path.is_file() and not check_file(path, file) for path, file in paths):
            write_lock(folder, artifact, source)
            return source
    return None


@dataclass(frozen=True, slots=True)
class ProfileState:
    """What a profile comes down to on this machine.

    `chosen`: role -> state of the artifact that fills it (present ones only). `missing`: required roles
    that nothing fills. `degraded`: sentences for the start screen.
    """

    profile: str
    chosen: Mapping[str, ArtifactState]
    missing: tuple[str, ...]
    degraded: tuple[str, ...]

    def folder(self, role: str) -> Path:
        """Folder of the role's weights. Raises ModelMissing."""
        state = self.chosen.get(role)
        if state is None or state.path is None:
            raise ModelMissing(f"no model for '{role}' on disk: run `voicebot models pull`")
        return state.path


def resolve_profile(catalogue: Catalogue, weights: Path, profile: str) -> ProfileState:
    """Choose for each role the best artifact on disk: the profile's, else its fallbacks'."""
    chosen: dict[str, ArtifactState] = {}
    missing: list[str] = []
    degraded: list[str] = []
    for role, meaning in catalogue.roles.items():
        candidates = list(catalogue.candidates(profile, role))
        states = (inspect(artifact, weights) for artifact in candidates)
        present = next((state for state in states if state.state is State.PRESENT), None)
        if present is not None:
            chosen[role] = present
            if present.artifact is not candidates[0]:
                degraded.append(f"{meaning.purpose}: {present.artifact.name} instead of {candidates[0].name}")
        elif meaning.required:
            missing.append(role)
        else:
            degraded.append(meaning.without)
    return ProfileState(profile, chosen, tuple(missing), tuple(degraded))


def _inspect_package(artifact: Artifact) -> ArtifactState:
    requirement = artifact.sources[0].requirements[0]
    name, _, wanted = requirement.partition("==")
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ArtifactState(artifact, State.MISSING, None, requirement, f"{requirement} is not installed")
    if version != wanted:
        return ArtifactState(artifact, State.WRONG, None, requirement, f"version {version} is installed")
    return ArtifactState(artifact, State.PRESENT, None, requirement)


def _read_lock(folder: Path) -> tuple[str, dict[str, tuple[int, str]]] | None:
    """Source and files of a lock file; None when there is none that can be read."""
    try:
        record = json.loads((folder / LOCK_NAME).read_text(encoding="utf-8"))
        files = {name: (int(entry["size"]), str(entry["sha256"])) for name, entry in record["files"].items()}
        return str(record["source"]), files
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
