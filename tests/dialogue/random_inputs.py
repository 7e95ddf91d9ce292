"""Random inputs to a dialogue, for property tests."""

from typing import Any

from hypothesis import strategies as st

from tests.dialogue.conversation import Conversation
from voicebot.dialogue.actions import Action, RunTask, TaskOutcome
from voicebot.errors import DialFailure
from voicebot.understanding.interpretation import Interpretation

INTENTS = (
    None,
    "opening_hours",
    "order_status",
    "password_reset",
    "appointment_change",
    "faq_delivery",
    "faq_unknown",
    "callback_request",
    "complaint",
    "switch_language",
    "small_talk",
    "repeat",
    "slower",
    "louder",
    "wait",
    "help",
    "cancel",
    "thanks",
    "goodbye",
    "greeting",
)
SLOTS = st.fixed_dictionaries(
    {},
    optional={
        "order_number": st.sampled_from(["53821", "612345", "12"]),
        "digits": st.text("0123456789", min_size=1, max_size=15),
        "yes_no": st.sampled_from(["yes", "no"]),
        "date": st.sampled_from(["2026-11-25", "2026-12-25"]),
        "postcode": st.just("3511AB"),
        "branch": st.sampled_from(["utrecht", "antwerpen", "mars"]),
    },
)
TURNS = st.builds(
    Interpretation,
    text=st.sampled_from(["", "ja", "de tweede", "bel me terug", "iets anders", "53821", "what is this"]),
    language=st.sampled_from(["nl", "en"]),
    intent=st.sampled_from(INTENTS),
    confidence=st.floats(0, 1),
    slots=SLOTS,
    asks_if_robot=st.booleans(),
    is_backchannel=st.booleans(),
    requested_language=st.sampled_from([None, None, "nl", "en"]),
)
OUTCOMES = st.tuples(
    st.sampled_from(["done", "not_found", "refused", "unavailable"]),
    st.sampled_from(["", "2026-11-25T09:30", "2026-11-25T09:30,2026-11-26T11:00,2026-11-27T09:30"]),
    st.sampled_from(["shipped", "delivered", "ready_for_pickup", "unheard_of"]),
)
INPUTS = st.one_of(
    st.tuples(st.just("heard"), TURNS),
    st.tuples(st.just("heard"), TURNS),
    st.tuples(st.just("key"), st.sampled_from("0123456789*#")),
    st.tuples(st.just("silence"), st.none()),
    st.tuples(st.just("nothing"), st.none()),
    st.tuples(st.just("task"), OUTCOMES),
    st.tuples(st.just("failed"), st.sampled_from(list(DialFailure))),
    st.tuples(st.just("returned"), st.none()),
    st.tuples(st.just("ears"), st.none()),
    st.tuples(st.just("time"), st.none()),
)


def apply(talk: Conversation, given: tuple[str, Any]) -> tuple[Action, ...]:
    """Give the dialogue one input; an outcome goes to the task that ran last."""
    kind, value = given
    dialogue, now = talk.dialogue, talk.now
    if kind == "task":
        running = [action.name for action in talk.actions if isinstance(action, RunTask)]
        status, options, state = value
        values = {
            "options": options,
            "status": state,
            "reference": "204518",
            "current": "2026-11-27T14:00",
            "order_number": "53821",
            "expected_on": "2026-11-26",
            "branch": "utrecht",
        }
        outcome = TaskOutcome(running[-1] if running else "order_status", status, values)
        talk.actions = dialogue.task_done(outcome, now)
        return talk.actions
    talk.actions = {
        "heard": lambda: dialogue.heard(value, now),
        "key": lambda: dialogue.key(value, now),
        "silence": lambda: dialogue.silence(now),
        "nothing": lambda: dialogue.nothing_understood(now),
        "failed": lambda: dialogue.transfer_failed(value, now),
        "returned": lambda: dialogue.transfer_returned(now),
        "ears": lambda: dialogue.ears_failed(now),
        "time": lambda: dialogue.time_is_up(now),
    }[kind]()
    return talk.actions
