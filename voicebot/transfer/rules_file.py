"""Reads config/transfer_rules.yaml; each mistake is a ConfigError with file, line, field and mend. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import get_args

import yaml

from voicebot.errors import ConfigError
from voicebot.events import LANGUAGES
from voicebot.transfer.rules import (
    EndCall,
    OfferCallback,
    Rule,
    RuleAction,
    RuleSet,
    RuleTransferKind,
    SayText,
    TakeMessage,
    TransferTo,
)
from voicebot.transfer.rules_conditions import ANONYMOUS, Term
from voicebot.transfer.rules_facts import Calendar, number_key
from voicebot.transfer.rules_file_terms import terms_of
from voicebot.transfer.rules_nodes import Place, root_of

MOST_RULES = 300
LONGEST_TEXT = 500
"""Characters of one spoken text: about half a minute."""
_RULE_NAME = re.compile(r"\w[\w ,.'-]{0,59}")
_TARGET = re.compile(r"(?:(?:queue|agent):)?[A-Za-z0-9_.-]{1,60}")
_ACTIONS = ("say", "transfer", "end")
_BARE_ACTIONS: Mapping[str, RuleAction] = {
    "offer_callback": OfferCallback(),
    "take_message": TakeMessage(),
}


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A rule file as read: well-formed, not yet checked (rules_check.py).

    `lines`: of each rule, by name. `groups`: numbers in one form.
    """

    path: Path
    rules: tuple[Rule, ...]
    groups: Mapping[str, frozenset[str]]
    lines: Mapping[str, int]

    def rule_set(self, calendar: Calendar, version: int = 0) -> RuleSet:
        """Return the snapshot that calls decide by."""
        return RuleSet(self.rules, self.groups, calendar, version)


def load_rules(path: Path) -> RuleFile:
    """Read a file. Raises ConfigError."""
    try:
        return read_rules(path.read_text(encoding="utf-8"), path)
    except OSError as cause:
        problem = f"cannot be read ({cause.strerror})"
        raise ConfigError(problem, mend="name a file that is there", file=path) from cause
    except UnicodeDecodeError as cause:
        raise ConfigError("is not UTF-8 text", mend="save the file as UTF-8", file=path) from cause


def read_rules(text: str, path: Path) -> RuleFile:
    """Read a file's text; `path` is only named in errors. Raises ConfigError."""
    fields = root_of(text, path).fields(("rules", "groups"))
    if "rules" not in fields:
        raise root_of(text, path).wrong("has no 'rules:'", "add it, with a list of rules")
    groups = _groups(fields["groups"]) if "groups" in fields else {}
    places = list(fields["rules"].items())
    if not 1 <= len(places) <= MOST_RULES:
        raise fields["rules"].wrong(f"must have 1 to {MOST_RULES} rules", "add or remove rules")
    rules: dict[str, Rule] = {}
    lines: dict[str, int] = {}
    for place in places:
        rule = _rule(place)
        if rule.name in rules:
            mend = f"give each rule a name of its own; the first is on line {lines[rule.name]}"
            raise place.wrong(f"there are two rules with the name '{rule.name}'", mend)
        rules[rule.name], lines[rule.name] = rule, place.line
    return RuleFile(path, tuple(rules.values()), MappingProxyType(groups), MappingProxyType(lines))


def _groups(place: Place) -> dict[str, frozenset[str]]:
    groups: dict[str, frozenset[str]] = {}
    for name, numbers in place.fields().items():
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", name) or name == ANONYMOUS:
            raise numbers.wrong(f"'{name}' cannot be a group's name", "use another of letters and digits")
        groups[name] = frozenset(_number(each) for each in numbers.texts(10_000))
    return groups


def _number(place: Place) -> str:
    number = place.text(60)
    if not re.fullmatch(r"\+?[0-9 ().-]{2,30}\*?", number):
        raise place.wrong(
            f"'{number}' is no number", 'write "+31 30 2345678", or "+3230*" for all that begin so'
        )
    return number_key(number)


def _rule(place: Place) -> Rule:
    named = place.fields()
    label = named["name"].text() if "name" in named else ""
    placed = Place(place.node, f"rules.{label}" if label else place.field, place.file)
    fields = placed.fields(("name", "note", "enabled", "when", "unless", "then"))
    if not _RULE_NAME.fullmatch(label):
        raise placed.wrong(
            "needs a plain name" if label else "has no name",
            "write 'name: …' with at most 60 letters, digits, spaces and , . - '",
        )
    terms: tuple[Term, ...] = ()
    for key, are_wanted in (("when", True), ("unless", False)):
        if key in fields:
            terms += terms_of(fields[key], are_wanted=are_wanted)
    if not terms:
        raise placed.wrong(
            "has no condition, so it would take every call away from the bot at once",
            "add 'when:' with at least one condition",
        )
    if "then" not in fields:
        raise placed.wrong("does nothing", "add 'then:' with what to do")
    return Rule(
        label,
        tuple(dict.fromkeys(terms)),
        tuple(_action(each) for each in fields["then"].items()),
        enabled=fields["enabled"].flag() if "enabled" in fields else True,
        note=fields["note"].text(500) if "note" in fields else "",
    )


def _action(place: Place) -> RuleAction:
    if isinstance(place.node, yaml.ScalarNode):
        return _BARE_ACTIONS[place.one_of(_BARE_ACTIONS)]
    fields = place.fields((*_ACTIONS, *_BARE_ACTIONS))
    if len(fields) != 1:
        raise place.wrong("must be one action", "begin each action on a new line with '- '")
    name, value = next(iter(fields.items()))
    if name == "transfer":
        return _transfer(value)
    if name in _BARE_ACTIONS:
        raise value.wrong("needs no value", f"write '- {name}'")
    texts = value.fields(LANGUAGES)
    for language in LANGUAGES:
        if language not in texts:
            raise value.wrong(f"has no text in '{language}'", f"add '{language}: …'")
    nl, en = texts["nl"].text(LONGEST_TEXT), texts["en"].text(LONGEST_TEXT)
    return SayText(nl, en) if name == "say" else EndCall(nl, en)


def _transfer(place: Place) -> TransferTo:
    if isinstance(place.node, yaml.ScalarNode):
        return TransferTo(_target(place))
    fields = place.fields(("to", "how"))
    if "to" not in fields:
        raise place.wrong("does not say to whom", "add 'to: queue:service' or a destination's name")
    kinds: tuple[RuleTransferKind, ...] = get_args(RuleTransferKind)
    how = fields["how"].one_of(kinds) if "how" in fields else "bridged"
    return TransferTo(_target(fields["to"]), next(kind for kind in kinds if kind == how))


def _target(place: Place) -> str:
    target = place.text()
    if not _TARGET.fullmatch(target):
        raise place.wrong(
            f"'{target}' is an address or a number, and callers go to names only (law S2)",
            "add it as [transfer.destinations.NAME] to voicebot.toml and write that NAME here",
        )
    return target
