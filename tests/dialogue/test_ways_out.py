import pytest

from tests.dialogue.conversation import CLOSED, LINE, OPEN, Conversation
from voicebot.dialogue.actions import HangUp, Listen, StoreCallback, TaskOutcome, Transfer
from voicebot.dialogue.config import DialogueConfig, LineProfile
from voicebot.errors import DialFailure
from voicebot.events import Disposition

STATES = {
    "start": [],
    "order number": [("order_status", {})],
    "number by keys": [("order_status", {}), ("key", {"key": "5"})],
    "confirming": [("order_status", {}), (None, {"order_number": "53821", "doubtful": True})],
    "account": [("password_reset", {})],
    "reset confirm": [("password_reset", {}), (None, {"order_number": "53821"})],
    "appointment": [("appointment_change", {})],
    "house number": [("appointment_change", {}), (None, {"postcode": "3511AB"})],
    "task running": [("order_status", {"order_number": "53821"})],
    "anything else": [("opening_hours", {})],
    "offer": [(None, {"text": "blub bla"}), (None, {"text": "blub bla"})],
    "said goodbye": [("goodbye", {})],
    "waiting": [("wait", {})],
}


def bring(talk: Conversation, state: str) -> Conversation:
    for intent, slots in STATES[state]:
        if intent == "key":
            talk.keys(slots["key"])
        else:
            talk.say(intent, **slots)
    return talk


@pytest.mark.parametrize("state", STATES)
def test_a_request_for_a_human_transfers_at_once(state):
    talk = bring(Conversation(), state)
    talk.say("order_status", "een mens", wants_human=True)
    transfer = talk.actions[-1]
    assert isinstance(transfer, Transfer)
    assert (transfer.destination, transfer.reason) == ("", "human_request")
    assert talk.prompts == ["transferring"]


@pytest.mark.parametrize("state", [state for state in STATES if state != "number by keys"])
def test_key_zero_transfers_at_once(state):
    talk = bring(Conversation(), state)
    talk.keys("0")
    assert isinstance(talk.actions[-1], Transfer)


def test_zero_inside_a_number_is_a_digit_but_a_number_that_stops_at_zero_is_a_request():
    talk = bring(Conversation(), "order number")
    talk.keys("50")
    assert isinstance(talk.actions[-1], Listen)
    talk.silence()
    assert isinstance(talk.actions[-1], Transfer)


@pytest.mark.parametrize("state", STATES)
def test_closed_says_so_and_offers_a_callback_and_does_not_loop(state):
    talk = bring(Conversation(now=CLOSED), state)
    talk.say(None, "een mens", wants_human=True)
    assert talk.prompts == ["human_closed_until", "offer_callback"]
    assert talk.value("human_closed_until", "opens") == "morgen om 08:30"
    talk.say(None, "een mens zei ik", wants_human=True)
    assert isinstance(talk.actions[0], StoreCallback)
    talk.say(None, "een mens zei ik", wants_human=True)
    assert talk.prompts == ["callback_already_stored", "anything_else"]


def test_closed_and_no_callback_wanted_goes_on():
    talk = Conversation(now=CLOSED)
    talk.say(None, "medewerker", wants_human=True)
    talk.say(None, "nee", yes_no="no")
    assert talk.prompts == ["anything_else"]
    talk.say(None, "nee", yes_no="no")
    assert talk.actions[-1] == HangUp(Disposition.ABANDONED_WAITING)  # law K1: never 'contained'


def test_after_a_callback_goodbye_says_callback():
    talk = Conversation(now=CLOSED)
    talk.say(None, "medewerker", wants_human=True)
    talk.say(None, "ja", yes_no="yes")
    assert talk.actions[0] == StoreCallback("closed", "nl")
    talk.say("goodbye")
    assert talk.actions[-1] == HangUp(Disposition.CALLBACK)


def test_a_caller_without_a_number_is_asked_for_one():
    line = LineProfile("Fietshuis Janssens", "nl", caller_can_be_called_back=False)
    talk = Conversation(line, CLOSED)
    talk.say(None, "medewerker", wants_human=True)
    talk.keys("1")
    assert talk.prompts == ["ask_callback_number"]
    talk.keys("0612345678#")
    assert talk.actions[0] == StoreCallback("requested", "nl", number="0612345678")


def test_a_spoken_number_in_pieces_is_joined():
    line = LineProfile("Fietshuis Janssens", "nl", caller_can_be_called_back=False)
    talk = Conversation(line, CLOSED)
    talk.say("callback_request")
    talk.say(None, "06 12 34")
    assert talk.prompts == ["number_incomplete"]
    talk.say(None, "56 78")
    assert talk.actions[0] == StoreCallback("requested", "nl", number="0612345678")


def transferring(config: DialogueConfig | None = None) -> Conversation:
    talk = Conversation(config=config)
    talk.say(None, "medewerker", wants_human=True)
    return talk


@pytest.mark.parametrize(
    ("failure", "prompt"),
    [
        (DialFailure.BUSY, "transfer_failed_busy"),
        (DialFailure.NO_ANSWER, "transfer_failed_no_answer"),
        (DialFailure.DECLINED, "transfer_failed_other"),
        (DialFailure.UNREACHABLE, "transfer_failed_other"),
        (DialFailure.HUNG_UP, "transfer_failed_other"),
        (DialFailure.REFUSED_BRIEFING, "transfer_failed_other"),
    ],
)
def test_a_failed_transfer_gives_a_reason_and_a_choice(failure, prompt):
    talk = transferring()
    talk.actions = talk.dialogue.transfer_failed(failure, OPEN)
    assert talk.prompts == [prompt, "transfer_choice"]
    assert isinstance(talk.actions[-1], Listen)


def test_an_agent_who_drops_gives_the_caller_back():
    talk = transferring()
    talk.actions = talk.dialogue.transfer_returned(OPEN)
    assert talk.prompts == ["transfer_returned", "transfer_choice"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("probeer het nog een keer", Transfer),
        ("opnieuw graag", Transfer),
        ("try again please", Transfer),
        ("bel me maar terug", StoreCallback),
        ("terugbellen", StoreCallback),
        ("can you call me back", StoreCallback),
    ],
)
def test_the_choice_after_a_failed_transfer_by_voice(text, kind):
    talk = transferring()
    talk.dialogue.transfer_failed(DialFailure.BUSY, OPEN)
    talk.say(None, text)
    assert any(isinstance(action, kind) for action in talk.actions)


def test_the_choice_by_keypad():
    for key, kind in (("1", Transfer), ("2", StoreCallback)):
        talk = transferring()
        talk.dialogue.transfer_failed(DialFailure.BUSY, OPEN)
        talk.keys(key)
        assert any(isinstance(action, kind) for action in talk.actions)


def test_a_question_during_the_choice_is_answered_and_the_choice_remains():
    talk = transferring()
    talk.dialogue.transfer_failed(DialFailure.BUSY, OPEN)
    talk.say("faq_delivery")
    assert talk.prompts == ["answer", "transfer_choice"]


def test_a_complaint_is_for_a_person():
    talk = Conversation()
    talk.say("complaint", "ik heb een klacht")
    assert talk.prompts == ["answer", "offer_human"]
    talk.say(None, "graag", yes_no="yes")
    assert isinstance(talk.actions[-1], Transfer)


def test_another_destination():
    talk = transferring(DialogueConfig(other_destination="werkplaats"))
    talk.dialogue.transfer_failed(DialFailure.BUSY, OPEN)
    talk.say(None, "een andere afdeling dan")
    transfer = talk.actions[-1]
    assert isinstance(transfer, Transfer)
    assert transfer.destination == "werkplaats"


def test_a_message_is_kept():
    talk = transferring()
    talk.dialogue.transfer_failed(DialFailure.NO_ANSWER, OPEN)
    talk.say(None, "ik wil een bericht achterlaten")
    assert talk.prompts == ["ask_message"]
    talk.say("order_status", "mijn fiets is niet bezorgd")
    assert talk.actions[0] == StoreCallback("message", "nl", message="mijn fiets is niet bezorgd")


def test_asking_again_for_a_human_after_a_failure_dials_again():
    talk = transferring()
    talk.dialogue.transfer_failed(DialFailure.BUSY, OPEN)
    talk.say(None, "medewerker", wants_human=True)
    assert isinstance(talk.actions[-1], Transfer)


def test_silence_after_a_failed_transfer_keeps_a_callback():
    talk = transferring()
    talk.actions = talk.dialogue.transfer_failed(DialFailure.BUSY, OPEN)
    talk.silence()
    assert talk.prompts[-1] == "transfer_choice"
    talk.silence()
    assert talk.prompts[-1] == "transfer_choice"
    talk.silence()
    assert isinstance(talk.actions[0], StoreCallback)
    assert talk.actions[-1] == HangUp(Disposition.CALLBACK)


def test_someone_who_speaks_after_failed_transfers_is_not_hung_up_on():
    talk = transferring()
    talk.dialogue.transfer_failed(DialFailure.BUSY, OPEN)
    for _ in range(3):
        talk.say(None, "blub bla")
    assert isinstance(talk.actions[0], StoreCallback)
    assert talk.prompts[-2:] == ["still_not_understood", "anything_else"]


def test_the_desk_that_closes_meanwhile_is_not_offered_again():
    talk = transferring()
    talk.actions = talk.dialogue.transfer_failed(DialFailure.NO_ANSWER, CLOSED)
    assert talk.prompts == ["transfer_failed_no_answer", "human_closed_until", "offer_callback"]


def test_dead_ears_apologise_and_transfer():
    talk = Conversation()
    talk.actions = talk.dialogue.ears_failed(OPEN)
    assert talk.prompts == ["ears_failed", "transferring"]
    transfer = talk.actions[-1]
    assert isinstance(transfer, Transfer)
    assert transfer.reason == "worker_failure"


def test_dead_ears_when_closed_still_offer_a_callback_by_keys():
    talk = Conversation(LINE, CLOSED)
    talk.dialogue.ears_failed(CLOSED)
    talk.keys("1")
    assert isinstance(talk.actions[0], StoreCallback)


def test_the_longest_call_first_warns_then_transfers():
    talk = Conversation()
    talk.actions = talk.dialogue.time_is_up(OPEN)
    assert talk.prompts == ["time_warning", "offer_human"]
    talk.actions = talk.dialogue.time_is_up(OPEN)
    assert isinstance(talk.actions[-1], Transfer)


def test_the_summary_has_topic_and_tries_but_no_number():
    talk = Conversation()
    talk.say("order_status", order_number="53821")
    talk.dialogue.task_done(TaskOutcome("order_status", "unavailable"), OPEN)
    talk.say(None, "ja", yes_no="yes")
    transfer = talk.actions[-1]
    assert isinstance(transfer, Transfer)
    assert transfer.summary == (
        "De beller spreekt Nederlands. Onderwerp: status van een bestelling. "
        "Al gedaan: status van een bestelling, systeem niet bereikbaar. De beller vroeg om een medewerker."
    )


def test_nothing_disturbs_a_transfer_under_way():
    talk = transferring()
    assert talk.say(None, "hallo?") == ()
    assert talk.keys("5") == ()
    assert talk.silence() == ()
    assert talk.dialogue.nothing_understood(OPEN) == ()
