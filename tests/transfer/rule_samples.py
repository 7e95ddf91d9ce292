"""A small organisation with rules, and hypothesis strategies for rule sets and situations about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from voicebot.transfer.opening_hours import Branch, Interval
from voicebot.transfer.rules import (
    REQUEST,
    EndCall,
    OfferCallback,
    QueueFacts,
    Rule,
    RuleAction,
    RuleSet,
    SayText,
    Situation,
    TakeMessage,
    TaskFact,
    TransferTo,
)
from voicebot.transfer.rules_conditions import (
    AtLeast,
    CallerIn,
    Choice,
    Condition,
    Entity,
    Flag,
    OnDates,
    OnDays,
    OpenNow,
    PublicHoliday,
    QueueAtLeast,
    Said,
    TaskEnded,
    Term,
    TimeOfDay,
    Vulnerable,
)
from voicebot.transfer.rules_facts import Calendar
from voicebot.transfer.rules_names import KnownNames
from voicebot.understanding.vulnerable import VULNERABLE_SIGNALS

TODAY = date(2026, 11, 23)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NINE_TO_FIVE = (Interval(time(9), time(17)),)
GROUPS = {"vip": frozenset({"+31612345678"}), "belgian": frozenset({"+32*"})}
NAMES = KnownNames(
    intents=frozenset({"complaint", "order_status"}),
    entities=frozenset({"branch", "order_number"}),
    tasks=frozenset({"order_status", "password_reset"}),
    destinations=frozenset({"reception", "workshop"}),
    queues={"service": "", "nights": "late"},
    agents=frozenset({"anna"}),
)


def branch(
    branch_id: str,
    weekly: Mapping[int, tuple[Interval, ...]],
    *,
    country: str = "NL",
    special: Mapping[date, tuple[Interval, ...]] | None = None,
) -> Branch:
    names: Mapping[str, str] = {"nl": branch_id, "en": branch_id}
    return Branch(branch_id, names, country, AMSTERDAM, weekly, special or {})  # type: ignore[arg-type]


CALENDAR = Calendar(
    {
        "desk": branch(
            "desk",
            dict.fromkeys(range(5), NINE_TO_FIVE),
            special={date(2026, 12, 24): (Interval(time(9), time(12)),)},
        ),
        "late": branch("late", dict.fromkeys(range(7), (Interval(time(12), time.max),)), country="BE"),
    }
)

REQUEST_RULE = Rule("request", (REQUEST,), (TransferTo("queue:service"), OfferCallback()))


def _conditions() -> st.SearchStrategy[Condition]:
    times = st.sampled_from([time(0), time(8), time(9), time(12), time(17), time(23)])
    return st.one_of(
        st.sampled_from([Flag("asked_for_human"), Flag("is_loop")]),
        st.sets(st.sampled_from(sorted(NAMES.intents)), min_size=1).map(
            lambda found: Choice("intent", frozenset(found))
        ),
        st.sampled_from(["nl", "en"]).map(lambda language: Choice("language", frozenset({language}))),
        st.sampled_from("019#").map(lambda key: Choice("key", frozenset({key}))),
        st.integers(1, 3).map(lambda number: AtLeast("failed_turns", number)),
        st.integers(1, 3).map(lambda number: AtLeast("silences", number)),
        st.integers(1, 2).map(lambda number: AtLeast("transfer_failures", number)),
        st.integers(1, 5).map(lambda number: QueueAtLeast("service", "waiting", number)),
        st.integers(60, 62).map(lambda number: QueueAtLeast("service", "wait_seconds", number)),
        st.sets(st.sampled_from(["repair", "my lawyer", "refund*"]), min_size=1).map(
            lambda found: Said(frozenset(found))
        ),
        st.sampled_from(["any", "utrecht"]).map(lambda value: Entity("branch", frozenset({value}))),
        st.sampled_from([("any", "unavailable"), ("order_status", "unavailable"), ("any", "not_found")]).map(
            lambda outcome: TaskEnded(frozenset({outcome}))
        ),
        st.sets(st.sampled_from(VULNERABLE_SIGNALS[:3]), min_size=1).map(
            lambda found: Vulnerable(frozenset(found))
        ),
        st.sets(st.sampled_from(["vip", "belgian", "anonymous"]), min_size=1).map(
            lambda found: CallerIn(frozenset(found))
        ),
        st.tuples(times, times).map(lambda window: TimeOfDay((window,))),
        st.sets(st.integers(0, 6), min_size=1).map(lambda days: OnDays(frozenset(days))),
        st.sampled_from([date(2026, 12, 24), date(2026, 12, 25)]).map(lambda day: OnDates(frozenset({day}))),
        st.sampled_from(["desk", "late"]).map(OpenNow),
        st.sampled_from(["NL", "BE"]).map(lambda country: PublicHoliday(frozenset({country}))),
    )


# Made once: a strategy that is made anew at every draw is examined anew, which costs more than the draw.
_TERMS = st.lists(
    st.builds(Term, _conditions(), st.sampled_from([True, True, True, False])), min_size=1, max_size=3
)
_IS_ENABLED = st.sampled_from([True, True, True, False])

TEXTS = SayText("Een moment.", "One moment.")
HELPFUL: tuple[tuple[RuleAction, ...], ...] = (
    (TransferTo("queue:service"), OfferCallback()),
    (TEXTS, TransferTo("agent:anna"), TransferTo("reception", "blind"), OfferCallback(), TakeMessage()),
    (OfferCallback(),),
    (TransferTo("queue:nights"),),
    (TransferTo("workshop"),),
)
OTHER: tuple[tuple[RuleAction, ...], ...] = (
    (TEXTS,),
    (TakeMessage(),),
    (EndCall("Tot ziens.", "Goodbye."),),
)


@st.composite
def rules(draw: st.DrawFn, actions: tuple[tuple[RuleAction, ...], ...] = HELPFUL + OTHER) -> Rule:
    """A rule without a name; those that lead to nobody often say that they are not about requests."""
    chosen = draw(st.sampled_from(actions))
    found = draw(_TERMS)
    if chosen in OTHER and draw(st.booleans()):
        found.append(REQUEST.negated())
    return Rule("", tuple(dict.fromkeys(found)), chosen, enabled=draw(_IS_ENABLED))


@st.composite
def rule_sets(draw: st.DrawFn, *, min_rules: int = 0, max_rules: int = 6) -> RuleSet:
    """A rule set, most with a request rule somewhere."""
    found = draw(st.lists(rules(), min_size=min_rules, max_size=max_rules))
    if draw(st.integers(0, 9)):
        actions = draw(st.sampled_from(HELPFUL))
        found.insert(draw(st.integers(0, len(found))), Rule("", (REQUEST,), actions))
    named = (
        Rule(f"rule {place}", rule.terms, rule.actions, rule.enabled) for place, rule in enumerate(found)
    )
    return RuleSet(tuple(named), GROUPS, CALENDAR)


def moments() -> st.SearchStrategy[datetime]:
    """Instants of a year and more, in UTC; often at full hours, where hours begin and end."""
    start = datetime(2026, 11, 22, tzinfo=UTC)
    return st.builds(
        lambda hours, seconds: start + timedelta(hours=hours, seconds=seconds),
        st.integers(0, 24 * 390),
        st.sampled_from([0, 0, 1, 1800, 3599]),
    )


def situations(*, asked: bool | None = None) -> st.SearchStrategy[Situation]:
    """One happening each: a turn, a key, a silence or a task's end."""
    base = st.builds(
        Situation,
        moment=moments(),
        asked_for_human=st.booleans() if asked is None else st.just(asked),
        language=st.sampled_from(["nl", "en"]),
        failed_turns=st.integers(0, 3),
        is_loop=st.booleans(),
        vulnerable=st.sets(st.sampled_from(VULNERABLE_SIGNALS[:3])).map(frozenset),
        caller=st.sampled_from(["", "+31612345678", "0031612345678", "+3232345678", "+31301111111"]),
        queues=st.sampled_from([{}, {"service": QueueFacts(0)}, {"service": QueueFacts(4, 61.0)}]),
        transfer_failures=st.integers(0, 2),
    )

    def add(happening: str, facts: Situation, number: int) -> Situation:
        match happening:
            case "turn":
                words = ("", "I want my REFUND, please", "call my lawyer about the repair")[number % 3]
                intent = ("", "complaint", "order_status")[number % 3]
                entities = ({}, {"branch": "utrecht"}, {"branch": "gent"})[number // 3 % 3]
                return replace(facts, words=words, intent=intent, entities=entities)
            case "key":
                return replace(facts, key="019#5"[number % 5])
            case "silence":
                return replace(facts, silences=1 + number % 3)
            case _:
                name = ("order_status", "password_reset")[number % 2]
                status = ("unavailable", "not_found", "done")[number % 3]
                return replace(facts, task=TaskFact(name, status))

    happenings = st.sampled_from(["turn", "turn", "key", "silence", "task"])
    return st.builds(add, happenings, base, st.integers(0, 8))
