"""A situation as conditions read it: numbers in one form, words folded, the desk's clock. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from types import MappingProxyType

import phonenumbers

from voicebot.transfer.opening_hours import Branch, OpeningHours
from voicebot.transfer.rules_situation import Situation
from voicebot.understanding.tagging import fold

DESK = "desk"
"""The human desk, among the branches of a calendar."""
_WORD = re.compile(r"[a-z0-9]+")
_SCHEMES = re.compile(r"^(?:sips?|tel):", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Calendar:
    """What conditions of time look at: branches by id, and the human desk under 'desk'."""

    branches: Mapping[str, Branch] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, hours: OpeningHours) -> Calendar:
        """Take every schedule of config/opening_hours.yaml: branches, queues, the desk."""
        return cls(MappingProxyType({**hours.branches, **hours.queues, DESK: hours.desk}))

    @property
    def desk(self) -> Branch | None:
        """The human desk, whose clock the conditions of time go by."""
        return self.branches.get(DESK)

    def local(self, moment: datetime) -> datetime:
        """Return the moment on the desk's clock; as it is without a desk."""
        return moment if self.desk is None else self.desk.local(moment)


class Facts:
    """A situation with what conditions derive from it, each computed once.

    `groups`: for each group of callers its numbers in one form; a trailing '*' stands for any digits.
    """

    def __init__(
        self, situation: Situation, calendar: Calendar, groups: Mapping[str, frozenset[str]]
    ) -> None:
        self.situation, self.calendar = situation, calendar
        self._groups = groups
        self._open: dict[str, bool] = {}

    @cached_property
    def words(self) -> str:
        """The turn's words, folded, a single space between and around them."""
        return folded_words(self.situation.words)

    @cached_property
    def dialled(self) -> str:
        """The dialled number in one form."""
        return number_key(self.situation.dialled)

    @cached_property
    def local(self) -> datetime | None:
        """The moment on the desk's clock, None when it is not known."""
        moment = self.situation.moment
        return None if moment is None else self.calendar.local(moment)

    def is_open(self, branch_id: str) -> bool:
        """Whether a branch is open; one that is not known never is, nor any at an unknown moment."""
        if branch_id not in self._open:
            branch, moment = self.calendar.branches.get(branch_id), self.situation.moment
            self._open[branch_id] = branch is not None and moment is not None and branch.is_open(moment)
        return self._open[branch_id]

    def is_caller_in(self, group: str) -> bool:
        """Whether the caller's number is in a group."""
        caller = number_key(self.situation.caller)
        return bool(caller) and any(
            caller.startswith(number[:-1]) if number.endswith("*") else caller == number
            for number in self._groups.get(group, ())
        )


@lru_cache(maxsize=64)
def folded_words(text: str) -> str:
    """Return a text's words in lower case without accents and punctuation: ' ik wil een mens '."""
    return f" {' '.join(_WORD.findall(fold(text)))} " if text else ""


@lru_cache(maxsize=4096)
def number_key(number: str) -> str:
    """Bring a number into one form: '030-2345678' and 'sip:+31302345678@host' become '+31302345678'.

    National numbers are taken as Dutch. What is no phone number (a short code, a SIP user) becomes its user
    part in lower case. A trailing '*' is kept.
    """
    user = _SCHEMES.sub("", number.strip()).partition("@")[0].partition(";")[0].lower()
    bare, star = (user[:-1], "*") if user.endswith("*") else (user, "")
    compact = re.sub(r"[\s().-]", "", bare.replace("(0)", "") if bare.startswith(("+", "00")) else bare)
    if compact.startswith("00"):
        compact = "+" + compact[2:]
    if star and compact.startswith("0"):
        return f"+31{compact[1:]}*"
    if star or not re.fullmatch(r"\+?\d+", compact):
        return (compact if re.fullmatch(r"\+?\d*", compact) else bare) + star
    try:
        parsed = phonenumbers.parse(compact, "NL")
    except phonenumbers.NumberParseException:
        return compact
    if not phonenumbers.is_possible_number(parsed):
        return compact
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
