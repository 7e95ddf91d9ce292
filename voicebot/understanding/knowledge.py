"""Approved answers (law A1): one Markdown file an article, spoken word for word while it is valid.

An article's `id` is the intent that it answers, 'faq_parking' or any other intent without a task. Retrieval
is the intent classifier: the article's `questions` are its training examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from voicebot.errors import ConfigError
from voicebot.events import Language
from voicebot.understanding.intent_files import IntentExample, as_mapping, line_of, read_examples, require

_FIELDS = {"id", "valid_from", "valid_until", "source", "questions", "spoken"}


@dataclass(frozen=True, slots=True)
class Article:
    """One approved answer. Dates are inclusive; `spoken`: 'nl', 'en' and optionally 'nl-BE' -> text."""

    id: str
    valid_from: date
    valid_until: date
    source: str
    spoken: Mapping[str, str]
    questions: tuple[IntentExample, ...]

    def is_valid(self, on: date) -> bool:
        """Whether the text may be spoken that day."""
        return self.valid_from <= on <= self.valid_until


class KnowledgeBase:
    """All articles, by intent."""

    def __init__(self, articles: Mapping[str, Article]) -> None:
        self.articles = articles

    def answer(self, intent: str, language: Language, variant: str, on: date) -> str | None:
        """Return the approved text that is valid on that day; None when unknown or expired."""
        article = self.articles.get(intent)
        if article is None or not article.is_valid(on):
            return None
        return article.spoken.get(variant) or article.spoken.get(language)

    def examples(self) -> tuple[IntentExample, ...]:
        """Training examples of all articles, expired ones too: the bot then says that it does not know."""
        return tuple(example for article in self.articles.values() for example in article.questions)


def load_knowledge(directory: Path) -> KnowledgeBase:
    """Read every *.md in a directory. Raises ConfigError (file, line, field, mend)."""
    articles: dict[str, Article] = {}
    for file in sorted(directory.glob("*.md")):
        article = _article(file)
        if article.id in articles:
            raise ConfigError(
                f"article '{article.id}' exists twice",
                mend="give one of them another id",
                file=file,
                field="id",
            )
        articles[article.id] = article
    return KnowledgeBase(articles)


def _article(file: Path) -> Article:
    text = file.read_text(encoding="utf-8")
    parts = text.split("---\n")
    if not text.startswith("---\n") or len(parts) < 3:
        raise ConfigError(
            "no front matter",
            mend="start the file with '---', the fields, and '---' again",
            file=file,
            line=1,
        )
    front = parts[1]
    values = as_mapping(file, front, first_line=2)
    unknown = sorted(set(values) - _FIELDS)
    if unknown:
        raise ConfigError(
            f"unknown field '{unknown[0]}'", mend=f"use only {', '.join(sorted(_FIELDS))}", file=file,
            line=line_of(front, unknown[0], first_line=2), field=unknown[0],
        )  # fmt: skip
    name = str(require(file, values, "id"))
    start, end = _day(file, front, values, "valid_from"), _day(file, front, values, "valid_until")
    if end < start:
        raise ConfigError(
            "valid_until is before valid_from", mend="correct one of the two dates", file=file,
            line=line_of(front, "valid_until", first_line=2), field="valid_until",
        )  # fmt: skip
    spoken = _spoken(file, front, values)
    questions = read_examples(file, front, name, values.get("questions"), field="questions", first_line=2)
    return Article(name, start, end, str(require(file, values, "source")), spoken, questions)


def _day(file: Path, front: str, values: Mapping[str, Any], field: str) -> date:
    value = require(file, values, field)
    if isinstance(value, date):
        return value
    raise ConfigError(
        f"'{value}' is no date", mend="write it as 2026-12-31", file=file,
        line=line_of(front, field, first_line=2), field=field,
    )  # fmt: skip


def _spoken(file: Path, front: str, values: Mapping[str, Any]) -> Mapping[str, str]:
    spoken = require(file, values, "spoken")
    for language in ("nl", "en"):
        if not isinstance(spoken, dict) or not str(spoken.get(language) or "").strip():
            raise ConfigError(
                f"no spoken text in '{language}'", mend=f"add 'spoken: {{ {language}: … }}'", file=file,
                line=line_of(front, "spoken", first_line=2), field=f"spoken.{language}",
            )  # fmt: skip
    return {str(key): " ".join(str(text).split()) for key, text in spoken.items()}
