"""models/catalogue.toml as frozen values: artifacts, their sources, roles and profiles."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from voicebot.errors import ConfigError

SourceKind = Literal["hub", "wheels", "installed", "package"]
_Sha256 = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelFile(_Frozen):
    """One file of an artifact.

    `path`: name in its folder. `size`: bytes. `sha256`: lower-case hex, '' when nobody has published it.
    `members`: files inside wheels or a package that, joined in order, make this one.
    """

    path: str
    size: Annotated[int, Field(ge=0)]
    sha256: _Sha256
    members: tuple[str, ...] = ()

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts:
            raise ValueError("must be a relative path inside the artifact's folder")
        return path


class Source(_Frozen):
    """Where an artifact can be had; which fields count depends on `kind` (see catalogue.toml)."""

    kind: SourceKind
    url: str = ""
    requirements: tuple[str, ...] = ()
    package: str = ""
    files: tuple[ModelFile, ...] = ()

    @property
    def label(self) -> str:
        """Short text for tables, logs and lock files."""
        return self.url or " ".join(self.requirements) or self.package

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


class Artifact(_Frozen):
    """A model: one folder below models/weights, unless a dependency carries it."""

    name: str
    purpose: str
    languages: tuple[str, ...]
    licence: str
    sources: tuple[Source, ...] = Field(alias="source", min_length=1)

    @property
    def is_package(self) -> bool:
        """Whether a dependency carries the weights, so that there is no folder."""
        return all(source.kind == "package" for source in self.sources)


class Role(_Frozen):
    """What a model is needed for. `without`: what is degraded when there is none (not for required ones)."""

    purpose: str
    required: bool = False
    without: str = ""


class Profile(_Frozen):
    """Which artifact fills each role. `fallback`: the profile whose artifact is taken instead."""

    fallback: str = ""
    roles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The whole file."""

    artifacts: Mapping[str, Artifact]
    roles: Mapping[str, Role]
    profiles: Mapping[str, Profile]

    def candidates(self, profile: str, role: str) -> Iterator[Artifact]:
        """Artifacts for a role in the order of preference: the profile's own, then its fallbacks'."""
        seen: set[str] = set()
        while profile:
            name = self.profiles[profile].roles.get(role)
            if name is not None and name not in seen:
                seen.add(name)
                yield self.artifacts[name]
            profile = self.profiles[profile].fallback


class _File(_Frozen):
    artifact: dict[str, dict[str, object]]
    role: dict[str, Role]
    profile: dict[str, Profile]


def load_catalogue(path: Path) -> Catalogue:
    """Read and check the catalogue. Raises ConfigError, which names the field."""
    try:
        raw = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        artifacts = {
            name: Artifact.model_validate({"name": name, **fields}) for name, fields in raw.artifact.items()
        }
    except OSError as error:
        raise ConfigError("cannot be read", mend="restore the file from the release", file=path) from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise ConfigError(
            str(error), mend="correct the TOML", file=path, line=int(line[1]) if line else None
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ConfigError(first["msg"], mend="correct this field", file=path, field=field) from error
    catalogue = Catalogue(artifacts, raw.role, raw.profile)
    for problem, field in _inconsistencies(catalogue):
        raise ConfigError(problem, mend="name one that exists in this file", file=path, field=field)
    return catalogue


def _inconsistencies(catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """Problem and field of each name that leads nowhere."""
    for name, profile in catalogue.profiles.items():
        field = f"profile.{name}"
        seen = {name}
        step = profile
        while step.fallback:
            if step.fallback not in catalogue.profiles:
                yield f"unknown profile '{step.fallback}'", f"{field}.fallback"
                return
            if step.fallback in seen:
                yield "the fallbacks go round in a circle", f"{field}.fallback"
                return
            seen.add(step.fallback)
            step = catalogue.profiles[step.fallback]
        for role, artifact in profile.roles.items():
            if role not in catalogue.roles:
                yield f"unknown role '{role}'", f"{field}.roles.{role}"
            if artifact not in catalogue.artifacts:
                yield f"unknown artifact '{artifact}'", f"{field}.roles.{role}"
