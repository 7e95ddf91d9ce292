"""The prompt book: what the bot says, by id, from config/prompts/{nl,en}.yaml, checked once at load.

File format: a mapping `prompt_id: ["wording one", "wording two {placeholder}"]` or of a single string.
Files named after a variant (`nl-BE.yaml`) override prompts of their language for lines of that variant.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from voicebot import yaml_text
from voicebot.errors import ConfigError
from voicebot.events import LANGUAGES, Language


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt in one language. `wordings`: at least one; `line`: 1-based, in `file`."""

    wordings: tuple[str, ...]
    placeholders: frozenset[str]
    file: Path
    line: int

    @property
    def version(self) -> str:
        """Short sha256 of all wordings: proves which text a caller heard (law D1)."""
        return hashlib.sha256("\n".join(self.wordings).encode()).hexdigest()[:12]


class PromptBook:
    """All prompts of the service; immutable. Load it with `PromptBook.load`."""

    def __init__(
        self, prompts: Mapping[Language, Mapping[str, Prompt]], variants: Mapping[str, Mapping[str, Prompt]]
    ) -> None:
        self._prompts, self._variants = prompts, variants

    @classmethod
    def load(cls, directory: Path, used: frozenset[str] | None = None) -> PromptBook:
        """Read `nl.yaml`, `en.yaml` and variants such as `nl-BE.yaml`. Raises ConfigError.

        `used`: ids that the program says; if given, each must be there and no other may be.
        """
        prompts: dict[Language, dict[str, Prompt]] = {
            language: _read(directory / f"{language}.yaml") for language in LANGUAGES
        }
        _check_same(prompts["nl"], prompts["en"], directory)
        if used is not None:
            _check_used(used, prompts["nl"], directory / "nl.yaml")
        variants: dict[str, dict[str, Prompt]] = {}
        for file in sorted(directory.glob("*.yaml")):
            if file.stem in LANGUAGES:
                continue
            base = next((language for language in LANGUAGES if file.stem.startswith(f"{language}-")), None)
            if base is None:
                raise ConfigError(
                    "is not a language of this service",
                    mend="name it nl.yaml, en.yaml, or after a variant such as nl-BE.yaml",
                    file=file,
                )
            variants[file.stem] = _read(file)
            for prompt_id, prompt in variants[file.stem].items():
                _check_override(prompt_id, prompt, prompts[base])
        return cls(prompts, variants)

    @property
    def ids(self) -> frozenset[str]:
        """Every prompt id, for checking configuration that names prompts."""
        return frozenset(self._prompts["nl"])

    def prompt(self, prompt_id: str, language: Language, line_variant: str = "") -> Prompt:
        """Return one prompt, the variant's own where it has one. Raises KeyError for an unknown id."""
        overrides = self._variants.get(line_variant, {}) if line_variant.startswith(f"{language}-") else {}
        return overrides.get(prompt_id) or self._prompts[language][prompt_id]

    def render(
        self,
        prompt_id: str,
        language: Language,
        variant: int = 0,
        values: Mapping[str, str] | None = None,
        *,
        line_variant: str = "",
    ) -> str:
        """Fill a wording. `variant` picks it, modulo their number; `line_variant`: 'nl-BE' and the like.

        Values are inserted as plain text: braces in them mean nothing. Raises KeyError for an unknown id or
        a placeholder without a value.
        """
        wordings = self.prompt(prompt_id, language, line_variant).wordings
        return wordings[variant % len(wordings)].format_map(dict(values or {}))

    def variants(self, prompt_id: str, language: Language, line_variant: str = "") -> int:
        """How many wordings a prompt has."""
        return len(self.prompt(prompt_id, language, line_variant).wordings)

    def placeholders(self, prompt_id: str) -> frozenset[str]:
        """Names that must be filled; the same in every language."""
        return self._prompts["nl"][prompt_id].placeholders

    def is_fixed(self, prompt_id: str, language: Language, line_variant: str = "") -> bool:
        """Whether the prompt has no placeholder, so that its audio may be kept on disk."""
        return not self.prompt(prompt_id, language, line_variant).placeholders

    def version(self, prompt_id: str, language: Language, line_variant: str = "") -> str:
        """Version of a prompt's text (12 hexadecimal digits), for the disclosure event."""
        return self.prompt(prompt_id, language, line_variant).version

    def fixed_texts(self, language: Language, line_variant: str = "") -> list[str]:
        """Every wording without placeholders: what can be rendered before the first call."""
        return [
            wording
            for prompt_id in sorted(self._prompts[language])
            for prompt in [self.prompt(prompt_id, language, line_variant)]
            for wording in prompt.wordings
            if not prompt.placeholders
        ]


def _read(file: Path) -> dict[str, Prompt]:
    try:
        root = yaml_text.compose(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "cannot be read", mend="put the file there, in UTF-8, readable for the service", file=file
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or "is not YAML")
        raise ConfigError(
            problem,
            mend="correct the YAML; put texts with ':' or '{' in quotes",
            file=file,
            line=mark.line + 1 if mark else None,
        ) from error
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(
            "holds no prompts",
            mend='write a mapping of prompt ids to texts: `goodbye: ["Tot ziens."]`',
            file=file,
            line=root.start_mark.line + 1 if root else None,
        )
    prompts: dict[str, Prompt] = {}
    for key, value in root.value:
        line = key.start_mark.line + 1
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
        if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
            raise ConfigError(
                "a prompt id must be a word", mend="quote it or rename it", file=file, line=line, field=name
            )
        if name in prompts:
            mend = f"keep one of the two; the other is on line {prompts[name].line}"
            raise ConfigError("is there twice", mend=mend, file=file, line=line, field=name)
        prompts[name] = _prompt(name, value, file, line)
    return prompts


def _prompt(name: str, value: yaml.Node, file: Path, key_line: int) -> Prompt:
    nodes = value.value if isinstance(value, yaml.SequenceNode) else [value]
    wordings: list[str] = []
    named: list[frozenset[str]] = []
    for node in nodes:
        line = node.start_mark.line + 1
        text = node.value.strip() if isinstance(node, yaml.ScalarNode) else None
        if text is None or not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:str":
            raise ConfigError(
                "a wording must be text", mend="write it in quotes", file=file, line=line, field=name
            )
        if not text:
            raise ConfigError(
                "a wording is empty", mend="write what is said", file=file, line=line, field=name
            )
        wordings.append(text)
        named.append(_placeholders(text, name, file, line))
    if not wordings:
        raise ConfigError("has no wording", mend="write at least one", file=file, line=key_line, field=name)
    for node, placeholders in zip(nodes, named, strict=True):
        if placeholders != named[0]:
            raise ConfigError(
                f"wordings differ in placeholders: {_listed(named[0] ^ placeholders)}",
                mend="use the same placeholders in every wording",
                file=file,
                line=node.start_mark.line + 1,
                field=name,
            )
    return Prompt(tuple(wordings), named[0], file, key_line)


def _placeholders(text: str, name: str, file: Path, line: int) -> frozenset[str]:
    try:
        fields = [
            (field, spec, how) for _, field, spec, how in string.Formatter().parse(text) if field is not None
        ]
    except ValueError as error:
        mend = "close every '{' with '}'; write '{{' for a brace that is said"
        raise ConfigError(str(error), mend=mend, file=file, line=line, field=name) from error
    for field, spec, how in fields:
        if not field.isidentifier() or spec or how:
            raise ConfigError(
                f"placeholder '{{{field}}}' is not a plain name",
                mend="use letters, digits and '_' only, as in {order_number}",
                file=file,
                line=line,
                field=name,
            )
    return frozenset(field for field, _, _ in fields)


def _check_same(nl: Mapping[str, Prompt], en: Mapping[str, Prompt], directory: Path) -> None:
    for here, there, missing_in in ((nl, en, "en.yaml"), (en, nl, "nl.yaml")):
        for name, prompt in here.items():
            if name not in there:
                mend = f"write it in {directory / missing_in} too, or delete it here"
                raise ConfigError(
                    f"is not in {missing_in}", mend=mend, file=prompt.file, line=prompt.line, field=name
                )
    for name, prompt in en.items():
        if prompt.placeholders != nl[name].placeholders:
            raise ConfigError(
                f"placeholders differ from nl.yaml: {_listed(prompt.placeholders ^ nl[name].placeholders)}",
                mend="use the same placeholders in both languages",
                file=prompt.file,
                line=prompt.line,
                field=name,
            )


def _check_used(used: frozenset[str], prompts: Mapping[str, Prompt], file: Path) -> None:
    for name in sorted(used - prompts.keys()):
        raise ConfigError("is missing", mend="write this prompt in each language", file=file, field=name)
    for name in sorted(prompts.keys() - used):
        mend = "correct the id, or delete it in each language"
        raise ConfigError(
            "nothing says this prompt", mend=mend, file=file, line=prompts[name].line, field=name
        )


def _check_override(name: str, prompt: Prompt, base: Mapping[str, Prompt]) -> None:
    if name not in base:
        raise ConfigError(
            "overrides a prompt that does not exist",
            mend="correct the id or delete it",
            file=prompt.file,
            line=prompt.line,
            field=name,
        )
    if not prompt.placeholders <= base[name].placeholders:
        raise ConfigError(
            f"has placeholders without a value: {_listed(prompt.placeholders - base[name].placeholders)}",
            mend=f"use only those of {base[name].file.name}",
            file=prompt.file,
            line=prompt.line,
            field=name,
        )


def _listed(names: frozenset[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names))
