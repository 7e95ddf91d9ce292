import pytest

from tests.dialogue.conversation import LINE, Conversation, bilingual
from voicebot.dialogue.actions import Listen, Say
from voicebot.understanding.interpretation import Expectation


def test_disclosure_comes_first_and_cannot_be_interrupted():
    talk = Conversation()
    first, question, listen = talk.actions
    assert isinstance(first, Say)
    assert (first.prompt_id, first.language, first.can_be_interrupted) == ("disclosure", "nl", False)
    assert first.values["organisation"] == "Fietshuis Janssens"
    assert isinstance(question, Say)
    assert (question.prompt_id, question.can_be_interrupted) == ("how_can_i_help", True)
    assert isinstance(listen, Listen)
    assert listen.expectation is Expectation.ANYTHING


def test_a_line_without_a_language_discloses_in_both_before_any_question():
    talk = Conversation(bilingual())
    assert [(s.prompt_id, s.language) for s in talk.says] == [
        ("disclosure", "nl"),
        ("disclosure", "en"),
        ("how_can_i_help", "nl"),
        ("how_can_i_help", "en"),
    ]


@pytest.mark.parametrize(
    ("intent", "text"), [(None, "hello there friend"), ("opening_hours", "when are you open")]
)
def test_language_follows_the_caller_within_one_turn(intent, text):
    talk = Conversation()
    talk.say(intent, text, language="en")
    assert talk.dialogue.language == "en"
    assert {s.language for s in talk.says} == {"en"}


@pytest.mark.parametrize("text", ["five three eight two one", "5 3 8 2 1", "yes", "okay", "no", "oh"])
def test_bare_numbers_and_yes_or_no_do_not_change_the_language(text):
    talk = Conversation()
    talk.say("order_status", "waar is mijn bestelling")
    talk.say(None, text, language="en", order_number="53821")
    assert talk.dialogue.language == "nl"


def test_a_sentence_around_a_number_changes_the_language():
    talk = Conversation()
    talk.say("order_status", "waar is mijn bestelling")
    talk.say(None, "my order number is 53821", language="en", order_number="53821")
    assert talk.dialogue.language == "en"


def test_one_word_without_meaning_changes_the_language_only_on_a_line_without_one():
    fixed, free = Conversation(), Conversation(bilingual())
    for talk in (fixed, free):
        talk.say(None, "delivery", language="en")
    assert (fixed.dialogue.language, free.dialogue.language) == ("nl", "en")


def test_asking_for_a_language_switches_and_repeats_the_question_in_it():
    talk = Conversation()
    talk.say("order_status")
    talk.say(None, "kan dit in het engels", requested_language="en")
    assert talk.prompts == ["language_switched", "ask_order_number"]
    assert {s.language for s in talk.says} == {"en"}
    talk.keys("9")  # a digit here, not the language key
    assert talk.dialogue.language == "en"


@pytest.mark.parametrize("requested", ["en", None])
def test_the_intent_to_switch_language(requested):
    talk = Conversation()
    talk.say("switch_language", "in het engels graag", requested_language=requested)
    assert talk.dialogue.language == "en"
    assert talk.prompts == ["language_switched", "how_can_i_help"]


def test_offered_moments_are_spoken_in_the_new_language():
    talk = appointment_offered()
    assert "om" in talk.value("choose_slot", "options")
    talk.say(None, "in english please", requested_language="en")
    assert talk.value("choose_slot", "options").startswith("tomorrow at 09:30")


def appointment_offered() -> Conversation:
    from voicebot.dialogue.actions import TaskOutcome

    talk = Conversation()
    talk.say("appointment_change", reference="204518")
    values = {
        "reference": "204518",
        "current": "2026-11-27T14:00",
        "options": "2026-11-25T09:30,2026-11-26T11:00",
    }
    talk.actions = talk.dialogue.task_done(TaskOutcome("find_appointment", "done", values), talk.now)
    return talk


@pytest.mark.parametrize("pending", [None, "order_status"])
def test_are_you_a_robot_is_answered_truthfully_every_time_with_the_offer_of_a_human(pending):
    talk = Conversation()
    if pending:
        talk.say(pending)
    for _ in range(4):
        talk.say(None, "ben je een robot", asks_if_robot=True)
        assert talk.prompts[0] == "robot_answer"
        assert {"offer_human", "human_any_time"} & set(talk.prompts)
        assert isinstance(talk.actions[-1], Listen)
    if pending:
        assert talk.prompts[-1] == "ask_order_number"


def test_a_question_together_with_are_you_a_robot_is_answered_too():
    talk = Conversation()
    talk.say("faq_delivery", "ben je een robot en wat kost bezorgen", asks_if_robot=True)
    assert talk.prompts == ["robot_answer", "human_any_time", "answer", "anything_else"]


def test_key_nine_switches_the_language():
    talk = Conversation(LINE)
    talk.keys("9")
    assert talk.dialogue.language == "en"
    assert talk.prompts == ["language_switched", "how_can_i_help"]
