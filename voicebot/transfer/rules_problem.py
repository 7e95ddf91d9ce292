"""What a check of rules finds. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voicebot.errors import VoicebotError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `rule`: its name, '' for the whole. `line`: in the file, None when not known.

    `code`: request_rule, shadows_request, no_callback, unreachable, contradiction, unknown_name,
    destination, text, actions.
    """

    code: str
    rule: str
    problem: str
    mend: str
    line: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{f'rule {self.rule!r}: ' if self.rule else ''}{self.problem}. To mend: {self.mend}"


class RulesRefused(VoicebotError):
    """The rules have problems and are not saved; `problems` has them all."""

    code = "rules.refused"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
